package run

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run/page"
)

// find returns the section of that title, nil if there is none.
func find(d *report.Document, title string) *report.Section {
	for i := range d.Sections {
		if d.Sections[i].Title == title {
			return &d.Sections[i]
		}
	}
	return nil
}

func TestReportOfARun(t *testing.T) {
	ctx, r, dir := context.Background(), tiny(t), t.TempDir()
	res, err := RunPair(ctx, r, dir, Silent{})
	require.NoError(t, err)
	html := read(t, dir, page.HTML)
	assert.Less(t, len(html), 2<<20)

	d, err := ReportOf(dir)
	require.NoError(t, err)
	assert.Equal(t, res.Reading, d.Lead[0])
	for _, title := range []string{"Layers", "Members told from non-members", "Units", "Classes", "Training", "Images", "Owners of units", "All taps"} {
		require.NotNil(t, find(d, title), title)
	}
	layers := find(d, "Layers")
	require.Len(t, layers.Charts, 3)
	head := len(res.Summary.Taps) - 1
	assert.Equal(t, res.Summary.Taps[head].LayerMem[memorize.Shared].Mean, *layers.Charts[0].Series[1].Y[head])
	assert.Equal(t, res.Summary.Taps[head].Controlled.Lo, *layers.Charts[1].Series[0].Lo[head])
	assert.Nil(t, layers.Charts[2].Series[0].Y[0], "the first tap has no Delta")
	loss := find(d, "Training").Charts[0]
	assert.Len(t, loss.Series[1].Y, 3)
	assert.Len(t, find(d, "All taps").Tables[0].Rows, 31)
	assert.Nil(t, find(d, "By distance"), "there is one")
	separations, err := memorize.SeparationTable.Read(filepath.Join(dir, "scores"))
	require.NoError(t, err)
	area := find(d, "Members told from non-members").Tables[0].Rows[head]
	k := slices.IndexFunc(separations, func(s memorize.Separation) bool { return s.Tap == "head" && s.Estimator == memorize.Paper })
	assert.Equal(t, separations[k].AUC, *area[1].Value)
	assert.Equal(t, separations[k].P, *area[3].Value)
	assert.GreaterOrEqual(t, *area[4].Value, separations[k].PNormal, "corrected for 31 taps")
	facts := map[string]string{}
	for _, f := range d.Provenance {
		facts[f.Name] = f.Value
	}
	assert.Equal(t, r.Hash(), facts["Recipe"])
	assert.NotEmpty(t, facts["Command"])
	assert.NotEmpty(t, facts["Machine"])
	assert.Contains(t, facts["recipe.yaml"], "name: tiny")

	// Made again from the directory it is the same; nothing but it is touched.
	before := read(t, dir, "scores", memorize.JSONFile)
	require.NoError(t, os.Remove(filepath.Join(dir, page.HTML)))
	require.NoError(t, WriteReport(dir))
	assert.True(t, html == read(t, dir, page.HTML))
	assert.Equal(t, before, read(t, dir, "scores", memorize.JSONFile))

	t.Run("pictures are of the candidates, by falling score", func(t *testing.T) {
		l, err := OpenLab(r)
		require.NoError(t, err)
		p, err := memorize.ReadPoints(filepath.Join(dir, "scores"), memorize.UnitL2, "head")
		require.NoError(t, err)
		ranked := page.RankedCandidates(p, "head", memorize.Paper)
		require.Len(t, ranked, 16)
		sum := 0.
		for i, c := range ranked {
			sum += c.Score
			assert.Contains(t, l.Split.Candidate, c.Point)
			assert.True(t, i == 0 || ranked[i-1].Score >= c.Score)
		}
		assert.InDelta(t, res.Summary.Taps[head].Controlled.Mean, sum/16, 1e-12, "their mean is the controlled score")
		g := find(d, "Images").Galleries[0]
		last := g.Rows[len(g.Rows)-2]
		assert.Equal(t, "head, most", last.Label)
		require.Len(t, last.Images, 8)
		assert.True(t, strings.HasPrefix(last.Images[0].Caption, page.Described(l.Train, ranked[0].Point)))
	})
	t.Run("without the images of the run there are no pictures", func(t *testing.T) {
		split := read(t, dir, "split.json")
		require.NoError(t, os.Remove(filepath.Join(dir, "split.json")))
		d, err := ReportOf(dir)
		require.NoError(t, err)
		assert.Contains(t, find(d, "Images").Text[0], "No pictures: ")
		assert.Empty(t, find(d, "Images").Galleries)
		assert.NotNil(t, find(d, "Owners of units"), "the table needs no pictures")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "split.json"), []byte(split), 0o644))
	})
	t.Run("scores of another recipe are refused", func(t *testing.T) {
		other := t.TempDir()
		require.NoError(t, os.CopyFS(other, os.DirFS(dir)))
		b := strings.Replace(read(t, other, "recipe.yaml"), "seed: 1", "seed: 2", 1)
		require.NoError(t, os.WriteFile(filepath.Join(other, "recipe.yaml"), []byte(b), 0o644))
		_, err := ReportOf(other)
		assert.ErrorContains(t, err, "scores of another recipe")
	})
	t.Run("foreign scores have one beside their tables", func(t *testing.T) {
		out := t.TempDir()
		_, err := Score(ctx, tiny(t), ScoreConfig{F: filepath.Join(dir, "f.safetensors"), G: filepath.Join(dir, "g.safetensors"),
			Split: filepath.Join(dir, "split.json"), Out: out, Foreign: true}, Silent{})
		require.NoError(t, err)
		html := read(t, out, page.HTML)
		assert.Contains(t, html, "f.safetensors and g.safetensors")
		assert.Contains(t, html, "Most and least memorized images")
		assert.NotContains(t, html, "Training loss")
	})
	_, err = ReportOf(t.TempDir())
	assert.ErrorContains(t, err, "is no run directory")
}
