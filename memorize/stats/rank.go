package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Ranks returns the rank of each value, from 1 for the smallest. Equal values
// share the mean of their ranks.
func Ranks(x []float64) []float64 {
	order := ascending(x)
	ranks := make([]float64, len(x))
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && x[order[hi]] == x[order[lo]] {
			hi++
		}
		for _, i := range order[lo:hi] {
			ranks[i] = float64(lo+1+hi) / 2
		}
		lo = hi
	}
	return ranks
}

// ascending returns the indices of x by value, the first of those equal first.
func ascending(x []float64) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	return order
}

// Correlation is the agreement of two rankings.
type Correlation struct {
	Value float64 `json:"value"` // in [-1, 1]
	P     float64 `json:"p"`     // two-sided
	// Exact says that P counts permutations; else it is the limit of many values.
	Exact bool `json:"exact"`
	N     int  `json:"n"`
}

func checkPaired(x, y []float64) error {
	if len(x) != len(y) {
		return fmt.Errorf("rankings: found %d and %d values, expected the same number", len(x), len(y))
	}
	if err := check("x", x, 2); err != nil {
		return err
	}
	if err := check("y", y, 2); err != nil {
		return err
	}
	if equal(x) || equal(y) {
		return fmt.Errorf("rank correlation: %w", ErrNoSpread)
	}
	return nil
}

// Spearman returns the rank correlation, ties having mid-ranks, with p by
// Student's t on n-2 degrees of freedom, which is rough below some 10 values.
// It returns ErrNoSpread if x or y is constant, and needs 3 values.
func Spearman(x, y []float64) (Correlation, error) {
	if err := checkPaired(x, y); err != nil {
		return Correlation{}, err
	}
	if err := check("x", x, 3); err != nil {
		return Correlation{}, err
	}
	rho := max(-1, min(1, stat.Correlation(Ranks(x), Ranks(y), nil)))
	df := float64(len(x) - 2)
	p := tail(distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}, rho, math.Sqrt((1-rho*rho)/df))
	return Correlation{Value: rho, P: p, N: len(x)}, nil
}

// CorrelationInterval is the interval of a correlation. Detectable is the smallest
// correlation that such an interval tells from 0 with probability 0.8.
type CorrelationInterval struct {
	Interval
	Detectable float64 `json:"detectable"`
}

// FisherInterval returns the interval of a correlation r of n > 3 values: atanh r is
// about normal with variance 1/(n-3) (Fisher 1921).
func FisherInterval(r float64, n int, level float64) CorrelationInterval {
	root := math.Sqrt(float64(n - 3))
	z, half := math.Atanh(r), distuv.UnitNormal.Quantile((1+level)/2)/root
	return CorrelationInterval{
		Interval{math.Tanh(z - half), math.Tanh(z + half)},
		math.Tanh(half + distuv.UnitNormal.Quantile(detectablePower)/root),
	}
}

// exactKendall is the largest number of values whose p is counted out.
const exactKendall = 33

// Kendall returns tau-b (Kendall 1945), of which the paper's Table 3 makes its
// comparison of layers. Without ties and up to 33 values p is exact, else it is
// that of a normal distribution with the variance for ties. It takes n log n steps
// (Knight 1966). It returns ErrNoSpread if x or y is constant.
func Kendall(x, y []float64) (Correlation, error) {
	if err := checkPaired(x, y); err != nil {
		return Correlation{}, err
	}
	n := len(x)
	order := ascending(y)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	sorted := make([]float64, n)
	for i, o := range order {
		sorted[i] = y[o]
	}
	// Pairs that are equal in both: neighbours, since the order is by x, then y.
	var both, run float64
	for i := 1; i < n; i++ {
		if x[order[i]] == x[order[i-1]] && y[order[i]] == y[order[i-1]] {
			run++
			both += run
		} else {
			run = 0
		}
	}
	tx, ty := tiesOf(x), tiesOf(y)
	discordant := inversions(sorted, make([]float64, n))
	pairs := float64(n) * float64(n-1) / 2
	// Concordant less discordant: pairs tied in x, y or both are neither.
	score := pairs - tx.pairs - ty.pairs + both - 2*discordant
	out := Correlation{Value: score / math.Sqrt(pairs-tx.pairs) / math.Sqrt(pairs-ty.pairs), N: n}
	out.Value = max(-1, min(1, out.Value))
	if out.Exact = tx.pairs == 0 && ty.pairs == 0 && n <= exactKendall; out.Exact {
		out.P = kendallExact(n, int(discordant))
		return out, nil
	}
	m := float64(n)
	v := (m*(m-1)*(2*m+5)-tx.v1-ty.v1)/18 + 2*tx.pairs*ty.pairs/(m*(m-1))
	if n > 2 {
		v += tx.v2 * ty.v2 / (9 * m * (m - 1) * (m - 2))
	}
	out.P = min(1, 2*distuv.UnitNormal.CDF(-math.Abs(score)/math.Sqrt(v)))
	return out, nil
}

// ties are sums over groups of t equal values: of t(t-1)/2, t(t-1)(2t+5) and
// t(t-1)(t-2).
type ties struct{ pairs, v1, v2 float64 }

func tiesOf(x []float64) ties {
	var out ties
	sorted := slices.Sorted(slices.Values(x))
	for lo := 0; lo < len(sorted); {
		hi := lo + 1
		for hi < len(sorted) && sorted[hi] == sorted[lo] {
			hi++
		}
		t := float64(hi - lo)
		out.pairs += t * (t - 1) / 2
		out.v1 += t * (t - 1) * (2*t + 5)
		out.v2 += t * (t - 1) * (t - 2)
		lo = hi
	}
	return out
}

// inversions sorts x by merging and returns how many pairs were out of order.
func inversions(x, tmp []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	m := len(x) / 2
	n := inversions(x[:m], tmp) + inversions(x[m:], tmp)
	copy(tmp, x)
	i, j := 0, m
	for k := range x {
		if j == len(x) || i < m && tmp[i] <= tmp[j] {
			x[k] = tmp[i]
			i++
		} else {
			x[k] = tmp[j]
			j++
			n += float64(m - i)
		}
	}
	return n
}

// kendallExact returns the two-sided p value of d discordant pairs of n values:
// twice the share of permutations with as few, or as many.
func kendallExact(n, d int) float64 {
	pairs := n * (n - 1) / 2
	d = min(d, pairs-d)
	// share[k] of the permutations of i values has k inversions: the next value
	// adds 0 to i, each alike.
	share := []float64{1}
	for i := 2; i <= n; i++ {
		next := make([]float64, i*(i-1)/2+1)
		for k, p := range share {
			for add := range i {
				next[k+add] += p / float64(i)
			}
		}
		share = next
	}
	p := 0.0
	for _, s := range share[:d+1] {
		p += s
	}
	return min(1, 2*p)
}
