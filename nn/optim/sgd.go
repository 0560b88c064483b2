package optim

import (
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// SGDConfig sets stochastic gradient descent.
type SGDConfig struct {
	// Momentum is the share of the last step that goes on, in [0,1).
	Momentum float64
	// Nesterov looks ahead along the momentum (Sutskever et al. 2013); it needs
	// Momentum.
	Nesterov bool
	// WeightDecay times the weight is added to the gradient.
	WeightDecay float64
	// DecayAll applies WeightDecay to biases and norms (nn.Param.NoDecay) too,
	// as torch.optim.SGD over all parameters does.
	DecayAll bool
}

type sgd struct {
	moments
	c SGDConfig
}

// NewSGD returns an optimiser that does what torch.optim.SGD does, without
// dampening. It fails if a setting is out of range.
func NewSGD(e *tensor.Engine, params []*nn.Param, c SGDConfig) (Optimizer, error) {
	if err := inUnit("momentum", c.Momentum); err != nil {
		return nil, err
	}
	if err := notNegative("weight decay", c.WeightDecay); err != nil {
		return nil, err
	}
	if c.Nesterov && c.Momentum == 0 {
		return nil, fmt.Errorf("nesterov: found momentum 0, expected more")
	}
	return &sgd{newMoments(e, params, c.WeightDecay, c.DecayAll, "momentum"), c}, nil
}

// Step implements Optimizer.
func (o *sgd) Step(lr float64) {
	o.steps++
	o.engine.SGD(o.trained, tensor.SGDParams{LR: lr, Momentum: o.c.Momentum, Nesterov: o.c.Nesterov})
}

// inUnit checks that v is in [0,1).
func inUnit(name string, v float64) error {
	if !(v >= 0 && v < 1) {
		return fmt.Errorf("%s: found %v, expected 0 or more and less than 1", name, v)
	}
	return nil
}

// notNegative checks that v is finite and not negative.
func notNegative(name string, v float64) error {
	if !(v >= 0 && v-v == 0) {
		return fmt.Errorf("%s: found %v, expected 0 or more", name, v)
	}
	return nil
}
