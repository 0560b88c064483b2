package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// transformed is T X T^t in float64 and the sum of the absolute values of its
// terms.
func transformed(t Transform, x func(a, b int) float64, i, j int) (want, bound float64) {
	m := WinogradMatrices[t]
	_, cols := t.size()
	for a := range cols {
		for b := range cols {
			term := float64(m[i][a]) * float64(m[j][b]) * x(a, b)
			want += term
			bound += math.Abs(term)
		}
	}
	return want, bound
}

// Every transform, for every number of channels up to several vectors, at all
// alignments, with gaps between its rows that must stay as they are.
func TestWinogradTransform(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		for tr := range Transform(Transforms) {
			rows, cols := tr.size()
			r := rand.New(rand.NewPCG(1, uint64(tr)))
			for n := 0; n <= 37; n++ {
				sj, dj := n+r.IntN(3), n+1+r.IntN(3)
				si, di := cols*sj+r.IntN(5), rows*dj+r.IntN(5)
				src := newIsland(r, (cols-1)*(si+sj)+n, n)
				dst := newIsland(r, (rows-1)*(di+dj)+n, n/2)
				before := append([]float32(nil), dst.x...)
				k.WinogradTransform(tr, dst.x, di, dj, src.x, si, sj, n)
				src.check(t, "src")
				dst.check(t, "dst")
				seen := map[int]bool{}
				for i := range rows {
					for j := range rows {
						for c := range n {
							at := i*di + j*dj + c
							seen[at] = true
							want, bound := transformed(tr, func(a, b int) float64 { return float64(src.x[a*si+b*sj+c]) }, i, j)
							require.InDelta(t, want, dst.x[at], bound*16/(1<<24)+1e-30,
								"transform %d of %d channels: row %d, column %d, channel %d", tr, n, i, j, c)
						}
					}
				}
				for at, v := range before {
					if !seen[at] {
						require.Equal(t, v, dst.x[at], "transform %d of %d channels wrote between its results, at %d", tr, n, at)
					}
				}
			}
		}
	})
}

// A^T [(G g G^T) * (B^T d B)] A is the convolution of d with g: what Lavin and
// Gray's equation 8 says, for whole numbers.
func TestWinogradMatricesConvolve(t *testing.T) {
	for _, f := range []struct {
		m                     int
		input, filter, output Transform
	}{{2, Input2, Filter2, Output2}, {4, Input4, Filter4, Output4}} {
		n := f.m + 2
		d := func(i, j int) float64 { return float64((7*i+3*j)%11 - 5) }
		g := func(i, j int) float64 { return float64((5*i+2*j)%7 - 3) }
		product := func(i, j int) float64 {
			u, _ := transformed(f.filter, g, i, j)
			v, _ := transformed(f.input, d, i, j)
			return u * v
		}
		for i := range f.m {
			for j := range f.m {
				want := 0.0
				for a := range 3 {
					for b := range 3 {
						want += d(i+a, j+b) * g(a, b)
					}
				}
				got, _ := transformed(f.output, product, i, j)
				assert.InDelta(t, want, got, 2e-5, "F(%d), output %d,%d of inputs %d wide", f.m, i, j, n)
			}
		}
	}
}

// The ways back are the transposes of the ways there.
func TestWinogradTransposes(t *testing.T) {
	for there, back := range map[Transform]Transform{Output2: OutputT2, Filter2: FilterT2, Output4: OutputT4,
		Filter4: FilterT4} {
		a, b := WinogradMatrices[there], WinogradMatrices[back]
		require.Len(t, b, len(a[0]))
		for i := range a {
			for j := range a[i] {
				assert.Equal(t, a[i][j], b[j][i], "transforms %d and %d", there, back)
			}
		}
	}
}

func TestWinogradTransformRefusesShortSlices(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		assert.Panics(t, func() {
			k.WinogradTransform(Input4, make([]float32, 36*8-1), 48, 8, make([]float32, 36*8), 48, 8,
				8)
		})
		assert.Panics(t, func() {
			k.WinogradTransform(Input4, make([]float32, 36*8), 48, 8, make([]float32, 36*8-1), 48, 8,
				8)
		})
	})
}
