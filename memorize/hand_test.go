package memorize

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/tensor"
)

// Cases small enough to work out by hand.

// fromRows scores one tap of one or more units, given its values row by row.
func fromRows(t testing.TB, o Options, sets []Set, units int, f, g [][]float32) (*Scores, error) {
	t.Helper()
	acc, err := NewAccumulator(engine(t, 1), o, []Tap{{"only", 1}}, sets)
	if err != nil {
		return nil, err
	}
	for side, sets := range [][][]float32{f, g} {
		for s, rows := range sets {
			if err := acc.Add(Side(side), s, 0, tensor.FromSlice(rows, len(rows)/units, units)); err != nil {
				return nil, err
			}
		}
	}
	return acc.Scores()
}

// pairs returns options with two views of a point.
func pairs() Options {
	o := DefaultOptions()
	o.Views, o.Resamples, o.Distances = 2, 199, []Distance{L2} // lengths are easy to see
	return o
}

func mean(t testing.TB, s *Scores, set string, est Estimator) float64 {
	l, ok := s.Layer("only", set, est, L2)
	require.True(t, ok, "%s %s", set, est)
	return l.Stat.Mean
}

func TestLayerMemByHand(t *testing.T) {
	sets := []Set{{Candidate, []int{8, 9}}, {Independent, []int{3, 4}}}
	s, err := fromRows(t, pairs(), sets, 1,
		// Two views of each of two points: alignments 1 and 2, then 4 and 1.
		[][]float32{{0, 1, 5, 3}, {-2, 2, 1, 0}},
		// Alignments 3 and 2, then 1 and 1.
		[][]float32{{0, 3, 0, 2}, {1, 0, 1, 2}})
	require.NoError(t, err)
	assert.Equal(t, []float64{1, 2}, s.Alignment(F, "only", Candidate, L2))
	assert.Equal(t, []float64{1, 1}, s.Alignment(G, "only", Independent, L2))
	assert.InDelta(t, (0.5+0)/2, mean(t, s, Candidate, Paper), 1e-15)    // (3-1)/(3+1), (2-2)/(2+2)
	assert.InDelta(t, (-0.6+0)/2, mean(t, s, Independent, Paper), 1e-15) // (1-4)/(1+4), (1-1)/(1+1)
	assert.InDelta(t, 1, mean(t, s, Candidate, Raw), 1e-15)              // 2 and 0
	assert.InDelta(t, -1.5, mean(t, s, Independent, Raw), 1e-15)         // -3 and 0
	assert.InDelta(t, 0.5, mean(t, s, Candidate, Range), 1e-15)          // 2/2 and 0/2
	assert.InDelta(t, -0.5, mean(t, s, Independent, Range), 1e-15)       // -3/3 and 0/3
	assert.InDelta(t, 0.275, mean(t, s, Controlled, Paper), 1e-15)       // (0.25+0.3)/2
	assert.InDelta(t, 1.25, mean(t, s, Controlled, Raw), 1e-15)
	assert.InDelta(t, 0.5, mean(t, s, Controlled, Range), 1e-15)

	l, _ := s.Layer("only", Candidate, Raw, L2)
	assert.InDelta(t, 1, l.Stat.SE, 1e-15) // sd of 0 and 2 is sqrt 2, over sqrt 2 points
	assert.Equal(t, []float64{0, 2}, []float64{l.Stat.Lo, l.Stat.Hi})
	l, _ = s.Layer("only", Controlled, Raw, L2)
	assert.InDelta(t, math.Sqrt(1+1.5*1.5)/2, l.Stat.SE, 1e-15)
	assert.Equal(t, 4, l.Stat.N)
	assert.Empty(t, s.Deltas, "the first tap has none")
	assert.Equal(t, s.Layers, s.SSLMem(), "the only tap is the deepest")
}

func TestOriginalModeComparesTheFirstRow(t *testing.T) {
	o := pairs()
	o.Mode = Original
	sets := []Set{{Candidate, []int{0, 1}}}
	// An image at 0 and views at 1 and 3: distance 2, not (1+3+2)/3.
	s, err := fromRows(t, o, sets, 1, [][]float32{{0, 1, 3, 0, 1, 3}}, [][]float32{{0, 2, 10, 0, 1, 3}})
	require.NoError(t, err)
	assert.Equal(t, []float64{2, 2}, s.Alignment(F, "only", Candidate, L2))
	assert.Equal(t, []float64{6, 2}, s.Alignment(G, "only", Candidate, L2))
	assert.Equal(t, 2.0, s.UnitsF[0].Max, "UnitMem is over views, without the image")
}

func TestIdenticalEncodersScoreZero(t *testing.T) {
	w := newWorld(small(), 5, signed)
	w.acts[G] = w.acts[F]
	s := w.score(t, engine(t, 2), 2)
	for _, l := range s.Layers {
		assert.Equal(t, Stat{N: l.Stat.N}, l.Stat, "%+v", l)
	}
	for _, d := range s.Deltas {
		assert.Equal(t, Stat{N: d.Stat.N}, d.Stat, "%+v", d)
	}
	assert.Equal(t, s.UnitsF, s.UnitsG)
}

func TestSwappingEncodersFlipsEverySign(t *testing.T) {
	w := newWorld(small(), 6, signed)
	e := engine(t, 2)
	s := w.score(t, e, 2)
	w.acts[F], w.acts[G] = w.acts[G], w.acts[F]
	swapped := w.score(t, e, 2)
	flip := func(s Stat) Stat { return Stat{Mean: -s.Mean, SE: s.SE, Lo: -s.Hi, Hi: -s.Lo, N: s.N} }
	for i, l := range s.Layers { // the controlled ones too
		assert.Equal(t, flip(l.Stat), swapped.Layers[i].Stat, "%+v", l)
	}
	for i, d := range s.Deltas {
		assert.Equal(t, flip(d.Stat), swapped.Deltas[i].Stat, "%+v", d)
	}
	assert.Equal(t, s.UnitsF, swapped.UnitsG)

	// Calling f g and the candidates independents is only another way to say it:
	// the controlled score stays.
	w.sets[0].Name, w.sets[2].Name = Independent, Candidate
	renamed := w.score(t, e, 2)
	for _, tap := range w.taps {
		a, _ := s.Layer(tap.Name, Controlled, Paper, L2)
		b, _ := renamed.Layer(tap.Name, Controlled, Paper, L2)
		assert.Equal(t, a.Stat.Mean, b.Stat.Mean)
	}
}

func TestUnitMemByHand(t *testing.T) {
	sets := []Set{{Candidate, []int{10, 20, 30, 40}}}
	// Units by column; two equal views of each of four points.
	points := [][]float32{
		// dead  equal  alone  usual  below 0  cancels  tie
		{0, 0.1, 0, 1, -3, -1, 2},
		{0, 0.1, 8, 2, -1, -1, 5},
		{0, 0.1, 0, 6, -3, 1, 5},
		{0, 0.1, 0, 3, -3, -1, 2},
	}
	var rows []float32
	for _, p := range points {
		rows = append(append(rows, p...), p...)
	}
	for _, c := range []struct {
		rest   Rest
		values []float64
		rests  []float64
	}{
		{Mean, []float64{0, 0, 1, 0.5, -0.5, 0, 0.25}, []float64{0, 0.1, 0, 2, -3, -1, 3}},
		{Median, []float64{0, 0, 1, 0.5, -0.5, 0, 3. / 7}, []float64{0, 0.1, 0, 2, -3, -1, 2}},
	} {
		o := pairs()
		o.Rest = c.rest
		s, err := fromRows(t, o, sets, 7, [][]float32{rows}, [][]float32{rows})
		require.NoError(t, err)
		for u, got := range s.UnitsF {
			assert.InDelta(t, c.values[u], got.Value, 1e-7, "unit %d", u)
			assert.InDelta(t, c.rests[u], got.Rest, 1e-7, "unit %d", u)
			assert.Equal(t, []int{-1, -1, 20, 30, 20, 30, 20}[u], got.Point, "unit %d", u)
			assert.Equal(t, string(c.rest), got.Estimator)
		}
		require.Len(t, s.SummaryF, 1)
		sum := s.SummaryF[0]
		assert.Equal(t, []int{7, 2, 1}, []int{sum.Units, sum.Dead, sum.Outside})
		assert.Equal(t, 1.0, sum.Max)
		assert.Zero(t, sum.Median)
	}
}

// Activations that cancel in the denominator of Eq. 8 to the last bits of
// float32 must not become a huge score.
func TestUnitRatioIsAlwaysFinite(t *testing.T) {
	for _, c := range []struct{ top, rest, want float64 }{
		{0, 0, 0},
		{1, -1, 0},
		{1, float64(math.Nextafter32(-1, 0)), 0},
		{1, -0.99, 199},
		{-1, -3, -0.5},
		{math.MaxFloat64, -math.MaxFloat64, 0},
		{1e-300, 0, 1},
	} {
		assert.InDelta(t, c.want, unitRatio(c.top, c.rest), 1e-9, "%v %v", c.top, c.rest)
	}
}

func TestAlignmentsOfNothingScoreZero(t *testing.T) {
	for _, e := range []Estimator{Paper, Raw, Range} {
		assert.Equal(t, []float64{0, 0}, e.Points([]float64{0, 0}, []float64{0, 0}), e)
	}
	assert.Equal(t, []float64{1, -1}, Paper.Points([]float64{0, 2}, []float64{2, 0}))
	assert.Equal(t, []float64{0, 0}, Range.Points([]float64{1, 2}, []float64{2, 3}), "no width, no scale")
}

func TestOnePointHasNoInterval(t *testing.T) {
	o := pairs()
	sets := []Set{{Candidate, []int{4}}}
	_, err := fromRows(t, o, sets, 1, [][]float32{{0, 1}}, [][]float32{{0, 3}})
	require.ErrorContains(t, err, "set candidate: found 1 points")
	o.Units = false
	s, err := fromRows(t, o, sets, 1, [][]float32{{0, 1}}, [][]float32{{0, 3}})
	require.NoError(t, err)
	assert.Nil(t, s.UnitsF)
	assert.Equal(t, 0.5, mean(t, s, Candidate, Paper))
	assert.Equal(t, 0.0, mean(t, s, Candidate, Range))
	l, _ := s.Layer("only", Candidate, Paper, L2)
	assert.True(t, math.IsNaN(l.Stat.SE) && math.IsNaN(l.Stat.Lo) && math.IsNaN(l.Stat.Hi))
	var csv, js bytes.Buffer
	require.NoError(t, LayerMemTable.With(s.Layers).Write(&csv))
	assert.Contains(t, csv.String(), "only,1,candidate,paper,l2,0.5,,,,1\n")
	require.NoError(t, s.WriteJSON(&js))
	assert.Contains(t, strings.Join(strings.Fields(js.String()), ""), `"stat":{"mean":0.5,"se":null,"lo":null,"hi":null,"n":1}`)
}

func TestBadActivationsAreNamed(t *testing.T) {
	sets := []Set{{Candidate, []int{10, 20}}, {Shared, []int{1, 2}}}
	good := []float32{1, 2, 3, 4}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		for _, units := range []bool{false, true} {
			o := pairs()
			o.Units = units
			_, err := fromRows(t, o, sets, 1, [][]float32{good, good}, [][]float32{good, {1, 2, 3, bad}})
			assert.EqualError(t, err, "encoder g, tap only, set shared, point 2: an activation is NaN or infinite")
		}
	}
	_, err := fromRows(t, pairs(), sets, 1, [][]float32{good, good}, [][]float32{good, {1, 2}})
	assert.EqualError(t, err, "encoder g, tap only, set shared: found activations of 1 points, the set has 2")
	_, err = fromRows(t, pairs(), sets, 1, [][]float32{good, good}, [][]float32{good, {1, 2, 3, 4, 5, 6}})
	assert.EqualError(t, err, "encoder g, tap only, set shared: found activations of 3 points, the set has 2")
	_, err = fromRows(t, pairs(), sets, 1, [][]float32{good, good}, [][]float32{good, {1, 2, 3}})
	assert.EqualError(t, err, "encoder g, tap only, set shared: found activations of shape [3 1], expected [points*2, ..., units]")

	acc, err := NewAccumulator(engine(t, 1), pairs(), []Tap{{"only", 1}}, sets[:1])
	require.NoError(t, err)
	require.NoError(t, acc.Add(F, 0, 0, tensor.New(2, 3)))
	assert.EqualError(t, acc.Add(F, 0, 0, tensor.New(2, 4)),
		"encoder f, tap only, set candidate: found activations of shape [4], before it was [3]")
	require.NoError(t, acc.Add(F, 0, 0, tensor.New(2, 3)))
	require.NoError(t, acc.Add(G, 0, 0, tensor.New(4, 5)))
	_, err = acc.Scores()
	assert.EqualError(t, err, "tap only, set candidate: activations of f have shape [3], those of g [5]")
}

func TestBadOptionsAndSetsAreNamed(t *testing.T) {
	for field, change := range map[string]func(*Options){
		"estimators: found none":               func(o *Options) { o.Estimators = nil },
		`estimators[1]: found "eq2"`:           func(o *Options) { o.Estimators = []Estimator{Paper, "eq2"} },
		`distances[0]: found "l3"`:             func(o *Options) { o.Distances = []Distance{"l3"} },
		`distances: "l1" is there twice`:       func(o *Options) { o.Distances = []Distance{L1, L1} },
		`mode: found "both"`:                   func(o *Options) { o.Mode = "both" },
		"views: found 1, expected at least 2":  func(o *Options) { o.Views = 1 },
		"views: found 0, expected at least 1":  func(o *Options) { o.Mode, o.Views = Original, 0 },
		`rest: found "max"`:                    func(o *Options) { o.Rest = "max" },
		"level: found 95":                      func(o *Options) { o.Level = 95 },
		"level: found NaN":                     func(o *Options) { o.Level = math.NaN() },
		"resamples: found 38, too few":         func(o *Options) { o.Resamples = 38 },
		"resamples: found -1, too few":         func(o *Options) { o.Resamples = -1 },
		"batch: found 0, expected at least 1 ": func(o *Options) { o.Batch = 0 },
	} {
		o := DefaultOptions()
		change(&o)
		assert.ErrorContains(t, o.Validate(), field)
		_, err := NewAccumulator(engine(t, 1), o, []Tap{{"a", 1}}, []Set{{Candidate, []int{1, 2}}})
		assert.ErrorContains(t, err, field)
	}
	o := DefaultOptions()
	require.NoError(t, o.Validate())
	o.Resamples = 39
	require.NoError(t, o.Validate())

	for want, sets := range map[string][]Set{
		"sets: found none":                     nil,
		`sets[0]: name ""`:                     {{"", []int{1, 2}}},
		`sets[0]: name "controlled"`:           {{Controlled, []int{1, 2}}},
		`sets[1]: name "shared"`:               {{Shared, []int{1, 2}}, {Shared, []int{1, 2}}},
		"set shared: found 0 points, expected": {{Shared, nil}},
	} {
		_, err := NewAccumulator(engine(t, 1), o, []Tap{{"a", 1}}, sets)
		assert.ErrorContains(t, err, want)
	}
	_, err := NewAccumulator(engine(t, 1), o, nil, []Set{{Shared, []int{1, 2}}})
	assert.ErrorContains(t, err, "taps: found none")
	assert.Equal(t, "f g", fmt.Sprint(F, G))
}
