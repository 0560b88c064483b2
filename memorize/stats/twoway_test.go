package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

// threads runs tasks on goroutines of their own.
func threads(n int, f func(task, worker int)) {
	var w sync.WaitGroup
	for i := range n {
		w.Go(func() { f(i, 0) })
	}
	w.Wait()
}

func TestTwoWayByHand(t *testing.T) {
	s := Sample{Candidate: [][]float64{{1, 3}, {5, 7, 9}}, Independent: [][]float64{{0, 2, 1}, {2, 4}}}
	e, err := TwoWay(s, DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, []float64{0.5, 2}, e.PairMeans) // (2-1)/2, (7-3)/2
	assert.Equal(t, 1.25, e.Mean)
	assert.Equal(t, 10, e.N)
	want, err := Student([]float64{0.5, 2}, 0.95)
	require.NoError(t, err)
	assert.Equal(t, &want, e.Pairs)
	assert.Equal(t, "2 pairs of encoders and their points", e.Covers)

	s.Independent = nil
	e, err = TwoWay(s, DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, 4.5, e.Mean, "pairs weigh alike, whatever their number of points")

	one, err := TwoWay(Sample{CandidateViews: [][][]float64{{{0, 2}, {4, 4}, {5}}}}, DefaultResampling(1, ""))
	require.NoError(t, err)
	assert.Equal(t, 10./3, one.Mean)
	assert.Nil(t, one.Pairs)
	assert.Equal(t, one.Points, one.Both)
	assert.Equal(t, "points and views of one pair of encoders, not other pairs", one.Covers)
}

// Exchanging f and g turns the sign of every point's score, and so of everything.
func TestTwoWayIsAntisymmetric(t *testing.T) {
	r := rng.New(1, "antisymmetric")
	draw := func() (v [][]float64) {
		for range 3 {
			x := make([]float64, 9)
			for i := range x {
				x[i] = r.NormFloat64()
			}
			v = append(v, x)
		}
		return v
	}
	negative := func(v [][]float64) (out [][]float64) {
		for _, x := range v {
			y := make([]float64, len(x))
			for i := range x {
				y[i] = -x[i]
			}
			out = append(out, y)
		}
		return out
	}
	c, i := draw(), draw()
	for _, same := range []bool{false, true} {
		a, err := TwoWay(Sample{Candidate: c, Independent: i, SamePoints: same}, DefaultResampling(3, "x"))
		require.NoError(t, err)
		b, err := TwoWay(Sample{Candidate: negative(c), Independent: negative(i), SamePoints: same},
			DefaultResampling(3, "x"))
		require.NoError(t, err)
		assert.Equal(t, -a.Mean, b.Mean)
		assert.Equal(t, Interval{-a.Both.Hi, -a.Both.Lo}, b.Both)
		assert.Equal(t, Interval{-a.Points.Hi, -a.Points.Lo}, b.Points)
		assert.InDelta(t, -a.Pairs.Hi, b.Pairs.Lo, 1e-15)
	}
}

func TestRandomnessIsAFunctionOfTheSeed(t *testing.T) {
	r := rng.New(2, "values")
	x, y := make([]float64, 40), make([]float64, 30)
	for i := range x {
		x[i] = r.NormFloat64()
		y[i%30] = r.NormFloat64()
	}
	run := func(s Resampling) []any {
		e, err := TwoWay(Sample{Candidate: [][]float64{x, x[:20]}, Independent: [][]float64{y, x[20:]}}, s)
		require.NoError(t, err)
		p, err := Permutation(x, y, TwoSided, s)
		require.NoError(t, err)
		f, err := SignFlip(x, TwoSided, s)
		require.NoError(t, err)
		assert.False(t, p.Exact || f.Exact)
		return []any{e, p, f}
	}
	s := DefaultResampling(7, "taps")
	want := run(s)
	s.Parallel = threads
	assert.Equal(t, want, run(s))
	s.Seed++
	assert.NotEqual(t, want[0], run(s)[0])
	s = DefaultResampling(7, "units")
	assert.NotEqual(t, want[0], run(s)[0])
}

// Intervals hold the truth about as often as they say, and too seldom where the
// comments say so. Three pairs with a bias each, points on top of it.
func TestIntervalsCoverWhatTheySay(t *testing.T) {
	const trials, pairs, points = 300, 3, 30
	count := func(same bool) (student, both, fixed float64) {
		for trial := range trials {
			r := rng.New(uint64(trial), "coverage")
			common := make([]float64, points)
			for i := range common {
				common[i] = r.NormFloat64()
			}
			v := make([][]float64, pairs)
			biases := 0.0
			for p := range v {
				bias := 0.5 * r.NormFloat64()
				biases += bias / pairs
				v[p] = make([]float64, points)
				for i := range v[p] {
					v[p][i] = 1 + bias + r.NormFloat64()
					if same {
						v[p][i] += common[i]
					}
				}
			}
			s := Resampling{Resamples: 199, Level: 0.9, Seed: uint64(trial), Parallel: threads}
			e, err := TwoWay(Sample{Candidate: v, SamePoints: same}, s)
			require.NoError(t, err)
			inside := func(i Interval, truth float64) float64 {
				if i.Lo <= truth && truth <= i.Hi {
					return 1. / trials
				}
				return 0
			}
			student += inside(e.Pairs.Interval, 1)
			both += inside(e.Both, 1)
			fixed += inside(e.Points, 1+biases) // of these pairs
		}
		return student, both, fixed
	}
	student, both, fixed := count(false)
	assert.InDelta(t, 0.9, student, 0.05, "three standard deviations of 300 at 0.9")
	assert.InDelta(t, 0.9, fixed, 0.06)
	assert.Less(t, both, student, "of three pairs the bootstrap is too narrow")
	student, both, fixed = count(true)
	assert.Less(t, student, 0.9, "points common to all pairs are not in the pairs' spread")
	assert.InDelta(t, 0.9, fixed, 0.06)
	assert.InDelta(t, 0.9, both, 0.08)
}

func TestPercentile(t *testing.T) {
	for _, c := range []struct {
		resamples int
		level     float64
		want      int
	}{{1999, 0.95, 50}, {999, 0.9, 50}, {999, 0.99, 5}, {39, 0.95, 1}, {38, 0.95, 0}, {99, 0.8, 10}} {
		assert.Equal(t, c.want, TailRank(c.resamples, c.level), "%+v", c)
	}
	// 19 resamples 1..19 at level 0.9: the smallest and the largest.
	boot := make([]float64, 19)
	for i := range boot {
		boot[i] = float64(19 - i)
	}
	assert.Equal(t, Interval{1, 19}, Percentile(boot, 0.9))
}

// Percentile selects what sorting finds: of all sizes, with ties, in order already
// and in the contrary order, and leaves what it is given as it was.
func TestPercentileSelects(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 1; n < 400; n += 1 + n/7 {
		for shape := range 4 {
			values := make([]float64, n)
			for i := range values {
				values[i] = []float64{r.NormFloat64(), float64(r.IntN(3)), float64(i), float64(-i)}[shape]
			}
			for _, level := range []float64{0.1, 0.5, 0.9} {
				k := TailRank(n, level)
				if k < 1 {
					continue
				}
				before, sorted := slices.Clone(values), slices.Sorted(slices.Values(values))
				assert.Equal(t, Interval{sorted[k-1], sorted[n-k]}, Percentile(values, level), "%d of shape %d, level %v", n,
					shape, level)
				assert.Equal(t, before, values)
			}
		}
	}
	i := Percentile([]float64{3, math.NaN(), 2, 1, 5, 4, 7, 6, 8}, 0.8)
	assert.True(t, math.IsNaN(i.Lo))
	assert.Equal(t, 8.0, i.Hi)
}

func TestTwoWayRefuses(t *testing.T) {
	ok := [][]float64{{1, 2}, {3, 4}}
	for want, s := range map[string]Sample{
		"candidate: expected values of points or of their views": {},
		"and not both":                       {Candidate: ok, CandidateViews: [][][]float64{{{1}, {2}}}},
		"candidate: found no pair":           {Candidate: [][]float64{}},
		"candidate[1]: found 1 values":       {Candidate: [][]float64{{1, 2}, {3}}},
		"candidate[1][0]: found NaN":         {Candidate: [][]float64{{1, 2}, {math.NaN(), 1}}},
		"candidate[0][1][0]: found +Inf":     {CandidateViews: [][][]float64{{{1}, {math.Inf(1)}}}},
		"candidate[0][1]: found 0 values":    {CandidateViews: [][][]float64{{{1}, {}}}},
		"independent: found 1 pairs":         {Candidate: ok, Independent: ok[:1]},
		"candidate[1]: found 3 points, pair": {Candidate: [][]float64{{1, 2}, {3, 4, 5}}, SamePoints: true},
	} {
		_, err := TwoWay(s, DefaultResampling(1, ""))
		assert.ErrorContains(t, err, want)
	}
	_, err := TwoWay(Sample{Candidate: ok}, Resampling{Resamples: 10, Level: 0.95})
	assert.ErrorContains(t, err, "resamples: found 10")
	_, err = TwoWay(Sample{Candidate: ok}, Resampling{Resamples: 10, Level: 95})
	assert.ErrorContains(t, err, "level: found 95")
}
