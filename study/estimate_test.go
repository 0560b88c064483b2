package study

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
	"github.com/locimem/locimem/tensor"
)

// Every kind of step is estimated by a short measurement, and kNN tests count. How good
// estimates are is measured on real studies, as clocks in tests are not reliable.
func TestEstimates(t *testing.T) {
	s := verySmall(t)
	l := plannerOf(s)
	pairs := l.TrainPairs()
	l.rankUnits(pairs.f())
	require.NoError(t, l.err)
	all, err := graph.NewStore(t.TempDir()).Estimate(context.Background(), l.steps)
	require.NoError(t, err)
	assert.Len(t, all, 8)
	for _, e := range all {
		assert.Greater(t, e.Seconds, 1e-4, e.Step.Label())
	}
	r := l.Recipe(0, "knn.every=1")
	tests, err := testSeconds(context.Background(), r)
	require.NoError(t, err)
	assert.Positive(t, tests)
	none, err := testSeconds(context.Background(), l.Recipe(0))
	require.NoError(t, err)
	assert.Zero(t, none)
}

// The fixed time of work and its time per point are both recovered.
func TestExtrapolated(t *testing.T) {
	verySmall(t)
	r, err := Setting{Scale: "tiny", Seed: 1, Threads: 1}.recipe(&scales[0], 0,
		[]string{"split.shared=80", "split.external=40", "data.synthetic.train=160"})
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) { // with a clock that only Sleep moves
		seconds, err := extrapolated(context.Background(), r, func(l *run.Lab, _ *tensor.Engine, _ [2]nn.Encoder) error {
			n := 0
			for _, s := range l.Sets() {
				n += len(s.Points)
			}
			time.Sleep(2*time.Second + time.Duration(n)*time.Second)
			return nil
		})
		require.NoError(t, err)
		assert.InDelta(t, 2+scoredPoints(r), seconds, 1e-9)
	})
}

func TestFewer(t *testing.T) {
	r, err := recipe.Read("x", nil, []string{"split.shared=300", "split.external=0", "score.points.shared=200"})
	require.NoError(t, err)
	few := fewer(r, 8)
	assert.Equal(t, []int{37, 25, 0, 0},
		[]int{few.Split.Shared, few.Score.Points.Shared, few.Split.External, few.Score.Points.Candidate})
	assert.Equal(t, 3, fewer(r, 1000).Split.Shared)
	assert.Equal(t, 300, r.Split.Shared, "the recipe itself stays")
}
