//go:build (amd64 || arm64) && !purego

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

// wrapDot also serves L1 and L2Sq.
func wrapDot(f func(a, b *float32, n int) float64) func(a, b []float32) float64 {
	return func(a, b []float32) float64 {
		n := len(a)
		return f(first(a, n), first(b, n), n)
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

func wrapAffineAdd(f func(y, x, r, scale, shift *float32, floor float32, c, rows int)) func(y, x, r, scale, shift []float32, rows int, relu bool) {
	return func(y, x, r, scale, shift []float32, rows int, relu bool) {
		c, n := len(scale), rows*len(scale)
		if n > 0 {
			f(first(y, n), first(x, n), first(r, n), first(scale, c), first(shift, c), floor(relu), c, rows)
		}
	}
}

func wrapBNGradGateSums(f func(dg, db, dy, y, x, mean, invstd *float32, c, rows int)) func(dg, db, dy, y, x, mean, invstd []float32, rows int) {
	return func(dg, db, dy, y, x, mean, invstd []float32, rows int) {
		c := len(dg)
		rowBlocks(c, rows, func(start, rows int) {
			n := rows * c
			f(first(dg, c), first(db, c), first(dy[start:], n), first(y[start:], n), first(x[start:], n), first(mean, c), first(invstd, c), c, rows)
		})
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
