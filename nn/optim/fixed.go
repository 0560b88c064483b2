package optim

import (
	"fmt"

	"github.com/locimem/locimem/nn"
)

type fixedRate struct {
	Optimizer
	fixed Optimizer
	lr    float64
}

// FixedRate returns the optimiser o together with another, of other parameters,
// that steps with the learning rate lr whatever the schedule says: that of SimSiam's
// predictor (Chen and He 2021, Section 4.2). Their moments stand in one state. It
// fails if lr is out of range or a parameter belongs to both.
func FixedRate(o, fixed Optimizer, lr float64) (Optimizer, error) {
	if err := notNegative("fixed learning rate", lr); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, s := range o.State() {
		names[s.Name] = true
	}
	for _, s := range fixed.State() {
		if names[s.Name] {
			return nil, fmt.Errorf("fixed learning rate: %s belongs to both optimisers", s.Name)
		}
	}
	return &fixedRate{o, fixed, lr}, nil
}

// Step implements Optimizer.
func (f *fixedRate) Step(lr float64) {
	f.Optimizer.Step(lr)
	f.fixed.Step(f.lr)
}

// ZeroGrad implements Optimizer.
func (f *fixedRate) ZeroGrad() {
	f.Optimizer.ZeroGrad()
	f.fixed.ZeroGrad()
}

// State implements Optimizer.
func (f *fixedRate) State() []nn.NamedTensor {
	return append(f.Optimizer.State(), f.fixed.State()...)
}

// Restore implements Optimizer.
func (f *fixedRate) Restore(state []nn.NamedTensor, steps int) error {
	if err := restore(f.State(), state, steps); err != nil {
		return err
	}
	// The moments are in their place: only the steps are left to say.
	for _, o := range []Optimizer{f.Optimizer, f.fixed} {
		if err := o.Restore(o.State(), steps); err != nil {
			return err
		}
	}
	return nil
}
