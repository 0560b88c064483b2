package study

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
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
			if s.Place == 0 {
				continue // the example's, for scale tiny only
			}
			p, err := s.Plan(Setting{Scale: scale, Seed: 1, DataDir: "DIR"})
			require.NoError(t, err, s.Name+" "+scale)
			assert.NotEmpty(t, p.Steps)
		}
	}
	s := Setting{Scale: "mini", Seed: 1, DataDir: "DIR"}
	d, err := depth.Plan(s)
	require.NoError(t, err)
	c, err := census.Plan(s)
	require.NoError(t, err)
	assert.Len(t, graph.Order(append(d.Steps, c.Steps...)), 13, "4 crossed pairs of 3 steps, and the same-data pair")
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

// A very small study from its first step to its ledger. A second study with the same steps trains
// nothing. The numbers of the report are those of the scores' own tables.
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

// A study that registers itself takes its place among the others. Names are given once.
func TestRegister(t *testing.T) {
	old := registered
	t.Cleanup(func() { registered = old })
	design := func(*Planner) Writer { return nil }
	registered = nil
	Register(Study{Name: "mine", Design: design})
	Register(Study{Name: "late", Place: 20, Design: design})
	Register(Study{Name: "yours", Design: design})
	Register(Study{Name: "early", Place: 10, Design: design})
	var names []string
	for _, s := range Studies() {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"early", "late", "mine", "yours"}, names)
	assert.PanicsWithValue(t, `study: name: found "mine" twice, expected different names`,
		func() { Register(Study{Name: "mine", Design: design}) })
	assert.Panics(t, func() { Register(Study{Name: "all", Design: design}) })
	assert.Panics(t, func() { Register(Study{Name: "other"}) })
}

// The studies of the package stand in the order of the ledger.
func TestOrderOfStudies(t *testing.T) {
	var names []string
	for _, s := range Studies() {
		if s.Place > 0 {
			names = append(names, s.Name)
		}
	}
	assert.Equal(t, strings.Fields(`depth census architectures attention atypical consistency count distance frameworks
		finetune pruning swaps blocks norms points unitmem onepoint supervised transformer gallery augmentation time decay
		privacy overlap duration datasets initialisation winograd`), names)
	for _, name := range names {
		assert.Contains(t, pinned, name, "its steps are pinned")
	}
}
