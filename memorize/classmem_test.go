package memorize

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// literalClassMem is Eq. 13 to 16 for one unit: mu[i] is its mean activation on
// image i, which has class[i].
func literalClassMem(mu []float64, class []int) (value, top, rest float64, owner int) {
	sum, n := map[int]float64{}, map[int]float64{}
	for i, m := range mu {
		sum[class[i]] += m
		n[class[i]]++
	}
	top, owner = math.Inf(-1), -1
	for c := range slices.Max(class) + 1 {
		if n[c] > 0 && sum[c]/n[c] > top {
			top, owner = sum[c]/n[c], c
		}
	}
	others := 0.0
	for c := range n {
		if c != owner {
			rest += sum[c] / n[c]
			others++
		}
	}
	rest /= others
	return (top - rest) / (top + rest), top, rest, owner
}

func TestClassMemByHand(t *testing.T) {
	var c classes
	c.add(4, []float64{3, 1, 0})
	c.add(1, []float64{1, 1, 0})
	c.add(4, []float64{5, 3, 0})
	c.add(2, []float64{0, 2, 0})
	got := c.scores(G, "only", "mean", Mean)
	assert.Equal(t, []ClassScore{
		{"g", "only", 0, "mean", (4 - .5) / (4 + .5), 4, .5, 4},    // class means 4, 1, 0
		{"g", "only", 1, "mean", (2 - 1.5) / (2 + 1.5), 2, 1.5, 2}, // 2, 1, 2: the first class of those equal
		{"g", "only", 2, "mean", 0, 0, 0, -1},                      // dead
	}, got)
	assert.Equal(t, .5, c.scores(G, "only", "median", Median)[0].Rest)
	var one classes
	one.add(3, []float64{1})
	assert.Nil(t, one.scores(F, "only", "mean", Mean))
}

// ClassMem of an encoder is the formula on the activations of the training
// images themselves, for any batch.
func TestClassMemIsItsDefinition(t *testing.T) {
	x := newFixture(t)
	e := engine(t, 2)
	train := Images{Set{"train", []int{7, 0, 3, 11, 19, 4, 2, 9}}, x.sets[0].Data}
	o := passOptions()
	o.Batch = 3
	got, err := ClassMem(context.Background(), e, F, x.f, train, x.views, o, nil)
	require.NoError(t, err)

	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	in := tensor.New(len(train.Points), 16, 16, 3)
	var labels []int
	for i, p := range train.Points {
		x.views.Original(in.Data()[i*768:][:768], train.Data.Image(p))
		labels = append(labels, train.Data.Label(p))
	}
	c := nn.NewCapture()
	x.f.Forward(&nn.Context{Tape: tp, Taps: c}, in)
	k := 0
	for _, info := range x.f.Taps() {
		act := c.Outputs[info.Name]
		units := act.Dim(-1)
		places := act.Len() / act.Dim(0) / units
		for u := range units {
			mu := make([]float64, len(labels))
			for i := range mu {
				for p := range places {
					mu[i] += float64(act.Data()[(i*places+p)*units+u]) / float64(places)
				}
			}
			g := got[k]
			k++
			assert.Equal(t, []any{"f", info.Name, u, "mean"}, []any{g.Encoder, g.Tap, g.Unit, g.Estimator})
			if g.Class < 0 {
				continue // a dead unit
			}
			value, top, rest, class := literalClassMem(mu, labels)
			assert.InDelta(t, top, g.Max, 1e-6*(1+math.Abs(top)), g.Tap)
			assert.InDelta(t, rest, g.Rest, 1e-6*(1+math.Abs(rest)), g.Tap)
			assert.Equal(t, class, g.Class, g.Tap)
			if math.Abs(top+rest) > .1*math.Abs(top) {
				assert.InDelta(t, value, g.Value, 1e-4, g.Tap)
			}
		}
	}
	assert.Len(t, got, k)

	o.Batch = 100
	again, err := ClassMem(context.Background(), engine(t, 1), F, x.f, train, x.views, o, nil)
	require.NoError(t, err)
	assert.Equal(t, got, again)

	train.Points = []int{7}
	_, err = ClassMem(context.Background(), e, F, x.f, train, x.views, o, nil)
	assert.ErrorContains(t, err, "fewer than two classes")
	train.Points = []int{99}
	_, err = ClassMem(context.Background(), e, F, x.f, train, x.views, o, nil)
	assert.ErrorContains(t, err, "index 99")
}

// An accumulator takes each encoder's classes over its own training sets: in
// mode original from the images, else from the views.
func TestClassMemOfAnAccumulator(t *testing.T) {
	for _, m := range []Mode{Original, Pair} {
		o := small()
		o.Mode = m
		w := newWorld(o, 3, positive)
		acc, err := NewAccumulator(engine(t, 1), o, w.taps, w.sets)
		require.NoError(t, err)
		labels := [][]int{{0, 1, 2, 0, 1}, {2, 2, 1, 1, 0, 0, 5}, {0, 1, 2, 1, 2, 0}, {9, 9}}
		require.NoError(t, acc.WithLabels(labels))
		for side := range w.acts {
			for s := range w.sets {
				for tap, x := range w.acts[side][s] {
					require.NoError(t, acc.Add(Side(side), s, tap, x))
				}
			}
		}
		scores, err := acc.Scores()
		require.NoError(t, err)
		k := 0
		for side, sets := range [][]int{{0, 1}, {1, 2}} {
			for tap := range w.taps {
				var mus [][]float64 // by point, then unit
				var class []int
				for _, s := range sets {
					class = append(class, labels[s]...)
					for _, point := range w.literal(Side(side), s, tap) {
						if m == Original {
							point = point[:1]
						}
						mu := make([]float64, len(point[0][0]))
						n := float64(len(point) * len(point[0]))
						for _, view := range point {
							for _, place := range view {
								for u, v := range place {
									mu[u] += v / n
								}
							}
						}
						mus = append(mus, mu)
					}
				}
				for u := range mus[0] {
					var mu []float64
					for _, p := range mus {
						mu = append(mu, p[u])
					}
					value, _, _, owner := literalClassMem(mu, class)
					g := scores.Classes[k]
					k++
					assert.InDelta(t, value, g.Value, 1e-5)
					assert.Equal(t, owner, g.Class)
					assert.Equal(t, map[Mode]string{Original: "mean", Pair: "mean-views"}[m], g.Estimator)
				}
			}
		}
		assert.Len(t, scores.Classes, k)

		dir := t.TempDir()
		_, err = scores.WriteFiles(dir)
		require.NoError(t, err)
		header, rows := csvTable(t, filepath.Join(dir, "classmem.csv"))
		assert.Equal(t, "encoder,tap,unit,estimator,value,mu_max,mu_rest,class", header)
		require.Len(t, rows, k)
		assert.Equal(t, scores.Classes[0].Value, float(t, rows[0]["value"]))
	}
	acc, err := NewAccumulator(engine(t, 1), small(), []Tap{{"a", 1}}, []Set{{Candidate, []int{0, 1}}})
	require.NoError(t, err)
	assert.ErrorContains(t, acc.WithLabels(nil), "0 sets, expected 1")
	assert.ErrorContains(t, acc.WithLabels([][]int{{1}}), "set candidate: found 1")
	assert.ErrorContains(t, acc.WithLabels([][]int{{1, -1}}), "point 1: found -1")
}

// An error among the inputs ends the scoring with that error.
func TestScoreInputsReportsErrors(t *testing.T) {
	x := newFixture(t)
	broken := errors.New("the file ends here")
	_, err := ScoreInputs(context.Background(), engine(t, 1), x.f, x.g, []Set{{Candidate, []int{0, 1}}}, nil,
		func(yield func(Input, error) bool) { yield(Input{}, broken) }, passOptions(), nil)
	assert.ErrorIs(t, err, broken)
}
