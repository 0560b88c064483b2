package tensor

import (
	"fmt"
	"math"
)

// BNStats are the running statistics of a batch norm layer, [C] each, and how
// they move: running = (1-Momentum)*running + Momentum*batch, with the unbiased
// variance, as in PyTorch. Eps is added to a variance before its root. Where Mean
// is frozen (Tensor.Freeze) they do not move: they are used on training tapes too.
type BNStats struct {
	Mean, Var     *Tensor
	Momentum, Eps float32
}

// bnCall is what one batch norm operation works with and saves for its way back.
type bnCall struct {
	x, gamma, beta *Tensor
	rows, c        int
	train          bool      // batch statistics, not running ones
	mean, invstd   []float32 // [c] that x was normalised with
	scale, shift   []float32 // [c], y = x*scale + shift
}

// newBN checks the shapes and finds the statistics.
func (tp *Tape) newBN(x, gamma, beta *Tensor, s *BNStats) *bnCall {
	rows, c := x.rows()
	gamma.mustShape("BatchNorm: gamma", c)
	beta.mustShape("BatchNorm: beta", c)
	s.Mean.mustShape("BatchNorm: the running mean", c)
	s.Var.mustShape("BatchNorm: the running variance", c)
	saved := tp.scratch(4 * c)
	b := &bnCall{
		x: x, gamma: gamma, beta: beta, rows: rows, c: c, train: tp.mode.Train && !s.Mean.frozen,
		mean: saved[:c], invstd: saved[c : 2*c], scale: saved[2*c : 3*c], shift: saved[3*c : 4*c],
	}
	if b.train {
		tp.e.batchStats(b.mean, b.invstd, x.data, rows, c, s)
	} else {
		for j := range c {
			b.mean[j] = s.Mean.data[j]
			b.invstd[j] = float32(1 / math.Sqrt(float64(s.Var.data[j])+float64(s.Eps)))
		}
	}
	for j := range c {
		b.scale[j] = gamma.data[j] * b.invstd[j]
		b.shift[j] = beta.data[j] - b.mean[j]*b.scale[j]
	}
	return b
}

// affine sets y = x*scale + shift, with the ReLU if told so.
func (tp *Tape) affine(y *Tensor, bn *bnCall, relu bool) {
	c, x := bn.c, bn.x.data
	tp.e.chunks(bn.rows, rowChunk(c), func(lo, hi int) {
		tp.e.k.Affine(y.data[lo*c:hi*c], x[lo*c:hi*c], bn.scale, bn.shift, hi-lo, relu)
	})
}

// BatchNorm normalises every channel (last dimension) of x over all other
// dimensions, multiplies by gamma [C] and adds beta [C] (Ioffe and Szegedy
// 2015, Algorithm 1); with relu it then takes max(., 0) in the same pass. On a
// training tape the mean and the biased variance of the batch are used and s is
// updated, else s is used.
func (tp *Tape) BatchNorm(x, gamma, beta *Tensor, s *BNStats, relu bool) *Tensor {
	bn := tp.newBN(x, gamma, beta, s)
	c := bn.c
	y := tp.result([]*Tensor{x, gamma, beta}, x.shape...)
	tp.affine(y, bn, relu)
	tp.record(y, func() {
		dy := y.grad.data
		cut := func(s []float32, lo, hi int) []float32 { return s[lo*c : hi*c] }
		mask := func(lo, hi int) []float32 {
			if !relu {
				return nil
			}
			return cut(y.data, lo, hi)
		}
		tp.batchNormGrad(bn, bn.rows, rowChunk(c),
			func(dg, db []float32, lo, hi int) {
				tp.e.k.BNGradSums(dg, db, cut(dy, lo, hi), mask(lo, hi), cut(x.data, lo, hi), bn.mean, bn.invstd, hi-lo)
			},
			func(dx, a, b, c0 []float32, lo, hi int) {
				tp.e.k.BNGradApply(cut(dx, lo, hi), cut(dy, lo, hi), mask(lo, hi), cut(x.data, lo, hi), a, b, c0, hi-lo)
			})
	})
	return y
}

// BatchNormMaxPool is MaxPool2D with a 2x2 window of BatchNorm of x [N,H,W,C],
// in one pass over memory: the full-size result in between is never stored,
// which for the first layer of a ResNet is most of the step's memory. Forward
// results are the same bits as those of the two operations, gradients differ by
// rounding. H and W must be even. Where somebody wants to see what is not
// stored, watch, if not nil, gets it: the normalised input before and after the
// ReLU, as values that no gradient flows through.
func (tp *Tape) BatchNormMaxPool(x, gamma, beta *Tensor, s *BNStats, relu bool, watch func(bn, out *Tensor)) *Tensor {
	x.mustRank("BatchNormMaxPool", 4)
	n, h, w := x.shape[0], x.shape[1], x.shape[2]
	if h%2 != 0 || w%2 != 0 {
		panic(fmt.Sprintf("tensor: BatchNormMaxPool of shape %v, expected even height and width", x.shape))
	}
	bn := tp.newBN(x, gamma, beta, s)
	if watch != nil {
		before, after := tp.Buffer(x.shape...), tp.Buffer(x.shape...)
		tp.affine(before, bn, false)
		tp.affine(after, bn, relu)
		watch(before, after)
	}
	y := tp.result([]*Tensor{x, gamma, beta}, n, h/2, w/2, bn.c)
	idx := bytesOf(tp.scratch((len(y.data) + 3) / 4))[:len(y.data)]
	in, out := w*bn.c, w/2*bn.c // floats in a row of x and of y
	pairs := n * h / 2
	size := max(1, sweep/max(2*in, 1))
	// upper and lower are the two input rows of output row i.
	upper := func(s []float32, i int) []float32 { return s[2*i*in:][:in] }
	lower := func(s []float32, i int) []float32 { return s[(2*i+1)*in:][:in] }
	tp.e.chunks(pairs, size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			tp.e.k.AffineMaxPool2(y.data[i*out:][:out], idx[i*out:][:out], upper(x.data, i), lower(x.data, i), bn.scale,
				bn.shift, relu)
		}
	})
	tp.record(y, func() {
		dy := y.grad.data
		mask := func(i int) []float32 {
			if !relu {
				return nil
			}
			return y.data[i*out:][:out]
		}
		tp.batchNormGrad(bn, pairs, size,
			func(dg, db []float32, lo, hi int) {
				for i := lo; i < hi; i++ {
					tp.e.k.BNPoolGradSums(dg, db, dy[i*out:][:out], idx[i*out:][:out], mask(i),
						upper(x.data, i), lower(x.data, i), bn.mean, bn.invstd)
				}
			},
			func(dx, a, b, c0 []float32, lo, hi int) {
				for i := lo; i < hi; i++ {
					tp.e.k.BNPoolGradApply(upper(dx, i), lower(dx, i), dy[i*out:][:out], idx[i*out:][:out], mask(i),
						upper(x.data, i), lower(x.data, i), a, b, c0)
				}
			})
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
		invstd[j] = float32(1 / math.Sqrt(m2/count+float64(s.Eps)))
		// PyTorch keeps the unbiased variance; of one element there is none.
		unbiased := m2 / max(count-1, 1)
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
// by column dx = a*g + b*x + c0 it is one pass over memory. The work is cut into
// units of which size make a chunk: sums adds the sums of units [lo, hi), apply
// writes their part of dx.
func (tp *Tape) batchNormGrad(bn *bnCall, units, size int,
	sums func(dg, db []float32, lo, hi int), apply func(dx, a, b, c0 []float32, lo, hi int)) {
	e, c := tp.e, bn.c
	n := (units + size - 1) / size
	part := e.arena.Get(2 * n * c)
	defer e.arena.Put(part)
	e.chunks(units, size, func(lo, hi int) {
		p := part[2*c*(lo/size):][:2*c]
		clear(p)
		sums(p[:c], p[c:], lo, hi)
	})
	coef := e.arena.Get(5 * c)
	defer e.arena.Put(coef)
	a, b, c0, dgamma, dbeta := coef[:c], coef[c:2*c], coef[2*c:3*c], coef[3*c:4*c], coef[4*c:5*c]
	for j := range c {
		var sg, sb float64
		for i := range n {
			sg += float64(part[2*c*i+j])
			sb += float64(part[2*c*i+c+j])
		}
		dgamma[j], dbeta[j] = float32(sg), float32(sb)
		is := float64(bn.invstd[j])
		scale := float64(bn.gamma.data[j]) * is
		a[j], b[j], c0[j] = float32(scale), 0, 0
		if bn.train {
			bj := -scale * sg * is / float64(bn.rows)
			b[j] = float32(bj)
			c0[j] = float32(-scale*sb/float64(bn.rows) - bj*float64(bn.mean[j]))
		}
	}
	if bn.gamma.needs {
		tp.addGrad(bn.gamma, dgamma)
	}
	if bn.beta.needs {
		tp.addGrad(bn.beta, dbeta)
	}
	if bn.x.needs {
		tp.addGradFrom(bn.x, func(dx []float32) {
			e.chunks(units, size, func(lo, hi int) { apply(dx, a, b, c0, lo, hi) })
		})
	}
}
