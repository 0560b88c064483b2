package figure

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// charts are one of each kind, with holes.
func charts() map[string]*Chart {
	nan := math.NaN()
	return map[string]*Chart{
		"line": {Kind: "line", X: "tap", Y: "LayerMem", Categories: []string{"conv1", "conv2", "res2", "head"},
			Series: []Data{
				{Name: "candidates", Look: 1, Y: []float64{.1, .2, nan, .4}, Lo: []float64{.05, .15, nan, .3},
					Hi: []float64{.15, .25, nan, .5}},
				{Name: "shared", Look: 2, Y: []float64{0, .1, .1, .1}}}, Levels: []Level{{"chance", -.05}}},
		"bar": {Kind: "bar", X: "part", Y: "score", Categories: []string{"attention", "fully connected"},
			Series: []Data{
				{Name: "f", Y: []float64{.1, -.2}, Lo: []float64{.05, nan}, Hi: []float64{.15, nan}},
				{Name: "g", Y: []float64{.2, .1}}}},
		"scatter": {Kind: "scatter", X: "ClassMem", Y: "UnitMem", Diagonal: true, Series: []Data{
			{Name: "conv1", X: []float64{0, .5, 1}, Y: []float64{.3, nan, .9}},
			{Name: "conv2", X: []float64{.2}, Y: []float64{.4}, Lo: []float64{.3}, Hi: []float64{.5}}}},
	}
}

// Charts are written in every format, the same bits each time, and no coordinate
// is NaN.
func TestChartsAreWrittenAndRepeatable(t *testing.T) {
	dir := t.TempDir()
	if keep := os.Getenv("LOCIMEM_FIGURES"); keep != "" {
		dir = keep
	}
	for name := range charts() {
		for _, ext := range []string{".svg", ".png", ".pdf"} {
			path := filepath.Join(dir, name+ext)
			var old []byte
			for i := range 2 {
				require.NoError(t, charts()[name].Page("", "").Save(path))
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				require.Greater(t, len(b), 1500, path)
				if i > 0 {
					assert.True(t, string(old) == string(b), "%s differs from one time to the next", path)
				}
				if old = b; ext == ".svg" {
					assert.NotContains(t, string(b), "NaN", path)
				}
			}
		}
	}
}
