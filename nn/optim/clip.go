package optim

import (
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

type clipped struct {
	Optimizer
	engine *tensor.Engine
	params []*nn.Param
	norm   float64
}

// Clip returns the optimiser o of params with gradient clipping (Pascanu, Mikolov
// and Bengio 2013, Algorithm 1): before a step all gradients are multiplied by
// norm/(n + 1e-6), n being their Euclidean norm together, where that is less than
// 1, as torch.nn.utils.clip_grad_norm_ does. A norm of 0 clips nothing.
func Clip(o Optimizer, e *tensor.Engine, params []*nn.Param, norm float64) (Optimizer, error) {
	if err := notNegative("clipping norm", norm); err != nil {
		return nil, err
	}
	if norm == 0 {
		return o, nil
	}
	return &clipped{o, e, nn.Trained(params), norm}, nil
}

// Step implements Optimizer. It scales the gradients in place.
func (c *clipped) Step(lr float64) {
	if s := c.norm / (GradNorm(c.engine, c.params) + 1e-6); s < 1 {
		for _, p := range c.params {
			c.engine.ScaleGrad(p.Value, s)
		}
	}
	c.Optimizer.Step(lr)
}
