package optim

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/tensor"
)

// decaying is an optimiser whose weight decay can be changed.
type decaying interface{ trainedSet() *tensor.Trained }

func (m *moments) trainedSet() *tensor.Trained { return m.trained }

type scheduledDecay struct {
	Optimizer
	set   *tensor.Trained
	ratio float64
	total int
}

// CosineDecay returns the optimiser o, one of this package with a weight decay of
// from, whose decay goes to another value along half a cosine over a training of
// so many steps (Caron et al. 2021, Section 3.2, from 0.04 to 0.4). Step k, which
// o counts and checkpoints hold, has
//
//	to + (from - to) (1 + cos(pi k / total))/2
func CosineDecay(o Optimizer, from, to float64, total int) (Optimizer, error) {
	d, ok := o.(decaying)
	switch {
	case !ok:
		return nil, fmt.Errorf("weight decay: found an optimiser (%T) without one", o)
	case !(from > 0) || math.IsInf(from, 0):
		return nil, fmt.Errorf("weight decay: found %v, expected more than 0 where it has a schedule", from)
	case total < 1:
		return nil, fmt.Errorf("total steps: found %d, expected at least 1", total)
	}
	if err := notNegative("weight decay at the end", to); err != nil {
		return nil, err
	}
	return &scheduledDecay{o, d.trainedSet(), to / from, total}, nil
}

// Step implements Optimizer.
func (s *scheduledDecay) Step(lr float64) {
	done := min(1, float64(s.Steps())/float64(s.total))
	s.set.ScaleDecay(s.ratio + (1-s.ratio)*(1+math.Cos(math.Pi*done))/2)
	s.Optimizer.Step(lr)
}
