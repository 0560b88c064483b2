package gemm

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// sampledError returns the root mean square distance of some numbers of got from
// their sums in float64, as a share of the root mean square of those.
func sampledError(got []float32, want func(i int) float64) float64 {
	r := rand.New(rand.NewPCG(1, 1))
	var off, size float64
	for range 300 {
		i := r.IntN(len(got))
		v := want(i)
		off += (float64(got[i]) - v) * (float64(got[i]) - v)
		size += v * v
	}
	return math.Sqrt(off / size)
}

// The error of every way at the layers of ResNet-9 and the CIFAR ResNet-18, on
// normally distributed numbers, 32 images. docs/winograd.md shows the table;
// go test -v prints it. Short tests, which also run on an emulated CPU, take the
// layers of ResNet-9 with 4 images.
func TestWinogradErrorByLayer(t *testing.T) {
	k, err := kernel.Choose()
	require.NoError(t, err)
	p := pool.New(2)
	defer p.Close()
	t.Logf("%-16s %-8s %9s %9s %9s", "layer", "pass", "direct", "F(2x2)", "F(4x4)")
	for _, l := range []struct {
		name string
		ConvShape
	}{
		{"resnet9 conv2_0", square(32, 16, 32, 64)}, {"resnet9 conv2_1", square(32, 8, 64, 64)},
		{"resnet9 conv3", square(32, 8, 64, 128)}, {"resnet9 conv4_0", square(32, 4, 128, 256)},
		{"resnet18 layer1", square(32, 32, 64, 64)}, {"resnet18 layer2", square(32, 16, 128, 128)},
		{"resnet18 layer3", square(32, 8, 256, 256)}, {"resnet18 layer4", square(32, 4, 512, 512)},
	} {
		s := l.ConvShape
		if testing.Short() {
			if strings.HasPrefix(l.name, "resnet18") {
				continue
			}
			s.N = 4
		}
		r := rand.New(rand.NewPCG(2, uint64(s.C)))
		normal := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			return x
		}
		x, w, dy := normal(s.N*s.H*s.W*s.C), normal(9*s.C*s.K), normal(s.N*s.H*s.W*s.K)
		y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
		var errors [3][3]float64
		for i, m := range []Winograd{Direct, 2, 4} {
			run := New(k, p)
			if m != Direct {
				run.forceWinograd(s, m)
			}
			run.ConvForward(y, x, w, nil, s, m)
			run.ConvBackwardData(dx, dy, w, s, false, m)
			run.ConvBackwardWeights(dw, dy, x, s, false, m)
			errors[0][i] = sampledError(y, func(i int) float64 { return s.outputAt(x, w, i) })
			errors[1][i] = sampledError(dx, func(i int) float64 { return s.inputGradAt(dy, w, i) })
			errors[2][i] = sampledError(dw, func(i int) float64 { return s.weightGradAt(dy, x, i) })
		}
		for i, pass := range []string{"forward", "data", "weights"} {
			e := errors[i]
			t.Logf("%-16s %-8s %9.1e %9.1e %9.1e", l.name, pass, e[0], e[1], e[2])
			assert.Less(t, e[0], 2e-6)
			assert.Less(t, e[1], 2e-6)
			assert.Less(t, e[2], 1e-5)
		}
	}
}

// outputAt, inputGradAt and weightGradAt are single numbers of the three passes
// of a 3 x 3 convolution padded by one, in float64.
func (s ConvShape) outputAt(x, w []float32, i int) (sum float64) {
	k, col, row, n := i%s.K, i/s.K%s.W, i/s.K/s.W%s.H, i/s.K/s.W/s.H
	for a := range 3 {
		for b := range 3 {
			h, v := row+a-1, col+b-1
			for c := 0; c < s.C && h >= 0 && h < s.H && v >= 0 && v < s.W; c++ {
				sum += float64(x[((n*s.H+h)*s.W+v)*s.C+c]) * float64(w[((a*3+b)*s.C+c)*s.K+k])
			}
		}
	}
	return sum
}

func (s ConvShape) inputGradAt(dy, w []float32, i int) (sum float64) {
	c, col, row, n := i%s.C, i/s.C%s.W, i/s.C/s.W%s.H, i/s.C/s.W/s.H
	for a := range 3 {
		for b := range 3 {
			h, v := row-a+1, col-b+1
			for k := 0; k < s.K && h >= 0 && h < s.H && v >= 0 && v < s.W; k++ {
				sum += float64(dy[((n*s.H+h)*s.W+v)*s.K+k]) * float64(w[((a*3+b)*s.C+c)*s.K+k])
			}
		}
	}
	return sum
}

func (s ConvShape) weightGradAt(dy, x []float32, i int) (sum float64) {
	k, c, b, a := i%s.K, i/s.K%s.C, i/s.K/s.C%3, i/s.K/s.C/3
	for n := range s.N {
		for row := range s.H {
			for col := range s.W {
				h, v := row+a-1, col+b-1
				if h >= 0 && h < s.H && v >= 0 && v < s.W {
					sum += float64(x[((n*s.H+h)*s.W+v)*s.C+c]) * float64(dy[((n*s.H+row)*s.W+col)*s.K+k])
				}
			}
		}
	}
	return sum
}
