package study

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/memorize"
)

func TestByTap(t *testing.T) {
	unit := func(tap string, i int, value float64, owner int, bounded bool) memorize.RankedUnit {
		u := memorize.UnitScore{Tap: tap, Unit: i, Value: value, Point: owner}
		return memorize.RankedUnit{UnitScore: u, Bounded: bounded}
	}
	found := byTap([]memorize.RankedUnit{
		unit("a", 0, 0.2, 5, true), unit("a", 1, 0, -1, true), unit("a", 2, 9, 5, false), unit("a", 3, 0.7, 8, true),
		unit("b", 0, 3, 8, false),
	}, []int{8, 9})
	assert.Equal(t, []tapUnits{
		{
			Tap: "a", Units: 4, Ranked: 2, Dead: 1, Mean: 0.3, Top: 0.7, Max: 0.7, TopCandidates: 1,
			Values: []float64{0.7, 0.2, 0}, Index: []int{3, 0, 1}, Owners: []int{8, 5, -1},
		},
		{Tap: "b", Units: 1, TopCandidates: 0.5},
	}, found)
}
