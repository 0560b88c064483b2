package nn

import (
	"fmt"

	"github.com/locimem/locimem/tensor"
)

// LayerNorm normalises every token (last dimension) by itself (Ba, Kiros and
// Hinton 2016). Its parameters are weight and bias [dim].
type LayerNorm struct {
	name         string
	weight, bias *Param
	eps          float32
}

// NewLayerNorm returns a layer norm that starts with weight one and bias zero;
// eps is added to the variance.
func NewLayerNorm(name string, dim int, eps float32) *LayerNorm {
	return &LayerNorm{name,
		&Param{Name: name + ".weight", Value: constant(dim, 1).RequireGrad(), NoDecay: true},
		&Param{Name: name + ".bias", Value: constant(dim, 0).RequireGrad(), NoDecay: true}, eps}
}

// Forward implements Module.
func (l *LayerNorm) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := c.Tape.LayerNorm(x, l.weight.Value, l.bias.Value, l.eps)
	c.Tap(l.name, y)
	return y
}

// Params implements Module.
func (l *LayerNorm) Params() []*Param { return []*Param{l.weight, l.bias} }

// Plan implements Layer.
func (l *LayerNorm) Plan(p *Plan, in []int) ([]int, error) {
	if want := l.weight.Value.Len(); len(in) == 0 || in[len(in)-1] != want {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected %d numbers a token", l.name, in, want)
	}
	p.Add(l.name, KindLN, in)
	return in, nil
}

// GELU is x*Phi(x), Phi being the distribution function of the normal
// distribution (Hendrycks and Gimpel 2016), for any shape.
type GELU struct{ Name string }

// Forward implements Module.
func (l *GELU) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := c.Tape.GELU(x)
	c.Tap(l.Name, y)
	return y
}

// Params implements Module: there are none.
func (l *GELU) Params() []*Param { return nil }

// Plan implements Layer.
func (l *GELU) Plan(p *Plan, in []int) ([]int, error) {
	p.Add(l.Name, KindGELU, in)
	return in, nil
}
