package tensor

// BatchNormAdd returns BatchNorm of x plus shortcut, which has the shape of x,
// and with relu max(., 0) of the sum: the end of a residual block in one pass
// over memory each way. Forward results are the same bits as those of the single
// operations. Where somebody wants to see what is not stored, watch, if not nil,
// gets it: the normalised input and the sum before the ReLU, as values that no
// gradient flows through.
func (tp *Tape) BatchNormAdd(x, gamma, beta *Tensor, s *BNStats, shortcut *Tensor, relu bool,
	watch func(bn, sum *Tensor)) *Tensor {
	sameShape("BatchNormAdd", x, shortcut)
	bn := tp.newBN(x, gamma, beta, s)
	if watch != nil {
		before, sum := tp.Buffer(x.shape...), tp.Buffer(x.shape...)
		tp.affine(before, bn, false)
		tp.affineAdd(sum, bn, shortcut, false)
		watch(before, sum)
	}
	y := tp.result([]*Tensor{x, gamma, beta, shortcut}, x.shape...)
	tp.affineAdd(y, bn, shortcut, relu)
	tp.record(y, func() { tp.batchNormAddGrad(y, bn, shortcut, relu) })
	return y
}

// affineAdd sets y = x*scale + shift + shortcut, with the ReLU if told so.
func (tp *Tape) affineAdd(y *Tensor, bn *bnCall, shortcut *Tensor, relu bool) {
	c := bn.c
	tp.e.chunks(bn.rows, rowChunk(c), func(lo, hi int) {
		tp.e.k.AffineAdd(y.data[lo*c:hi*c], bn.x.data[lo*c:hi*c], shortcut.data[lo*c:hi*c], bn.scale, bn.shift, hi-lo, relu)
	})
}

// batchNormAddGrad is the way back. The first pass over memory leaves the
// gradient behind the ReLU where that of y was: it is the shortcut's, and the
// second pass needs no more than it and x.
func (tp *Tape) batchNormAddGrad(y *Tensor, bn *bnCall, shortcut *Tensor, relu bool) {
	c, g, x := bn.c, y.grad.data, bn.x.data
	tp.batchNormGrad(bn, bn.rows, rowChunk(c),
		func(dg, db []float32, lo, hi int) {
			if relu {
				tp.e.k.BNGradGateSums(dg, db, g[lo*c:hi*c], y.data[lo*c:hi*c], x[lo*c:hi*c], bn.mean, bn.invstd, hi-lo)
			} else {
				tp.e.k.BNGradSums(dg, db, g[lo*c:hi*c], nil, x[lo*c:hi*c], bn.mean, bn.invstd, hi-lo)
			}
		},
		func(dx, a, b, c0 []float32, lo, hi int) {
			tp.e.k.BNGradApply(dx[lo*c:hi*c], g[lo*c:hi*c], nil, x[lo*c:hi*c], a, b, c0, hi-lo)
		})
	tp.passGrad(shortcut, y)
}
