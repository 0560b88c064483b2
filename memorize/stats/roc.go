package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Area is the area under a receiver operating characteristic.
type Area struct {
	// AUC is the probability that a positive scores above a negative, a tie
	// counting half.
	AUC float64 `json:"auc"`
	// SE is DeLong's standard error and the interval the normal one about AUC,
	// cut at 0 and 1. Both have no width where positives and negatives do not
	// overlap at all: then they say nothing.
	SE float64 `json:"se"`
	Interval
	Positives int `json:"positives"` // number of positives
	Negatives int `json:"negatives"` // number of negatives
}

// AUC says how well scores tell positives (S_C: trained on) from negatives
// (S_I): 0.5 is not at all. The variance is that of DeLong, DeLong and
// Clarke-Pearson 1988, by midranks (Sun and Xu 2014). It needs two of each.
func AUC(positives, negatives []float64, level float64) (Area, error) {
	if err := check("positives", positives, 2); err != nil {
		return Area{}, err
	}
	if err := check("negatives", negatives, 2); err != nil {
		return Area{}, err
	}
	if err := checkLevel(level); err != nil {
		return Area{}, err
	}
	m, n := len(positives), len(negatives)
	ranks := Ranks(slices.Concat(positives, negatives))
	// The share of negatives below each positive, and of positives above each
	// negative: ranks among all less those among one's own.
	above, below := make([]float64, m), make([]float64, n)
	for i, r := range Ranks(positives) {
		above[i] = (ranks[i] - r) / float64(n)
	}
	for j, r := range Ranks(negatives) {
		below[j] = 1 - (ranks[m+j]-r)/float64(m)
	}
	a := Area{AUC: stat.Mean(above, nil), Positives: m, Negatives: n}
	a.SE = math.Sqrt(stat.Variance(above, nil)/float64(m) + stat.Variance(below, nil)/float64(n))
	half := distuv.UnitNormal.Quantile((1+level)/2) * a.SE
	a.Interval = Interval{max(0, a.AUC-half), min(1, a.AUC+half)}
	return a, nil
}

// TPRAt returns the largest share of positives found by a threshold that takes
// at most the share fpr of the negatives for positives. The threshold lies
// between scores that occur; there is no interpolation. With fewer than 1/fpr
// negatives it is the share of positives above all of them.
func TPRAt(positives, negatives []float64, fpr float64) (float64, error) {
	if err := check("positives", positives, 1); err != nil {
		return 0, err
	}
	if err := check("negatives", negatives, 1); err != nil {
		return 0, err
	}
	if !(fpr >= 0 && fpr <= 1) {
		return 0, fmt.Errorf("fpr: found %v, expected 0 to 1", fpr)
	}
	sorted := slices.Sorted(slices.Values(negatives))
	allowed := int(fpr*float64(len(sorted)) + 1e-9)
	if allowed >= len(sorted) {
		return 1, nil
	}
	threshold := sorted[len(sorted)-1-allowed]
	found := 0
	for _, v := range positives {
		if v > threshold {
			found++
		}
	}
	return float64(found) / float64(len(positives)), nil
}

// Share is a share of things of one kind, with a test.
type Share struct {
	Share float64 `json:"share"` // K/N
	// The interval is that of Clopper and Pearson 1934, which never falls short.
	Interval
	// P is the exact two-sided p value of the share that was expected.
	P float64 `json:"p"`
	// K of N things were found.
	K int `json:"k"`
	N int `json:"n"`
}

// Binomial tests whether k of n independent things is the share p. Two-sided it
// adds up all outcomes that are no likelier than k.
func Binomial(k, n int, p, level float64) (Share, error) {
	if n < 1 || k < 0 || k > n {
		return Share{}, fmt.Errorf("binomial test: found %d of %d, expected 0 to n of at least 1", k, n)
	}
	if !(p >= 0 && p <= 1) {
		return Share{}, fmt.Errorf("p: found %v, expected 0 to 1", p)
	}
	if err := checkLevel(level); err != nil {
		return Share{}, err
	}
	s := Share{Share: float64(k) / float64(n), Interval: Interval{0, 1}, K: k, N: n}
	a := (1 - level) / 2
	if k > 0 {
		s.Lo = mathext.InvRegIncBeta(float64(k), float64(n-k+1), a)
	}
	if k < n {
		s.Hi = mathext.InvRegIncBeta(float64(k+1), float64(n-k), 1-a)
	}
	if p == 0 || p == 1 { // all outcomes but one are impossible
		if s.Share == p {
			s.P = 1
		}
		return s, nil
	}
	d := distuv.Binomial{N: float64(n), P: p}
	limit := d.LogProb(float64(k)) + 1e-7
	for i := range n + 1 {
		if lp := d.LogProb(float64(i)); lp <= limit {
			s.P += math.Exp(lp)
		}
	}
	s.P = min(1, s.P)
	return s, nil
}
