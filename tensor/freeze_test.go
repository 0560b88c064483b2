package tensor

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/internal/rng"
)

// A frozen batch norm on a training tape is that of an evaluating tape, to the last
// bit, there and back.
func TestFrozenBatchNorm(t *testing.T) {
	r := rng.New(5, "frozen")
	e := testEngine(t, 2)
	x, gamma, beta := randn(r, 6, 4, 4, 5), randn(r, 5), randn(r, 5)
	run := func(mode Mode, s *BNStats) [][]float32 {
		x.ZeroGrad()
		tp := e.NewTape(mode)
		defer tp.Release()
		y := tp.BatchNormMaxPool(tp.BatchNorm(x, gamma, beta, s, true), gamma, beta, s, false, nil)
		out := slices.Clone(y.data)
		tp.Backward(tp.Sum(tp.ReLU(y)))
		return [][]float32{out, slices.Clone(x.grad.data)}
	}
	s := stats(5)
	s.Mean.data[0] = .3
	want := run(Mode{Grad: true}, s)
	mean, vari := slices.Clone(s.Mean.data), slices.Clone(s.Var.data)
	s.Mean.Freeze()
	gamma.Freeze()
	assert.True(t, gamma.Frozen())
	assert.Equal(t, want, run(Training, s))
	assert.Nil(t, gamma.Grad(), "frozen")
	assert.Equal(t, [][]float32{mean, vari}, [][]float32{s.Mean.data, s.Var.data})
	s.Mean.Thaw()
	gamma.Thaw()
	assert.False(t, s.Mean.Frozen())
	assert.NotEqual(t, want, run(Training, s))
	assert.NotNil(t, gamma.Grad())
	assert.NotEqual(t, mean, s.Mean.data)
}

func TestClearAt(t *testing.T) {
	ones := func() *Tensor { return FromSlice(slices.Repeat([]float32{1}, 12), 2, 3, 2) }
	x := ones()
	x.ClearAt(2, 1)
	assert.Equal(t, []float32{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0}, x.data)
	x = ones()
	x.ClearAt(1, 0, 2)
	assert.Equal(t, []float32{0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0}, x.data)
	x = ones()
	x.ClearAt(0, 1)
	assert.Equal(t, []float32{1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0}, x.data)
	assert.PanicsWithValue(t, "tensor: ClearAt index 3 of dimension 1 of shape [2 3 2]", func() { x.ClearAt(1, 3) })
	assert.Panics(t, func() { x.ClearAt(3, 0) })
}
