package tensor

// Conv1D returns the convolution over time of x [N,T,C] with w [K,C,O] plus the
// bias b [O], which may be nil, with pad zeros before and after: shape [N,OT,O]
// with OT = (T + 2 pad - K)/stride + 1. A stride of 0 means 1. It is Conv2D of
// images one pixel high, and panics if the window is larger than the padded
// input.
func (tp *Tape) Conv1D(x, w, b *Tensor, stride, pad int) *Tensor {
	x.mustRank("Conv1D: the input", 3)
	w.mustRank("Conv1D: the weight", 3)
	image := tp.Reshape(x, x.shape[0], 1, x.shape[1], x.shape[2])
	window := tp.Reshape(w, 1, w.shape[0], w.shape[1], w.shape[2])
	y := tp.Conv2D(image, window, b, ConvSpec{StrideW: stride, PadW: pad})
	return tp.Reshape(y, y.shape[0], y.shape[2], y.shape[3])
}

// MeanTime returns the mean over time: [N,T,C] to [N,C].
func (tp *Tape) MeanTime(x *Tensor) *Tensor { return tp.MeanTokens(x, 0) }
