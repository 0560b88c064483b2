package memorize

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ranked(t *testing.T, x *fixture, o Options, images int) []RankedUnit {
	t.Helper()
	got, err := ScoreUnits(context.Background(), engine(t, 2), x.f, x.sets[0], x.views, o, images, nil)
	require.NoError(t, err)
	return got
}

// Single-encoder UnitMem is UnitMem of f in a pair, for any batch.
func TestScoreUnitsIsUnitMem(t *testing.T) {
	x := newFixture(t)
	o := passOptions()
	want := x.score(t, engine(t, 1), o)
	got := ranked(t, x, o, 3)
	var scores []UnitScore
	for _, u := range got {
		scores = append(scores, u.UnitScore)
		require.Len(t, u.Top, 3)
		assert.Equal(t, u.Max, u.Top[0].Mu)
		if u.Point >= 0 {
			assert.Equal(t, u.Point, u.Top[0].Point)
		}
		assert.True(t, slices.IsSortedFunc(u.Top, func(a, b PointMean) int { return int(math.Copysign(1, b.Mu-a.Mu)) }))
		if u.Bounded {
			assert.True(t, u.Value >= 0 && u.Value <= 1, "%s %d: %v", u.Tap, u.Unit, u.Value)
		}
	}
	assert.Equal(t, slices.DeleteFunc(want.UnitsF, func(u UnitScore) bool { return u.Set != Candidate }), scores)
	o.Batch = 1
	assert.Equal(t, got, ranked(t, x, o, 3))

	o.Rest, o.Absolute = Median, true
	for _, u := range ranked(t, x, o, 1) {
		assert.True(t, u.Bounded && u.Value >= 0 && u.Value <= 1)
		assert.Equal(t, "median-absolute", u.Estimator)
	}
}

func TestTopUnitsByHand(t *testing.T) {
	var r rankedTap
	for i, mu := range [][]float64{{1, 0, -1, 2}, {3, 0, 5, 2}, {1, 0, 0, 4}, {3, 0, 0, 4}} {
		r.add(10+i, mu, 2)
	}
	assert.Equal(t, [][]PointMean{{{11, 3}, {13, 3}}, {{10, 0}, {11, 0}}, {{11, 5}, {12, 0}}, {{12, 4}, {13, 4}}}, r.top)
	var all []RankedUnit
	for i, u := range r.scores("only", Set{Points: []int{10, 11, 12, 13}}, "mean") {
		all = append(all, RankedUnit{UnitScore: u, Bounded: r.min[i] >= 0, Top: r.top[i]})
	}
	// Unit 0: (3 - 5/3)/(3 + 5/3); 1 is dead; 2 has a negative mean; 3: (4 - 8/3)/(4 + 8/3).
	top := TopUnits(all, 10)
	require.Len(t, top, 2)
	assert.Equal(t, []int{0, 3}, []int{top[0].Unit, top[1].Unit})
	assert.InDelta(t, 2./7, top[0].Value, 1e-15)
	assert.InDelta(t, .2, top[1].Value, 1e-15)
	assert.Len(t, TopUnits(all, 1), 1)
	assert.Equal(t, Owners{2, 2, 1, 11}, OwnersOf(top))
	assert.Equal(t, Owners{3, 2, 2, 12}, OwnersOf([]RankedUnit{top[0], top[1], top[1]}))
	assert.Equal(t, Owners{MostBy: -1}, OwnersOf(nil))
}

func TestScoreUnitsRefuses(t *testing.T) {
	x := newFixture(t)
	x.sets[0].Points = []int{1}
	_, err := ScoreUnits(context.Background(), engine(t, 1), x.f, x.sets[0], x.views, passOptions(), 3, nil)
	assert.ErrorContains(t, err, "found 1 points")
	x.sets[0].Points = []int{1, 20}
	_, err = ScoreUnits(context.Background(), engine(t, 1), x.f, x.sets[0], x.views, passOptions(), 3, nil)
	assert.ErrorContains(t, err, "index 20")
	x.sets[0].Points = []int{1, 2}
	x.f.Params()[0].Value.Data()[0] = float32(math.NaN())
	_, err = ScoreUnits(context.Background(), engine(t, 1), x.f, x.sets[0], x.views, passOptions(), 3, nil)
	assert.ErrorContains(t, err, "point 1: an activation is NaN")
}

// How far a unit stands out for any point is Eq. 8 by hand; for its owner it is UnitMem.
func TestRankedUnitFor(t *testing.T) {
	top := []PointMean{{7, 3}, {1, 2}, {4, 1}, {9, 0}}
	u := RankedUnit{UnitScore: UnitScore{Estimator: "mean"}, Top: top}
	for point, want := range map[int]float64{7: 0.5, 1: (2 - 4./3) / (2 + 4./3), 9: -1} {
		got, ok := u.For(point)
		assert.True(t, ok)
		assert.InDelta(t, want, got, 1e-15)
	}
	u.Estimator = "median-absolute"
	got, ok := u.For(1) // 3, 1 and 0 are left
	assert.True(t, ok)
	assert.InDelta(t, 1./3, got, 1e-15)
	_, ok = u.For(2)
	assert.False(t, ok)
}
