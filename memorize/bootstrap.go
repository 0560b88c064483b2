package memorize

import (
	"encoding/json"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/tensor"
)

// Stat is a mean over points with its uncertainty, which covers the choice of
// points and views and nothing else: one pair of encoders cannot say how the
// score varies between pairs. It covers views because each point has views of
// its own, so that resampling points resamples them too.
type Stat struct {
	Mean float64 `json:"mean" col:"mean"` // mean over points
	SE   float64 `json:"se" col:"se"`     // standard error of the mean, NaN for a single point
	// Lo and Hi bound the percentile bootstrap interval, NaN for a single point.
	Lo float64 `json:"lo" col:"lo"`
	Hi float64 `json:"hi" col:"hi"`
	N  int     `json:"n" col:"n"` // number of points; of controlled scores, those of both sets
}

// MarshalJSON writes null for what a single point leaves undefined.
func (s Stat) MarshalJSON() ([]byte, error) {
	number := func(v float64) any {
		if math.IsNaN(v) {
			return nil
		}
		return v
	}
	return json.Marshal(struct {
		Mean float64 `json:"mean"`
		SE   any     `json:"se"`
		Lo   any     `json:"lo"`
		Hi   any     `json:"hi"`
		N    int     `json:"n"`
	}{s.Mean, number(s.SE), number(s.Lo), number(s.Hi), s.N})
}

// column is one score of all points of a set, and its mean in each resample.
type column struct {
	points []float64
	mean   float64
	boot   []float64
}

// resampled returns a column for each list of scores of the points of one set.
// All use the same resamples of the points, so that differences of columns are
// paired. Sets of different names get independent resamples.
func resampled(e *tensor.Engine, o *Options, set string, scores [][]float64) []column {
	n, k := len(scores[0]), len(scores)
	rows := make([]float64, n*k) // scores by point, so that drawing a point adds one row
	cols := make([]column, k)
	for j, s := range scores {
		for i, v := range s {
			rows[i*k+j] = v
		}
		cols[j] = column{points: s, mean: stat.Mean(s, nil), boot: make([]float64, o.Resamples)}
	}
	e.Parallel(o.Resamples, func(b, _ int) {
		r := rng.New(o.Seed, "bootstrap "+set, uint64(b))
		sum := make([]float64, k)
		for range n {
			i := r.IntN(n)
			floats.Add(sum, rows[i*k:][:k])
		}
		for j, v := range sum {
			cols[j].boot[b] = v / float64(n)
		}
	})
	return cols
}

// minus returns the paired difference of two columns of one set.
func (c column) minus(d column) column {
	return column{
		points: floats.SubTo(make([]float64, len(c.points)), c.points, d.points),
		mean:   c.mean - d.mean,
		boot:   floats.SubTo(make([]float64, len(c.boot)), c.boot, d.boot),
	}
}

// se returns the standard error of the mean, NaN for a single point.
func (c column) se() float64 {
	if len(c.points) < 2 {
		return math.NaN()
	}
	return stat.StdErr(stat.StdDev(c.points, nil), float64(len(c.points)))
}

// stat returns the mean of the column with its uncertainty.
func (c column) stat(level float64) Stat {
	return interval(Stat{Mean: c.mean, SE: c.se(), N: len(c.points)}, c.boot, level)
}

// controlled returns half of the difference of the same score on candidates c
// and independents i, two sets of different points: the bias of the pair of
// encoders is in both and cancels, and where f is scored for the one, g is for
// the other, hence the half.
func controlled(c, i column, level float64) Stat {
	boot := floats.SubTo(make([]float64, len(c.boot)), c.boot, i.boot)
	floats.Scale(0.5, boot)
	return interval(Stat{
		Mean: (c.mean - i.mean) / 2,
		SE:   math.Hypot(c.se(), i.se()) / 2,
		N:    len(c.points) + len(i.points),
	}, boot, level)
}

// interval adds the percentile interval of the resampled means to s.
func interval(s Stat, boot []float64, level float64) Stat {
	if math.IsNaN(s.SE) {
		s.Lo, s.Hi = math.NaN(), math.NaN()
		return s
	}
	i := stats.Percentile(boot, level)
	s.Lo, s.Hi = i.Lo, i.Hi
	return s
}
