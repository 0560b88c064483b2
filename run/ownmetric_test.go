package run

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/table"
)

// shownRow counts the points that a metric was shown.
type shownRow struct {
	Tap    string `col:"tap"`
	Set    string `col:"set"`
	Points int    `col:"points"`
}

var shownTable = table.Of[shownRow]("shown.csv", "Points of f that were shown")

type countMetric struct {
	plan *memorize.Plan
	n    [][]int
	rows []shownRow
}

func (m *countMetric) Begin(p *memorize.Plan) error {
	m.plan, m.n = p, make([][]int, len(p.Sets))
	for s := range m.n {
		m.n[s] = make([]int, len(p.Taps))
	}
	return nil
}

func (m *countMetric) Add(a *memorize.Activations) error {
	if a.Side == memorize.F {
		m.n[a.Set][a.Tap] += len(a.Points())
	}
	return nil
}

func (m *countMetric) Finish(*memorize.Scores) error {
	for s, set := range m.plan.Sets {
		for t, tap := range m.plan.Taps {
			m.rows = append(m.rows, shownRow{tap.Name, set.Name, m.n[s][t]})
		}
	}
	return nil
}

func (m *countMetric) Tables(*memorize.Scores) []table.File {
	return []table.File{shownTable.With(m.rows)}
}

// A run writes the tables of registered metrics, and computes the scores of an older run
// again that lacks one.
func TestRunWithARegisteredMetric(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	r := tiny(t, "train.epochs=1", "score.taps=[conv1, head]")
	_, err := RunPair(ctx, r, dir, Silent{})
	require.NoError(t, err)
	old := read(t, dir, "scores", memorize.JSONFile)

	memorize.Register("shown", func() memorize.Metric { return &countMetric{} })
	for _, reused := range []bool{false, true} {
		res, err := RunPair(ctx, r, dir, Silent{})
		require.NoError(t, err)
		if reused {
			assert.Contains(t, res.Reused, "scores")
		} else {
			assert.NotContains(t, res.Reused, "scores")
		}
		rows, err := shownTable.Read(filepath.Join(dir, "scores"))
		require.NoError(t, err)
		assert.Len(t, rows, 4*2)
		for _, row := range rows {
			assert.Equal(t, 16, row.Points)
		}
	}
	assert.Equal(t, old, read(t, dir, "scores", memorize.JSONFile))
	_, err = os.Stat(filepath.Join(dir, "scores", shownTable.File))
	require.NoError(t, err)
}
