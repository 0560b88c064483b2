package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Holm returns p values corrected for being several, so that the probability of
// one false alarm or more is at most the level (Holm 1979), however the tests
// depend on each other.
func Holm(p []float64) ([]float64, error) {
	if err := checkP(p); err != nil {
		return nil, err
	}
	out := make([]float64, len(p))
	least := 0.0
	for rank, i := range ascending(p) {
		least = max(least, min(1, p[i]*float64(len(p)-rank)))
		out[i] = least
	}
	return out, nil
}

// Fisher combines the p values of independent tests of one question into one (Fisher
// 1925): -2 sum log p is chi-square of 2n degrees of freedom where no test finds
// anything. It is 1 for no tests.
func Fisher(p []float64) float64 {
	if len(p) == 0 {
		return 1
	}
	sum := 0.0
	for _, v := range p {
		sum -= 2 * math.Log(v)
	}
	return distuv.ChiSquared{K: float64(2 * len(p))}.Survival(sum)
}

// BH returns p values corrected so that the expected share of false ones among
// the alarms is at most the level (Benjamini and Hochberg 1995), for tests that
// are independent or depend on each other positively, as taps of one encoder do.
func BH(p []float64) ([]float64, error) {
	if err := checkP(p); err != nil {
		return nil, err
	}
	out := make([]float64, len(p))
	order := ascending(p)
	most := 1.0
	for rank := len(order); rank > 0; rank-- {
		i := order[rank-1]
		most = min(most, p[i]*float64(len(p))/float64(rank))
		out[i] = most
	}
	return out, nil
}

func checkP(p []float64) error {
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("p[%d]: found %v, expected 0 to 1", i, v)
		}
	}
	return nil
}
