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
	size := rows * c
	tp.e.pool.Run(n, func(i, worker int) {
		mean, invstd := stats[2*c*i:][:c], stats[2*c*i+c:][:c]
		scale, shift := work[2*c*worker:][:c], work[2*c*worker+c:][:c]
		tp.e.k.ColMoments(mean, invstd, x.data[i*size:(i+1)*size], rows)
		joinGroups(mean, invstd, groups, rows, eps)
		for j := range c {
			scale[j] = gamma.data[j] * invstd[j]
			shift[j] = beta.data[j] - mean[j]*scale[j]
		}
		tp.e.k.Affine(y.data[i*size:(i+1)*size], x.data[i*size:(i+1)*size], scale, shift, rows, relu)
	})
	tp.e.arena.Put(work)
	tp.record(y, func() { tp.groupNormGrad(x, gamma, beta, y, stats, groups, relu) })
	return y
}

// joinGroups turns mean and m2, the sum of squared distances, of the columns of
// one sample into mean and 1/sqrt(var+eps) of each column's group, by the
// formula of Chan, Golub and LeVeque (1983).
func joinGroups(mean, m2 []float32, groups, rows int, eps float32) {
	width := len(mean) / groups
	for lo := 0; lo < len(mean); lo += width {
		mean, m2 := mean[lo:lo+width], m2[lo:lo+width]
		mu, squares := 0.0, 0.0
		for _, m := range mean {
			mu += float64(m)
		}
		mu /= float64(width)
		for j, m := range mean {
			d := float64(m) - mu
			squares += float64(m2[j]) + d*d*float64(rows)
		}
		invstd := 1 / math.Sqrt(squares/float64(rows*width)+float64(eps))
		for j := range mean {
			mean[j], m2[j] = float32(mu), float32(invstd)
		}
	}
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
	sums := func(i int, of func(s []float32) []float32, mask []float32) (dg, db []float32) {
		dg, db = part[2*c*i:][:c], part[2*c*i+c:][:c]
		clear(dg)
		clear(db)
		e.k.BNGradSums(dg, db, of(y.grad.data), mask, of(x.data), stats[2*c*i:][:c], stats[2*c*i+c:][:c], rows)
		return dg, db
	}
	sample := func(dx []float32, i, worker int) {
		of := func(s []float32) []float32 { return s[i*size : (i+1)*size] }
		var mask []float32
		if relu {
			mask = of(y.data)
		}
		dg, db := sums(i, of, mask)
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
		e.k.BNGradApply(of(dx), of(y.grad.data), mask, of(x.data), a, b, c0, rows)
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
