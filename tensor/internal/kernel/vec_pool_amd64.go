package kernel

// Entries of Vec with pooling, as in vec_asm.go. The assembly takes numbers of
// columns that are multiples of step; the plain loops do the others.

func wrapAffineMaxPool2(f func(out *float32, idx *uint8, x0, x1, scale, shift *float32, floor float32, c, rows int), step int) func(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool) {
	return func(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool) {
		c, n := len(scale), len(out)
		if c == 0 || c%step != 0 || n < c {
			affineMaxPool2(out, idx, x0, x1, scale, shift, relu)
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
