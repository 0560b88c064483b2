package external

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
)

// The preset prints what the program released with the paper prints for the same
// activations: testdata/authors/authors.py transcribes that program.
func TestPresetOfTheAuthors(t *testing.T) {
	here := filepath.Join("testdata", "authors")
	b, err := os.ReadFile(filepath.Join(here, "authors.json"))
	require.NoError(t, err)
	var want map[string]struct {
		Mean   float64
		Points []float64
	}
	require.NoError(t, json.Unmarshal(b, &want))
	require.Len(t, want, 2)
	r, err := recipe.Read("", nil, []string{"score.preset=authors"})
	require.NoError(t, err)
	out := t.TempDir()
	s, err := ScoreActivations(context.Background(), r,
		ArraysConfig{F: filepath.Join(here, "f.npz"), G: filepath.Join(here, "g.npz"), Out: out}, run.Silent{})
	require.NoError(t, err)
	assert.Equal(t, memorize.Range, s.Estimator)
	assert.Equal(t, memorize.UnitL2, s.Distance)
	tables, err := memorize.ReadTables(out)
	require.NoError(t, err)
	points, err := memorize.ReadPoints(out, memorize.UnitL2)
	require.NoError(t, err)
	for set, w := range want {
		for _, l := range tables.Layers {
			if l.Set == set {
				assert.InDelta(t, w.Mean, l.Stat.Mean, 1e-6, set)
			}
		}
		a := points.Of("encoder", set)
		for i, got := range memorize.Range.Points(a.F, a.G) {
			assert.InDelta(t, w.Points[i], got, 1e-6, "%s, point %d", set, i)
		}
	}
}
