package tensor

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A kernel cannot be interrupted, and the garbage collector waits for it: no
// call may take a whole large tensor.
func TestKernelCallsAreBounded(t *testing.T) {
	e := testEngine(t, 1)
	k := *e.k
	plain := e.k
	longest, calls := 0, 0
	note := func(n int) { longest, calls = max(longest, n), calls+1 }
	k.Dot = func(a, b []float32) float64 { note(len(a)); return plain.Dot(a, b) }
	k.Acc = func(dst, a []float32) { note(len(a)); plain.Acc(dst, a) }
	k.ReLU = func(dst, x []float32) { note(len(x)); plain.ReLU(dst, x) }
	k.GELU = func(y, x []float32) { note(len(x)); plain.GELU(y, x) }
	k.GELUGrad = func(dx, dy, x []float32) { note(len(x)); plain.GELUGrad(dx, dy, x) }
	k.LayerNorm = func(y, x, gamma, beta, mean, invstd []float32, eps float32) {
		note(len(x))
		plain.LayerNorm(y, x, gamma, beta, mean, invstd, eps)
	}
	k.LayerNormGrad = func(dx, dgamma, dbeta, dy, x, gamma, mean, invstd []float32) {
		note(len(x))
		plain.LayerNormGrad(dx, dgamma, dbeta, dy, x, gamma, mean, invstd)
	}
	k.RowExp = func(sum, x []float32, stride, cols int, m []float32, scale float32) {
		note(len(sum) * cols)
		plain.RowExp(sum, x, stride, cols, m, scale)
	}
	k.Affine = func(y, x, scale, shift []float32, rows int, relu bool) {
		note(rows * len(scale))
		plain.Affine(y, x, scale, shift, rows, relu)
	}
	e.k = &k

	const rows, c = 1024, 128
	x, gamma, beta := testNumbers(rows, c).RequireGrad(), testNumbers(c), testNumbers(c)
	tp := e.NewTape(Training)
	y := tp.BatchNorm(x, gamma, beta, stats(c), false)
	y = tp.ReLU(tp.GELU(tp.LayerNorm(y, gamma, beta, 1e-5)))
	tp.Backward(tp.SoftmaxCrossEntropy(y, make([]int, rows)))
	tp.Release()
	e.SumSquares(x)
	e.AllFinite(x)
	assert.LessOrEqual(t, longest, sweep)
	assert.Greater(t, calls, 7*rows*c/sweep)
}
