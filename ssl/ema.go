package ssl

import (
	"math"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// teacherPrefix begins the names of a teacher's parameters.
const teacherPrefix = "teacher."

// AfterStepper is a Method that does something after every step of the
// optimiser: a teacher follows, a queue takes keys.
type AfterStepper interface {
	// AfterStep is called after the step of that number, counted from 0, of a
	// training of so many.
	AfterStep(e *tensor.Engine, step, steps int)
}

// teacher is a second copy of a method's networks whose weights are an
// exponential moving average of the student's and take no gradient. Its
// parameters are buffers, so that checkpoints hold them. Running statistics are
// not averaged: the teacher's batch norm keeps its own, as in the programs of
// BYOL, MoCo and DINO.
type teacher struct {
	params   []*nn.Param
	averages *tensor.Averages
	tape     *tensor.Tape
	keep     float64
	cosine   bool // keep rises to 1
}

// newTeacher makes params, those of networks just like the student's, follow it
// from where it is. ema is the share that stays in a step, schedule one of constant and
// cosine.
func newTeacher(student, params []*nn.Param, ema float64, schedule string) (*teacher, error) {
	if err := nn.Copy(params, student); err != nil {
		return nil, err
	}
	t := &teacher{params: params, keep: ema, cosine: schedule == "cosine"}
	var avg, of []*tensor.Tensor
	for i, p := range params {
		if !p.Buffer {
			avg, of = append(avg, p.Value), append(of, student[i].Value)
		}
		p.Name, p.Buffer = teacherPrefix+p.Name, true
	}
	t.averages = tensor.NewAverages(avg, of)
	return t, nil
}

// teach returns what f makes of the teacher's networks in the context that it
// gets, on a tape without gradients that is released before the student's pass
// begins: a constant of c's tape.
func (t *teacher) teach(c *nn.Context, f func(c *nn.Context) *tensor.Tensor) *tensor.Tensor {
	if e := c.Tape.Engine(); t.tape == nil || t.tape.Engine() != e {
		t.tape = e.NewTape(tensor.Mode{Train: true})
	}
	defer t.tape.Release()
	// Neither taps nor noise: both are the student's.
	out := f(&nn.Context{Tape: t.tape})
	y := c.Tape.Buffer(out.Shape()...)
	y.CopyFrom(out.Data())
	return y
}

// momentum is the share of the teacher that stays in a step (Grill et al. 2020,
// Section 3.2): with cosine, of step k of K,
//
//	tau = 1 - (1 - tau_base) (cos(pi k/K) + 1)/2
func (t *teacher) momentum(step, steps int) float64 {
	if !t.cosine {
		return t.keep
	}
	k := float64(step) / float64(max(steps, 1))
	return 1 - (1-t.keep)*(math.Cos(math.Pi*min(k, 1))+1)/2
}

// AfterStep implements AfterStepper: teacher = tau*teacher + (1-tau)*student.
func (t *teacher) AfterStep(e *tensor.Engine, step, steps int) {
	e.Average(t.averages, t.momentum(step, steps))
}
