package tensor

import (
	"fmt"

	"github.com/locimem/locimem/tensor/internal/gemm"
)

// ConvSpec says how a convolution's window moves: its steps and the rows and
// columns of zeros put around the image. Steps of 0 mean 1.
type ConvSpec struct{ StrideH, StrideW, PadH, PadW int }

// Conv2D returns the convolution (cross-correlation, as everywhere in deep
// learning) of x [N,H,W,C] with w [KH,KW,C,K] plus the bias b [K], which may be
// nil: shape [N,OH,OW,K] with OH = (H + 2 PadH - KH)/StrideH + 1, likewise OW.
// It panics if the window is larger than the padded image.
func (tp *Tape) Conv2D(x, w, b *Tensor, c ConvSpec) *Tensor {
	s := convShape(x, w, c)
	var bias []float32
	if b != nil {
		b.mustShape("Conv2D: the bias", s.K)
		bias = b.data
	}
	y := tp.result([]*Tensor{x, w, b}, s.N, s.OH(), s.OW(), s.K)
	if tp.usesBF16() && s.WorthBF16() {
		tp.conv2DBF16(y, x, w, b, bias, s)
		return y
	}
	winograd := tp.winograd()
	tp.e.gemm.ConvForward(y.data, x.data, w.data, bias, s, winograd)
	tp.record(y, func() {
		dy := y.grad
		if p := tp.sampled(w); p != nil {
			tp.convBySample(p, x, dy, s)
		} else if w.needs {
			g, holds := tp.gradOf(w)
			tp.e.gemm.ConvBackwardWeights(g, dy.data, x.data, s, holds, winograd)
		}
		tp.biasGrad(b, dy)
		if x.needs {
			g, holds := tp.gradOf(x)
			tp.e.gemm.ConvBackwardData(g, dy.data, w.data, s, holds, winograd)
		}
	})
	return y
}

// winograd returns what the tape's convolutions may use: what the engine's options
// say on a tape that trains, the definition on any other.
func (tp *Tape) winograd() gemm.Winograd {
	if tp.mode.Train {
		return tp.e.winograd
	}
	return gemm.Direct
}

// convShape returns the shape of a convolution of x [N,H,W,C] with w [KH,KW,C,K],
// or panics if they do not fit each other.
func convShape(x, w *Tensor, c ConvSpec) gemm.ConvShape {
	x.mustRank("Conv2D: the input", 4)
	w.mustRank("Conv2D: the weight", 4)
	s := gemm.ConvShape{
		N: x.shape[0], H: x.shape[1], W: x.shape[2], C: x.shape[3],
		KH: w.shape[0], KW: w.shape[1], K: w.shape[3],
		StrideH: max(c.StrideH, 1), StrideW: max(c.StrideW, 1), PadH: c.PadH, PadW: c.PadW,
	}
	if w.shape[2] != s.C || s.H+2*s.PadH < s.KH || s.W+2*s.PadW < s.KW || s.PadH < 0 || s.PadW < 0 {
		panic(fmt.Sprintf("tensor: Conv2D of input %v and weight %v with %+v", x.shape, w.shape, c))
	}
	return s
}
