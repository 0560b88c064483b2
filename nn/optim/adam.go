package optim

import (
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// AdamConfig sets Adam or AdamW. Betas and Eps of zero mean PyTorch's defaults.
type AdamConfig struct {
	// Beta1 and Beta2 are the shares of the two moments that go on, in [0,1);
	// by default 0.9 and 0.999.
	Beta1, Beta2 float64
	// Eps is added to the root of the second moment; by default 1e-8.
	Eps float64
	// WeightDecay times the weight is added to the gradient or, with Decoupled,
	// times the learning rate taken from the weight directly.
	WeightDecay float64
	// Decoupled makes it AdamW (Loshchilov and Hutter 2019).
	Decoupled bool
	// DecayAll applies WeightDecay to biases and norms (nn.Param.NoDecay) too,
	// as torch.optim.Adam over all parameters does.
	DecayAll bool
}

type adam struct {
	moments
	c AdamConfig
}

// NewAdam returns an optimiser that does what torch.optim.Adam does (Kingma and
// Ba 2015) or, with Decoupled, torch.optim.AdamW. It fails if a setting is out of
// range.
func NewAdam(e *tensor.Engine, params []*nn.Param, c AdamConfig) (Optimizer, error) {
	if c.Beta1 == 0 {
		c.Beta1 = 0.9
	}
	if c.Beta2 == 0 {
		c.Beta2 = 0.999
	}
	if c.Eps == 0 {
		c.Eps = 1e-8
	}
	for _, err := range []error{
		inUnit("beta1", c.Beta1), inUnit("beta2", c.Beta2),
		notNegative("eps", c.Eps), notNegative("weight decay", c.WeightDecay),
	} {
		if err != nil {
			return nil, err
		}
	}
	return &adam{newMoments(e, params, c.WeightDecay, c.DecayAll, "exp_avg", "exp_avg_sq"), c}, nil
}

// Step implements Optimizer.
func (o *adam) Step(lr float64) {
	o.steps++
	o.engine.Adam(o.trained, tensor.AdamParams{
		LR: lr, Beta1: o.c.Beta1, Beta2: o.c.Beta2, Eps: o.c.Eps, Decoupled: o.c.Decoupled, Step: o.steps,
	})
}
