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
	// Rank is the effective rank of the normalised projections of the batch, the
	// participation ratio (sum l)^2 / sum l^2 of the eigenvalues l of their
	// covariance: 1 where they lie on a line, D where they fill all directions
	// alike. It is 0 where all are the same.
	Rank float64
	// Teacher is the mean cosine between the projections and what a teacher makes
	// of the same images; 0 without a teacher.
	Teacher float64
	// Clipped is the number of images whose gradients private training shortened.
	Clipped int
}

// ErrNotFinite says that a loss or a gradient became NaN or infinite.
var ErrNotFinite = errors.New("not a finite number")

// StepConfig is what a training step needs besides the images.
type StepConfig struct {
	Tape      *tensor.Tape // in training mode; released at the end
	Method    Method
	Optimizer optim.Optimizer
	LR        float64
	// Noise seeds what is random inside of networks and says which step it is. nil is as
	// in the first step, with nothing random.
	Noise *nn.Noise
	Steps int // of the whole training, for schedules of a method's own
}

// Step does one training step: loss, backward, optimiser, and what the method does
// after it. views are the Method's Views, [N,H,W,C] each. If the loss or a gradient is
// not finite the parameters stay as they were and the error wraps ErrNotFinite; the
// running statistics of batch norm have then already seen the batch.
func Step(c StepConfig, views []*tensor.Tensor) (StepResult, error) {
	return StepInParts(c, 1, func(int) []*tensor.Tensor { return views })
}

// finish is what follows on the gradient of a whole batch.
func (c *StepConfig) finish(r *StepResult) error {
	e, params := c.Tape.Engine(), c.Method.Params()
	r.GradNorm = optim.GradNorm(e, params)
	if !finite(r.GradNorm) {
		return fmt.Errorf("the gradient of %s has a NaN or an infinity (the loss is %v): %w", firstBad(e, params), r.Loss, ErrNotFinite)
	}
	c.Optimizer.Step(c.LR)
	if after, ok := c.Method.(AfterStepper); ok {
		step := 0
		if c.Noise != nil {
			step = int(c.Noise.Step)
		}
		after.AfterStep(e, step, c.Steps)
	}
	return nil
}

// backward adds the gradients and the results of one of several parts, each by its
// share.
func (c *StepConfig) backward(views []*tensor.Tensor, noise *nn.Noise, parts int, r *StepResult) error {
	defer c.Tape.Release()
	loss, err := c.forward(views, noise, float64(parts), r)
	if err != nil {
		return err
	}
	if parts > 1 {
		loss = c.Tape.Scale(loss, 1/float32(parts))
	}
	c.Tape.Backward(loss)
	return nil
}

// forward returns the loss of one of several parts, of which there would be this many
// if all had its size, and adds what it tells to r.
func (c *StepConfig) forward(views []*tensor.Tensor, noise *nn.Noise, parts float64, r *StepResult) (*tensor.Tensor, error) {
	w := watch{tape: c.Tape}
	loss := c.Method.Loss(&nn.Context{Tape: c.Tape, Taps: &w, Noise: noise}, views)
	if w.projection == nil {
		panic("ssl: the method " + c.Method.Name() + " showed no " + ProjectionTap)
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

// sameWithin is the variance up to which projections count as all the same: the
// rounding of their normalisation.
const sameWithin = 1e-9

// watch listens to the projections and to the teacher's.
type watch struct {
	tape                *tensor.Tape
	projection, teacher *tensor.Tensor
}

// Wants is true for the two.
func (w *watch) Wants(name string) bool { return name == ProjectionTap || name == TeacherTap }

// Got takes z [n,D].
func (w *watch) Got(name string, z *tensor.Tensor) {
	if name == TeacherTap {
		w.teacher = z
	} else {
		w.projection = z
	}
}

// measure fills in what the projections tell, before Backward frees them.
func (w *watch) measure(r *StepResult) {
	tp, e := w.tape, w.tape.Engine()
	u := tp.L2Normalize(tp.Detach(w.projection), normEps)
	n := float64(u.Dim(0))
	r.Spread = e.SumSquares(u)/n - e.SumSquares(tp.MeanAxis0(u))
	// The Gram matrix of rows or of columns: both have the same eigenvalues but
	// for zeros.
	uc := tp.Center(u)
	gram := tp.MatMul(uc, uc, u.Dim(0) > u.Dim(1), u.Dim(0) <= u.Dim(1))
	if trace, squares := e.SumSquares(uc), e.SumSquares(gram); trace > sameWithin*n {
		r.Rank = trace * trace / squares
	}
	if w.teacher != nil {
		cos := tp.RowDots(u, tp.L2Normalize(tp.Detach(w.teacher), normEps))
		r.Teacher = float64(tp.Mean(cos).Item())
	}
}
