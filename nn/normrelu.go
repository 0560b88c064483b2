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
		return NewGroupNorm(name, channels, normGroups(channels))
	}
	return NewBatchNorm(name, channels)
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

// BNReLUPool is batch norm, ReLU and 2x2 max pooling. All three have their
// taps. Maps of even size take one pass over memory, in which the full-size
// values are not stored; they are made for the listener where there is one, so
// that listening changes no bit of the result.
type BNReLUPool struct {
	bn   *BatchNorm
	relu *ReLU
	pool *Pool2D
}

// NewBNReLUPool returns the three under the names of their layers.
func NewBNReLUPool(bn, relu, pool string, channels int) *BNReLUPool {
	return &BNReLUPool{NewBatchNorm(bn, channels), &ReLU{relu}, NewPool2D(pool, PoolConfig{Max: true, Kernel: 2})}
}

// Forward implements Module.
func (l *BNReLUPool) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	if x.Dim(1)%2 != 0 || x.Dim(2)%2 != 0 {
		return l.pool.Forward(c, (&NormReLU{l.bn, l.relu}).Forward(c, x))
	}
	bn, relu := l.bn, l.relu
	var watch func(before, after *tensor.Tensor)
	if c.Listening(bn.name) || c.Listening(relu.Name) {
		watch = func(before, after *tensor.Tensor) {
			c.Tap(bn.name, before)
			c.Tap(relu.Name, after)
		}
	}
	y := c.Tape.BatchNormMaxPool(x, bn.weight.Value, bn.bias.Value, &bn.stats, true, watch)
	c.Tap(l.pool.name, y)
	return y
}

// Params implements Module.
func (l *BNReLUPool) Params() []*Param { return l.bn.Params() }

// Plan implements Layer.
func (l *BNReLUPool) Plan(p *Plan, in []int) ([]int, error) {
	return Sequential{l.bn, l.relu, l.pool}.Plan(p, in)
}
