package nn

import (
	"fmt"

	"github.com/locimem/locimem/tensor"
)

// GroupNorm normalises groups of neighbouring channels of every image by
// themselves (Wu and He 2018): [N,H,W,C] to the same shape. No image sees
// another, in training and in evaluation alike, which differentially private
// training needs. Its parameters are weight and bias [C].
type GroupNorm struct {
	name         string
	groups       int
	weight, bias *Param
	eps          float32
}

// groupNormEps is PyTorch's default.
const groupNormEps = 1e-5

// maxGroups is the paper's number of groups.
const maxGroups = 32

// NewGroupNorm returns a group norm that starts with weight one and bias zero.
// It panics if groups does not divide the channels.
func NewGroupNorm(name string, channels, groups int) *GroupNorm {
	if groups < 1 || channels%groups != 0 {
		panic(fmt.Sprintf("nn: group norm %s of %d channels in %d groups", name, channels, groups))
	}
	return &GroupNorm{
		name: name, groups: groups, eps: groupNormEps,
		weight: &Param{Name: name + ".weight", Value: constant(channels, 1).RequireGrad(), NoDecay: true},
		bias:   &Param{Name: name + ".bias", Value: constant(channels, 0).RequireGrad(), NoDecay: true},
	}
}

// normGroups is the number of groups for so many channels in an encoder: the
// largest one up to 32 that divides them and leaves two or more in a group.
func normGroups(channels int) int {
	g := min(maxGroups, max(1, channels/2))
	for channels%g != 0 {
		g--
	}
	return g
}

// Forward implements Module.
func (l *GroupNorm) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := l.apply(c, x, false)
	c.Tap(l.name, y)
	return y
}

// tap implements fusedNorm.
func (l *GroupNorm) tap() string { return l.name }

// apply implements fusedNorm.
func (l *GroupNorm) apply(c *Context, x *tensor.Tensor, relu bool) *tensor.Tensor {
	return c.Tape.GroupNorm(x, l.weight.Value, l.bias.Value, l.groups, l.eps, relu)
}

// Params implements Module.
func (l *GroupNorm) Params() []*Param { return []*Param{l.weight, l.bias} }

// Plan implements Layer.
func (l *GroupNorm) Plan(p *Plan, in []int) ([]int, error) {
	if err := planImage(l.name, in, l.weight.Value.Len()); err != nil {
		return nil, err
	}
	p.Add(l.name, KindGN, in)
	return in, nil
}
