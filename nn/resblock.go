package nn

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// ResBlock is a residual block with a ReLU behind the sum (He et al. 2016, Eq. 2):
//
//	out = ReLU(norm(body(x)) + shortcut(x))
//
// Its last norm, the sum and the ReLU are one pass over memory. Taps: those of
// the body, the last norm and the shortcut; name.add, the sum; and name, the
// block's output. The last norm is heard together with the sum, behind the
// shortcut.
type ResBlock struct {
	name string
	body Sequential // up to the last convolution
	last norm
	down Sequential // of the shortcut; nil if that is the input itself
}

// Forward implements Module.
func (b *ResBlock) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	main, shortcut := b.body.Forward(c, x), x
	if b.down != nil {
		shortcut = b.down.Forward(c, x)
	}
	y := b.last.addReLU(c, main, shortcut, b.name+".add")
	c.Tap(b.name, y)
	return y
}

// Params implements Module, in PyTorch's order.
func (b *ResBlock) Params() []*Param {
	return slices.Concat(b.body.Params(), b.last.Params(), b.down.Params())
}

// Plan implements Layer.
func (b *ResBlock) Plan(p *Plan, in []int) ([]int, error) {
	out, err := Sequential{b.body, b.last}.Plan(p, in)
	if err != nil {
		return nil, err
	}
	shortcut, err := b.down.Plan(p, in)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(out, shortcut) {
		return nil, fmt.Errorf("layer %s: cannot add shapes %v and %v", b.name, out, shortcut)
	}
	p.Add(b.name+".add", KindAdd, out)
	p.Add(b.name, KindBlock, out)
	return out, nil
}
