package tensor

import (
	"fmt"

	"github.com/locimem/locimem/tensor/internal/gemm"
)

// The precisions of Options.
const (
	Float32 = "float32"
	BF16    = "bf16"
)

// Precisions lists the values of Options.Precision.
func Precisions() []string { return []string{Float32, BF16} }

// checkPrecision returns whether bf16 is wanted.
func checkPrecision(p string) (bool, error) {
	switch p {
	case "", Float32:
		return false, nil
	case BF16:
		return true, nil
	}
	return false, fmt.Errorf("precision: found %q, expected %s or %s", p, Float32, BF16)
}

// Precision returns float32 or bf16.
func (e *Engine) Precision() string {
	if e.bf16 != nil {
		return BF16
	}
	return Float32
}

// EmulatesBF16 reports whether the engine computes in bf16 without a processor
// that does: the same bits, some hundred times slower.
func (e *Engine) EmulatesBF16() bool { return e.bf16 != nil && e.bf16.Kernels() == "generic" }

// usesBF16 reports whether the layers of this tape compute in bf16: tapes that
// record gradients do if the engine's precision says so. Inference does not, so
// that scores are those of the weights.
func (tp *Tape) usesBF16() bool { return tp.e.bf16 != nil && tp.mode.Grad }

// conv2DBF16 is the arithmetic of Conv2D in bf16.
func (tp *Tape) conv2DBF16(y, x, w, b *Tensor, bias []float32, s gemm.ConvShape) {
	tp.e.bf16.ConvForward(y.data, x.data, w.data, bias, s)
	tp.record(y, func() {
		var dx, dw []float32
		var addX, addW bool
		if w.needs {
			dw, addW = tp.gradOf(w)
		}
		if x.needs {
			dx, addX = tp.gradOf(x)
		}
		tp.e.bf16.ConvBackward(dx, dw, y.grad.data, x.data, w.data, s, addX, addW)
		tp.biasGrad(b, y.grad)
	})
}

// multiplier multiplies matrices in float32 (gemm.Runner) or bf16 (gemm.BF16).
type multiplier interface {
	MatMul(c []float32, ldc int, a []float32, lda int, transA bool, b []float32, ldb int, transB bool, m, n, k int,
		e gemm.Epilogue)
}

// linear returns what multiplies in a linear layer. MatMul, which losses are
// made of, stays in float32.
func (tp *Tape) linear(rows, in, out int) multiplier {
	if tp.usesBF16() && gemm.WorthBF16(rows, in, out) {
		return tp.e.bf16
	}
	return tp.e.gemm
}
