package tensor

import "fmt"

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
		if tp.sampled(gamma) != nil || tp.sampled(beta) != nil {
			tp.layerNormBySample(x, gamma, beta, y.grad, mean, invstd)
			return
		}
		// The columns of dgamma and dbeta are summed like those of colSums.
		n := (rows + size - 1) / size
		part := tp.e.arena.Get(2 * n * c)
		defer tp.e.arena.Put(part)
		tp.addGradRows(x, rows, c, func(dx []float32, lo, hi int) {
			p := part[2*c*(lo/size):][:2*c]
			clear(p)
			tp.e.k.LayerNormGrad(dx, p[:c], p[c:], y.grad.data[lo*c:hi*c], x.data[lo*c:hi*c], gamma.data, mean[lo:hi],
				invstd[lo:hi])
		})
		tp.addParts(gamma, part, n, 2*c)
		tp.addParts(beta, part[min(c, len(part)):], n, 2*c)
	})
	return y
}

// addParts adds to the gradient of a parameter t, if it wants one, the sum of n
// parts, as foldParts does.
func (tp *Tape) addParts(t *Tensor, part []float32, n, stride int) {
	if p := tp.sampled(t); p != nil {
		if n != tp.samplesOf.n {
			panic(fmt.Sprintf("tensor: PerSample: %d parts of %d samples", n, tp.samplesOf.n))
		}
		tp.rowsSampled(p, part, stride)
	} else if t.needs {
		g, holds := tp.gradOf(t)
		tp.e.foldParts(g, part, n, stride, holds)
	}
}

// addGradRows adds to the gradient of t, which is rows of c numbers, what fill
// writes for the rows of each chunk. Where there are values already, or nobody
// wants the gradient, fill writes to a buffer that stays in the cache.
func (tp *Tape) addGradRows(t *Tensor, rows, c int, fill func(dst []float32, lo, hi int)) {
	var g []float32
	holds := true
	if t.needs {
		g, holds = tp.gradOf(t)
	}
	size := rowChunk(c)
	if !holds {
		tp.e.chunks(rows, size, func(lo, hi int) { fill(g[lo*c:hi*c], lo, hi) })
		return
	}
	buffer := tp.e.arena.Get(tp.e.Threads() * size * c)
	tp.e.pool.Run((rows+size-1)/size, func(task, worker int) {
		lo, hi := task*size, min(task*size+size, rows)
		b := buffer[worker*size*c:][:(hi-lo)*c]
		fill(b, lo, hi)
		if g != nil {
			tp.e.k.Acc(g[lo*c:hi*c], b)
		}
	})
	tp.e.arena.Put(buffer)
}
