package tensor

import "fmt"

// sum adds up in float64, in fixed chunks of the sweep size.
func (e *Engine) sum(x []float32) float64 {
	part := make([]float64, (len(x)+sweep-1)/sweep)
	e.chunks(len(x), sweep, func(lo, hi int) {
		s := 0.0
		for _, v := range x[lo:hi] {
			s += float64(v)
		}
		part[lo/sweep] = s
	})
	s := 0.0
	for _, p := range part {
		s += p
	}
	return s
}

// Sum returns the sum of all elements, shape [1].
func (tp *Tape) Sum(x *Tensor) *Tensor { return tp.scaledSum(x, 1) }

// Mean returns the mean of all elements, shape [1]. It panics if there are none.
func (tp *Tape) Mean(x *Tensor) *Tensor {
	if len(x.data) == 0 {
		panic(fmt.Sprintf("tensor: Mean of shape %v", x.shape))
	}
	return tp.scaledSum(x, 1/float64(len(x.data)))
}

func (tp *Tape) scaledSum(x *Tensor, s float64) *Tensor {
	y := tp.result([]*Tensor{x}, 1)
	y.data[0] = float32(s * tp.e.sum(x.data))
	tp.record(y, func() {
		v := y.grad.data[0] * float32(s)
		tp.addGradFrom(x, func(dst []float32) {
			tp.e.chunks(len(dst), sweep, func(lo, hi int) {
				for i := lo; i < hi; i++ {
					dst[i] = v
				}
			})
		})
	})
	return y
}

// MeanAxis0 returns the mean over the first dimension: [N,...] to [...]. It
// panics if N is 0.
func (tp *Tape) MeanAxis0(x *Tensor) *Tensor {
	if x.Rank() == 0 || x.shape[0] == 0 {
		panic(fmt.Sprintf("tensor: MeanAxis0 of shape %v", x.shape))
	}
	n := x.shape[0]
	c := len(x.data) / n
	y := tp.result([]*Tensor{x}, x.shape[1:]...)
	clear(y.data)
	tp.e.colSums(y.data, x.data, n, c)
	tp.e.k.Scale(y.data, y.data, 1/float32(n))
	tp.record(y, func() {
		tp.addGradFrom(x, func(dst []float32) {
			tp.e.chunks(n, rowChunk(c), func(lo, hi int) {
				for i := lo; i < hi; i++ {
					tp.e.k.Scale(dst[i*c:(i+1)*c], y.grad.data, 1/float32(n))
				}
			})
		})
	})
	return y
}
