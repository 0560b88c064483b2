package study

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   report.Verdict
	}{
		{[]float64{1, 1.1, 0.9}, report.Reproduced}, {[]float64{-1, -1.1, -0.9}, report.NotReproduced},
		{[]float64{1, -1, 0.5}, report.UnderPowered}, {[]float64{7}, report.UnderPowered},
	} {
		cell, v, why := above("it", c.values)
		assert.Equal(t, c.want, v, why)
		assert.InDelta(t, stat.Mean(c.values, nil), *cell.Value, 1e-12)
	}
}

// Studies share their steps, and the scales' recipes are those of the repository.
func TestPlans(t *testing.T) {
	for _, scale := range Scales() {
		for _, s := range Studies() {
			p, err := s.Plan(Setting{Scale: scale, Seed: 1, DataDir: "DIR"})
			require.NoError(t, err, s.Name+" "+scale)
			assert.NotEmpty(t, p.Steps)
		}
	}
	s := Setting{Scale: "mini", Seed: 1, DataDir: "DIR"}
	d, err := depth.Plan(s)
	require.NoError(t, err)
	a, err := atypical.Plan(s)
	require.NoError(t, err)
	assert.Len(t, graph.Order(append(d.Steps, a.Steps...)), 10, "3 pairs of 3 steps, and the same-data pair")
	s.Scale = "huge"
	_, err = depth.Plan(s)
	assert.ErrorContains(t, err, `scale: found "huge", expected one of tiny, mini, small, paper`)
	_, err = Find("no")
	assert.ErrorContains(t, err, `found "no", expected one of all, depth`)
	for _, c := range []struct {
		scale int
		sets  []string
		file  string
	}{{1, nil, "cifar10-mini"}, {3, nil, "paper-simclr"}, {3, scales[3].vit, "paper-mae"}} {
		own, err := Setting{Scale: scales[c.scale].name, Seed: 1, DataDir: "x"}.recipe(&scales[c.scale], 0, c.sets)
		require.NoError(t, err)
		file, err := recipe.Load("../recipes/"+c.file+".yaml", []string{"data.dir=y"})
		require.NoError(t, err)
		assert.Equal(t, file.TrainHash(), own.TrainHash(), "an encoder of %s is one of the studies", c.file)
	}
}

// verySmall makes scale tiny very small for a test.
func verySmall(t *testing.T) Setting {
	old := scales[0]
	t.Cleanup(func() { scales[0] = old })
	scales[0].sets = []string{"encoder.width=0.125", "train.epochs=2", "knn.every=0", "data.synthetic.train=140", "data.synthetic.test=40", "knn.test=40",
		"split.shared=60", "split.candidate=40", "split.independent=40", "split.external=40", "train.batch=50", "score.views=2", "score.resamples=99", "data.synthetic.atypical_share=0.3", "method.bn_splits=5"}
	scales[0].crossed = nil
	scales[0].vit = append(slices.Clone(old.vit), "train.epochs=2", "knn.every=0", "encoder.width=0.125")
	return Setting{Scale: "tiny", Pairs: 2, Seed: 1, Threads: 2}
}

// carriedOut does a study from its first step to its report.
func carriedOut(t *testing.T, y Study, s Setting, st *graph.Store) (*Plan, *report.Document) {
	p, err := y.Plan(s)
	require.NoError(t, err, y.Name)
	require.NoError(t, st.Run(context.Background(), p.Steps, &counter{}), y.Name)
	d, err := p.Report(st)
	require.NoError(t, err, y.Name)
	require.NoError(t, d.Check(), y.Name)
	return p, d
}

// A study from its first step to its ledger, very small; the second time nothing is
// trained. The numbers of its report are those of the scores' own tables.
func TestStudyDepth(t *testing.T) {
	s := verySmall(t)
	st := graph.NewStore(t.TempDir())
	var claims []report.Claim
	for _, one := range []Study{depth, census, atypical} {
		p, err := one.Plan(s)
		require.NoError(t, err)
		w := &counter{}
		require.NoError(t, st.Run(context.Background(), p.Steps, w))
		if one.Name == "census" {
			assert.Zero(t, w.n, "study depth has trained and scored them")
		}
		d, err := p.Report(st)
		require.NoError(t, err)
		require.NoError(t, d.Check())
		claims = append(claims, d.Claims...)
		if one.Name == "depth" {
			one, err := readScores(st, p.Steps[0], memorize.UnitL2)
			require.NoError(t, err)
			sum, err := readSummary(st.Path(p.Steps[0], "scores", "scores.json"))
			require.NoError(t, err)
			for _, l := range sum {
				if l.Estimator == "paper" && l.Set == "controlled" && l.Distance == "unit-l2" {
					assert.InDelta(t, l.Stat.Mean, controlled([]scores{one}, l.Tap)[0], 1e-9, l.Tap)
				}
			}
			assert.NotEmpty(t, sum)
		}
	}
	require.Len(t, claims, 9)
	dir := t.TempDir()
	files, err := WriteLedger(dir, s, claims)
	require.NoError(t, err)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	assert.Contains(t, string(text), "locimem study depth --scale tiny --pairs 2")
	assert.Equal(t, 9, strings.Count(string(text), "\n- rule: "))
	var back []report.Claim
	b, err := os.ReadFile(filepath.Join(dir, "ledger.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &back))
	assert.Equal(t, claims, back)
}

// readSummary reads the LayerMem of a scores.json.
func readSummary(path string) ([]struct {
	Tap, Set, Estimator, Distance string
	Stat                          struct{ Mean float64 }
}, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s struct {
		Layers []struct {
			Tap, Set, Estimator, Distance string
			Stat                          struct{ Mean float64 }
		} `json:"layermem"`
	}
	err = json.Unmarshal(b, &s)
	return s.Layers, err
}

// counter counts the steps that are done.
type counter struct{ n int }

func (c *counter) Begin(*graph.Step, int, int)  { c.n++ }
func (c *counter) End(*graph.Step, *graph.Done) {}
func (c *counter) Waiting(*graph.Step)          {}
