package tensor_test

import "github.com/locimem/locimem/tensor"

// The operations of testdata/make_transformer.py.
func init() {
	for name, run := range map[string]func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor{
		"layernorm": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.LayerNorm(in[0], in[1], in[2], float32(c.Eps))
		},
		"groupnorm": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.GroupNorm(in[0], in[1], in[2], c.Groups, float32(c.Eps), c.Relu)
		},
		"gelu": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.GELU(in[0]) },
		"attention": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.Attention(in[0], c.Heads)
		},
		"addtokens": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.AddTokens(in[0], in[1])
		},
		"prepend": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.PrependToken(in[0], in[1])
		},
		"take": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.TakeToken(in[0], c.Index)
		},
		"meantokens": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.MeanTokens(in[0], c.Index)
		},
		"gathertokens": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.GatherTokens(in[0], c.Tokens)
		},
		"scattertokens": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.ScatterTokens(in[0], c.Tokens, in[1], c.Index)
		},
		"patchify": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.Patchify(in[0], c.Index)
		},
		"droppath": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.DropPath(in[0], c.Keep)
		},
		"embedding": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.Embedding(in[0], c.Rows, 2, 3)
		},
		"conv1d": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			return tp.Conv1D(in[0], in[1], in[2], c.Stride[0], c.Pad[0])
		},
	} {
		ops[name] = run
	}
}
