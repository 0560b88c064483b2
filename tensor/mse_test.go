package tensor

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/internal/rng"
)

func TestMSE(t *testing.T) {
	r := rng.New(1, "mse")
	e := testEngine(t, 2)
	gradCheck(t, e, Training, func(tp *Tape, in []*Tensor) *Tensor { return tp.MSE(in[0], in[1]) }, randn(r, 3, 7),
		randn(r, 3, 7))
	gradCheck(t, e, Training, func(tp *Tape, in []*Tensor) *Tensor {
		y := tp.Scale(in[0], 2)
		return tp.Add(tp.MSE(y, in[1]), tp.MSE(in[1], y))
	}, randn(r, 5), randn(r, 5))

	// More than one chunk, against float64, the same bits for any number of threads.
	a, b := randn(r, 50_000), randn(r, 50_000)
	want := 0.0
	for i := range a.data {
		d := float64(a.data[i]) - float64(b.data[i])
		want += d * d / float64(len(a.data))
	}
	var bits []float32
	for threads := 1; threads <= 3; threads++ {
		tp := testEngine(t, threads).NewTape(Training)
		a.ZeroGrad()
		loss := tp.MSE(a, b)
		assert.InEpsilon(t, want, loss.Item(), 1e-6)
		bits = append(bits, loss.Item())
		tp.Backward(loss)
		for _, i := range []int{0, 1 << 14, 49_999} {
			assert.InDelta(t, 2*(float64(a.data[i])-float64(b.data[i]))/50_000, a.grad.data[i], 1e-10)
		}
		tp.Release()
	}
	assert.Equal(t, bits[:2], bits[1:])
	assert.PanicsWithValue(t, "tensor: MSE of shapes [2] and [3]", func() { e.NewTape(Inference).MSE(New(2), New(3)) })
	assert.PanicsWithValue(t, "tensor: MSE of shape [0]", func() { e.NewTape(Inference).MSE(New(0), New(0)) })
}
