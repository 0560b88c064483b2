package study

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// The study from its steps to its report, with the losses computed again from the logs.
func TestWinogradStudy(t *testing.T) {
	s := verySmall(t)
	scales[0].sets = append(scales[0].sets, "knn.every=1")
	st := graph.NewStore(t.TempDir())
	p, d := carriedOut(t, winograd, s, st)
	claims := map[string]report.Claim{}
	for _, c := range d.Claims {
		claims[c.ID] = c
		require.NotNil(t, c.Plain, c.ID)
	}
	assert.Len(t, claims, 4)
	var losses [2][]float64 // of the last epoch: direct, F(4x4)
	for _, step := range p.Steps {
		params, ok := step.Params().(scoreParams)
		if !ok {
			continue
		}
		sum := 0.
		for i, side := range memorize.Sides {
			log, err := run.OpenLog(st.Path(step.Needs()[i], "run", "log.jsonl"))
			require.NoError(t, err)
			records := log.Records(side)
			sum += records[len(records)-1].Loss / 2
		}
		k := 0
		if params.parsed.Train.Winograd == "f4" {
			k = 1
		}
		losses[k] = append(losses[k], sum)
	}
	require.Len(t, losses[1], len(losses[0]))
	var ratios []float64
	for i, direct := range losses[0] {
		ratios = append(ratios, losses[1][i]/direct-1)
	}
	assert.InDelta(t, stat.Mean(ratios, nil), *claims["winograd.loss"].Plain.Value, 1e-12)
	assert.Less(t, *claims["winograd.loss-early"].Plain.Value, 0.01)
}

// How far an interval reaches counts on both sides.
func TestReachOf(t *testing.T) {
	assert.Equal(t, 3., reachOf(report.Between(-1, -3, 1)))
	assert.Equal(t, 4., reachOf(report.Between(1, -3, 4)))
	assert.Equal(t, 2., reachOf(report.Num(-2)))
}
