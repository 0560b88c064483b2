package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is the range that an estimate may lie in.
type Interval struct {
	// Lo and Hi bound the interval.
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Above tells whether all of the interval lies above v.
func (i Interval) Above(v float64) bool { return i.Lo > v }

// Below tells whether all of the interval lies below v.
func (i Interval) Below(v float64) bool { return i.Hi < v }

// Mean is a mean of independent values by Student's t distribution.
type Mean struct {
	Mean float64 `json:"mean"`
	SE   float64 `json:"se"`
	Interval
	// P is the two-sided p value of a true mean of 0.
	P float64 `json:"p"`
	N int     `json:"n"`
}

// Student returns the mean of at least two values, such as one score of each of
// several pairs of encoders, with the interval of Student's t on n-1 degrees of
// freedom. Of three values that is 2.5 times as wide as a bootstrap would have
// it, and rightly: the bootstrap of n values takes their spread for that of all,
// which is too small by (n-1)/n in variance, and cannot leave their range.
// It assumes values that are about normal. All equal, they have an interval of
// no width, and P is 0, or 1 if they are 0.
func Student(values []float64, level float64) (Mean, error) {
	if err := check("values", values, 2); err != nil {
		return Mean{}, err
	}
	if err := checkLevel(level); err != nil {
		return Mean{}, err
	}
	m, sd := stat.MeanStdDev(values, nil)
	if equal(values) { // not by rounding a little apart
		m, sd = values[0], 0
	}
	n := float64(len(values))
	return *newMean(m, stat.StdErr(sd, n), n-1, level, len(values)), nil
}

// newMean returns a mean of n values with the interval of Student's t on df degrees
// of freedom.
func newMean(mean, se, df, level float64, n int) *Mean {
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
	half := t.Quantile((1+level)/2) * se
	return &Mean{Mean: mean, SE: se, Interval: Interval{mean - half, mean + half}, P: tail(t, mean, se), N: n}
}

// tail returns the two-sided p value of an estimate of 0 with that standard
// error.
func tail(t distuv.StudentsT, estimate, se float64) float64 {
	switch {
	case estimate == 0:
		return 1
	case se == 0:
		return 0
	}
	return math.Min(1, 2*t.CDF(-math.Abs(estimate)/se))
}

// WelchTest is the outcome of Welch.
type WelchTest struct {
	T  float64 `json:"t"`
	DF float64 `json:"df"`
	P  float64 `json:"p"` // two-sided
	// Difference is mean(a) - mean(b), with its interval.
	Difference float64 `json:"difference"`
	Interval
}

// Welch is the t test of two samples whose variances may differ, of which the
// paper's Table 11 gives t and p. It returns ErrNoSpread if all values of both are
// equal.
func Welch(a, b []float64, level float64) (WelchTest, error) {
	for _, s := range []struct {
		name string
		x    []float64
	}{{"a", a}, {"b", b}} {
		if err := check(s.name, s.x, 2); err != nil {
			return WelchTest{}, err
		}
	}
	if err := checkLevel(level); err != nil {
		return WelchTest{}, err
	}
	if equal(a) && equal(b) {
		return WelchTest{}, fmt.Errorf("t test: %w", ErrNoSpread)
	}
	ma, va := stat.MeanVariance(a, nil)
	mb, vb := stat.MeanVariance(b, nil)
	na, nb := float64(len(a)), float64(len(b))
	va, vb = va/na, vb/nb
	se := math.Sqrt(va + vb)
	// Welch 1947, with the degrees of freedom of Satterthwaite 1946.
	df := (va + vb) * (va + vb) / (va*va/(na-1) + vb*vb/(nb-1))
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
	d := ma - mb
	half := t.Quantile((1+level)/2) * se
	return WelchTest{T: d / se, DF: df, P: tail(t, d, se), Difference: d, Interval: Interval{d - half, d + half}}, nil
}
