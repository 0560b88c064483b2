package optim

import (
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// LARSConfig sets LARS. Its exclusions are always on: biases and the scales and
// shifts of norms (nn.Param.NoDecay) take plain SGD without weight decay, as in
// the papers of SimCLR, BYOL, Barlow Twins and VICReg. Without them these
// parameters, which are small or 0, would hardly move or would be decayed away.
type LARSConfig struct {
	// Momentum is the share of the last step that goes on, in [0,1).
	Momentum float64
	// Trust is eta, the step as a share of the weights' norm; 0 means 0.001.
	Trust float64
	// Clip keeps the trust ratio from making a step larger than SGD's.
	Clip bool
	// WeightDecay times the weight is added to the gradient.
	WeightDecay float64
}

type lars struct {
	moments
	c     LARSConfig
	adapt []bool
}

// NewLARS returns layer-wise adaptive rate scaling (You, Gitman and Ginsburg
// 2017, Algorithm 1, arXiv 1708.03888) with PyTorch's momentum, in which the
// learning rate stands outside (tensor.Engine.LARS has the formula). It fails if
// a setting is out of range.
func NewLARS(e *tensor.Engine, params []*nn.Param, c LARSConfig) (Optimizer, error) {
	if c.Trust == 0 {
		c.Trust = 1e-3
	}
	for _, err := range []error{
		inUnit("momentum", c.Momentum), notNegative("weight decay", c.WeightDecay), notNegative("trust coefficient", c.Trust),
	} {
		if err != nil {
			return nil, err
		}
	}
	o := &lars{moments: newMoments(e, params, c.WeightDecay, false, "momentum"), c: c}
	for _, p := range o.params {
		o.adapt = append(o.adapt, !p.NoDecay)
	}
	return o, nil
}

// Step implements Optimizer. It scales the gradients in place.
func (o *lars) Step(lr float64) {
	if !(lr >= 0) {
		panic(fmt.Sprintf("optim: LARS with learning rate %v", lr))
	}
	o.steps++
	o.engine.LARS(o.trained, o.adapt, tensor.LARSParams{LR: lr, Momentum: o.c.Momentum, Trust: o.c.Trust, Clip: o.c.Clip})
}
