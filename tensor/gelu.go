package tensor

// GELU returns x*P(x), where P is the normal distribution function (Hendrycks
// and Gimpel 2016): the exact form with erf, PyTorch's default. The error of the
// value is below 3e-7*|x|, that of the gradient below 5e-7*|dy|.
func (tp *Tape) GELU(x *Tensor) *Tensor {
	y := tp.result([]*Tensor{x}, x.shape...)
	tp.e.chunks(len(y.data), sweep, func(lo, hi int) { tp.e.k.GELU(y.data[lo:hi], x.data[lo:hi]) })
	tp.record(y, func() {
		tp.addGradRows(x, len(x.data), 1, func(dst []float32, lo, hi int) {
			tp.e.k.GELUGrad(dst, y.grad.data[lo:hi], x.data[lo:hi])
		})
	})
	return y
}
