package ssl

import (
	"errors"
	"fmt"

	"github.com/locimem/locimem/nn"
)

// ErrNothingTrained says that the first epoch changed no weight, or that all of its
// gradients were zero, so that weight decay alone did.
var ErrNothingTrained = errors.New("nothing is trained")

// heldWeights are the trained parameters that are not zero, and their hash: what begins at
// zero, as biases do, follows steps of any size.
type heldWeights struct {
	params []*nn.Param
	hash   string
}

func (t *Trainer) held() *heldWeights {
	w := &heldWeights{}
	for _, p := range nn.Trained(t.Method.Params()) {
		if t.Engine.SumSquares(p.Value) > 0 {
			w.params = append(w.params, p)
		}
	}
	w.hash = nn.Hash(w.params)
	return w
}

// checkTrained compares the weights after the first epoch with those before it. Settings
// that no range forbids may together be too small for float32. A schedule of zeros is
// taken at its word: it is how to see what everything but the steps does.
func (t *Trainer) checkTrained(before *heldWeights, at *place) error {
	what, highest := "", 0.
	for step := range t.steps {
		highest = max(highest, t.Schedule.At(step))
	}
	switch {
	case highest == 0:
		return nil
	case at.GradNorm == 0:
		what = "all gradients were zero"
	case len(before.params) > 0 && nn.Hash(before.params) == before.hash:
		what = "no weight changed"
	default:
		return nil
	}
	return fmt.Errorf("training %s: %s in the first epoch, of %d steps, the last at learning rate %.3g (mean norm of "+
		"the gradients %.3g): %w. Usual causes: a learning rate, a clipping norm (train.clip_norm, train.private.clip) or "+
		"a trust coefficient so small that float32 rounds a step to 0; weights that let nothing through",
		t.Name, what, t.steps, t.Schedule.At(t.steps-1), at.GradNorm/float64(t.steps), ErrNothingTrained)
}
