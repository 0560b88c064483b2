package tensor

import (
	"fmt"

	"github.com/locimem/locimem/tensor/internal/gemm"
)

// DepthwiseConv2D returns the convolution of every channel of x [N,H,W,C] with a
// filter of its own, w [KH,KW,1,C], plus the bias b [C], which may be nil: shape
// [N,OH,OW,C] as in Conv2D. It is PyTorch's conv2d with groups = C = K. It panics
// if the window is larger than the padded image.
func (tp *Tape) DepthwiseConv2D(x, w, b *Tensor, c ConvSpec) *Tensor {
	s := depthwiseShape(x, w, c)
	var bias []float32
	if b != nil {
		b.mustShape("DepthwiseConv2D: the bias", s.C)
		bias = b.data
	}
	y := tp.result([]*Tensor{x, w, b}, s.N, s.OH(), s.OW(), s.C)
	tp.e.gemm.DepthwiseForward(y.data, x.data, w.data, bias, s)
	tp.record(y, func() {
		dy := y.grad
		if w.needs {
			g, holds := tp.gradOf(w)
			tp.e.gemm.DepthwiseBackwardWeights(g, dy.data, x.data, s, holds)
		}
		tp.biasGrad(b, dy)
		if x.needs {
			g, holds := tp.gradOf(x)
			tp.e.gemm.DepthwiseBackwardData(g, dy.data, w.data, s, holds)
		}
	})
	return y
}

// depthwiseShape returns the shape of a depthwise convolution of x [N,H,W,C] with
// w [KH,KW,1,C], or panics if they do not fit each other.
func depthwiseShape(x, w *Tensor, c ConvSpec) gemm.ConvShape {
	x.mustRank("DepthwiseConv2D: the input", 4)
	w.mustRank("DepthwiseConv2D: the weight", 4)
	s := gemm.ConvShape{
		N: x.shape[0], H: x.shape[1], W: x.shape[2], C: x.shape[3], KH: w.shape[0], KW: w.shape[1], K: w.shape[3],
		StrideH: max(c.StrideH, 1), StrideW: max(c.StrideW, 1), PadH: c.PadH, PadW: c.PadW,
	}
	if w.shape[2] != 1 || s.K != s.C || s.H+2*s.PadH < s.KH || s.W+2*s.PadW < s.KW || s.PadH < 0 || s.PadW < 0 {
		panic(fmt.Sprintf("tensor: DepthwiseConv2D of input %v and weight %v with %+v", x.shape, w.shape, c))
	}
	return s
}
