// Package optim moves parameters along their gradients: SGD, Adam and AdamW as
// PyTorch defines them, and schedules of the learning rate.
package optim

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Optimizer updates a set of parameters from their gradients. Buffers among the
// parameters are left alone, and so is a parameter that has no gradient yet.
type Optimizer interface {
	// Step makes one update with the learning rate lr.
	Step(lr float64)
	// ZeroGrad clears the gradients for the next step.
	ZeroGrad()
	// Steps returns how many steps were made.
	Steps() int
	// State returns the moments by name, for a checkpoint; together with Steps
	// it is all that an optimiser remembers. The tensors are its own, not
	// copies.
	State() []nn.NamedTensor
	// Restore sets moments and steps to what State and Steps returned. If steps
	// is negative or names or shapes do not match one to one, the error lists
	// what is wrong and nothing is changed.
	Restore(state []nn.NamedTensor, steps int) error
}

// moments are the tensors that an optimiser keeps for each parameter, by kind:
// "momentum" of SGD, "exp_avg" and "exp_avg_sq" of Adam, as PyTorch calls them.
type moments struct {
	engine  *tensor.Engine
	params  []*nn.Param // trained ones
	kinds   []string
	values  [][]*tensor.Tensor // [kind][parameter]
	trained *tensor.Trained    // all of it, for the engine
	steps   int
}

func newMoments(e *tensor.Engine, params []*nn.Param, decay float64, decayAll bool, kinds ...string) moments {
	m := moments{engine: e, params: nn.Trained(params), kinds: kinds}
	for range kinds {
		v := make([]*tensor.Tensor, len(m.params))
		for i, p := range m.params {
			v[i] = tensor.New(p.Value.Shape()...)
		}
		m.values = append(m.values, v)
	}
	values, decays := make([]*tensor.Tensor, len(m.params)), make([]float64, len(m.params))
	for i, p := range m.params {
		values[i], decays[i] = p.Value, decayOf(p, decay, decayAll)
	}
	m.trained = tensor.NewTrained(values, decays, m.values...)
	return m
}

// ZeroGrad implements Optimizer.
func (m *moments) ZeroGrad() {
	for _, p := range m.params {
		p.Value.ZeroGrad()
	}
}

// Steps implements Optimizer.
func (m *moments) Steps() int { return m.steps }

// State implements Optimizer. The moment "exp_avg" of the parameter
// "conv1.weight" is named "conv1.weight.exp_avg".
func (m *moments) State() []nn.NamedTensor {
	var out []nn.NamedTensor
	for i, p := range m.params {
		for k, kind := range m.kinds {
			out = append(out, nn.NamedTensor{Name: p.Name + "." + kind, Value: m.values[k][i]})
		}
	}
	return out
}

// Restore implements Optimizer.
func (m *moments) Restore(state []nn.NamedTensor, steps int) error {
	if err := restore(m.State(), state, steps); err != nil {
		return err
	}
	m.steps = steps
	return nil
}

// restore copies a state into an optimiser's own.
func restore(own, state []nn.NamedTensor, steps int) error {
	if steps < 0 {
		return fmt.Errorf("optimiser state: found %d steps, expected 0 or more", steps)
	}
	var params []*nn.Param
	for _, s := range own {
		params = append(params, &nn.Param{Name: s.Name, Value: s.Value})
	}
	if err := nn.SetState(params, state); err != nil {
		return fmt.Errorf("optimiser state: %w", err)
	}
	return nil
}

// decayOf returns the weight decay of one parameter.
func decayOf(p *nn.Param, decay float64, all bool) float64 {
	if p.NoDecay && !all {
		return 0
	}
	return decay
}

// GradNorm returns the Euclidean norm of all gradients of params together;
// buffers and parameters without a gradient count as zero. The order of summing
// is that of params, whatever the number of threads.
func GradNorm(e *tensor.Engine, params []*nn.Param) float64 {
	sum := 0.0
	for _, p := range nn.Trained(params) {
		if g := p.Value.Grad(); g != nil {
			sum += e.SumSquares(g)
		}
	}
	return math.Sqrt(sum)
}
