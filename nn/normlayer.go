package nn

import "github.com/locimem/locimem/tensor"

// norm is a layer that normalises channels and can take what follows it into the
// same pass over memory.
type norm interface {
	Layer
	// tap is the name of the layer's tap.
	tap() string
	// apply is the layer without its tap, with a ReLU behind it if relu.
	apply(c *Context, x *tensor.Tensor, relu bool) *tensor.Tensor
	// addReLU is ReLU(norm(x) + shortcut). It taps the norm and, as sum, what
	// the ReLU gets.
	addReLU(c *Context, x, shortcut *tensor.Tensor, sum string) *tensor.Tensor
}

// newNorm returns the norm that the options ask for.
func newNorm(o EncoderOptions, name string, channels int) norm {
	if o.Norm == NormGroup {
		l := NewGroupNorm(name, channels, normGroups(channels))
		l.eps = o.normEps(l.eps)
		return l
	}
	return newBatchNorm(o, name, channels)
}

// newBatchNorm is NewBatchNorm with the eps that the options ask for.
func newBatchNorm(o EncoderOptions, name string, channels int) *BatchNorm {
	l := NewBatchNorm(name, channels)
	l.stats.Eps = o.normEps(l.stats.Eps)
	return l
}

// NormReLU is a norm followed by ReLU. Both have their taps. When nobody listens
// to the norm's, one pass over memory does both, with the same bits.
type NormReLU struct {
	norm norm
	relu *ReLU
}

// NewBNReLU returns batch norm and ReLU under the names of the two layers.
func NewBNReLU(bn, relu string, channels int) *NormReLU {
	return &NormReLU{NewBatchNorm(bn, channels), &ReLU{relu}}
}

// newNormReLU is NewBNReLU with the norm that the options ask for.
func newNormReLU(o EncoderOptions, norm, relu string, channels int) *NormReLU {
	return &NormReLU{newNorm(o, norm, channels), &ReLU{relu}}
}

// Forward implements Module.
func (l *NormReLU) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	if c.Listening(l.norm.tap()) {
		return l.relu.Forward(c, l.norm.Forward(c, x))
	}
	y := l.norm.apply(c, x, true)
	c.Tap(l.relu.Name, y)
	return y
}

// Params implements Module.
func (l *NormReLU) Params() []*Param { return l.norm.Params() }

// Plan implements Layer.
func (l *NormReLU) Plan(p *Plan, in []int) ([]int, error) {
	return Sequential{l.norm, l.relu}.Plan(p, in)
}
