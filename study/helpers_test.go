package study

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// verySmall makes scale tiny very small for a test.
func verySmall(t *testing.T) Setting {
	old := scales[0]
	t.Cleanup(func() { scales[0] = old })
	scales[0].sets = []string{
		"encoder.width=0.125", "train.epochs=2", "train.batch=50", "method.bn_splits=5", "knn.every=0", "knn.test=40",
		"data.synthetic.train=140", "data.synthetic.test=40", "data.synthetic.atypical_share=0.3",
		"split.shared=60", "split.candidate=40", "split.independent=40", "split.external=40",
		"score.views=2", "score.resamples=99",
	}
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
	text, err := json.Marshal([]any{d.Lead, d.Claims, d.Sections})
	require.NoError(t, err)
	assert.NotContains(t, string(text), `\t`, "prose is on one line")
	return p, d
}

// plannerOf returns a planner for scale tiny.
func plannerOf(s Setting) *Planner { return &Planner{Setting: s, scale: &scales[0]} }

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
