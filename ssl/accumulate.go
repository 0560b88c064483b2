package ssl

import (
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// StepInParts is Step with a batch in parts that go through the networks one after
// the other, so that only one of them takes memory (gradient accumulation). part
// gives the views of a part, numbered from 0, right before its loss; all parts have
// the same number of images.
//
// The gradient is the mean of those of the parts. For a loss that is a mean over
// images which do not see each other (supervised and mae, without batch norm) this
// is the gradient of the whole batch up to rounding. Where images are compared each
// part is a batch of its own, with as many negatives as it has: another loss. So it
// is with batch norm, whose running statistics move with every part.
//
// What AfterStep does is done once, behind the optimiser: a teacher follows the
// weights, which move once, and its momentum and the length of a queue keep the
// meaning that they have in the papers. All parts thus see the same teacher and the
// same queue, as one batch would; then the queue takes the keys of all of them, and
// DINO's centre their mean.
//
// What the step tells is the mean over the parts, but for the gradient's norm.
func StepInParts(tp *tensor.Tape, m Method, o optim.Optimizer, parts int, part func(i int) []*tensor.Tensor, lr float64, noise *nn.Noise, steps int) (StepResult, error) {
	o.ZeroGrad()
	var r StepResult
	for i := range parts {
		if a, ok := m.(inParts); ok {
			a.setPart(i, parts)
		}
		views, own := part(i), noise
		if noise != nil && i > 0 {
			n := *noise
			n.Row = uint64(i * views[0].Dim(0))
			own = &n
		}
		if err := backward(tp, m, views, own, parts, &r); err != nil {
			return r, err
		}
	}
	err := finishStep(tp, m, o, lr, noise, steps, &r)
	return r, err
}

// finishStep is what follows on the gradient of a whole batch.
func finishStep(tp *tensor.Tape, m Method, o optim.Optimizer, lr float64, noise *nn.Noise, steps int, r *StepResult) error {
	r.GradNorm = optim.GradNorm(tp.Engine(), m.Params())
	if !finite(r.GradNorm) {
		return fmt.Errorf("the gradient of %s has a NaN or an infinity (the loss is %v): %w", firstBad(tp.Engine(), m.Params()), r.Loss, ErrNotFinite)
	}
	o.Step(lr)
	if after, ok := m.(AfterStepper); ok {
		step := 0
		if noise != nil {
			step = int(noise.Step)
		}
		after.AfterStep(tp.Engine(), step, steps)
	}
	return nil
}

// inParts is a Method that keeps something of every part of a batch for AfterStep.
type inParts interface {
	// setPart says which part, of how many, the next Loss is of.
	setPart(part, parts int)
}

// backward adds the gradients and the results of one of several parts, each by its
// share.
func backward(tp *tensor.Tape, m Method, views []*tensor.Tensor, noise *nn.Noise, parts int, r *StepResult) error {
	defer tp.Release()
	loss, err := forward(tp, m, views, noise, float64(parts), r)
	if err != nil {
		return err
	}
	if parts > 1 {
		loss = tp.Scale(loss, 1/float32(parts))
	}
	tp.Backward(loss)
	return nil
}

// forward returns the loss of one of several parts, of which there would be so many
// were they all of its size, and adds what it tells to r.
func forward(tp *tensor.Tape, m Method, views []*tensor.Tensor, noise *nn.Noise, parts float64, r *StepResult) (*tensor.Tensor, error) {
	w := watch{tape: tp}
	loss := m.Loss(&nn.Context{Tape: tp, Taps: &w, Noise: noise}, views)
	if w.projection == nil {
		panic("ssl: the method " + m.Name() + " showed no " + ProjectionTap)
	}
	one := StepResult{Loss: float64(loss.Item())}
	w.measure(&one)
	r.Loss += one.Loss / parts
	r.Spread += one.Spread / parts
	r.Rank += one.Rank / parts
	r.Teacher += one.Teacher / parts
	if !finite(one.Loss) {
		return nil, fmt.Errorf("the loss is %v: %w", one.Loss, ErrNotFinite)
	}
	return loss, nil
}
