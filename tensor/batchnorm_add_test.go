package tensor

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

func TestBatchNormAddGradients(t *testing.T) {
	r := rng.New(4, "bnadd")
	e := testEngine(t, 2)
	op := func(tp *Tape, in []*Tensor) *Tensor {
		return tp.BatchNormAdd(in[0], in[1], in[2], stats(5), in[3], false, nil)
	}
	in := []*Tensor{randn(r, 3, 2, 4, 5), randn(r, 5), randn(r, 5), randn(r, 3, 2, 4, 5)}
	t.Run("plain", func(t *testing.T) { gradCheck(t, e, Training, op, in...) })
	t.Run("running statistics", func(t *testing.T) { gradCheck(t, e, Mode{Grad: true}, op, in...) })
	t.Run("relu", func(t *testing.T) {
		// Shortcuts so large that the sum is far from the kink on either side.
		for i := range in[3].data {
			in[3].data[i] = float32(20 * (i%2*2 - 1))
		}
		gradCheck(t, e, Training, func(tp *Tape, in []*Tensor) *Tensor {
			return tp.BatchNormAdd(in[0], in[1], in[2], stats(5), in[3], true, nil)
		}, in...)
	})
	t.Run("the input as shortcut", func(t *testing.T) {
		gradCheck(t, e, Training, func(tp *Tape, in []*Tensor) *Tensor {
			y := tp.Scale(in[0], 2)
			return tp.BatchNormAdd(y, in[1], in[2], stats(5), y, false, nil)
		}, in[0], in[1], in[2])
	})
}

// The fused pass must give the bits of its parts, kinks included, and gradients
// that differ by rounding only; being watched changes nothing.
func TestBatchNormAddIsItsParts(t *testing.T) {
	OnEveryISA(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		r := rng.New(5, "bnadd")
		for _, relu := range []bool{false, true} {
			for _, mode := range []Mode{Training, {Grad: true}} {
				for _, ch := range []int{1, 5, 32, 100} {
					checkBatchNormAdd(t, e, mode, relu, randn(r, 7, 4, 6, ch), randn(r, 7, 4, 6, ch), randn(r, ch), randn(r, ch), randn(r, ch, 1))
				}
			}
		}
	})
}

func checkBatchNormAdd(t *testing.T, e *Engine, mode Mode, relu bool, x, shortcut, gamma, beta, w *Tensor) {
	ch := gamma.Len()
	var seen [][]float32
	watch := func(bn, sum *Tensor) { seen = [][]float32{slices.Clone(bn.data), slices.Clone(sum.data)} }
	fused := func(watch func(bn, sum *Tensor)) func(tp *Tape, s *BNStats) *Tensor {
		return func(tp *Tape, s *BNStats) *Tensor { return tp.BatchNormAdd(x, gamma, beta, s, shortcut, relu, watch) }
	}
	var bn, sum []float32
	parts := func(tp *Tape, s *BNStats) *Tensor {
		n := tp.BatchNorm(x, gamma, beta, s, false)
		y := tp.Add(n, shortcut)
		bn, sum = slices.Clone(n.data), slices.Clone(y.data)
		if relu {
			y = tp.ReLU(y)
		}
		return y
	}
	run := func(op func(tp *Tape, s *BNStats) *Tensor) [][]float32 {
		params := []*Tensor{x, shortcut, gamma, beta}
		for _, p := range params {
			p.ZeroGrad()
		}
		tp := e.NewTape(mode)
		defer tp.Release()
		s := stats(ch)
		s.Mean.data[0] = 0.3
		out := tp.Keep(op(tp, s))
		tp.Backward(tp.Sum(tp.MatMul(tp.Reshape(out, out.Len()/ch, ch), w, false, false)))
		all := [][]float32{slices.Clone(out.data), s.Mean.data, s.Var.data}
		for _, p := range params {
			all = append(all, slices.Clone(p.grad.data))
		}
		return all
	}
	want, got, watched := run(parts), run(fused(nil)), run(fused(watch))
	require.Equal(t, got, watched)
	require.Equal(t, [][]float32{bn, sum}, seen)
	require.Equal(t, want[:4], got[:4], "output, statistics, gradient of the shortcut")
	for i := 4; i < len(want); i++ {
		require.InDeltaSlice(t, want[i], got[i], 2e-4, "gradient %d of %d channels", i-4, ch)
	}
	for i := range want[0] {
		if relu && want[0][i] == 0 {
			return
		}
	}
	require.False(t, relu, "no unit was shut: the test tests nothing")
}

func TestBatchNormAddRefusesOtherShapes(t *testing.T) {
	tp := testEngine(t, 1).NewTape(Training)
	require.PanicsWithValue(t, "tensor: BatchNormAdd of shapes [2 3] and [3 2]", func() {
		tp.BatchNormAdd(New(2, 3), New(3), New(3), stats(3), New(3, 2), true, nil)
	})
}
