package nn

import (
	"fmt"

	"github.com/locimem/locimem/tensor"
)

// BatchNorm normalises every channel over the batch and all pixels: [N,H,W,C]
// or [N,C] to the same shape (Ioffe and Szegedy 2015). Its parameters are weight
// and bias [C]; its buffers running_mean and running_var [C] move by a tenth of
// the batch's, as is PyTorch's default.
type BatchNorm struct {
	name         string
	weight, bias *Param
	mean, vari   *Param
	stats        tensor.BNStats
}

// NewBatchNorm returns a batch norm that starts as the identity on normalised
// input: weight and running variance one, bias and running mean zero.
func NewBatchNorm(name string, channels int) *BatchNorm {
	l := &BatchNorm{
		name:   name,
		weight: &Param{Name: name + ".weight", Value: constant(channels, 1).RequireGrad(), NoDecay: true},
		bias:   &Param{Name: name + ".bias", Value: constant(channels, 0).RequireGrad(), NoDecay: true},
		mean:   &Param{Name: name + ".running_mean", Value: constant(channels, 0), Buffer: true},
		vari:   &Param{Name: name + ".running_var", Value: constant(channels, 1), Buffer: true},
	}
	l.stats = tensor.BNStats{Mean: l.mean.Value, Var: l.vari.Value, Momentum: 0.1, Eps: 1e-5}
	return l
}

// Forward implements Module.
func (l *BatchNorm) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := l.apply(c, x, false)
	c.Tap(l.name, y)
	return y
}

func (l *BatchNorm) apply(c *Context, x *tensor.Tensor, relu bool) *tensor.Tensor {
	return c.Tape.BatchNorm(x, l.weight.Value, l.bias.Value, &l.stats, relu)
}

// Params implements Module.
func (l *BatchNorm) Params() []*Param { return []*Param{l.weight, l.bias, l.mean, l.vari} }

// Plan implements Layer.
func (l *BatchNorm) Plan(p *Plan, in []int) ([]int, error) {
	want := l.weight.Value.Len()
	if len(in) == 0 || in[len(in)-1] != want {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected %d channels", l.name, in, want)
	}
	p.Add(l.name, KindBN, in)
	return in, nil
}

// BNReLU is batch norm followed by ReLU. Both have their taps. When nobody
// listens to the norm's, one pass over memory does both, with the same bits.
type BNReLU struct {
	bn   *BatchNorm
	relu *ReLU
}

// NewBNReLU returns the pair under the names of its two layers.
func NewBNReLU(bn, relu string, channels int) *BNReLU {
	return &BNReLU{NewBatchNorm(bn, channels), &ReLU{relu}}
}

// Forward implements Module.
func (l *BNReLU) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	if c.Listening(l.bn.name) {
		return l.relu.Forward(c, l.bn.Forward(c, x))
	}
	y := l.bn.apply(c, x, true)
	c.Tap(l.relu.Name, y)
	return y
}

// Params implements Module.
func (l *BNReLU) Params() []*Param { return l.bn.Params() }

// Plan implements Layer.
func (l *BNReLU) Plan(p *Plan, in []int) ([]int, error) {
	return Sequential{l.bn, l.relu}.Plan(p, in)
}
