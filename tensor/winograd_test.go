package tensor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Only tapes that train take Winograd's way; its results are near, and not the
// same bits, as those of the direct one.
func TestWinogradIsForTraining(t *testing.T) {
	run := func(winograd int, m Mode) (y, dx, dw []float32) {
		e := engineOf(t, Options{Threads: 1, Winograd: winograd})
		tp := e.NewTape(m)
		x, w := testNumbers(8, 16, 16, 32).RequireGrad(), testNumbers(3, 3, 32, 32).RequireGrad()
		out := tp.Conv2D(x, w, nil, ConvSpec{PadH: 1, PadW: 1})
		y = append(y, out.Data()...)
		if m.Grad {
			tp.Backward(tp.SoftmaxCrossEntropy(tp.Reshape(out, 1, 8*16*16*32), []int{3}))
			dx, dw = x.Grad().Data(), w.Grad().Data()
		}
		return y, dx, dw
	}
	exact, exactDX, exactDW := run(0, Training)
	inference, _, _ := run(4, Inference)
	assert.Equal(t, exact, inference)
	fast, fastDX, fastDW := run(4, Training)
	assert.NotEqual(t, exact, fast)
	for _, c := range []struct {
		name      string
		want, got []float32
	}{{"output", exact, fast}, {"input's gradient", exactDX, fastDX}, {"weight's gradient", exactDW, fastDW}} {
		var worst, largest float64
		for i, v := range c.want {
			worst = max(worst, math.Abs(float64(v-c.got[i])))
			largest = max(largest, math.Abs(float64(v)))
		}
		assert.Less(t, worst, 1e-4*largest, c.name)
	}
	_, err := NewEngine(Options{Winograd: 3})
	assert.EqualError(t, err, "winograd: found 3, expected 0 (off), 2 or 4")
}

// testNumbers returns numbers around 0 that differ from place to place.
func testNumbers(shape ...int) *Tensor {
	t := New(shape...)
	for i := range t.data {
		t.data[i] = float32(math.Sin(float64(7*i+len(shape)))) / 2
	}
	return t
}
