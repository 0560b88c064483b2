package study

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// verySmall makes scale tiny very small for a test.
func verySmall(t *testing.T) Setting {
	t.Cleanup(run.HoldSynthetic())
	old := scales[0]
	t.Cleanup(func() { scales[0] = old })
	scales[0].sets = []string{
		"encoder.width=0.125", "train.epochs=2", "train.batch=48", "knn.every=0", "knn.test=40",
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

// handScores is the scores of one pair by tap and set; the i-th score is that of point
// 100*set + i. They lie between -1 and 1.
type handScores map[string]map[string][]float64

// handPair writes the scores as a table of points and reads it back. The distances are 1 + score
// for g and 1 - score for f, so that Eq. 2 gives the score.
func handPair(t *testing.T, taps []string, of handScores) scores {
	t.Helper()
	var b strings.Builder
	b.WriteString("tap,set,point,distance,ssl_f,ssl_g\n")
	for _, tap := range taps {
		for k, set := range fourSets {
			for i, v := range of[tap][set] {
				fmt.Fprintf(&b, "%s,%s,%d,unit-l2,%v,%v\n", tap, set, 100*k+i, 1-v, 1+v)
			}
		}
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "points.csv"), []byte(b.String()), 0o644))
	p, err := memorize.ReadPoints(dir, memorize.UnitL2)
	require.NoError(t, err)
	return scores{p}
}

// eightConvs are the taps of most tests.
var eightConvs = []string{"conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "conv7", "conv8"}

// handResults are pairs whose scores are value(pair, k, set, i) in the k-th tap, of n points.
func handResults(
	t *testing.T, pairs int, taps []string, n int, value func(pair, k int, set string, i int) float64,
) *Results {
	t.Helper()
	r := &Results{Reader: &Reader{command: "locimem study x"}, by: memorize.UnitL2}
	for p := range pairs {
		of := handScores{}
		for k, tap := range taps {
			of[tap] = map[string][]float64{}
			for _, set := range fourSets {
				for i := range n {
					of[tap][set] = append(of[tap][set], value(p, k, set, i))
				}
			}
		}
		r.scores = append(r.scores, handPair(t, taps, of))
		r.pairs = append(r.pairs, Pair{Recipe: recipe.Default()})
	}
	return r
}

// requireClaim checks a claim against a number for each pair: mean, Student's interval for
// three pairs (t = 4.3027), and the verdict.
func requireClaim(t *testing.T, c report.Claim, cell *report.Cell, perPair [3]float64, want report.Verdict) {
	t.Helper()
	mean := (perPair[0] + perPair[1] + perPair[2]) / 3
	square := 0.0
	for _, v := range perPair {
		square += (v - mean) * (v - mean)
	}
	half := 4.302653 * math.Sqrt(square/2/3)
	require.NotNil(t, cell, c.ID)
	assert.InDelta(t, mean, *cell.Value, 1e-9, c.ID)
	require.NotNil(t, cell.Lo, c.ID)
	assert.InDelta(t, mean-half, *cell.Lo, 1e-5, c.ID)
	assert.InDelta(t, mean+half, *cell.Hi, 1e-5, c.ID)
	assert.Equal(t, want, c.Verdict, "%s: %s", c.ID, c.Why)
}

// role is 1 for candidates, -1 for independents and 0 for others.
func role(set string) float64 {
	switch set {
	case memorize.Candidate:
		return 1
	case memorize.Independent:
		return -1
	}
	return 0
}
