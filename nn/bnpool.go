package nn

import "github.com/locimem/locimem/tensor"

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
