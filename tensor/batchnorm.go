package tensor

import "math"

// BNStats are the running statistics of a batch norm layer, [C] each, and how
// they move: running = (1-Momentum)*running + Momentum*batch, with the unbiased
// variance, as in PyTorch. Eps is added to a variance before its root.
type BNStats struct {
	Mean, Var     *Tensor
	Momentum, Eps float32
}

// BatchNorm normalises every channel (last dimension) of x over all other
// dimensions, multiplies by gamma [C] and adds beta [C] (Ioffe and Szegedy
// 2015, Algorithm 1); with relu it then takes max(., 0) in the same pass. On a
// training tape the mean and the biased variance of the batch are used and s is
// updated, else s is used.
func (tp *Tape) BatchNorm(x, gamma, beta *Tensor, s *BNStats, relu bool) *Tensor {
	rows, c := x.rows()
	gamma.mustShape("BatchNorm: gamma", c)
	beta.mustShape("BatchNorm: beta", c)
	s.Mean.mustShape("BatchNorm: the running mean", c)
	s.Var.mustShape("BatchNorm: the running variance", c)

	y := tp.result([]*Tensor{x, gamma, beta}, x.shape...)
	saved := tp.scratch(4 * c)
	mean, invstd, scale, shift := saved[:c], saved[c:2*c], saved[2*c:3*c], saved[3*c:4*c]
	train := tp.mode.Train
	if train {
		tp.e.batchStats(mean, invstd, x.data, rows, c, s)
	} else {
		for j := range c {
			mean[j] = s.Mean.data[j]
			invstd[j] = float32(1 / math.Sqrt(float64(s.Var.data[j])+float64(s.Eps)))
		}
	}
	for j := range c {
		scale[j] = gamma.data[j] * invstd[j]
		shift[j] = beta.data[j] - mean[j]*scale[j]
	}
	tp.e.chunks(rows, rowChunk(c), func(lo, hi int) {
		tp.e.k.Affine(y.data[lo*c:hi*c], x.data[lo*c:hi*c], scale, shift, hi-lo, relu)
	})
	tp.record(y, func() {
		mask := y.data
		if !relu {
			mask = nil
		}
		tp.batchNormGrad(x, gamma, beta, y.grad.data, mask, mean, invstd, train)
	})
	return y
}

// batchStats computes mean and 1/sqrt(var+eps) of every column of x and moves
// the running statistics. Moments of fixed chunks are joined in order by the
// formula of Chan, Golub and LeVeque (1983), in float64.
func (e *Engine) batchStats(mean, invstd, x []float32, rows, c int, s *BNStats) {
	size := rowChunk(c)
	n := (rows + size - 1) / size
	part := e.arena.Get(2 * n * c)
	defer e.arena.Put(part)
	e.chunks(rows, size, func(lo, hi int) {
		p := part[2*c*(lo/size):][:2*c]
		e.k.ColMoments(p[:c], p[c:], x[lo*c:hi*c], hi-lo)
	})
	for j := range c {
		var count, mu, m2 float64
		for i := range n {
			nb := float64(min(size, rows-i*size))
			d := float64(part[2*c*i+j]) - mu
			m2 += float64(part[2*c*i+c+j]) + d*d*count*nb/(count+nb)
			count += nb
			mu += d * nb / count
		}
		mean[j] = float32(mu)
		variance := m2 / count
		invstd[j] = float32(1 / math.Sqrt(variance+float64(s.Eps)))
		// PyTorch keeps the unbiased variance; of one element there is none.
		unbiased := m2 / math.Max(count-1, 1)
		m := float64(s.Momentum)
		s.Mean.data[j] = float32((1-m)*float64(s.Mean.data[j]) + m*mu)
		s.Var.data[j] = float32((1-m)*float64(s.Var.data[j]) + m*unbiased)
	}
}

// batchNormGrad is the way back. With g the gradient behind the ReLU, xhat the
// normalised input and M the number of rows,
//
//	dbeta = sum g, dgamma = sum g*xhat,
//	dx = gamma*invstd * (g - dbeta/M - xhat*dgamma/M)
//
// where the last two terms are missing if running statistics were used. Written
// by column dx = a*g + b*x + c0 it is one pass over memory.
func (tp *Tape) batchNormGrad(x, gamma, beta *Tensor, dy, y, mean, invstd []float32, train bool) {
	e := tp.e
	rows, c := x.rows()
	size := rowChunk(c)
	n := (rows + size - 1) / size
	part := e.arena.Get(2 * n * c)
	defer e.arena.Put(part)
	cut := func(s []float32, lo, hi int) []float32 {
		if s == nil {
			return nil
		}
		return s[lo*c : hi*c]
	}
	e.chunks(rows, size, func(lo, hi int) {
		p := part[2*c*(lo/size):][:2*c]
		clear(p)
		e.k.BNGradSums(p[:c], p[c:], cut(dy, lo, hi), cut(y, lo, hi), cut(x.data, lo, hi), mean, invstd, hi-lo)
	})
	coef := e.arena.Get(3 * c)
	defer e.arena.Put(coef)
	a, b, c0 := coef[:c], coef[c:2*c], coef[2*c:]
	sums := e.arena.Get(2 * c)
	defer e.arena.Put(sums)
	dgamma, dbeta := sums[:c], sums[c:]
	for j := range c {
		var sg, sb float64
		for i := range n {
			sg += float64(part[2*c*i+j])
			sb += float64(part[2*c*i+c+j])
		}
		dgamma[j], dbeta[j] = float32(sg), float32(sb)
		is := float64(invstd[j])
		scale := float64(gamma.data[j]) * is
		a[j], b[j], c0[j] = float32(scale), 0, 0
		if train {
			bj := -scale * sg * is / float64(rows)
			b[j] = float32(bj)
			c0[j] = float32(-scale*sb/float64(rows) - bj*float64(mean[j]))
		}
	}
	if gamma.needs {
		tp.addGrad(gamma, dgamma)
	}
	if beta.needs {
		tp.addGrad(beta, dbeta)
	}
	if x.needs {
		tp.addGradFrom(x, func(dst []float32) {
			e.chunks(rows, size, func(lo, hi int) {
				e.k.BNGradApply(dst[lo*c:hi*c], cut(dy, lo, hi), cut(y, lo, hi), cut(x.data, lo, hi), a, b, c0, hi-lo)
			})
		})
	}
}
