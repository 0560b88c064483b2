package ssl

import (
	"errors"
	"fmt"
	"math"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// StepResult is what one training step tells.
type StepResult struct {
	Loss     float64 // before the step
	GradNorm float64 // l2 norm of the gradient of all parameters together
	// Spread is the total variance of the normalised projections over the
	// batch, mean |u|^2 - |mean u|^2: 1 where they fill the sphere evenly, 0
	// where all are the same (a collapse).
	Spread float64
}

// ErrNotFinite says that a loss or a gradient became NaN or infinite.
var ErrNotFinite = errors.New("not a finite number")

// Step does one training step: loss, backward, optimiser. The tape must be in
// training mode and is released at the end. noise, which may be nil, seeds what is
// random inside of networks. If the loss or a gradient is not
// finite the parameters stay as they were and the error wraps ErrNotFinite; the
// running statistics of batch norm have then already seen the batch.
func Step(tp *tensor.Tape, m Method, o optim.Optimizer, views []*tensor.Tensor, lr float64, noise *nn.Noise) (StepResult, error) {
	defer tp.Release()
	o.ZeroGrad()
	w := watch{tape: tp}
	loss := m.Loss(&nn.Context{Tape: tp, Taps: &w, Noise: noise}, views)
	if !w.heard {
		panic("ssl: the method " + m.Name() + " showed no " + ProjectionTap)
	}
	r := StepResult{Loss: float64(loss.Item()), Spread: w.spread}
	if !finite(r.Loss) {
		return r, fmt.Errorf("the loss is %v: %w", r.Loss, ErrNotFinite)
	}
	tp.Backward(loss)
	r.GradNorm = optim.GradNorm(tp.Engine(), m.Params())
	if !finite(r.GradNorm) {
		return r, fmt.Errorf("the gradient of %s has a NaN or an infinity (the loss is %v): %w", firstBad(tp.Engine(), m.Params()), r.Loss, ErrNotFinite)
	}
	o.Step(lr)
	return r, nil
}

// firstBad names the first parameter whose gradient is not finite.
func firstBad(e *tensor.Engine, params []*nn.Param) string {
	for _, p := range nn.Trained(params) {
		if g := p.Value.Grad(); g != nil && !e.AllFinite(g) {
			return p.Name
		}
	}
	return "all parameters together"
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// watch listens to the projections and measures their spread.
type watch struct {
	tape   *tensor.Tape
	heard  bool
	spread float64
}

// Wants is true for the projections only.
func (w *watch) Wants(name string) bool { return name == ProjectionTap }

// Got measures z [n,D].
func (w *watch) Got(_ string, z *tensor.Tensor) {
	w.heard = true
	e, u := w.tape.Engine(), w.tape.L2Normalize(z, normEps)
	w.spread = e.SumSquares(u)/float64(z.Dim(0)) - e.SumSquares(w.tape.MeanAxis0(u))
}
