package tensor

// RowDots returns the inner product of every row of a with the same row of b,
// both [N,D]: shape [N,1].
func (tp *Tape) RowDots(a, b *Tensor) *Tensor {
	a.mustRank("RowDots", 2)
	sameShape("RowDots", a, b)
	n, d := a.shape[0], a.shape[1]
	y := tp.result([]*Tensor{a, b}, n, 1)
	tp.e.samples(n, d, func(i int) {
		y.data[i] = float32(tp.e.k.Dot(a.data[i*d:(i+1)*d], b.data[i*d:(i+1)*d]))
	})
	tp.record(y, func() {
		give := func(to, other *Tensor) {
			if !to.needs {
				return
			}
			tp.addGradFrom(to, func(dst []float32) {
				tp.e.samples(n, d, func(i int) { tp.e.k.Scale(dst[i*d:(i+1)*d], other.data[i*d:(i+1)*d], y.grad.data[i]) })
			})
		}
		give(a, b)
		give(b, a)
	})
	return y
}

// SquaredDistance returns the mean over the rows of |a[i] - b[i]|^2, both [N,D]:
// shape [1].
func (tp *Tape) SquaredDistance(a, b *Tensor) *Tensor {
	a.mustRank("SquaredDistance", 2)
	sameShape("SquaredDistance", a, b)
	n, d := a.shape[0], a.shape[1]
	y := tp.result([]*Tensor{a, b}, 1)
	part := make([]float64, n)
	tp.e.samples(n, d, func(i int) { part[i] = tp.e.k.L2Sq(a.data[i*d:(i+1)*d], b.data[i*d:(i+1)*d]) })
	sum := 0.0
	for _, v := range part {
		sum += v
	}
	y.data[0] = float32(sum / float64(n))
	tp.record(y, func() {
		s := 2 * y.grad.data[0] / float32(n)
		give := func(to *Tensor, s float32) {
			if !to.needs {
				return
			}
			tp.addGradFrom(to, func(dst []float32) {
				tp.e.chunks(len(dst), sweep, func(lo, hi int) {
					tp.e.k.Scale(dst[lo:hi], a.data[lo:hi], s)
					tp.e.k.Axpy(dst[lo:hi], b.data[lo:hi], -s)
				})
			})
		}
		give(a, s)
		give(b, -s)
	})
	return y
}

// ConcatColumns returns a [N,A] and b [N,B] side by side: shape [N,A+B].
func (tp *Tape) ConcatColumns(a, b *Tensor) *Tensor {
	a.mustRank("ConcatColumns: the first argument", 2)
	b.mustRank("ConcatColumns: the second argument", 2)
	n, ca, cb := a.shape[0], a.shape[1], b.shape[1]
	b.mustShape("ConcatColumns: the second argument", n, cb)
	c := ca + cb
	y := tp.result([]*Tensor{a, b}, n, c)
	tp.e.samples(n, c, func(i int) {
		copy(y.data[i*c:], a.data[i*ca:(i+1)*ca])
		copy(y.data[i*c+ca:(i+1)*c], b.data[i*cb:])
	})
	tp.record(y, func() {
		give := func(to *Tensor, from, width int) {
			if !to.needs {
				return
			}
			tp.addGradFrom(to, func(dst []float32) {
				tp.e.samples(n, width, func(i int) { copy(dst[i*width:(i+1)*width], y.grad.data[i*c+from:]) })
			})
		}
		give(a, 0, ca)
		give(b, ca, cb)
	})
	return y
}
