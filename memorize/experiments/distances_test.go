package experiments

import (
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
	var by []*results
	index := map[*results]int{}
	for k := range profiles {
		r := &results{scores: make([]scores, 2)}
		by, index[r] = append(by, r), k
	}
	place := map[string]int{"a": 0, "b": 1, "c": 2}
	got := sameLargest(by, []string{"a", "b", "c"}, func(r *results, i int, tap string) float64 { return profiles[index[r]][i][place[tap]] })
	assert.Equal(t, []float64{0, 0.5}, got) // one of two, two of two, minus one half
}

// Points that were chosen by another distance are another step.
func TestPointsByDistance(t *testing.T) {
	r := recipe.Default()
	l2, cosine := pointing{withRecipe(r), memorize.L2}, pointing{withRecipe(r), memorize.Cosine}
	assert.Equal(t, r.Hash(), l2.Identity())
	assert.NotEqual(t, l2.Identity(), cosine.Identity())
}
