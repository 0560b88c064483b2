// Package gemm multiplies matrices and convolves images with the register tile
// of package kernel, in parallel on the workers of a pool.
package gemm

import (
	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// Runner multiplies and convolves. It owns scratch memory that its calls reuse,
// so it serves one goroutine at a time. Its results are the same, bit for bit,
// for any number of workers.
type Runner struct {
	k *kernel.Impl
	p *pool.Pool
}

// New returns a Runner that computes with k on the workers of p.
func New(k *kernel.Impl, p *pool.Pool) *Runner { return &Runner{k: k, p: p} }

// Epilogue is what happens to the sums of a product before they are stored:
// C = ReLU(sum + C + Bias), where each part is optional.
type Epilogue struct {
	Accumulate bool      // add to what C holds
	Bias       []float32 // nil or n numbers, one for each column of C
	ReLU       bool
}

// MatMul sets C [m x n] = op(A) op(B), where op transposes if told to and e adds
// to it. All matrices are row-major with the given strides; A is [m x k], or [k
// x m] with transA, and B is [k x n], or [n x k] with transB.
func (r *Runner) MatMul(c []float32, ldc int, a []float32, lda int, transA bool, b []float32, ldb int, transB bool, m, n, k int, e Epilogue) {
	for i := range m {
		for j := range n {
			var v float32
			for p := range k {
				ai, bi := i*lda+p, p*ldb+j
				if transA {
					ai = p*lda + i
				}
				if transB {
					bi = j*ldb + p
				}
				v += a[ai] * b[bi]
			}
			if e.Accumulate {
				v += c[i*ldc+j]
			}
			if e.Bias != nil {
				v += e.Bias[j]
			}
			if e.ReLU && v < 0 {
				v = 0
			}
			c[i*ldc+j] = v
		}
	}
}
