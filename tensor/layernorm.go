package tensor

// LayerNorm normalises every row (last dimension) of x, multiplies by gamma [C]
// and adds beta [C] (Ba, Kiros and Hinton 2016): y = (x-mean)/sqrt(var+eps) *
// gamma + beta with the mean and the biased variance of the row. Training and
// inference do the same.
func (tp *Tape) LayerNorm(x, gamma, beta *Tensor, eps float32) *Tensor {
	rows, c := x.rows()
	gamma.mustShape("LayerNorm: gamma", c)
	beta.mustShape("LayerNorm: beta", c)
	y := tp.result([]*Tensor{x, gamma, beta}, x.shape...)
	mean, invstd := tp.scratch(rows), tp.scratch(rows)
	size := rowChunk(c)
	tp.e.chunks(rows, size, func(lo, hi int) {
		tp.e.k.LayerNorm(y.data[lo*c:hi*c], x.data[lo*c:hi*c], gamma.data, beta.data, mean[lo:hi], invstd[lo:hi], eps)
	})
	tp.record(y, func() {
		// The columns of dgamma and dbeta are summed like those of colSums.
		n := (rows + size - 1) / size
		part := tp.e.arena.Get(2 * n * c)
		defer tp.e.arena.Put(part)
		grads := func(dx []float32) {
			tp.e.chunks(rows, size, func(lo, hi int) {
				p := part[2*c*(lo/size):][:2*c]
				clear(p)
				tp.e.k.LayerNormGrad(dx[lo*c:hi*c], p[:c], p[c:], y.grad.data[lo*c:hi*c], x.data[lo*c:hi*c],
					gamma.data, mean[lo:hi], invstd[lo:hi])
			})
		}
		if x.needs {
			tp.addGradFrom(x, grads)
		} else {
			dx := tp.e.arena.Get(len(x.data))
			grads(dx)
			tp.e.arena.Put(dx)
		}
		tp.addParts(gamma, part, n, 2*c)
		tp.addParts(beta, part[min(c, len(part)):], n, 2*c)
	})
	return y
}

// addParts adds to the gradient of a parameter t, if it wants one, the sum of n
// parts, which stand stride numbers apart, in order and in float64.
func (tp *Tape) addParts(t *Tensor, part []float32, n, stride int) {
	if !t.needs {
		return
	}
	g, holds := tp.gradOf(t)
	for j := range g {
		s := 0.0
		for i := range n {
			s += float64(part[i*stride+j])
		}
		if holds {
			g[j] += float32(s)
		} else {
			g[j] = float32(s)
		}
	}
}
