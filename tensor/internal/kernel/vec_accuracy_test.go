package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVecExp(t *testing.T) {
	// Every 997th float32 of either sign, so all exponents, and what is special.
	var x []float32
	for bits := uint64(0); bits < 1<<32; bits += 997 {
		x = append(x, math.Float32frombits(uint32(bits)))
	}
	x = append(x, expLow, math.Nextafter32(expLow, 0), math.Nextafter32(expLow, -100), -87.3, 88.7, 88.72284, 88.723,
		float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)))
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		y := make([]float32, len(x))
		impl.Exp(y, x)
		for i, v := range x {
			want := math.Exp(float64(v))
			switch got := float64(y[i]); {
			case v < expLow:
				want = 0
				fallthrough
			case want > math.MaxFloat32, v != v:
				requireClose(t, float64(float32(want)), got, 0, "e^%v", v)
			case !(math.Abs(got-want) <= 2e-7*want):
				require.FailNowf(t, "too far off", "e^%v is %v, not %v", v, want, got)
			}
		}
	})
}

func TestVecSumsOfMany(t *testing.T) {
	const n = 1_000_003
	r := rand.New(rand.NewPCG(1, 2))
	a, b := make([]float32, n), make([]float32, n)
	for i := range a {
		a[i], b[i] = r.Float32(), 0.5+r.Float32()
	}
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		for _, f := range []struct{ got, want func(a, b []float32) float64 }{
			{impl.Dot, vecLiteral.Dot}, {impl.L1, vecLiteral.L1}, {impl.L2Sq, vecLiteral.L2Sq},
		} {
			require.InEpsilon(t, f.want(a, b), f.got(a, b), 1e-7)
		}
	})
}

// A mean far from 0 must not cost the sum of squares its precision; nor must
// rows that come in an unlucky order.
func TestVecColMomentsFarFromZero(t *testing.T) {
	const rows, c = 1024, 125 // blocks of every width
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		for _, order := range []string{"mixed", "outliers first", "sorted"} {
			x := make([]float32, rows*c)
			r := rand.New(rand.NewPCG(3, 4))
			for i := range x {
				x[i] = 1000 + r.Float32()
				switch {
				case order == "outliers first" && i < len(x)/8:
					x[i] -= 1000
				case order == "sorted":
					x[i] += float32(i / c)
				}
			}
			got, want := [2][]float32{}, [2][]float32{}
			for k := range got {
				got[k], want[k] = make([]float32, c), make([]float32, c)
			}
			impl.ColMoments(got[0], got[1], x, rows)
			vecLiteral.ColMoments(want[0], want[1], x, rows)
			for j := range c {
				require.InEpsilon(t, want[0][j], got[0][j], 3e-6, order)
				require.InEpsilon(t, want[1][j], got[1][j], 2e-5, order)
			}
		}
	})
}

func TestVecPanicsOnShortSlices(t *testing.T) {
	long, short := make([]float32, 64), make([]float32, 63)
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		require.Panics(t, func() { impl.Add(long, long, short) })
		require.Panics(t, func() { impl.Dot(long, short) })
		require.Panics(t, func() { impl.Exp(short, long) })
		require.Panics(t, func() { impl.Affine(long, short, long[:8], long[:8], 8, true) })
		require.Panics(t, func() { impl.ColSum(long[:8], short, 8) })
		require.Panics(t, func() {
			impl.AffineMaxPool2(long[:16], make([]uint8, 16), long[:32], short[:31:31], long[:8], long[:8], true)
		})
	})
}

// The register allocator of the generator hands out registers that only
// AVX-512 has when the others are used up.
func TestAVX2AssemblyKeepsToAVX2(t *testing.T) {
	for _, file := range []string{"vec_avx2_amd64.s", "row_avx2_amd64.s"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		found := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b`).Find(text)
		require.Empty(t, string(found), fmt.Sprintf("%s: %s is not a register of AVX2", file, found))
	}
}
