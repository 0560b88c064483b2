package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// CohenD returns the difference of the means of a and b in units of their
// pooled standard deviation (Cohen 1988). It returns ErrNoSpread if that is 0.
func CohenD(a, b []float64) (float64, error) {
	if err := check("a", a, 2); err != nil {
		return 0, err
	}
	if err := check("b", b, 2); err != nil {
		return 0, err
	}
	if equal(a) && equal(b) {
		return 0, fmt.Errorf("effect size d: %w", ErrNoSpread)
	}
	ma, va := stat.MeanVariance(a, nil)
	mb, vb := stat.MeanVariance(b, nil)
	na, nb := float64(len(a)), float64(len(b))
	return (ma - mb) / math.Sqrt(((na-1)*va+(nb-1)*vb)/(na+nb-2)), nil
}

// CliffDelta returns the probability that a value of a is above one of b less
// that of the contrary (Cliff 1993): 2 AUC - 1, in [-1, 1].
func CliffDelta(a, b []float64) (float64, error) {
	if err := check("a", a, 1); err != nil {
		return 0, err
	}
	if err := check("b", b, 1); err != nil {
		return 0, err
	}
	m, n := float64(len(a)), float64(len(b))
	sum := 0.0
	for _, r := range Ranks(append(append([]float64{}, a...), b...))[:len(a)] {
		sum += r
	}
	return 2*(sum-m*(m+1)/2)/(m*n) - 1, nil
}
