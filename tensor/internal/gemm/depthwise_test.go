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

// eachDepthwise calls f for every product of the sums of a depthwise
// convolution, with the places of its numbers: the definition.
func (s ConvShape) eachDepthwise(f func(x, w, y int)) {
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
							f(((n*s.H+h)*s.W+w)*s.C+c, (a*s.KW+b)*s.C+c, ((n*oh+i)*ow+j)*s.C+c)
						}
					}
				}
			}
		}
	}
}

// testDepthwise compares the three passes with the definition, for all numbers
// of threads.
func (s ConvShape) testDepthwise(t *testing.T, k *kernel.Impl, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	shift := int(seed)
	x := newGuarded(s.N*s.H*s.W*s.C, shift).random(r)
	w := newGuarded(s.KH*s.KW*s.C, shift/2).random(r)
	y := newGuarded(s.N*s.OH()*s.OW()*s.C, shift/3).random(r)
	bias := newGuarded(s.C, shift).random(r)
	accumulate, b := seed%2 == 0, bias.x
	if seed%3 == 0 {
		b = nil
	}

	wantX, wantW, wantY := make([]sum, len(x.x)), make([]sum, len(w.x)), make([]sum, len(y.x))
	s.eachDepthwise(func(xi, wi, yi int) {
		wantX[xi].add(float64(w.x[wi]) * float64(y.x[yi]))
		wantW[wi].add(float64(x.x[xi]) * float64(y.x[yi]))
		wantY[yi].add(float64(x.x[xi]) * float64(w.x[wi]))
	})
	for i := range wantY {
		if b != nil {
			wantY[i].add(float64(b[i%s.C]))
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
		run.DepthwiseForward(gotY.x, x.x, w.x, b, s)
		run.DepthwiseBackwardData(gotX.x, y.x, w.x, s, accumulate)
		run.DepthwiseBackwardWeights(gotW.x, y.x, x.x, s, accumulate)
		for _, g := range []guarded{x, w, y, bias, gotX, gotW, gotY} {
			g.check(t, "a buffer")
		}
		if first[0] == nil {
			compare(t, gotY.x, wantY, s.KH*s.KW, "forward %+v", s)
			compare(t, gotX.x, wantX, s.KH*s.KW, "backward data %+v", s)
			compare(t, gotW.x, wantW, s.N*s.OH()*s.OW(), "backward weights %+v", s)
			first = [3][]float32{slices.Clone(gotX.x), slices.Clone(gotW.x), slices.Clone(gotY.x)}
		}
		sameBits(t, first[0], gotX.x, "backward data %+v: %d threads", s, threads)
		sameBits(t, first[1], gotW.x, "backward weights %+v: %d threads", s, threads)
		sameBits(t, first[2], gotY.x, "forward %+v: %d threads", s, threads)
	})
}

func TestDepthwiseTable(t *testing.T) {
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		for i, s := range convShapes {
			for v := range 6 {
				s.testDepthwise(t, k, uint64(6*i+v))
			}
		}
	})
}

// Shapes that are large enough to be cut into tasks, blocks, bands and parts,
// with rows as pixels and as images.
func TestDepthwiseLarge(t *testing.T) {
	shapes := []ConvShape{
		{N: 1, H: 150, W: 140, C: 9, KH: 3, KW: 3, StrideH: 2, StrideW: 1, PadH: 1, PadW: 1},
		{N: 3, H: 40, W: 41, C: 24, KH: 7, KW: 7, StrideH: 1, StrideW: 1, PadH: 3, PadW: 3},
		{N: 70, H: 2, W: 2, C: 130, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1},
		{N: 21, H: 7, W: 7, C: 48, KH: 7, KW: 7, StrideH: 1, StrideW: 1, PadH: 3, PadW: 3},
		{N: 4, H: 30, W: 9, C: 33, KH: 3, KW: 11, StrideH: 1, StrideW: 2, PadH: 1, PadW: 5}, // more places than rows of a tile
	}
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		for i, s := range shapes {
			s.testDepthwise(t, k, uint64(i))
		}
	})
}

// What padding would multiply is not read: a NaN of the input reaches only the
// outputs and weights that see it.
func TestDepthwiseSpreadsNaNNoFurther(t *testing.T) {
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		p := pool.New(1)
		defer p.Close()
		s := ConvShape{N: 1, H: 4, W: 4, C: 2, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1}
		x, w, y := make([]float32, 32), make([]float32, 18), make([]float32, 32)
		x[0] = float32(math.NaN())
		New(k, p).DepthwiseForward(y, x, w, nil, s)
		for i, v := range y {
			pixel, c := i/2, i%2
			assert.Equal(t, c == 0 && pixel/4 < 2 && pixel%4 < 2, math.IsNaN(float64(v)), "pixel %d", pixel)
		}
	})
}

func TestDepthwiseSteadyStateAllocatesNothing(t *testing.T) {
	k, err := kernel.Choose()
	assert.NoError(t, err)
	withThreads(k, func(threads int, r *Runner) {
		s := ConvShape{N: 16, H: 12, W: 12, C: 40, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1}
		x, w, y, bias := make([]float32, s.N*s.H*s.W*s.C), make([]float32, 9*s.C), make([]float32, s.N*s.H*s.W*s.C), make([]float32, s.C)
		assert.Zero(t, testing.AllocsPerRun(20, func() {
			r.DepthwiseForward(y, x, w, bias, s)
			r.DepthwiseBackwardData(x, y, w, s, true)
			r.DepthwiseBackwardWeights(w, y, x, s, false)
		}), "%d threads", threads)
	})
}
