package optim

import (
	"fmt"
	"math"
)

// Schedule gives the learning rate of every step.
type Schedule interface {
	// At returns the learning rate of a step, counted from 0.
	At(step int) float64
}

// Constant is the same learning rate for every step.
type Constant float64

// At implements Schedule.
func (c Constant) At(int) float64 { return float64(c) }

// CosineWarmup rises linearly to Base over the first Warmup steps, the last of
// which has Base, then falls as half a cosine (Loshchilov and Hutter 2017,
// without restarts):
//
//	Base/2 * (1 + cos(pi * (step - Warmup) / (Total - Warmup)))
//
// It would reach 0 at step Total, the first step that is not made. Without
// warm-up it is PyTorch's CosineAnnealingLR with T_max = Total.
type CosineWarmup struct {
	Base          float64
	Warmup, Total int // steps
}

// Check fails if the numbers make no schedule.
func (s CosineWarmup) Check() error {
	if err := notNegative("learning rate", s.Base); err != nil {
		return err
	}
	if s.Total < 1 {
		return fmt.Errorf("total steps: found %d, expected at least 1", s.Total)
	}
	if s.Warmup < 0 || s.Warmup > s.Total {
		return fmt.Errorf("warm-up steps: found %d, expected 0 to the total of %d", s.Warmup, s.Total)
	}
	return nil
}

// At implements Schedule.
func (s CosineWarmup) At(step int) float64 {
	switch {
	case step < s.Warmup:
		return s.Base * float64(step+1) / float64(s.Warmup)
	case step >= s.Total:
		return 0
	}
	done := float64(step-s.Warmup) / float64(s.Total-s.Warmup)
	return s.Base / 2 * (1 + math.Cos(math.Pi*done))
}
