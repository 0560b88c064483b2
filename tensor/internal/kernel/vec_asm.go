//go:build amd64 || arm64

package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// The assembly takes pointers and counts and trusts them. Each function here
// makes an entry of Vec from an assembly function: it checks the lengths once
// and settles what is left to Go.

// first is the address of the first of n elements of x, if there are so many.
func first[T any](x []T, n int) *T {
	if len(x) < n {
		panic(fmt.Sprintf("kernel: slice of %d elements where %d are needed", len(x), n))
	}
	return unsafe.SliceData(x)
}

// wrapAdd also serves ReLUGrad.
func wrapAdd(f func(dst, a, b *float32, n int)) func(dst, a, b []float32) {
	return func(dst, a, b []float32) {
		n := len(dst)
		f(first(dst, n), first(a, n), first(b, n), n)
	}
}

func wrapAcc(add func(dst, a, b *float32, n int)) func(dst, a []float32) {
	return func(dst, a []float32) {
		n := len(dst)
		add(first(dst, n), first(dst, n), first(a, n), n)
	}
}

// wrapScale also serves Axpy.
func wrapScale(f func(dst, x *float32, s float32, n int)) func(dst, x []float32, s float32) {
	return func(dst, x []float32, s float32) {
		n := len(dst)
		f(first(dst, n), first(x, n), s, n)
	}
}

// wrapReLU also serves Exp.
func wrapReLU(f func(dst, x *float32, n int)) func(dst, x []float32) {
	return func(dst, x []float32) {
		n := len(x)
		f(first(dst, n), first(x, n), n)
	}
}

// wrapMaxUpdate also serves AccEqual. The assembly takes multiples of step,
// plain does the rest.
func wrapMaxUpdate(f func(dst *float32, idx *uint8, src *float32, k uint32, n int), step int,
	plain func(dst []float32, idx []uint8, src []float32, k uint8)) func(dst []float32, idx []uint8, src []float32, k uint8) {
	return func(dst []float32, idx []uint8, src []float32, k uint8) {
		n := len(src)
		whole := n - n%step
		f(first(dst, n), first(idx, n), first(src, n), uint32(k), whole)
		plain(dst[whole:n], idx[whole:n], src[whole:], k)
	}
}

// wrapDot also serves L1 and L2Sq.
func wrapDot(f func(a, b *float32, n int) float64) func(a, b []float32) float64 {
	return func(a, b []float32) float64 {
		n := len(a)
		return f(first(a, n), first(b, n), n)
	}
}

func wrapSGD(heavyBall, nesterov func(p, v, g *float32, lr, momentum, decay float32, n int)) func(p, v, g []float32, a SGDArgs) {
	return func(p, v, g []float32, a SGDArgs) {
		f, n := heavyBall, len(p)
		if a.Nesterov {
			f = nesterov
		}
		f(first(p, n), first(v, n), first(g, n), a.LR, a.Momentum, a.Decay, n)
	}
}

func wrapAdam(f func(p, m, v, g *float32, step, b1, rest1, b2, rest2, invSqrtC2, eps, l2, keep float32, n int)) func(p, m, v, g []float32, a AdamArgs) {
	return func(p, m, v, g []float32, a AdamArgs) {
		n := len(p)
		f(first(p, n), first(m, n), first(v, n), first(g, n),
			a.Step, a.B1, 1-a.B1, a.B2, 1-a.B2, a.InvSqrtC2, a.Eps, a.L2, a.Keep, n)
	}
}

// sumRows is the number of rows that are summed up in one go, a bound on the
// rounding where there are few columns and therefore many rows.
const sumRows = 1024

// rowBlocks calls f for sumRows rows at a time, or what is left of rows.
func rowBlocks(c, rows int, f func(start, rows int)) {
	if c == 0 {
		return
	}
	for r := 0; r < rows; r += sumRows {
		f(r*c, min(sumRows, rows-r))
	}
}

func wrapAddRow(f func(dst, row *float32, c, rows int)) func(dst, row []float32, rows int) {
	return func(dst, row []float32, rows int) {
		c := len(row)
		if c > 0 && rows > 0 {
			f(first(dst, rows*c), first(row, c), c, rows)
		}
	}
}

func wrapColSum(f func(sum, x *float32, c, rows int)) func(sum, x []float32, rows int) {
	return func(sum, x []float32, rows int) {
		c := len(sum)
		rowBlocks(c, rows, func(start, rows int) {
			f(first(sum, c), first(x[start:], rows*c), c, rows)
		})
	}
}

func wrapColMoments(f func(mean, m2, x *float32, headN, n float32, head, c, rows int)) func(mean, m2, x []float32, rows int) {
	return func(mean, m2, x []float32, rows int) {
		c, head := len(mean), (rows+7)/8
		if c > 0 && rows > 0 {
			f(first(mean, c), first(m2, c), first(x, rows*c), float32(head), float32(rows), head, c, rows)
		}
	}
}

// floor is the smallest value that an affine kernel lets through.
func floor(relu bool) float32 {
	if relu {
		return 0
	}
	return float32(math.Inf(-1))
}

func wrapAffine(f func(y, x, scale, shift *float32, floor float32, c, rows int)) func(y, x, scale, shift []float32, rows int, relu bool) {
	return func(y, x, scale, shift []float32, rows int, relu bool) {
		c := len(scale)
		if c > 0 && rows > 0 {
			f(first(y, rows*c), first(x, rows*c), first(scale, c), first(shift, c), floor(relu), c, rows)
		}
	}
}

func wrapBNGradSums(plain func(dg, db, dy, x, mean, invstd *float32, c, rows int),
	relu func(dg, db, dy, y, x, mean, invstd *float32, c, rows int)) func(dg, db, dy, y, x, mean, invstd []float32, rows int) {
	return func(dg, db, dy, y, x, mean, invstd []float32, rows int) {
		c := len(dg)
		rowBlocks(c, rows, func(start, rows int) {
			n := rows * c
			if y == nil {
				plain(first(dg, c), first(db, c), first(dy[start:], n), first(x[start:], n), first(mean, c), first(invstd, c), c, rows)
			} else {
				relu(first(dg, c), first(db, c), first(dy[start:], n), first(y[start:], n), first(x[start:], n), first(mean, c), first(invstd, c), c, rows)
			}
		})
	}
}

func wrapBNGradApply(plain func(dx, dy, x, a, b, c0 *float32, c, rows int),
	relu func(dx, dy, y, x, a, b, c0 *float32, c, rows int)) func(dx, dy, y, x, a, b, c0 []float32, rows int) {
	return func(dx, dy, y, x, a, b, c0 []float32, rows int) {
		c, n := len(a), rows*len(a)
		switch {
		case n == 0:
		case y == nil:
			plain(first(dx, n), first(dy, n), first(x, n), first(a, c), first(b, c), first(c0, c), c, rows)
		default:
			relu(first(dx, n), first(dy, n), first(y, n), first(x, n), first(a, c), first(b, c), first(c0, c), c, rows)
		}
	}
}
