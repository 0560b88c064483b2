package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/internal/rng"
)

// Resampling says how a bootstrap draws. The same settings give the same bits.
type Resampling struct {
	Resamples int
	Level     float64 // of the intervals, in (0, 1)
	Seed      uint64
	// Purpose separates the draws of different questions. Those of the same one,
	// such as all taps of an encoder, are the same: their differences are paired.
	Purpose string
	// Parallel runs f(0..n-1, worker), such as Engine.Parallel; nil: one by one.
	Parallel func(n int, f func(task, worker int))
}

// DefaultResampling returns 1999 resamples and intervals of 95 %.
func DefaultResampling(seed uint64, purpose string) Resampling {
	return Resampling{Resamples: 1999, Level: 0.95, Seed: seed, Purpose: purpose}
}

// Validate returns what is wrong with the settings, or nil.
func (r Resampling) Validate() error {
	if err := checkLevel(r.Level); err != nil {
		return err
	}
	if TailRank(r.Resamples, r.Level) < 1 {
		return fmt.Errorf("resamples: found %d, too few for an interval of level %v", r.Resamples, r.Level)
	}
	return nil
}

// run calls f for each resample with a stream of its own.
func (r Resampling) run(purpose string, f func(b int, s *rand.Rand)) {
	parallel := r.Parallel
	if parallel == nil {
		parallel = func(n int, f func(task, worker int)) {
			for i := range n {
				f(i, 0)
			}
		}
	}
	parallel(r.Resamples, func(b, _ int) { f(b, rng.New(r.Seed, purpose+" "+r.Purpose, uint64(b))) })
}

// TailRank returns how many resamples lie outside a percentile interval on each
// side, counting its ends: (R+1)(1-level)/2, rounded down. Davison and Hinkley
// 1997, section 5.3.1. It is 0 where there are too few resamples.
func TailRank(resamples int, level float64) int {
	// The small number keeps 0.9 and the like from falling below a whole number.
	return int(float64(resamples+1)*(1-level)/2 + 1e-9)
}

// Percentile returns the percentile interval of resampled estimates. The ranks
// are symmetric, so that changing the sign of all changes its sign and nothing
// else. There must be enough of them (TailRank).
func Percentile(resampled []float64, level float64) Interval {
	values := slices.Clone(resampled)
	k, n := TailRank(len(values), level), len(values)
	if slices.ContainsFunc(values, math.IsNaN) { // they are in no order but that of Sort
		slices.Sort(values)
		return Interval{values[k-1], values[n-k]}
	}
	lo := selectRank(values, k-1)
	return Interval{lo, selectRank(values[k-1:], n-2*k+1)}
}

// selectRank returns what would be at index k of the sorted values, by Hoare's
// quickselect (1961): sorting all of them took most of the time of an interval.
// Values are put in another order, so that none before k is larger and none after
// it smaller. None may be NaN.
func selectRank(values []float64, k int) float64 {
	for lo, hi := 0, len(values)-1; lo < hi; {
		pivot := values[lo+(hi-lo)/2]
		i, j := lo, hi
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i++
				j--
			}
		}
		switch { // values up to j are not above the pivot, from i on not below it
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return values[k]
		}
	}
	return values[k]
}

// Sample is a score of points in each of several pairs of encoders.
type Sample struct {
	// Candidate and Independent are values[pair][point]. Without Independent the
	// estimate is the mean of the candidates; with it, half of the difference of
	// the two means, the controlled score (package memorize).
	Candidate, Independent [][]float64
	// CandidateViews and IndependentViews, if not nil, are values[pair][point][view],
	// given instead, of which each point's mean is the value: then views are
	// resampled too. Where every point has views of its own that no other point
	// shares, resampling points already covers them.
	CandidateViews, IndependentViews [][][]float64
	// SamePoints says that point i is the same image in every pair: it is then
	// drawn for all pairs at once. Else every pair draws its own points.
	SamePoints bool
}

// Estimate is the mean of a Sample with its intervals.
type Estimate struct {
	// Mean is the mean over pairs of each pair's estimate.
	Mean float64 `json:"mean"`
	// Pairs is the interval for statements about pairs of encoders trained alike:
	// Student's t over the estimates of the pairs. Verdicts use this one. It is nil
	// with a single pair, which says nothing about others.
	Pairs *Mean `json:"pairs"`
	// Points is the percentile bootstrap interval over points (and views) of
	// just these pairs: it is about other points and these encoders.
	Points Interval `json:"points"`
	// Both is that of resampling pairs and points. With few pairs it is too
	// narrow: (n-1)/n of the variance between n pairs, so 2/3 with three. It is
	// equal to Points with a single pair.
	Both Interval `json:"both"`
	// Covers says in words what Both takes into account.
	Covers    string    `json:"covers"`
	PairMeans []float64 `json:"pair_means"`
	// N is the number of values over all pairs and both sets.
	N     int     `json:"n"`
	Level float64 `json:"level"`
}

// TwoWay estimates the mean of a sample, with three intervals that answer
// different questions (see Estimate). Pairs and points are crossed factors where
// the pairs share their points, nested ones else; both are resampled with
// replacement (the "two-way" or "pigeonhole" bootstrap of Owen 2007, which errs
// to the wide side for points). It returns an error for fewer than two points
// in a pair, and for values that are missing or not finite.
func TwoWay(s Sample, r Resampling) (Estimate, error) {
	if err := r.Validate(); err != nil {
		return Estimate{}, err
	}
	c, err := newGroup("candidate", s.Candidate, s.CandidateViews, s.SamePoints)
	if err != nil {
		return Estimate{}, err
	}
	groups := []*group{c}
	if s.Independent != nil || s.IndependentViews != nil {
		i, err := newGroup("independent", s.Independent, s.IndependentViews, s.SamePoints)
		if err != nil {
			return Estimate{}, err
		}
		if len(i.values) != len(c.values) {
			return Estimate{}, fmt.Errorf("independent: found %d pairs, the candidates have %d", len(i.values), len(c.values))
		}
		groups = append(groups, i)
	}
	contrast := func(of func(g *group) float64) float64 {
		if len(groups) == 1 {
			return of(c)
		}
		return (of(c) - of(groups[1])) / 2
	}

	pairs := len(c.values)
	out := Estimate{Level: r.Level}
	for p := range pairs {
		out.PairMeans = append(out.PairMeans, contrast(func(g *group) float64 { return stat.Mean(g.values[p], nil) }))
		for _, g := range groups {
			out.N += len(g.values[p])
		}
	}
	out.Mean = stat.Mean(out.PairMeans, nil)
	all := make([]int, pairs)
	for p := range all {
		all[p] = p
	}
	boot := make([]float64, r.Resamples)
	r.run("points", func(b int, rnd *rand.Rand) {
		boot[b] = contrast(func(g *group) float64 { return g.draw(rnd, all) })
	})
	out.Points = Percentile(boot, r.Level)
	out.Both = out.Points
	what := "points"
	if c.views != nil {
		what = "points and views"
	}
	if out.Covers = what + " of one pair of encoders, not other pairs"; pairs == 1 {
		return out, nil
	}
	m, err := Student(out.PairMeans, r.Level)
	if err != nil {
		return Estimate{}, err
	}
	out.Pairs = &m
	r.run("pairs and points", func(b int, rnd *rand.Rand) {
		drawn := make([]int, pairs)
		for p := range drawn {
			drawn[p] = rnd.IntN(pairs)
		}
		boot[b] = contrast(func(g *group) float64 { return g.draw(rnd, drawn) })
	})
	out.Both = Percentile(boot, r.Level)
	out.Covers = fmt.Sprintf("%d pairs of encoders and their %s", pairs, what)
	return out, nil
}

// group is one set of a sample.
type group struct {
	values [][]float64   // [pair][point]
	views  [][][]float64 // [pair][point][view], or nil
	same   bool
}

func newGroup(name string, values [][]float64, views [][][]float64, same bool) (*group, error) {
	if (values == nil) == (views == nil) {
		return nil, fmt.Errorf("%s: expected values of points or of their views, and not both", name)
	}
	for p, points := range views {
		values = append(values, make([]float64, len(points)))
		for i, v := range points {
			if err := check(fmt.Sprintf("%s[%d][%d]", name, p, i), v, 1); err != nil {
				return nil, err
			}
			values[p][i] = stat.Mean(v, nil)
		}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("%s: found no pair of encoders, expected at least one", name)
	}
	for p, v := range values {
		if err := check(fmt.Sprintf("%s[%d]", name, p), v, 2); err != nil {
			return nil, err
		}
		if same && len(v) != len(values[0]) {
			return nil, fmt.Errorf("%s[%d]: found %d points, pair 0 has %d: expected the same points", name, p, len(v),
				len(values[0]))
		}
	}
	return &group{values, views, same}, nil
}

// draw returns the mean of the given pairs over points drawn anew.
func (g *group) draw(r *rand.Rand, pairs []int) float64 {
	total := 0.0
	if g.same {
		n := len(g.values[0])
		for range n {
			i := r.IntN(n)
			for _, p := range pairs {
				total += g.value(r, p, i)
			}
		}
		return total / float64(n*len(pairs))
	}
	for _, p := range pairs {
		n, sum := len(g.values[p]), 0.0
		for range n {
			sum += g.value(r, p, r.IntN(n))
		}
		total += sum / float64(n)
	}
	return total / float64(len(pairs))
}

// value returns that of a point, over views drawn anew where there are any.
func (g *group) value(r *rand.Rand, pair, point int) float64 {
	if g.views == nil {
		return g.values[pair][point]
	}
	v, sum := g.views[pair][point], 0.0
	for range v {
		sum += v[r.IntN(len(v))]
	}
	return sum / float64(len(v))
}
