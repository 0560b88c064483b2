package ssl

import "github.com/locimem/locimem/tensor"

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
func StepInParts(c StepConfig, parts int, part func(i int) []*tensor.Tensor) (StepResult, error) {
	c.Optimizer.ZeroGrad()
	var r StepResult
	for i := range parts {
		if a, ok := c.Method.(InParts); ok {
			a.SetPart(i, parts)
		}
		views, own := part(i), c.Noise
		if own != nil && i > 0 {
			n := *own
			n.Row = uint64(i * views[0].Dim(0))
			own = &n
		}
		if err := c.backward(views, own, parts, &r); err != nil {
			return r, err
		}
	}
	err := c.finish(&r)
	return r, err
}

// InParts is a Method that keeps something of every part of a batch for AfterStep.
type InParts interface {
	// SetPart says which part, of how many, the next Loss is of.
	SetPart(part, parts int)
}
