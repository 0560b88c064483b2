//go:build !purego

package kernel

// Entries of Vec as in vec_asm.go, from assembly that arm64 lacks.

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

// For the kernels with pooling the assembly takes numbers of columns that are
// multiples of step; other, or the plain loops, do the others.

func wrapAffineMaxPool2(f func(out *float32, idx *uint8, x0, x1, scale, shift *float32, floor float32, c, rows int), step int,
	other func(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool)) func(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool) {
	return func(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool) {
		c, n := len(scale), len(out)
		if c == 0 || c%step != 0 || n < c {
			other(out, idx, x0, x1, scale, shift, relu)
			return
		}
		f(first(out, n), first(idx, n), first(x0, 2*n), first(x1, 2*n), first(scale, c), first(shift, c), floor(relu), c, n/c)
	}
}

func wrapBNPoolGradSums(plain func(dg, db, dy *float32, idx *uint8, x0, x1, mean, invstd *float32, c, rows int),
	relu func(dg, db, dy *float32, idx *uint8, x0, x1, mean, invstd, out *float32, c, rows int), step int) func(dg, db, dy []float32, idx []uint8, out, x0, x1, mean, invstd []float32) {
	return func(dg, db, dy []float32, idx []uint8, out, x0, x1, mean, invstd []float32) {
		c, n := len(dg), len(dy)
		switch {
		case c == 0 || c%step != 0 || n < c:
			bnPoolGradSums(dg, db, dy, idx, out, x0, x1, mean, invstd)
		case out == nil:
			plain(first(dg, c), first(db, c), first(dy, n), first(idx, n), first(x0, 2*n), first(x1, 2*n), first(mean, c), first(invstd, c), c, n/c)
		default:
			relu(first(dg, c), first(db, c), first(dy, n), first(idx, n), first(x0, 2*n), first(x1, 2*n), first(mean, c), first(invstd, c), first(out, n), c, n/c)
		}
	}
}

func wrapBNPoolGradApply(plain func(dx0, dx1, dy *float32, idx *uint8, x0, x1, a, b, c0 *float32, c, rows int),
	relu func(dx0, dx1, dy *float32, idx *uint8, x0, x1, a, b, c0, out *float32, c, rows int), step int) func(dx0, dx1, dy []float32, idx []uint8, out, x0, x1, a, b, c0 []float32) {
	return func(dx0, dx1, dy []float32, idx []uint8, out, x0, x1, a, b, c0 []float32) {
		c, n := len(a), len(dy)
		switch {
		case c == 0 || c%step != 0 || n < c:
			bnPoolGradApply(dx0, dx1, dy, idx, out, x0, x1, a, b, c0)
		case out == nil:
			plain(first(dx0, 2*n), first(dx1, 2*n), first(dy, n), first(idx, n), first(x0, 2*n), first(x1, 2*n), first(a, c), first(b, c), first(c0, c), c, n/c)
		default:
			relu(first(dx0, 2*n), first(dx1, 2*n), first(dy, n), first(idx, n), first(x0, 2*n), first(x1, 2*n), first(a, c), first(b, c), first(c0, c), first(out, n), c, n/c)
		}
	}
}
