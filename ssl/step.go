package ssl

import (
	"errors"
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

// Step does one training step: loss, backward, optimiser, and what the method does
// after it. The tape must be in training mode and is released at the end. noise,
// which may be nil, seeds what is random inside of networks and says which step it
// is, of a training of so many steps. If the loss or a gradient is not
// finite the parameters stay as they were and the error wraps ErrNotFinite; the
// running statistics of batch norm have then already seen the batch.
func Step(tp *tensor.Tape, m Method, o optim.Optimizer, views []*tensor.Tensor, lr float64, noise *nn.Noise, steps int) (StepResult, error) {
	return StepInParts(tp, m, o, 1, func(int) []*tensor.Tensor { return views }, lr, noise, steps)
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
