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
	plain        bool // weight and bias are constants
}

// batchNormEps is PyTorch's default.
const batchNormEps = 1e-5

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
	l.stats = tensor.BNStats{Mean: l.mean.Value, Var: l.vari.Value, Momentum: 0.1, Eps: batchNormEps}
	return l
}

// newBatchNormPlain returns a batch norm that only normalises: its parameters are
// the running statistics.
func newBatchNormPlain(name string, channels int) *BatchNorm {
	l := NewBatchNorm(name, channels)
	l.weight.Value, l.bias.Value, l.plain = constant(channels, 1), constant(channels, 0), true
	return l
}

// Forward implements Module.
func (l *BatchNorm) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := l.apply(c, x, false)
	c.Tap(l.name, y)
	return y
}

// tap implements fusedNorm.
func (l *BatchNorm) tap() string { return l.name }

// addReLU is normAddReLU in one pass over memory.
func (l *BatchNorm) addReLU(c *Context, x, shortcut *tensor.Tensor, sum string) *tensor.Tensor {
	var watch func(bn, total *tensor.Tensor)
	if c.Listening(l.name) || c.Listening(sum) {
		watch = func(bn, total *tensor.Tensor) {
			c.Tap(l.name, bn)
			c.Tap(sum, total)
		}
	}
	return c.Tape.BatchNormAdd(x, l.weight.Value, l.bias.Value, &l.stats, shortcut, true, watch)
}

// apply implements fusedNorm.
func (l *BatchNorm) apply(c *Context, x *tensor.Tensor, relu bool) *tensor.Tensor {
	return c.Tape.BatchNorm(x, l.weight.Value, l.bias.Value, &l.stats, relu)
}

// Params implements Module.
func (l *BatchNorm) Params() []*Param {
	if l.plain {
		return []*Param{l.mean, l.vari}
	}
	return []*Param{l.weight, l.bias, l.mean, l.vari}
}

// Plan implements Layer.
func (l *BatchNorm) Plan(p *Plan, in []int) ([]int, error) {
	want := l.weight.Value.Len()
	if len(in) == 0 || in[len(in)-1] != want {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected %d channels", l.name, in, want)
	}
	p.Add(l.name, KindBN, in)
	return in, nil
}
