package tensor

import (
	"fmt"

	"github.com/locimem/locimem/tensor/internal/gemm"
)

// Attention returns softmax(q k^T / sqrt(d)) v for each head (Vaswani et al.
// 2017, equation 1). qkv [N,T,3*C] holds queries, keys and values in this order,
// in each of them the heads one after the other, d = C/heads numbers each, which
// is the layout of timm's vision transformers; the result is [N,T,C]. The T x T
// scores are never stored: Backward makes them again. It panics if heads does
// not divide C.
func (tp *Tape) Attention(qkv *Tensor, heads int) *Tensor {
	qkv.mustRank("Attention: the input", 3)
	if heads < 1 || qkv.shape[2]%(3*heads) != 0 {
		panic(fmt.Sprintf("tensor: Attention of shape %v with %d heads, expected [N,T,3*heads*d]", qkv.shape, heads))
	}
	s := gemm.AttentionShape{N: qkv.shape[0], T: qkv.shape[1], Heads: heads, D: qkv.shape[2] / (3 * heads)}
	y := tp.result([]*Tensor{qkv}, s.N, s.T, heads*s.D)
	if len(y.data) == 0 {
		return y
	}
	var lse []float32
	if y.needs {
		lse = tp.scratch(s.N * s.Heads * s.T)
	}
	tp.e.attn.Forward(y.data, lse, qkv.data, s)
	tp.record(y, func() {
		tp.addGradFrom(qkv, func(dst []float32) {
			tp.e.attn.Backward(dst, y.grad.data, qkv.data, y.data, lse, s)
		})
	})
	return y
}
