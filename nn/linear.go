package nn

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// Linear is a fully connected layer: [N,in] to [N,out], or tokens [N,T,in] to
// [N,T,out]. Its parameters are weight [out,in] and bias [out].
type Linear struct {
	name         string
	weight, bias *Param
}

// NewLinear returns a fully connected layer with PyTorch's default
// initialisation.
func NewLinear(name string, in, out int, seed uint64) *Linear {
	return &Linear{name, newWeight(name, in, seed, out, in), newBias(name, in, seed, out)}
}

// newLinearNormal returns a fully connected layer whose weights are normally
// distributed with standard deviation 0.02, cut at two of them, and whose bias is
// 0, as in ViT and timm.
func newLinearNormal(name string, in, out int, seed uint64) *Linear {
	w := name + ".weight"
	return &Linear{name,
		&Param{Name: w, Value: normal(tensor.New(out, in), 0.02, seed, w).RequireGrad()},
		&Param{Name: name + ".bias", Value: constant(out, 0).RequireGrad(), NoDecay: true}}
}

// Forward implements Module.
func (l *Linear) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := c.Tape.Linear(x, l.weight.Value, l.bias.Value)
	c.Tap(l.name, y)
	return y
}

// addTo returns r + Forward(x), a residual sum, in one pass where gradients are
// recorded. Whoever listens to the layer then gets its output made apart, so that
// the sum has the same bits.
func (l *Linear) addTo(c *Context, r, x *tensor.Tensor) *tensor.Tensor {
	if !c.Tape.Grad() {
		return c.Tape.Add(r, l.Forward(c, x))
	}
	if c.Listening(l.name) {
		l.Forward(c, x)
	}
	return c.Tape.LinearAdd(x, l.weight.Value, l.bias.Value, r)
}

// Params implements Module.
func (l *Linear) Params() []*Param { return []*Param{l.weight, l.bias} }

// Plan implements Layer.
func (l *Linear) Plan(p *Plan, in []int) ([]int, error) {
	w := l.weight.Value
	if len(in) < 1 || len(in) > 2 || in[len(in)-1] != w.Dim(1) {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected [%d] or tokens of as many", l.name, in, w.Dim(1))
	}
	out := slices.Clone(in)
	out[len(in)-1] = w.Dim(0)
	p.Add(l.name, KindFC, out)
	return out, nil
}

// ReLU is max(x, 0) for any shape.
type ReLU struct{ Name string }

// Forward implements Module.
func (l *ReLU) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := c.Tape.ReLU(x)
	c.Tap(l.Name, y)
	return y
}

// Params implements Module: there are none.
func (l *ReLU) Params() []*Param { return nil }

// Plan implements Layer.
func (l *ReLU) Plan(p *Plan, in []int) ([]int, error) {
	p.Add(l.Name, KindReLU, in)
	return in, nil
}
