package stats

import "fmt"

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
