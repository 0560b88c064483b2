package nn

import (
	"fmt"

	"github.com/locimem/locimem/tensor"
)

// The norms of encoders.
const (
	NormBatch = "batch"
	NormGroup = "group"
)

// NewNorm returns the norm of that kind: NormBatch, also for "", or NormGroup, with
// the largest number of groups up to 32 that divides the channels and leaves two or
// more in a group. It panics for other kinds.
func NewNorm(name, kind string, channels int) Layer { return newNorm(name, kind, channels, 0) }

// NewNorm returns the norm that the options Norm and NormEps ask for.
func (o EncoderOptions) NewNorm(name string, channels int) Layer {
	return newNorm(name, o.Norm, channels, o.NormEps)
}

// newNorm is NewNorm with eps added to variances, 0 for the usual.
func newNorm(name, kind string, channels int, eps float64) Layer {
	switch kind {
	case "", NormBatch:
		l := NewBatchNorm(name, channels)
		l.stats.Eps = float32(or(eps, batchNormEps))
		return l
	case NormGroup:
		l := NewGroupNorm(name, channels, normGroups(channels))
		l.eps = float32(or(eps, groupNormEps))
		return l
	}
	panic(fmt.Sprintf("nn: norm %s: found kind %q, expected %s or %s", name, kind, NormBatch, NormGroup))
}

// fusedNorm is a norm that can take a ReLU behind it into the same pass over memory.
type fusedNorm interface {
	Layer
	// tap is the name of the layer's tap.
	tap() string
	// apply is the layer without its tap, with a ReLU behind it if relu.
	apply(c *Context, x *tensor.Tensor, relu bool) *tensor.Tensor
}

// normAddReLU is ReLU(norm(x) + shortcut). It taps the norm and, as sum, the input of
// the ReLU.
func normAddReLU(c *Context, norm Layer, x, shortcut *tensor.Tensor, sum string) *tensor.Tensor {
	if bn, ok := norm.(*BatchNorm); ok {
		return bn.addReLU(c, x, shortcut, sum)
	}
	y := c.Tape.Add(norm.Forward(c, x), shortcut)
	c.Tap(sum, y)
	return c.Tape.ReLU(y)
}

// NormReLU is a norm followed by ReLU. Both have their taps. When nobody listens to
// the norm's, one pass over memory does both, with the same bits, if the norm is a
// BatchNorm or GroupNorm.
type NormReLU struct {
	norm Layer
	relu *ReLU
}

// NewNormReLU returns the norm with a ReLU of that name behind it.
func NewNormReLU(norm Layer, relu string) *NormReLU { return &NormReLU{norm, &ReLU{relu}} }

// NewBNReLU returns batch norm and ReLU under the names of the two layers.
func NewBNReLU(bn, relu string, channels int) *NormReLU {
	return NewNormReLU(NewBatchNorm(bn, channels), relu)
}

// Forward implements Module.
func (l *NormReLU) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	norm, fused := l.norm.(fusedNorm)
	if !fused || c.Listening(norm.tap()) {
		return l.relu.Forward(c, l.norm.Forward(c, x))
	}
	y := norm.apply(c, x, true)
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
