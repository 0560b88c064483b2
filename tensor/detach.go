package tensor

// Detach returns x as a constant: no gradient flows through it (the stop-gradient
// of the papers). It shares the buffer of x.
func (tp *Tape) Detach(x *Tensor) *Tensor {
	y := tp.view(x, x.shape...)
	y.needs = false
	return y
}
