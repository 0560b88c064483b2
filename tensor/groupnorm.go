package tensor

import (
	"fmt"
	"math"
)

// GroupNorm cuts the channels of x [N,H,W,C] into groups of neighbours,
// normalises each sample's groups by their own mean and biased variance, over
// all pixels, multiplies by gamma [C] and adds beta [C] (Wu and He 2018,
// equation 7); with relu it then takes max(., 0) in the same pass. Training and
// inference do the same, and no sample sees another. It panics if groups does
// not divide C.
func (tp *Tape) GroupNorm(x, gamma, beta *Tensor, groups int, eps float32, relu bool) *Tensor {
	x.mustRank("GroupNorm", 4)
	n, rows, c := x.shape[0], x.shape[1]*x.shape[2], x.shape[3]
	if groups < 1 || c%groups != 0 {
		panic(fmt.Sprintf("tensor: GroupNorm of shape %v with %d groups", x.shape, groups))
	}
	gamma.mustShape("GroupNorm: gamma", c)
	beta.mustShape("GroupNorm: beta", c)
	y := tp.result([]*Tensor{x, gamma, beta}, x.shape...)
	if len(y.data) == 0 {
		return y
	}
	// Of each sample, by channel: the mean and 1/sqrt(var+eps) of its group.
	stats := tp.scratch(2 * n * c)
	work := tp.e.arena.Get(tp.e.Threads() * 2 * c)
	joined := make([]moments, tp.e.Threads()*groups)
	size := rows * c
	tp.e.pool.Run(n, func(i, worker int) {
		mean, invstd := stats[2*c*i:][:c], stats[2*c*i+c:][:c]
		scale, shift := work[2*c*worker:][:c], work[2*c*worker+c:][:c]
		x, y := x.data[i*size:(i+1)*size], y.data[i*size:(i+1)*size]
		group := joined[worker*groups:][:groups]
		clear(group)
		eachChunk(rows, c, func(lo, hi int) {
			tp.e.k.ColMoments(mean, invstd, x[lo*c:hi*c], hi-lo)
			for j := range c {
				group[j*groups/c].join(float64(hi-lo), float64(mean[j]), float64(invstd[j]))
			}
		})
		for j := range c {
			g := group[j*groups/c]
			mean[j] = float32(g.mean)
			invstd[j] = float32(1 / math.Sqrt(g.m2/g.count+float64(eps)))
			scale[j] = gamma.data[j] * invstd[j]
			shift[j] = beta.data[j] - mean[j]*scale[j]
		}
		eachChunk(rows, c, func(lo, hi int) {
			tp.e.k.Affine(y[lo*c:hi*c], x[lo*c:hi*c], scale, shift, hi-lo, relu)
		})
	})
	tp.e.arena.Put(work)
	tp.record(y, func() { tp.groupNormGrad(x, gamma, beta, y, stats, groups, relu) })
	return y
}

// eachChunk calls f for ranges of rows of c numbers that fit into the cache, one
// after the other.
func eachChunk(rows, c int, f func(lo, hi int)) {
	size := rowChunk(c)
	for lo := 0; lo < rows; lo += size {
		f(lo, min(lo+size, rows))
	}
}

// moments are those of a set of numbers: m2 is the sum of their squared
// distances from the mean.
type moments struct{ count, mean, m2 float64 }

// join adds the numbers of another set, by the formula of Chan, Golub and
// LeVeque (1983).
func (a *moments) join(count, mean, m2 float64) {
	d := mean - a.mean
	sum := a.count + count
	a.m2 += m2 + d*d*a.count*count/sum
	a.mean += d * count / sum
	a.count = sum
}

// groupNormGrad is the way back. With g the gradient behind the ReLU, xhat the
// normalised input and M the numbers of a group,
//
//	dbeta = sum g, dgamma = sum g*xhat, both over all samples and pixels,
//	dx = invstd * (gamma*g - sum(gamma*g)/M - xhat*sum(gamma*g*xhat)/M)
//
// with sums over the group of the sample. Written by column dx = a*g + b*x + c0,
// as in batchNormGrad.
func (tp *Tape) groupNormGrad(x, gamma, beta, y *Tensor, stats []float32, groups int, relu bool) {
	e := tp.e
	n, c := x.shape[0], x.shape[3]
	rows, width := x.shape[1]*x.shape[2], c/groups
	size := rows * c
	part := e.arena.Get(2 * n * c) // dgamma and dbeta of each sample
	coef := e.arena.Get(e.Threads() * 3 * c)
	sample := func(dx []float32, i, worker int) {
		of := func(s []float32, lo, hi int) []float32 { return s[i*size+lo*c : i*size+hi*c] }
		mask := func(lo, hi int) []float32 {
			if !relu {
				return nil
			}
			return of(y.data, lo, hi)
		}
		dg, db := part[2*c*i:][:c], part[2*c*i+c:][:c]
		clear(dg)
		clear(db)
		eachChunk(rows, c, func(lo, hi int) {
			e.k.BNGradSums(dg, db, of(y.grad.data, lo, hi), mask(lo, hi), of(x.data, lo, hi), stats[2*c*i:][:c],
				stats[2*c*i+c:][:c], hi-lo)
		})
		if dx == nil {
			return
		}
		w := coef[3*c*worker:][:3*c]
		a, b, c0 := w[:c], w[c:2*c], w[2*c:]
		for lo := 0; lo < c; lo += width {
			var s, sx float64
			for j := lo; j < lo+width; j++ {
				s += float64(gamma.data[j]) * float64(db[j])
				sx += float64(gamma.data[j]) * float64(dg[j])
			}
			mean, invstd := float64(stats[2*c*i+lo]), float64(stats[2*c*i+c+lo])
			m := float64(rows * width)
			bj := -invstd * invstd * sx / m
			for j := lo; j < lo+width; j++ {
				a[j] = float32(float64(gamma.data[j]) * invstd)
				b[j] = float32(bj)
				c0[j] = float32(-invstd*s/m - bj*mean)
			}
		}
		eachChunk(rows, c, func(lo, hi int) {
			e.k.BNGradApply(of(dx, lo, hi), of(y.grad.data, lo, hi), mask(lo, hi), of(x.data, lo, hi), a, b, c0, hi-lo)
		})
	}
	if x.needs {
		tp.addGradFrom(x, func(dx []float32) {
			e.pool.Run(n, func(i, worker int) { sample(dx, i, worker) })
		})
	} else {
		e.pool.Run(n, func(i, worker int) { sample(nil, i, worker) })
	}
	tp.addParts(gamma, part, n, 2*c)
	tp.addParts(beta, part[c:], n, 2*c)
	e.arena.Put(coef)
	e.arena.Put(part)
}
