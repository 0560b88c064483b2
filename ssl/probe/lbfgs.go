package probe

import "math"

// lbfgs minimises a smooth convex function by L-BFGS (Liu and Nocedal 1989; Nocedal
// and Wright 2006, Algorithms 7.4 and 7.5) over its last lbfgsMemory steps. It
// changes x to the minimum. f returns the value at x and puts the gradient in g.
//
// The values come from float32, and near the minimum their differences are
// rounding. So a step is judged by the slope along it, which for a convex function
// is enough to bracket the minimum; values must only not rise beyond rounding.
// A search by values, as in libraries, ends where their differences are rounding.
type lbfgs struct {
	f         func(x, g []float64) float64
	tolerance float64 // of the largest derivative
	most      int     // iterations

	s, y [][]float64 // the last steps and changes of the gradient, oldest first
}

const (
	lbfgsMemory = 10
	// A step is good if the slope at its end is at most this share of the one at
	// its start ("strong Wolfe"), and the value has risen by no more than rounding.
	lbfgsSlope    = 0.5
	lbfgsRounding = 1e-6
	lbfgsTries    = 40 // steps tried in one line search
)

// minimize returns the value, the largest derivative and the number of iterations
// at the end: the derivative is above the tolerance if most was reached, or if
// rounding leaves no way down.
func (o *lbfgs) minimize(x []float64) (value, largest float64, iterations int) {
	g, d := make([]float64, len(x)), make([]float64, len(x))
	next, gNext := make([]float64, len(x)), make([]float64, len(x))
	value = o.f(x, g)
	for iterations = 0; iterations < o.most && maxAbs(g) > o.tolerance; iterations++ {
		o.direction(d, g)
		slope := dot(d, g)
		if !(slope < 0) { // the memory is all rounding: once more from the gradient
			o.s, o.y = nil, nil
			o.direction(d, g)
			slope = dot(d, g)
		}
		v, ok := o.search(x, d, next, gNext, value, slope)
		if !ok {
			break
		}
		o.remember(x, g, next, gNext)
		copy(x, next)
		copy(g, gNext)
		value = v
	}
	return value, maxAbs(g), iterations
}

// search looks along d for a good step, and leaves where it leads and the
// gradient there.
func (o *lbfgs) search(x, d, next, g []float64, start, slope float64) (value float64, ok bool) {
	step, lo, hi := 1.0, 0.0, math.Inf(1)
	for range lbfgsTries {
		for i := range x {
			next[i] = x[i] + step*d[i]
		}
		value = o.f(next, g)
		at := dot(d, g)
		switch {
		case math.Abs(at) <= -lbfgsSlope*slope && value <= start+lbfgsRounding*math.Abs(start):
			return value, true
		case at < 0 && value <= start+lbfgsRounding*math.Abs(start):
			lo = step
		default: // behind the minimum, or not a number
			hi = step
		}
		if math.IsInf(hi, 1) {
			step *= 2
		} else {
			step = (lo + hi) / 2
		}
	}
	return value, false
}

// direction sets d to minus the inverse Hessian, as far as it is known, times g.
func (o *lbfgs) direction(d, g []float64) {
	for i, v := range g {
		d[i] = -v
	}
	n := len(o.s)
	if n == 0 { // a first step of length 1 or less
		scale(d, 1/math.Max(1, math.Sqrt(dot(g, g))))
		return
	}
	alpha := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		alpha[i] = dot(o.s[i], d) / dot(o.s[i], o.y[i])
		axpy(d, o.y[i], -alpha[i])
	}
	scale(d, dot(o.s[n-1], o.y[n-1])/dot(o.y[n-1], o.y[n-1]))
	for i := range n {
		axpy(d, o.s[i], alpha[i]-dot(o.y[i], d)/dot(o.s[i], o.y[i]))
	}
}

// remember keeps a step if it shows curvature.
func (o *lbfgs) remember(x, g, next, gNext []float64) {
	s, y := make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		s[i], y[i] = next[i]-x[i], gNext[i]-g[i]
	}
	if !(dot(s, y) > 1e-12*math.Sqrt(dot(s, s)*dot(y, y))) {
		return
	}
	if len(o.s) == lbfgsMemory {
		o.s, o.y = o.s[1:], o.y[1:]
	}
	o.s, o.y = append(o.s, s), append(o.y, y)
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func axpy(y, x []float64, a float64) {
	for i := range y {
		y[i] += a * x[i]
	}
}

func scale(x []float64, a float64) {
	for i := range x {
		x[i] *= a
	}
}

func maxAbs(x []float64) (m float64) {
	for _, v := range x {
		m = math.Max(m, math.Abs(v)) // a NaN stays one
	}
	return m
}
