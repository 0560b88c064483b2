package memorize

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/tensor"
)

// world is a pair of encoders that exist only as random activations:
// acts[side][set][tap] is [points*rows, ...].
type world struct {
	o    Options
	taps []Tap
	sets []Set
	acts [2][][]*tensor.Tensor
}

// shapes of the taps of every world: a map, tokens and a vector.
var shapes = [][]int{{3, 5, 4}, {9, 6}, {11}}

// newWorld makes activations with draw, in sets of 5, 7, 6 and 2 points.
func newWorld(o Options, seed uint64, draw func(normal float64) float64) *world {
	w := &world{
		o:    o,
		taps: []Tap{{"map", 1}, {"tokens", 4}, {"vector", 5}},
		sets: []Set{
			{Candidate, []int{30, 31, 40, 12, 77}},
			{Shared, []int{0, 1, 2, 3, 4, 5, 6}},
			{Independent, []int{50, 51, 52, 53, 54, 55}},
			{External, []int{1, 0}},
		},
	}
	r := rng.New(seed, "world")
	for side := range w.acts {
		for _, set := range w.sets {
			var taps []*tensor.Tensor
			for _, shape := range shapes {
				x := tensor.New(append([]int{len(set.Points) * o.Rows()}, shape...)...)
				for i := range x.Data() {
					x.Data()[i] = float32(draw(r.NormFloat64()))
				}
				taps = append(taps, x)
			}
			w.acts[side] = append(w.acts[side], taps)
		}
	}
	return w
}

// signed and positive are activations before and after a ReLU that lets all
// units live.
func signed(v float64) float64   { return v }
func positive(v float64) float64 { return v * v }

// score feeds the activations in pieces of batch points.
func (w *world) score(t testing.TB, e *tensor.Engine, batch int) *Scores {
	t.Helper()
	acc, err := NewAccumulator(e, w.o, w.taps, w.sets)
	require.NoError(t, err)
	for side := range w.acts {
		for s, set := range w.sets {
			for tap, x := range w.acts[side][s] {
				for lo := 0; lo < len(set.Points); lo += batch {
					hi := min(lo+batch, len(set.Points))
					require.NoError(t, acc.Add(Side(side), s, tap, slice(x, lo*w.o.Rows(), hi*w.o.Rows())))
				}
			}
		}
	}
	scores, err := acc.Scores()
	require.NoError(t, err)
	return scores
}

// slice returns rows lo to hi of x.
func slice(x *tensor.Tensor, lo, hi int) *tensor.Tensor {
	width := x.Len() / x.Dim(0)
	return tensor.FromSlice(x.Data()[lo*width:hi*width], append([]int{hi - lo}, x.Shape()[1:]...)...)
}

// literal returns the activations of a set in one tap as the formulas want them:
// for each point its views.
func (w *world) literal(side Side, set, tap int) [][]act {
	x := w.acts[side][set][tap]
	rows := w.o.Rows()
	c := x.Dim(-1)
	positions := x.Len() / x.Dim(0) / c
	points := make([][]act, len(w.sets[set].Points))
	i := 0
	for p := range points {
		points[p] = make([]act, rows)
		for v := range rows {
			points[p][v] = make(act, positions)
			for s := range positions {
				for range c {
					points[p][v][s] = append(points[p][v][s], float64(x.Data()[i]))
					i++
				}
			}
		}
	}
	return points
}

func engine(t testing.TB, threads int) *tensor.Engine {
	t.Helper()
	e, err := tensor.NewEngine(tensor.Options{Threads: threads})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

// small returns options with few views and resamples.
func small() Options {
	o := DefaultOptions()
	o.Distances = Distances()
	o.Views, o.Resamples = 3, 199
	return o
}

func TestLayerMemIsThePaper(t *testing.T) {
	generic, err := tensor.NewEngine(tensor.Options{Threads: 2, ISA: "generic"})
	require.NoError(t, err)
	defer generic.Close()
	t.Run("generic", func(t *testing.T) { layerMemIsThePaper(t, generic, 1e-9) })
	// Other kernels round partial sums to float32, and range divides by the
	// difference of two alignments.
	t.Run("best", func(t *testing.T) { layerMemIsThePaper(t, engine(t, 2), 1e-5) })
}

// layerMemIsThePaper holds all rows to within tolerance of the formulas, or as
// much of numbers above 1.
func layerMemIsThePaper(t *testing.T, e *tensor.Engine, tolerance float64) {
	near := func(dist Distance, want, got float64, what ...any) {
		within := tolerance
		if dist == UnitL2 || dist == Cosine || dist == Angular {
			within = max(within, 1e-5) // unit vectors are float32 with all kernels
		}
		assert.InDelta(t, want, got, within*max(1, math.Abs(want)), what...)
	}
	for _, m := range []Mode{Pair, Original} {
		for _, draw := range []func(float64) float64{signed, positive} {
			o := small()
			o.Mode = m
			w := newWorld(o, 1, draw)
			s := w.score(t, e, 2)
			require.Len(t, s.Layers, 5*3*5*3)
			require.Len(t, s.Deltas, 5*3*5*2)
			for _, dist := range o.Distances {
				for _, est := range o.Estimators {
					var all [][]float64 // [set][tap]
					for i, set := range w.sets {
						var means []float64
						for tap := range w.taps {
							points := literalPoints(est, dist, m, w.literal(F, i, tap), w.literal(G, i, tap))
							for p, got := range s.PointScores(w.taps[tap].Name, set.Name, est, dist) {
								near(dist, points[p], got, "point %d", p)
							}
							means = append(means, literalMean(points))
						}
						all = append(all, means)
					}
					for tap, info := range w.taps {
						check := func(set string, want func(tap int) float64) {
							got, ok := s.Layer(info.Name, set, est, dist)
							require.True(t, ok)
							near(dist, want(tap), got.Stat.Mean, "%s %s %s %s", info.Name, set, est, dist)
							assert.Equal(t, info.Depth, got.Depth)
							if tap > 0 {
								d := delta(t, s, info.Name, set, est, dist)
								near(dist, want(tap)-want(tap-1), d.Stat.Mean) // Eq. 4
								assert.Equal(t, w.taps[tap-1].Name, d.Previous)
							}
						}
						for i, set := range w.sets {
							check(set.Name, func(tap int) float64 { return all[i][tap] })
						}
						check(Controlled, func(tap int) float64 { return (all[0][tap] - all[2][tap]) / 2 })
					}
				}
			}
		}
	}
}

func delta(t testing.TB, s *Scores, tap, set string, est Estimator, dist Distance) DeltaScore {
	for _, d := range s.Deltas {
		if d.Tap == tap && d.Set == set && d.Estimator == est && d.Distance == dist {
			return d
		}
	}
	t.Fatalf("no delta of %s on %s", tap, set)
	return DeltaScore{}
}

func TestUnitMemIsThePaper(t *testing.T) {
	e := engine(t, 2)
	for _, m := range []Mode{Pair, Original} {
		for _, rest := range []Rest{Mean, Median} {
			for _, absolute := range []bool{false, true} {
				o := small()
				o.Mode, o.Rest, o.Absolute = m, rest, absolute
				draw := positive
				if absolute {
					draw = signed
				}
				w := newWorld(o, 2, draw)
				s := w.score(t, e, 3)
				for side, units := range [][]UnitScore{s.UnitsF, s.UnitsG} {
					i := 0
					for set := range w.sets {
						for tap, info := range w.taps {
							points := w.literal(Side(side), set, tap)
							for p := range points { // the image itself is no augmentation
								points[p] = points[p][o.Rows()-o.Views:]
							}
							for u := range shapes[tap][len(shapes[tap])-1] {
								value, top, others, k := literalUnitMem(u, rest, absolute, points)
								got := units[i]
								i++
								assert.InDelta(t, value, got.Value, 1e-6)
								assert.InDelta(t, top, got.Max, 1e-6)
								assert.InDelta(t, others, got.Rest, 1e-6)
								assert.Equal(t, w.sets[set].Points[k], got.Point)
								assert.Equal(t, []any{info.Name, w.sets[set].Name, u}, []any{got.Tap, got.Set, got.Unit})
								assert.True(t, got.Value >= 0 && got.Value <= 1)
							}
						}
					}
					assert.Len(t, units, i)
				}
			}
		}
	}
}

// However the activations are cut into pieces and on however many threads, the
// same bits come out.
func TestScoresAreTheSameBitsForAnyBatchAndThreads(t *testing.T) {
	for _, rest := range []Rest{Mean, Median} {
		o := small()
		o.Rest = rest
		w := newWorld(o, 3, signed)
		want := w.score(t, engine(t, 1), 1)
		for _, threads := range []int{1, 2, 3} {
			e := engine(t, threads)
			for _, batch := range []int{1, 2, 4, 100} {
				require.Equal(t, want, w.score(t, e, batch), "%d threads, batch %d", threads, batch)
			}
		}
	}
}
