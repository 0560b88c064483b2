package tensor

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor/internal/gemm"
)

// MatMul returns op(a) op(b), where op transposes its matrix if told so: shapes
// [M,K] and [K,N] after that, result [M,N].
func (tp *Tape) MatMul(a, b *Tensor, transA, transB bool) *Tensor {
	m, n := productSize("MatMul", a, b, transA, transB)
	y := tp.result([]*Tensor{a, b}, m, n)
	tp.e.matmul(y.data, a, transA, b, transB, gemm.Epilogue{})
	tp.record(y, func() {
		dy := &Tensor{shape: y.shape, data: y.grad.data}
		if a.needs { // y = op(a) op(b): d op(a) = dy op(b)^T
			g, holds := tp.gradOf(a)
			if transA {
				tp.e.matmul(g, b, transB, dy, true, gemm.Epilogue{Accumulate: holds})
			} else {
				tp.e.matmul(g, dy, false, b, !transB, gemm.Epilogue{Accumulate: holds})
			}
		}
		if b.needs { // d op(b) = op(a)^T dy
			g, holds := tp.gradOf(b)
			if transB {
				tp.e.matmul(g, dy, true, a, transA, gemm.Epilogue{Accumulate: holds})
			} else {
				tp.e.matmul(g, a, !transA, dy, false, gemm.Epilogue{Accumulate: holds})
			}
		}
	})
	return y
}

// Linear returns x w^T + b for x [...,in], w [out,in] (PyTorch's layout) and b
// [out], which may be nil: shape [...,out].
func (tp *Tape) Linear(x, w, b *Tensor) *Tensor { return tp.LinearAdd(x, w, b, nil) }

// LinearAdd returns r + x w^T + b, a residual sum with the linear layer that ends
// its branch, in one pass; r [...,out] may be nil. What the layer puts out is not
// stored.
func (tp *Tape) LinearAdd(x, w, b, r *Tensor) *Tensor {
	w.mustRank("Linear: the weight", 2)
	in, out := w.shape[1], w.shape[0]
	if x.Rank() > 2 {
		n, c := x.rows()
		shape := append(slices.Clone(x.shape[:x.Rank()-1]), out)
		if r != nil {
			r.mustShape("LinearAdd: what is added", shape...)
			r = tp.Reshape(r, n, out)
		}
		return tp.Reshape(tp.LinearAdd(tp.Reshape(x, n, c), w, b, r), shape...)
	}
	x.mustRank("Linear: the input", 2)
	x.mustShape("Linear: the input", x.shape[0], in)
	var ep gemm.Epilogue
	if b != nil {
		b.mustShape("Linear: the bias", out)
		ep.Bias = b.data
	}
	if r != nil {
		r.mustShape("LinearAdd: what is added", x.shape[0], out)
		ep.Add = r.data
	}
	y := tp.result([]*Tensor{x, w, b, r}, x.shape[0], out)
	by := tp.linear(x.shape[0], in, out)
	matmulBy(by, y.data, x, false, w, true, ep)
	tp.record(y, func() {
		dy := &Tensor{shape: y.shape, data: y.grad.data}
		if x.needs {
			g, holds := tp.gradOf(x)
			matmulBy(by, g, dy, false, w, false, gemm.Epilogue{Accumulate: holds})
		}
		if p := tp.sampled(w); p != nil {
			tp.linearBySample(p, x, dy)
		} else if w.needs {
			g, holds := tp.gradOf(w)
			matmulBy(by, g, dy, true, x, false, gemm.Epilogue{Accumulate: holds})
		}
		tp.biasGrad(b, dy)
		if r != nil {
			tp.passGrad(r, y) // takes the buffer over, so it comes last
		}
	})
	return y
}

// Product sets dst [M,N] = op(a) op(b) as MatMul does, without a tape: for
// measurements, where a tape would be timed too.
func (e *Engine) Product(dst, a, b *Tensor, transA, transB bool) {
	m, n := productSize("Product", a, b, transA, transB)
	dst.mustShape("Product: the result", m, n)
	e.matmul(dst.data, a, transA, b, transB, gemm.Epilogue{})
}

// productSize returns the rows and columns of op(a) op(b), or panics if the factors
// do not fit each other.
func productSize(name string, a, b *Tensor, transA, transB bool) (m, n int) {
	a.mustRank(name+": the first factor", 2)
	b.mustRank(name+": the second factor", 2)
	m, k := a.shape[0], a.shape[1]
	if transA {
		m, k = k, m
	}
	kb, n := b.shape[0], b.shape[1]
	if transB {
		kb, n = n, kb
	}
	if k != kb {
		panic(fmt.Sprintf("tensor: %s of shapes %v and %v, transposed %v and %v", name, a.shape, b.shape, transA, transB))
	}
	return m, n
}

// biasGrad adds the column sums of dy to the gradient of a bias, if there is one
// that wants it.
func (tp *Tape) biasGrad(b, dy *Tensor) {
	if b == nil || !b.needs {
		return
	}
	if p := tp.sampled(b); p != nil {
		tp.biasBySample(p, dy)
		return
	}
	g, holds := tp.gradOf(b)
	if !holds {
		clear(g)
	}
	rows, c := dy.rows()
	tp.e.colSums(g, dy.data, rows, c)
}

// matmul computes dst = op(a) op(b) for matrices of any shape that fits.
func (e *Engine) matmul(dst []float32, a *Tensor, transA bool, b *Tensor, transB bool, ep gemm.Epilogue) {
	matmulBy(e.gemm, dst, a, transA, b, transB, ep)
}

func matmulBy(r multiplier, dst []float32, a *Tensor, transA bool, b *Tensor, transB bool, ep gemm.Epilogue) {
	m, k := a.shape[0], a.shape[1]
	if transA {
		m, k = k, m
	}
	n := b.shape[1]
	if transB {
		n = b.shape[0]
	}
	r.MatMul(dst, n, a.data, a.shape[1], transA, b.data, b.shape[1], transB, m, n, k, ep)
}
