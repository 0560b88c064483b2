package tensor

import "fmt"

// MSE returns the mean of the squared differences of two tensors of the same
// shape, shape [1]. It panics if they are empty.
func (tp *Tape) MSE(a, b *Tensor) *Tensor {
	sameShape("MSE", a, b)
	if len(a.data) == 0 {
		panic(fmt.Sprintf("tensor: MSE of shape %v", a.shape))
	}
	y := tp.result([]*Tensor{a, b}, 1)
	part := make([]float64, (len(a.data)+sweep-1)/sweep)
	// Kernels may add up in float32: only some hundred numbers at a time.
	const few = 512
	tp.e.chunks(len(a.data), sweep, func(lo, hi int) {
		for i := lo; i < hi; i += few {
			to := min(i+few, hi)
			part[lo/sweep] += tp.e.k.L2Sq(a.data[i:to], b.data[i:to])
		}
	})
	sum := 0.0
	for _, p := range part {
		sum += p
	}
	y.data[0] = float32(sum / float64(len(a.data)))
	tp.record(y, func() {
		// d/da = 2 (a-b)/n, and d/db its opposite.
		s := 2 * y.grad.data[0] / float32(len(a.data))
		give := func(of, a, b *Tensor) {
			if !of.needs {
				return
			}
			tp.addGradFrom(of, func(dst []float32) {
				tp.e.chunks(len(dst), sweep, func(lo, hi int) {
					copy(dst[lo:hi], a.data[lo:hi])
					tp.e.k.Axpy(dst[lo:hi], b.data[lo:hi], -1)
					tp.e.k.Scale(dst[lo:hi], dst[lo:hi], s)
				})
			})
		}
		give(a, a, b)
		give(b, b, a)
	})
	return y
}
