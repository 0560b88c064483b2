package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/combin"
)

// Alternative is what a test holds against "no difference".
type Alternative int

// The alternatives.
const (
	TwoSided Alternative = iota // the statistic is not 0
	Greater                     // it is above 0
	Less                        // it is below 0
)

// Test is the outcome of a test by rearranging.
type Test struct {
	// Statistic is the difference of means, the mean of paired differences, or the
	// controlled score (MembershipTest).
	Statistic float64 `json:"statistic"`
	P         float64 `json:"p"`
	// Exact says that all Arrangements were looked at; else that many were drawn,
	// and P counts the one found among them (Phipson and Smyth 2010), so it is
	// never 0.
	Exact        bool `json:"exact"`
	Arrangements int  `json:"arrangements"`
}

// exactLimit is the largest number of arrangements that are all looked at.
const exactLimit = 1 << 16

// tally counts the arrangements that are at least as far out as the one found.
type tally struct {
	found, slack float64
	alt          Alternative
}

// newTally allows for the rounding of sums of x in another order.
func newTally(found float64, alt Alternative, x ...[]float64) tally {
	size := 0.0
	for _, s := range x {
		for _, v := range s {
			size = max(size, math.Abs(v))
		}
	}
	return tally{found, 1e-12 * size, alt}
}

func (t tally) extreme(v float64) bool {
	switch t.alt {
	case Greater:
		return v >= t.found-t.slack
	case Less:
		return v <= t.found+t.slack
	}
	return math.Abs(v) >= math.Abs(t.found)-t.slack
}

// test returns the outcome of count extreme ones among n arrangements.
func (t tally) test(count, n int, exact bool) Test {
	out := Test{Statistic: t.found, Exact: exact, Arrangements: n, P: float64(count) / float64(n)}
	if !exact {
		out.P = float64(count+1) / float64(n+1)
	}
	return out
}

// drawn counts the extreme ones among random arrangements, each from a stream
// of its own.
func (t tally) drawn(r Resampling, purpose string, one func(s *rand.Rand) float64) Test {
	hit := make([]bool, r.Resamples)
	r.run(purpose, func(b int, s *rand.Rand) { hit[b] = t.extreme(one(s)) })
	count := 0
	for _, h := range hit {
		if h {
			count++
		}
	}
	return t.test(count, r.Resamples, false)
}

// Permutation tests whether a and b come from one distribution, by the
// difference of their means, mean(a) - mean(b), among all ways to deal their
// values out again. Up to 65,536 ways it looks at all, else at r.Resamples drawn
// ones. Two-sided it counts those of at least the same size, of either sign.
func Permutation(a, b []float64, alt Alternative, r Resampling) (Test, error) {
	if err := check("a", a, 1); err != nil {
		return Test{}, err
	}
	if err := check("b", b, 1); err != nil {
		return Test{}, err
	}
	if err := r.Validate(); err != nil {
		return Test{}, err
	}
	t, pool, difference := newPermutation(a, b, alt)
	na, nb := float64(len(a)), float64(len(b))
	if math.Exp(combin.LogGeneralizedBinomial(na+nb, na)) < exactLimit+0.5 {
		g := combin.NewCombinationGenerator(len(pool), len(a))
		chosen := make([]int, len(a))
		count, n := 0, 0
		for g.Next() {
			first := 0.0
			for _, i := range g.Combination(chosen) {
				first += pool[i]
			}
			if n++; t.extreme(difference(first)) {
				count++
			}
		}
		return t.test(count, n, true), nil
	}
	return permutationDrawn(a, b, alt, r)
}

// newPermutation returns the pool of a and b and the difference of means as a
// function of the sum of what is dealt to a.
func newPermutation(a, b []float64, alt Alternative) (t tally, pool []float64, difference func(first float64) float64) {
	t = newTally(stat.Mean(a, nil)-stat.Mean(b, nil), alt, a, b)
	pool = slices.Concat(a, b)
	sum := 0.0
	for _, v := range pool {
		sum += v
	}
	na, nb := float64(len(a)), float64(len(b))
	return t, pool, func(first float64) float64 { return first/na - (sum-first)/nb }
}

// permutationDrawn is Permutation by random arrangements.
func permutationDrawn(a, b []float64, alt Alternative, r Resampling) (Test, error) {
	t, pool, difference := newPermutation(a, b, alt)
	nonzero := slices.DeleteFunc(slices.Clone(pool), func(v float64) bool { return v == 0 })
	return t.drawn(r, "permutation", func(s *rand.Rand) float64 {
		// Value by value: in a with the probability of the places left there. The
		// zeros add nothing and come last, undrawn.
		places, first := len(a), 0.0
		for i, v := range nonzero {
			if s.IntN(len(pool)-i) < places {
				places--
				first += v
			}
		}
		return difference(first)
	}), nil
}

// SignFlip tests whether paired differences are symmetric about 0, by their
// mean among all ways to give them signs. Up to 16 differences it looks at all.
// So three pairs of encoders have p of 1/4 at the least, two-sided, and six
// 1/32.
func SignFlip(differences []float64, alt Alternative, r Resampling) (Test, error) {
	if err := check("differences", differences, 1); err != nil {
		return Test{}, err
	}
	if err := r.Validate(); err != nil {
		return Test{}, err
	}
	n := float64(len(differences))
	t := newTally(stat.Mean(differences, nil), alt, differences)
	mean := func(negative func(i int) bool) float64 {
		sum := 0.0
		for i, d := range differences {
			if negative(i) {
				d = -d
			}
			sum += d
		}
		return sum / n
	}
	if all := math.Exp2(n); all <= exactLimit {
		count := 0
		for signs := range int(all) {
			if t.extreme(mean(func(i int) bool { return signs>>i&1 == 1 })) {
				count++
			}
		}
		return t.test(count, int(all), true), nil
	}
	return t.drawn(r, "sign flip", func(s *rand.Rand) float64 {
		var bits uint64
		return mean(func(i int) bool {
			if i%64 == 0 {
				bits = s.Uint64()
			}
			return bits>>(i%64)&1 == 1
		})
	}), nil
}
