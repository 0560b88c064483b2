package memorize

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/internal/rng"
)

// The intervals hold the truth about as often as they say. Points are drawn
// from skewed distributions of known mean, again and again; column 1 is column 0
// plus 0.3 and noise.
func TestIntervalsCoverTheTruth(t *testing.T) {
	e := engine(t, 2)
	const trials, n = 400, 60
	o := Options{Resamples: 199, Level: 0.9}
	var meanHits, deltaHits, controlledHits int
	var width, deltaWidth, se float64
	inside := func(s Stat, truth float64) int {
		if s.Lo <= truth && truth <= s.Hi {
			return 1
		}
		return 0
	}
	for trial := range trials {
		o.Seed = uint64(trial)
		r := rng.New(uint64(trial), "coverage")
		draw := func(mean float64) [][]float64 {
			cols := [][]float64{make([]float64, n), make([]float64, n)}
			for i := range n {
				cols[0][i] = mean + r.ExpFloat64() - 1
				cols[1][i] = cols[0][i] + 0.3 + 0.1*r.NormFloat64()
			}
			return cols
		}
		c := resampled(e, &o, Candidate, draw(0.5))
		i := resampled(e, &o, Independent, draw(-0.1))
		s, d := c[0].stat(o.Level), c[1].minus(c[0]).stat(o.Level)
		meanHits += inside(s, 0.5)
		deltaHits += inside(d, 0.3)
		controlledHits += inside(controlled(c[0], i[0], o.Level), 0.3)
		width += s.Hi - s.Lo
		deltaWidth += d.Hi - d.Lo
		se += s.SE
	}
	// Three standard deviations of a count of 400 at 0.9 are 18; percentile
	// intervals of skewed data run a little short.
	for name, hits := range map[string]int{"mean": meanHits, "delta": deltaHits, "controlled": controlledHits} {
		assert.InDelta(t, 0.89*trials, hits, 0.05*trials, name)
	}
	assert.InDelta(t, 0.1, deltaWidth/width, 0.02, "the difference of two columns is paired")
	assert.InDelta(t, 1/math.Sqrt(n), se/trials, 0.005)
	assert.InDelta(t, 2*1.645, width/se, 0.15)
}

func TestSetsAreResampledIndependently(t *testing.T) {
	e := engine(t, 1)
	o := Options{Resamples: 999, Level: 0.95, Seed: 1}
	scores := [][]float64{{1, 2, 3, 4, 5, 6, 7, 8}}
	a, b := resampled(e, &o, Candidate, scores)[0], resampled(e, &o, Independent, scores)[0]
	// The same points in both sets: paired, the difference would be 0 always.
	dot := 0.0
	for i := range a.boot {
		dot += (a.boot[i] - a.mean) * (b.boot[i] - b.mean)
	}
	varOfMean := 5.25 / 8
	assert.InDelta(t, 0, dot/999/varOfMean, 0.1, "correlation")
	assert.Equal(t, a, resampled(e, &o, Candidate, scores)[0], "a pure function of seed and set")
	o.Seed = 2
	assert.NotEqual(t, a.boot, resampled(e, &o, Candidate, scores)[0].boot)
}
