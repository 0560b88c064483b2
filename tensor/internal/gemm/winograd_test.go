package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// forceWinograd makes a Runner take F(m x m, 3 x 3) for a shape whenever it is
// allowed, whatever it costs.
func (r *Runner) forceWinograd(s ConvShape, m Winograd) {
	for pass := winogradForward; pass <= winogradWeights; pass++ {
		for _, kind := range winogradKinds {
			if kind.m == int(m) {
				r.winogradPlans[winogradKey{s, pass, m}] = newWinogradPlan(s, pass, kind, r.k.NR)
			}
		}
	}
}

// relativeError returns the largest error as a share of the largest sum of
// absolute values.
func relativeError(t *testing.T, got []float32, want []sum) float64 {
	t.Helper()
	require.Len(t, got, len(want))
	var worst, scale float64
	for i, w := range want {
		require.False(t, math.IsNaN(float64(got[i])), "NaN at %d", i)
		worst, scale = max(worst, math.Abs(float64(got[i])-w.v)), max(scale, w.abs)
	}
	return worst / max(scale, 1e-30)
}

// Both kinds, all three passes, against the definition in float64, with odd
// sizes, every padding, tiles that reach past the image, and many blocks.
func TestWinograd(t *testing.T) {
	shapes := []ConvShape{
		{N: 1, H: 4, W: 4, C: 1, K: 1, PadH: 1, PadW: 1},
		{N: 3, H: 5, W: 7, C: 3, K: 5, PadH: 1, PadW: 1},
		{N: 40, H: 4, W: 4, C: 17, K: 33, PadH: 1, PadW: 1},
		{N: 2, H: 9, W: 3, C: 8, K: 40, PadH: 0, PadW: 0},
		{N: 2, H: 6, W: 10, C: 16, K: 16, PadH: 2, PadW: 0},
		{N: 30, H: 8, W: 9, C: 5, K: 66, PadH: 1, PadW: 2},
		{N: 1, H: 1, W: 1, C: 2, K: 2, PadH: 1, PadW: 1},
		{N: 1, H: 40, W: 130, C: 4, K: 4, PadH: 1, PadW: 1},
	}
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		for i, s := range shapes {
			s.KH, s.KW, s.StrideH, s.StrideW = 3, 3, 1, 1
			for _, m := range []Winograd{2, 4} {
				s.testWinograd(t, k, m, i%2 == 0)
			}
		}
	})
}

func (s ConvShape) testWinograd(t *testing.T, k *kernel.Impl, m Winograd, accumulate bool) {
	what := fmt.Sprintf("F(%d) %+v", m, s)
	r := rand.New(rand.NewPCG(uint64(m), uint64(s.C)))
	x := newGuarded(s.N*s.H*s.W*s.C, int(m)).random(r)
	w := newGuarded(9*s.C*s.K, 1).random(r)
	y := newGuarded(s.N*s.OH()*s.OW()*s.K, s.C).random(r)
	bias := newGuarded(s.K, 3).random(r)
	wantX, wantW, wantY := make([]sum, len(x.x)), make([]sum, len(w.x)), make([]sum, len(y.x))
	s.each(func(xi, wi, yi int) {
		wantX[xi].add(float64(w.x[wi]) * float64(y.x[yi]))
		wantW[wi].add(float64(x.x[xi]) * float64(y.x[yi]))
		wantY[yi].add(float64(x.x[xi]) * float64(w.x[wi]))
	})
	var b []float32
	if accumulate {
		b = bias.x
		for i := range wantY {
			wantY[i].add(float64(b[i%s.K]))
		}
		for i := range wantX {
			wantX[i].add(float64(x.x[i]))
		}
		for i := range wantW {
			wantW[i].add(float64(w.x[i]))
		}
	}
	var first [3][]float32
	withThreads(k, func(threads int, run *Runner) {
		run.forceWinograd(s, m)
		gotX, gotW, gotY := newGuarded(len(x.x), 5), newGuarded(len(w.x), 2), newGuarded(len(y.x), 9)
		if accumulate {
			copy(gotX.x, x.x)
			copy(gotW.x, w.x)
		}
		run.ConvForward(gotY.x, x.x, w.x, b, s, m)
		run.ConvBackwardData(gotX.x, y.x, w.x, s, accumulate, m)
		run.ConvBackwardWeights(gotW.x, y.x, x.x, s, accumulate, m)
		for _, g := range []guarded{x, w, y, bias, gotX, gotW, gotY} {
			g.check(t, what)
		}
		if first[0] == nil {
			// Measured: below 3e-7 and 4e-6.
			limit := map[Winograd]float64{2: 1e-6, 4: 1e-5}[m]
			assert.Less(t, relativeError(t, gotY.x, wantY), limit, "forward, %s", what)
			assert.Less(t, relativeError(t, gotX.x, wantX), limit, "backward data, %s", what)
			assert.Less(t, relativeError(t, gotW.x, wantW), limit, "backward weights, %s", what)
			first = [3][]float32{slices.Clone(gotX.x), slices.Clone(gotW.x), slices.Clone(gotY.x)}
		}
		sameBits(t, first[0], gotX.x, "backward data, %s: %d threads", what, threads)
		sameBits(t, first[1], gotW.x, "backward weights, %s: %d threads", what, threads)
		sameBits(t, first[2], gotY.x, "forward, %s: %d threads", what, threads)
	})
}

// Winograd's way is taken where it pays, and nowhere else.
func TestWinogradIsChosenByCost(t *testing.T) {
	k, err := kernel.Choose()
	require.NoError(t, err)
	p := pool.New(1)
	defer p.Close()
	r := New(k, p)
	choice := func(s ConvShape, most Winograd) int {
		plan := r.winogradPlan(s, winogradForward, most, r.plan(s, false).work)
		if plan == nil {
			return 0
		}
		return plan.m
	}
	large := square(64, 32, 64, 64)
	assert.Equal(t, 0, choice(large, Direct), "it is off unless asked for")
	assert.Equal(t, 2, choice(large, 2))
	assert.Equal(t, 4, choice(large, 4))
	assert.Equal(t, 2, choice(large, 2), "the choice for 4 is not remembered for 2")
	assert.Equal(t, 0, choice(square(64, 32, 3, 64), 4), "three channels")
	assert.Equal(t, 0, choice(square(64, 2, 256, 256), 4), "an image of four pixels")
	strided := large
	strided.StrideH, strided.StrideW = 2, 2
	assert.Equal(t, 0, choice(strided, 4))
}

func TestWinogradAllocatesNothing(t *testing.T) {
	k, err := kernel.Choose()
	require.NoError(t, err)
	withThreads(k, func(threads int, r *Runner) {
		s := square(32, 8, 32, 40)
		r.forceWinograd(s, 4)
		x, w, y := make([]float32, s.N*s.H*s.W*s.C), make([]float32, 9*s.C*s.K), make([]float32, s.N*s.H*s.W*s.K)
		assert.Zero(t, testing.AllocsPerRun(20, func() {
			r.ConvForward(y, x, w, nil, s, 4)
			r.ConvBackwardData(x, y, w, s, true, 4)
			r.ConvBackwardWeights(w, y, x, s, false, 4)
		}), "%d threads", threads)
	})
}

// BenchmarkWinograd times the direct way (F0) beside both kinds, at the layers
// of the CIFAR ResNet-18 with 128 views and of ResNet-9 with 512.
func BenchmarkWinograd(b *testing.B) {
	k, err := kernel.Choose()
	require.NoError(b, err)
	for _, l := range []struct {
		name string
		ConvShape
	}{
		{"18/64", square(128, 32, 64, 64)}, {"18/128", square(128, 16, 128, 128)}, {"18/256", square(128, 8, 256, 256)}, {"18/512", square(128, 4, 512, 512)},
		{"9/2_0", square(512, 16, 32, 64)}, {"9/2_1", square(512, 8, 64, 64)}, {"9/3", square(512, 8, 64, 128)}, {"9/4_0", square(512, 4, 128, 256)},
	} {
		s := l.ConvShape
		x, w, y := numbers(s.N*s.H*s.W*s.C), numbers(9*s.C*s.K), numbers(s.N*s.H*s.W*s.K)
		for name, f := range map[string]func(r *Runner, m Winograd){
			"forward": func(r *Runner, m Winograd) { r.ConvForward(y, x, w, nil, s, m) },
			"data":    func(r *Runner, m Winograd) { r.ConvBackwardData(x, y, w, s, false, m) },
			"weights": func(r *Runner, m Winograd) { r.ConvBackwardWeights(w, y, x, s, false, m) },
		} {
			for _, m := range []Winograd{Direct, 2, 4} {
				b.Run(fmt.Sprintf("%s/%s/F%d", l.name, name, m), func(b *testing.B) {
					p := pool.New(1)
					defer p.Close()
					r := New(k, p)
					if m != Direct {
						r.forceWinograd(s, m)
					}
					for b.Loop() {
						f(r, m)
					}
				})
			}
		}
	}
}
