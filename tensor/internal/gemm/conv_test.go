package gemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// each calls f for every product of the sums of a convolution, with the places
// of its numbers in the input, the weight and the output: the definition.
func (s ConvShape) each(f func(x, w, y int)) {
	oh, ow := s.OH(), s.OW()
	for n := range s.N {
		for i := range oh {
			for j := range ow {
				for a := range s.KH {
					for b := range s.KW {
						h, w := i*s.StrideH-s.PadH+a, j*s.StrideW-s.PadW+b
						if h < 0 || h >= s.H || w < 0 || w >= s.W {
							continue
						}
						for c := range s.C {
							for k := range s.K {
								f(((n*s.H+h)*s.W+w)*s.C+c, ((a*s.KW+b)*s.C+c)*s.K+k, ((n*oh+i)*ow+j)*s.K+k)
							}
						}
					}
				}
			}
		}
	}
}

// test compares the three passes with the definition, for all numbers of threads.
func (s ConvShape) test(t *testing.T, k *kernel.Impl, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2))
	shift := int(seed)
	x := newGuarded(s.N*s.H*s.W*s.C, shift).random(r)
	w := newGuarded(s.KH*s.KW*s.C*s.K, shift/2).random(r)
	y := newGuarded(s.N*s.OH()*s.OW()*s.K, shift/3).random(r)
	bias := newGuarded(s.K, shift).random(r)
	accumulate, withBias := seed%2 == 0, seed%3 != 0

	wantX, wantW, wantY := make([]sum, len(x.x)), make([]sum, len(w.x)), make([]sum, len(y.x))
	s.each(func(xi, wi, yi int) {
		wantX[xi].add(float64(w.x[wi]) * float64(y.x[yi]))
		wantW[wi].add(float64(x.x[xi]) * float64(y.x[yi]))
		wantY[yi].add(float64(x.x[xi]) * float64(w.x[wi]))
	})
	b := bias.x
	if !withBias {
		b = nil
	} else {
		for i := range wantY {
			wantY[i].add(float64(b[i%s.K]))
		}
	}
	if accumulate {
		for i := range wantX {
			wantX[i].add(float64(x.x[i]))
		}
		for i := range wantW {
			wantW[i].add(float64(w.x[i]))
		}
	}

	var first [3][]float32
	withThreads(k, func(threads int, run *Runner) {
		gotX, gotW, gotY := newGuarded(len(x.x), shift+1), newGuarded(len(w.x), shift+2), newGuarded(len(y.x), shift+3)
		if accumulate {
			copy(gotX.x, x.x)
			copy(gotW.x, w.x)
		}
		run.ConvForward(gotY.x, x.x, w.x, b, s, Direct)
		run.ConvBackwardData(gotX.x, y.x, w.x, s, accumulate, Direct)
		run.ConvBackwardWeights(gotW.x, y.x, x.x, s, accumulate, Direct)
		for _, g := range []guarded{x, w, y, bias, gotX, gotW, gotY} {
			g.check(t, "a buffer")
		}
		if first[0] == nil {
			compare(t, gotY.x, wantY, s.KH*s.KW*s.C, "forward %+v", s)
			compare(t, gotX.x, wantX, s.KH*s.KW*s.K, "backward data %+v", s)
			compare(t, gotW.x, wantW, s.N*s.OH()*s.OW(), "backward weights %+v", s)
			first = [3][]float32{slices.Clone(gotX.x), slices.Clone(gotW.x), slices.Clone(gotY.x)}
		}
		sameBits(t, first[0], gotX.x, "backward data %+v: %d threads", s, threads)
		sameBits(t, first[1], gotW.x, "backward weights %+v: %d threads", s, threads)
		sameBits(t, first[2], gotY.x, "forward %+v: %d threads", s, threads)
	})
}

var convShapes = []ConvShape{
	{N: 2, H: 5, W: 5, C: 3, KH: 3, KW: 3, K: 4, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1},
	{N: 1, H: 1, W: 1, C: 1, KH: 1, KW: 1, K: 1, StrideH: 1, StrideW: 1},
	{N: 20, H: 2, W: 2, C: 16, KH: 3, KW: 3, K: 33, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1},
	{N: 37, H: 4, W: 4, C: 17, KH: 3, KW: 3, K: 20, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1},
	{N: 3, H: 16, W: 15, C: 5, KH: 3, KW: 3, K: 40, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1},
	{N: 2, H: 20, W: 33, C: 3, KH: 7, KW: 7, K: 9, StrideH: 2, StrideW: 2, PadH: 3, PadW: 3},
	{N: 2, H: 9, W: 8, C: 4, KH: 3, KW: 3, K: 8, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1},
	{N: 2, H: 9, W: 11, C: 4, KH: 1, KW: 1, K: 8, StrideH: 2, StrideW: 3},
	{N: 2, H: 11, W: 12, C: 3, KH: 2, KW: 3, K: 5, StrideH: 4, StrideW: 5, PadH: 1, PadW: 2},
	{N: 3, H: 4, W: 4, C: 3, KH: 4, KW: 4, K: 70, StrideH: 4, StrideW: 4},
	{N: 1, H: 2, W: 3, C: 2, KH: 5, KW: 6, K: 3, StrideH: 1, StrideW: 1, PadH: 2, PadW: 3},
	{N: 1, H: 3, W: 3, C: 2, KH: 1, KW: 1, K: 3, StrideH: 1, StrideW: 2, PadH: 3, PadW: 4},
	{N: 2, H: 3, W: 3, C: 2, KH: 7, KW: 2, K: 3, StrideH: 1, StrideW: 1},
	{N: 2, H: 8, W: 8, C: 1, KH: 8, KW: 8, K: 10, StrideH: 1, StrideW: 1},
	{N: 0, H: 8, W: 8, C: 3, KH: 3, KW: 3, K: 10, StrideH: 1, StrideW: 1},
	{N: 2, H: 4, W: 4, C: 0, KH: 3, KW: 3, K: 10, StrideH: 1, StrideW: 1},
	{N: 2, H: 4, W: 4, C: 3, KH: 3, KW: 3, K: 0, StrideH: 1, StrideW: 1},
	{N: 2, H: 0, W: 4, C: 3, KH: 3, KW: 3, K: 2, StrideH: 1, StrideW: 1, PadH: 2, PadW: 1},
	{N: 2, H: 4, W: 4, C: 3, KH: 0, KW: 3, K: 2, StrideH: 1, StrideW: 1},
	{N: 1, H: 14, W: 40, C: 8, KH: 1, KW: 5, K: 36, StrideH: 1, StrideW: 1, PadW: 2},
	{N: 1, H: 40, W: 3, C: 8, KH: 5, KW: 1, K: 16, StrideH: 2, StrideW: 1, PadH: 2},
}

func TestConvTable(t *testing.T) {
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		for i, s := range convShapes {
			for v := range 6 {
				s.test(t, k, uint64(6*i+v))
			}
		}
	})
}

func TestConvRandomShapes(t *testing.T) {
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		r := rand.New(rand.NewPCG(7, 7))
		for i := range 150 {
			s := ConvShape{N: 1 + r.IntN(3), H: 1 + r.IntN(10), W: 1 + r.IntN(10), C: 1 + r.IntN(6), KH: 1 + r.IntN(5), KW: 1 + r.IntN(5), K: 1 + r.IntN(6),
				StrideH: 1 + r.IntN(4), StrideW: 1 + r.IntN(4), PadH: r.IntN(4), PadW: r.IntN(4)}
			switch i % 5 {
			case 0:
				s.N = 1 + r.IntN(40)
			case 1:
				s.C = 1 + r.IntN(40)
			case 2:
				s.K = 1 + r.IntN(70)
			case 3:
				s.W = 1 + r.IntN(50)
			}
			s.test(t, k, uint64(i))
		}
	})
}

func TestConvPropagatesNaN(t *testing.T) {
	nan := float32(math.NaN())
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		withThreads(k, func(_ int, r *Runner) {
			s := ConvShape{N: 30, H: 3, W: 3, C: 2, KH: 3, KW: 3, K: 4, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1}
			x, w := make([]float32, 30*9*2), make([]float32, 9*2*4)
			y := make([]float32, 30*9*4)
			x[(7*9+0)*2] = nan // pixel (0,0) of image 7
			r.ConvForward(y, x, w, nil, s, Direct)
			for i, v := range y {
				n, p := i/36, i/4%9
				sees := n == 7 && p/3 < 2 && p%3 < 2
				assert.Equal(t, sees, math.IsNaN(float64(v)), "image %d pixel %d", n, p)
			}
			x[7*9*2] = 0
			w[0] = float32(math.Inf(1)) // place (0,0) falls on padding for the first row and column
			r.ConvForward(y, x, w, nil, s, Direct)
			for i, v := range y {
				p, c := i/4%9, i%4
				assert.Equal(t, c == 0 && p/3 > 0 && p%3 > 0, math.IsNaN(float64(v)), "pixel %d", p)
			}
		})
	})
}

func TestConvRefusesShortSlices(t *testing.T) {
	p := pool.New(1)
	k, err := kernel.Get("generic")
	assert.NoError(t, err)
	s := ConvShape{N: 1, H: 2, W: 2, C: 1, KH: 1, KW: 1, K: 1, StrideH: 1, StrideW: 1}
	assert.PanicsWithValue(t, "gemm: the output or its gradient has 3 numbers, needs 4 for {N:1 H:2 W:2 C:1 KH:1 KW:1 K:1 StrideH:1 StrideW:1 PadH:0 PadW:0}", func() {
		New(k, p).ConvForward(make([]float32, 3), make([]float32, 4), make([]float32, 1), nil, s, Direct)
	})
}

// Filters that each task packs for itself, with rows as pixels and as images.
var (
	ownPixels = square(1, 7, 70, 260)
	ownImages = square(8, 2, 64, 260)
)

func TestPanelsAreOwn(t *testing.T) {
	for _, k := range kernel.All() {
		r := New(k, pool.New(1))
		for _, threads := range []int{1, 2} {
			assert.True(t, r.plan(ownPixels, false).panelsAreOwn(threads, k.MR), k.Name)
			assert.True(t, r.plan(ownImages, false).panelsAreOwn(threads, k.MR), k.Name)
			assert.False(t, r.plan(square(512, 2, 64, 260), false).panelsAreOwn(threads, k.MR), "many images, %s", k.Name)
		}
		assert.False(t, r.plan(ownPixels, false).panelsAreOwn(64, k.MR), "more threads than panels, %s", k.Name)
		assert.True(t, r.plan(ownImages, false).byImage, k.Name)
		assert.False(t, r.plan(ownPixels, false).byImage, k.Name)
	}
}

// Shapes that are large enough to be cut into blocks, bands, parts and portions.
func TestConvLarge(t *testing.T) {
	shapes := []ConvShape{
		{N: 3, H: 200, W: 190, C: 1, KH: 1, KW: 1, K: 2, StrideH: 1, StrideW: 1},                   // segments longer than one call
		{N: 1, H: 230, W: 220, C: 2, KH: 3, KW: 3, K: 1, StrideH: 2, StrideW: 1, PadH: 1, PadW: 1}, // bands, taps joined
		{N: 2, H: 90, W: 91, C: 9, KH: 2, KW: 2, K: 3, StrideH: 1, StrideW: 2, PadW: 1},            // bands, many channels
		{N: 400, H: 4, W: 3, C: 8, KH: 3, KW: 3, K: 2, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1},   // many images inside
		{N: 90, H: 5, W: 5, C: 8, KH: 3, KW: 3, K: 8, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1},    // the same with a stride
		{N: 70, H: 9, W: 9, C: 40, KH: 1, KW: 1, K: 5, StrideH: 1, StrideW: 1},                     // gathered, several chunks
		{N: 7, H: 33, W: 30, C: 70, KH: 1, KW: 1, K: 40, StrideH: 2, StrideW: 3},                   // one pixel of six, in bands
		ownPixels, ownImages,
		{N: 1, H: 70, W: 120, C: 12, KH: 3, KW: 1, K: 34, StrideH: 1, StrideW: 1, PadH: 1},         // one image for all threads
		{N: 100, H: 1, W: 1, C: 20, KH: 3, KW: 3, K: 70, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1}, // one pixel
	}
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		for i, s := range shapes {
			s.test(t, k, uint64(i))
		}
	})
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	k, err := kernel.Choose()
	assert.NoError(t, err)
	withThreads(k, func(threads int, r *Runner) {
		s := square(32, 8, 16, 40)
		x, w, y := make([]float32, s.N*s.H*s.W*s.C), make([]float32, 9*s.C*s.K), make([]float32, s.N*s.H*s.W*s.K)
		bias := make([]float32, s.K)
		assert.Zero(t, testing.AllocsPerRun(20, func() {
			r.ConvForward(y, x, w, bias, s, Direct)
			r.ConvBackwardData(x, y, w, s, true, Direct)
			r.ConvBackwardWeights(w, y, x, s, false, Direct)
			for _, c := range []ConvShape{square(32, 8, 3, 40), {N: 32, H: 8, W: 8, C: 16, KH: 1, KW: 1, K: 40, StrideH: 2, StrideW: 2}} {
				r.ConvForward(y, x, w, bias, c, Direct)
				r.ConvBackwardData(x, y, w, c, true, Direct)
				r.ConvBackwardWeights(w, y, x, c, false, Direct)
			}
			r.MatMul(y, 40, x, 64, false, w, 40, false, 100, 40, 64, Epilogue{Bias: bias, ReLU: true})
		}), "%d threads", threads)
	})
}

func TestPlansAreForgotten(t *testing.T) {
	k, err := kernel.Get("generic")
	assert.NoError(t, err)
	r := New(k, pool.New(1))
	for n := range maxPlans + 2 {
		r.plan(square(n, 2, 1, 1), false)
		r.weightsPlan(square(n, 2, 1, 1))
	}
	assert.Len(t, r.plans, 2)
	assert.Len(t, r.weightsPlans, 2)
}
