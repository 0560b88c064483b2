package tensor

import "fmt"

// sameShape panics unless the shapes are equal.
func sameShape(op string, a, b *Tensor) {
	if len(a.shape) == len(b.shape) {
		same := true
		for i := range a.shape {
			same = same && a.shape[i] == b.shape[i]
		}
		if same {
			return
		}
	}
	panic(fmt.Sprintf("tensor: %s of shapes %v and %v", op, a.shape, b.shape))
}

// Add returns a + b of the same shape.
func (tp *Tape) Add(a, b *Tensor) *Tensor {
	sameShape("Add", a, b)
	y := tp.result([]*Tensor{a, b}, a.shape...)
	tp.e.chunks(len(y.data), sweep, func(lo, hi int) {
		tp.e.k.Add(y.data[lo:hi], a.data[lo:hi], b.data[lo:hi])
	})
	tp.record(y, func() {
		tp.passGrad(a, y)
		tp.passGrad(b, y)
	})
	return y
}

// Scale returns s*x.
func (tp *Tape) Scale(x *Tensor, s float32) *Tensor {
	y := tp.result([]*Tensor{x}, x.shape...)
	scale := func(dst, src []float32) {
		tp.e.chunks(len(dst), sweep, func(lo, hi int) { tp.e.k.Scale(dst[lo:hi], src[lo:hi], s) })
	}
	scale(y.data, x.data)
	tp.record(y, func() {
		tp.addGradFrom(x, func(dst []float32) { scale(dst, y.grad.data) })
	})
	return y
}

// ReLU returns max(x, 0). The gradient at 0 is 0, as in PyTorch.
func (tp *Tape) ReLU(x *Tensor) *Tensor {
	y := tp.result([]*Tensor{x}, x.shape...)
	tp.e.chunks(len(y.data), sweep, func(lo, hi int) { tp.e.k.ReLU(y.data[lo:hi], x.data[lo:hi]) })
	tp.record(y, func() {
		tp.addGradFrom(x, func(dst []float32) {
			tp.e.chunks(len(dst), sweep, func(lo, hi int) {
				tp.e.k.ReLUGrad(dst[lo:hi], y.grad.data[lo:hi], y.data[lo:hi])
			})
		})
	})
	return y
}

// Reshape returns the same elements under another shape, without copying.
func (tp *Tape) Reshape(x *Tensor, shape ...int) *Tensor {
	if size(shape) != len(x.data) {
		panic(fmt.Sprintf("tensor: Reshape of shape %v to %v", x.shape, shape))
	}
	y := tp.view(x, shape...)
	tp.record(y, func() { tp.passGrad(x, y) })
	return y
}

// Gather returns the rows of x (its slices along the first dimension) that rows
// names, in that order; a row may come more than once.
func (tp *Tape) Gather(x *Tensor, rows []int) *Tensor {
	if x.Rank() == 0 {
		panic("tensor: Gather of a tensor without dimensions")
	}
	n, c := x.shape[0], 1
	if n > 0 {
		c = len(x.data) / n
	}
	shape := append([]int{len(rows)}, x.shape[1:]...)
	y := tp.result([]*Tensor{x}, shape...)
	for i, r := range rows {
		if r < 0 || r >= n {
			panic(fmt.Sprintf("tensor: Gather of row %d from shape %v", r, x.shape))
		}
		copy(y.data[i*c:(i+1)*c], x.data[r*c:(r+1)*c])
	}
	tp.record(y, func() {
		g, holds := tp.gradOf(x)
		if !holds {
			clear(g)
		}
		for i, r := range rows {
			tp.e.k.Acc(g[r*c:(r+1)*c], y.grad.data[i*c:(i+1)*c])
		}
	})
	return y
}

// Concat joins tensors along the first dimension; the others must agree.
func (tp *Tape) Concat(xs ...*Tensor) *Tensor {
	n := 0
	for _, x := range xs {
		x.mustRank("Concat: an argument", xs[0].Rank())
		x.mustShape("Concat: an argument", append([]int{x.shape[0]}, xs[0].shape[1:]...)...)
		n += x.shape[0]
	}
	y := tp.result(xs, append([]int{n}, xs[0].shape[1:]...)...)
	at := 0
	for _, x := range xs {
		at += copy(y.data[at:], x.data)
	}
	tp.record(y, func() {
		at := 0
		for _, x := range xs {
			if x.needs {
				tp.addGrad(x, y.grad.data[at:at+len(x.data)])
			}
			at += len(x.data)
		}
	})
	return y
}

// MaskDiagonal returns a copy of the square matrix x [N,N] whose diagonal is v.
// No gradient flows into the diagonal.
func (tp *Tape) MaskDiagonal(x *Tensor, v float32) *Tensor {
	x.mustRank("MaskDiagonal", 2)
	n := x.shape[0]
	x.mustShape("MaskDiagonal", n, n)
	y := tp.result([]*Tensor{x}, n, n)
	fill := func(dst, src []float32, v float32) {
		copy(dst, src)
		for i := range n {
			dst[i*n+i] = v
		}
	}
	fill(y.data, x.data, v)
	tp.record(y, func() {
		tp.addGradFrom(x, func(dst []float32) { fill(dst, y.grad.data, 0) })
	})
	return y
}
