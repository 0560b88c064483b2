package tensor

// The passes of a convolution by themselves, off the tape: for timing them.
// Shapes are those of Conv2D, whose conditions hold here too.

// ConvForward sets y [N,OH,OW,K] to the convolution of x [N,H,W,C] with w
// [KH,KW,C,K] plus the bias b [K], which may be nil.
func (e *Engine) ConvForward(y, x, w, b *Tensor, c ConvSpec) {
	s := convShape(x, w, c)
	y.mustShape("ConvForward: the output", s.N, s.OH(), s.OW(), s.K)
	var bias []float32
	if b != nil {
		b.mustShape("ConvForward: the bias", s.K)
		bias = b.data
	}
	e.gemm.ConvForward(y.data, x.data, w.data, bias, s, e.winograd)
}

// ConvBackwardData sets dx [N,H,W,C] to the gradient of the input, given that of
// the output, dy [N,OH,OW,K], and the weight w [KH,KW,C,K].
func (e *Engine) ConvBackwardData(dx, dy, w *Tensor, c ConvSpec) {
	s := convShape(dx, w, c)
	dy.mustShape("ConvBackwardData: the output's gradient", s.N, s.OH(), s.OW(), s.K)
	e.gemm.ConvBackwardData(dx.data, dy.data, w.data, s, false, e.winograd)
}

// ConvBackwardWeights sets dw [KH,KW,C,K] to the gradient of the weight, given
// that of the output, dy [N,OH,OW,K], and the input x [N,H,W,C].
func (e *Engine) ConvBackwardWeights(dw, dy, x *Tensor, c ConvSpec) {
	s := convShape(x, dw, c)
	dy.mustShape("ConvBackwardWeights: the output's gradient", s.N, s.OH(), s.OW(), s.K)
	e.gemm.ConvBackwardWeights(dw.data, dy.data, x.data, s, false, e.winograd)
}
