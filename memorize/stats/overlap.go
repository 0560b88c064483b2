package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/combin"
)

// Overlap says how many of the k largest of two rankings are the same.
type Overlap struct {
	K int `json:"k"`
	N int `json:"n"`
	// Shared of the first k are the same, a Share of k. Expected is the share of
	// two rankings that have nothing to do with each other, k/n.
	Shared   int     `json:"shared"`
	Share    float64 `json:"share"`
	Expected float64 `json:"expected"`
	// P is the probability of as many or more by chance (hypergeometric).
	P float64 `json:"p"`
}

// TopOverlap compares the k largest values of two scores of the same points, as
// the paper's Tables 3 and 28 do with k of 100. Of equal values the first ones
// are taken.
func TopOverlap(x, y []float64, k int) (Overlap, error) {
	if len(x) != len(y) {
		return Overlap{}, fmt.Errorf("rankings: found %d and %d values, expected the same number", len(x), len(y))
	}
	if err := check("x", x, 1); err != nil {
		return Overlap{}, err
	}
	if err := check("y", y, 1); err != nil {
		return Overlap{}, err
	}
	n := len(x)
	if k < 1 || k > n {
		return Overlap{}, fmt.Errorf("k: found %d, expected 1 to %d", k, n)
	}
	o := Overlap{K: k, N: n, Expected: float64(k) / float64(n)}
	in := make([]bool, n)
	for _, i := range Top(x, k) {
		in[i] = true
	}
	for _, i := range Top(y, k) {
		if in[i] {
			o.Shared++
		}
	}
	o.Share = float64(o.Shared) / float64(k)
	for s := k; s >= max(o.Shared, 2*k-n, 0); s-- {
		o.P += math.Exp(logChoose(k, s) + logChoose(n-k, k-s) - logChoose(n, k))
	}
	o.P = min(1, o.P)
	return o, nil
}

func logChoose(n, k int) float64 { return combin.LogGeneralizedBinomial(float64(n), float64(k)) }

// Top returns the indices of the k largest values, or of all, falling; of equal
// ones the first first.
func Top(x []float64, k int) []int {
	negative := make([]float64, len(x))
	for i, v := range x {
		negative[i] = -v
	}
	return ascending(negative)[:min(k, len(x))]
}

// Least returns the indices of the k smallest values, or of all, rising; of equal
// ones the first first.
func Least(x []float64, k int) []int { return ascending(x)[:min(k, len(x))] }
