package tensor

import (
	"fmt"
	"math"
)

// Center takes the mean row away from every row of x [N,D].
func (tp *Tape) Center(x *Tensor) *Tensor {
	x.mustRank("Center", 2)
	n, d := x.shape[0], x.shape[1]
	y := tp.result([]*Tensor{x}, n, d)
	center := func(dst, src []float32) {
		mean := tp.e.arena.Get(d)
		defer tp.e.arena.Put(mean)
		clear(mean)
		tp.e.colSums(mean, src, n, d)
		tp.e.k.Scale(mean, mean, -1/float32(n))
		tp.e.samples(n, d, func(i int) { tp.e.k.Add(dst[i*d:(i+1)*d], src[i*d:(i+1)*d], mean) })
	}
	center(y.data, x.data)
	tp.record(y, func() {
		tp.addGradFrom(x, func(dst []float32) { center(dst, y.grad.data) })
	})
	return y
}

// DiagonalSquares returns, of a square matrix x [D,D], shape [1],
//
//	diag * sum over i of (x[i][i] - target)^2 + off * sum over i != j of x[i][j]^2
func (tp *Tape) DiagonalSquares(x *Tensor, target, diag, off float32) *Tensor {
	d := square("DiagonalSquares", x)
	y := tp.result([]*Tensor{x}, 1)
	on, away := 0.0, tp.e.k.Dot(x.data, x.data)
	for i := range d {
		v := float64(x.data[i*d+i])
		on += (v - float64(target)) * (v - float64(target))
		away -= v * v
	}
	y.data[0] = float32(float64(diag)*on + float64(off)*away)
	tp.record(y, func() {
		s := 2 * y.grad.data[0]
		tp.addGradFrom(x, func(dst []float32) {
			tp.e.chunks(len(dst), sweep, func(lo, hi int) { tp.e.k.Scale(dst[lo:hi], x.data[lo:hi], s*off) })
			for i := range d {
				dst[i*d+i] = s * diag * (x.data[i*d+i] - target)
			}
		})
	})
	return y
}

// StdHinge returns, of a covariance matrix [D,D], the mean over its diagonal of
// max(0, gamma - sqrt(variance + eps)), shape [1] (Bardes et al. 2022, Equations 1
// and 2).
func (tp *Tape) StdHinge(cov *Tensor, gamma, eps float32) *Tensor {
	d := square("StdHinge", cov)
	y := tp.result([]*Tensor{cov}, 1)
	std := make([]float64, d)
	sum := 0.0
	for i := range d {
		std[i] = math.Sqrt(float64(cov.data[i*d+i]) + float64(eps))
		sum += max(0, float64(gamma)-std[i])
	}
	y.data[0] = float32(sum / float64(d))
	tp.record(y, func() {
		s := float64(y.grad.data[0]) / float64(d)
		tp.addGradFrom(cov, func(dst []float32) {
			clear(dst)
			for i, v := range std {
				if v < float64(gamma) {
					dst[i*d+i] = float32(-s / (2 * v))
				}
			}
		})
	})
	return y
}

// square returns D of a matrix [D,D].
func square(op string, x *Tensor) int {
	x.mustRank(op, 2)
	if x.shape[0] != x.shape[1] || x.shape[0] == 0 {
		panic(fmt.Sprintf("tensor: %s of shape %v, expected a square matrix", op, x.shape))
	}
	return x.shape[0]
}
