package nn

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// ViTBlock is a block of a vision transformer (Dosovitskiy et al. 2021, Eq. 2 and
// 3), its norms before what they serve:
//
//	y = x + proj(attention(qkv(norm1(x))))      tap name.add1
//	z = y + fc2(GELU(fc1(norm2(y))))            tap name, the block's output
//
// The attention's tap, name.attn, is the output of the heads, before the
// projection name.attn.proj. The second residual sum is the block's output; it
// has no other tap.
type ViTBlock struct {
	name         string
	heads, dim   int
	drop         float64
	norm1, norm2 *LayerNorm
	qkv, proj    *Linear
	fc1, fc2     *Linear
	act          *GELU
	scale1       *Param // of the attention's branch, [dim]; nil without layer scale
	scale2       *Param // of the MLP's
}

// NewViTBlock returns a block of tokens of dim numbers with that many heads and
// an MLP of four times the width. In training each of its two branches is left
// out for a share drop of the samples (stochastic depth, Huang et al. 2016).
func NewViTBlock(name string, dim, heads int, drop float64, seed uint64) *ViTBlock {
	return &ViTBlock{
		name: name, heads: heads, dim: dim, drop: drop,
		norm1: NewLayerNorm(name+".norm1", dim, vitEps),
		qkv:   newLinearNormal(name+".attn.qkv", dim, 3*dim, seed),
		proj:  newLinearNormal(name+".attn.proj", dim, dim, seed),
		norm2: NewLayerNorm(name+".norm2", dim, vitEps),
		fc1:   newLinearNormal(name+".mlp.fc1", dim, 4*dim, seed),
		act:   &GELU{name + ".mlp.act"},
		fc2:   newLinearNormal(name+".mlp.fc2", 4*dim, dim, seed),
	}
}

// withScale gives the block a layer scale, the factors of timm's names ls1.gamma and
// ls2.gamma that each branch is multiplied by before its sum (Touvron et al. 2021, Eq.
// 3, arXiv 2103.17239), which begin with init; 0 for none.
func (b *ViTBlock) withScale(init float32) *ViTBlock {
	if init != 0 {
		gamma := func(name string) *Param {
			return &Param{Name: b.name + name + ".gamma", Value: constant(b.dim, init).RequireGrad(), NoDecay: true}
		}
		b.scale1, b.scale2 = gamma(".ls1"), gamma(".ls2")
	}
	return b
}

// Forward implements Module: [N,T,dim] to [N,T,dim].
func (b *ViTBlock) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	a := c.Tape.Attention(b.qkv.Forward(c, b.norm1.Forward(c, x)), b.heads)
	c.Tap(b.name+".attn", a)
	y := b.join(c, x, b.proj, a, b.scale1, ".drop1")
	c.Tap(b.name+".add1", y)
	z := b.join(c, y, b.fc2, b.act.Forward(c, b.fc1.Forward(c, b.norm2.Forward(c, y))), b.scale2, ".drop2")
	c.Tap(b.name, z)
	return z
}

// join returns x + scale*last(branch), or x alone where the branch is dropped.
func (b *ViTBlock) join(c *Context, x *tensor.Tensor, last *Linear, branch *tensor.Tensor,
	scale *Param, name string) *tensor.Tensor {
	if b.drop == 0 && scale == nil {
		return last.addTo(c, x, branch)
	}
	y := last.Forward(c, branch)
	if scale != nil {
		y = c.Tape.ScaleChannels(y, scale.Value)
	}
	if b.drop > 0 {
		y = c.dropPath(y, b.name+name, b.drop)
	}
	return c.Tape.Add(x, y)
}

// Params implements Module, in timm's order.
func (b *ViTBlock) Params() []*Param {
	return slices.Concat(b.norm1.Params(), b.qkv.Params(), b.proj.Params(), present(b.scale1),
		b.norm2.Params(), b.fc1.Params(), b.fc2.Params(), present(b.scale2))
}

// Plan implements Layer.
func (b *ViTBlock) Plan(p *Plan, in []int) ([]int, error) {
	if len(in) != 2 || in[1] != b.dim {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected [tokens,%d]", b.name, in, b.dim)
	}
	if _, err := (Sequential{b.norm1, b.qkv}).Plan(p, in); err != nil {
		return nil, err
	}
	p.Add(b.name+".attn", KindAttention, in)
	if _, err := b.proj.Plan(p, in); err != nil {
		return nil, err
	}
	p.Add(b.name+".add1", KindAdd, in)
	if _, err := (Sequential{b.norm2, b.fc1, b.act, b.fc2}).Plan(p, in); err != nil {
		return nil, err
	}
	p.Add(b.name, KindBlock, in)
	return in, nil
}
