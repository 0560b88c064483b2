package tensor

import (
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/tensor/internal/kernel"
)

// Trained is a set of parameters that an optimiser moves together, in one sweep
// over all of them, with its moments of each.
type Trained struct {
	params  []*Tensor
	moments [][]*Tensor // by kind and parameter
	decay   []float64
	scale   float64 // of all decays
	start   []int   // elements before each parameter, and all of them
}

// NewTrained returns the set of params. moments has, for each kind of moment, a
// tensor in the shape of each parameter (zeros before the first step), and decay
// the weight decay of each. It panics if a count or a shape differs.
func NewTrained(params []*Tensor, decay []float64, moments ...[]*Tensor) *Trained {
	t := &Trained{params: params, moments: moments, decay: decay, scale: 1, start: []int{0}}
	if len(decay) != len(params) {
		panic(fmt.Sprintf("tensor: NewTrained: %d parameters and %d weight decays", len(params), len(decay)))
	}
	for k, m := range moments {
		if len(m) != len(params) {
			panic(fmt.Sprintf("tensor: NewTrained: %d parameters and %d moments of kind %d", len(params), len(m), k))
		}
		for i, p := range params {
			m[i].mustShape(fmt.Sprintf("NewTrained: moment %d of parameter %d", k, i), p.shape...)
		}
	}
	for i, p := range params {
		t.start = append(t.start, t.start[i]+len(p.data))
	}
	return t
}

// ScaleDecay makes the weight decays those of NewTrained times s, until the next
// call.
func (t *Trained) ScaleDecay(s float64) { t.scale = s }

func (t *Trained) decayOf(i int) float64 { return t.decay[i] * t.scale }

// sweepTrained calls f for ranges of parameters, in parallel: elements [lo, hi)
// of parameter i, which has a gradient.
func (e *Engine) sweepTrained(t *Trained, f func(i, lo, hi int)) {
	e.pieces(t.start, func(i, lo, hi int) {
		if t.params[i].grad != nil {
			f(i, lo, hi)
		}
	})
}

// pieces calls f for ranges of tensors that stand one after the other, in
// parallel: elements [lo, hi) of tensor i. start holds the elements before each
// and, at its end, all of them. A task is a piece of all, so that small tensors
// share it.
func (e *Engine) pieces(start []int, f func(i, lo, hi int)) {
	last := len(start) - 1
	e.chunks(start[last], sweep, func(lo, hi int) {
		i, found := slices.BinarySearch(start, lo)
		if !found {
			i--
		}
		for ; i < last && start[i] < hi; i++ {
			if from, to := max(lo, start[i]), min(hi, start[i+1]); from < to {
				f(i, from-start[i], to-start[i])
			}
		}
	})
}

// SGDParams are the settings of one step of stochastic gradient descent as
// PyTorch defines them.
type SGDParams struct {
	LR, Momentum float64
	Nesterov     bool
}

// SGD updates the parameters of t from their gradients; their only moment is the
// momentum buffer. A parameter without a gradient stays as it is.
func (e *Engine) SGD(t *Trained, s SGDParams) {
	a := kernel.SGDArgs{LR: float32(s.LR), Momentum: float32(s.Momentum), Nesterov: s.Nesterov}
	e.sweepTrained(t, func(i, lo, hi int) {
		a := a
		a.Decay = float32(t.decayOf(i))
		p := t.params[i]
		e.k.SGD(p.data[lo:hi], t.moments[0][i].data[lo:hi], p.grad.data[lo:hi], a)
	})
}

// LARSParams are the settings of one step of LARS (You, Gitman and Ginsburg 2017).
type LARSParams struct {
	LR, Momentum float64
	Trust        float64 // eta, the trust coefficient
	Clip         bool    // no parameter moves faster than by plain SGD
}

// larsEps is added to the divisor of the trust ratio.
const larsEps = 1e-8

// LARS updates the parameters of t from their gradients g; their only moment is
// the momentum buffer v. Those with adapt set take, with d the weight decay,
//
//	r = trust*|w| / (|g| + d*|w| + eps)    1 where |w| or |g| is 0
//	r = min(r/LR, 1)                       with Clip
//	v = momentum*v + r*(g + d*w)
//	w = w - LR*v
//
// and the others SGD. The gradients are multiplied by r in place. A parameter
// without a gradient stays as it is.
func (e *Engine) LARS(t *Trained, adapt []bool, s LARSParams) {
	ratio := make([]float32, len(t.params))
	for i, p := range t.params {
		ratio[i] = 1
		if p.grad == nil || !adapt[i] {
			continue
		}
		w, g := math.Sqrt(e.SumSquares(p)), math.Sqrt(e.SumSquares(p.grad))
		if w == 0 || g == 0 {
			continue
		}
		r := s.Trust * w / (g + t.decayOf(i)*w + larsEps)
		if s.Clip {
			r = min(r/s.LR, 1)
		}
		ratio[i] = float32(r)
	}
	a := kernel.SGDArgs{LR: float32(s.LR), Momentum: float32(s.Momentum)}
	e.sweepTrained(t, func(i, lo, hi int) {
		a := a
		a.Decay = float32(t.decayOf(i)) * ratio[i]
		p := t.params[i]
		g := p.grad.data[lo:hi]
		e.k.Scale(g, g, ratio[i])
		e.k.SGD(p.data[lo:hi], t.moments[0][i].data[lo:hi], g, a)
	})
}

// AdamParams are the settings of one step of Adam (Kingma and Ba 2015) or, with
// Decoupled, AdamW (Loshchilov and Hutter 2019). Step counts from 1.
type AdamParams struct {
	LR, Beta1, Beta2, Eps float64
	Decoupled             bool
	Step                  int
}

// Adam updates the parameters of t from their gradients; their moments are the
// first and the second. A parameter without a gradient stays as it is.
func (e *Engine) Adam(t *Trained, s AdamParams) {
	// The corrections of the bias take the betas that the kernel has: rounding
	// 0.999 to float32 moves the 0.001 beside it by 5e-5, which must cancel.
	b1, b2 := float32(s.Beta1), float32(s.Beta2)
	a := kernel.AdamArgs{
		Step:      float32(s.LR / (1 - math.Pow(float64(b1), float64(s.Step)))),
		B1:        b1,
		B2:        b2,
		InvSqrtC2: float32(1 / math.Sqrt(1-math.Pow(float64(b2), float64(s.Step)))),
		Eps:       float32(s.Eps),
		Keep:      1,
	}
	e.sweepTrained(t, func(i, lo, hi int) {
		a := a
		if s.Decoupled {
			a.Keep = float32(1 - s.LR*t.decayOf(i))
		} else {
			a.L2 = float32(t.decayOf(i))
		}
		p := t.params[i]
		e.k.Adam(p.data[lo:hi], t.moments[0][i].data[lo:hi], t.moments[1][i].data[lo:hi], p.grad.data[lo:hi], a)
	})
}

// ScaleGrad multiplies the gradient of t, if there is one, by s.
func (e *Engine) ScaleGrad(t *Tensor, s float64) {
	if t.grad == nil {
		return
	}
	g := t.grad.data
	e.chunks(len(g), sweep, func(lo, hi int) { e.k.Scale(g[lo:hi], g[lo:hi], float32(s)) })
}
