package study

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
)

func TestSameLargest(t *testing.T) {
	// Three distances, two pairs. The first distance rises most to b in both; the others
	// to b and c in the first pair, to b in the second.
	profiles := [][][]float64{
		{{0, 3, 4}, {0, 2, 1}},
		{{0, 5, 6}, {1, 9, 9.5}},
		{{0, 1, 7}, {-4, 0, 1}},
	}
	var by []*Results
	place := map[*memorize.Points][2]int{} // distance and pair
	for k := range profiles {
		r := &Results{}
		for i := range profiles[k] {
			p := &memorize.Points{}
			r.scores, place[p] = append(r.scores, scores{p}), [2]int{k, i}
		}
		by = append(by, r)
	}
	taps := []string{"a", "b", "c"}
	got := sameLargest(by, taps, func(one []scores, tap string) []float64 {
		at := place[one[0].Points]
		return []float64{profiles[at[0]][at[1]][slices.Index(taps, tap)]}
	})
	assert.Equal(t, []float64{0, 0.5}, got) // one of two, two of two, minus one half
}

// Points that were chosen by another distance are another step.
func TestPointsByDistance(t *testing.T) {
	r := recipe.Default()
	unit, cosine := pointUnitsParams{withRecipe(r), memorize.UnitL2}, pointUnitsParams{withRecipe(r), memorize.Cosine}
	assert.NotEqual(t, unit.Identity(), cosine.Identity())
}
