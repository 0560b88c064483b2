package memorize_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/tensor"
)

// Size is the mean |activation| of one encoder in one tap on one set.
type Size struct {
	Encoder string  `col:"encoder"`                // f or g
	Tap     string  `col:"tap"`                    // layer
	Set     string  `col:"set"`                    // set of points
	Size    float64 `col:"size" unit:"activation"` // mean over points, views, positions and units
}

var sizes = table.Of[Size]("size.csv", "Mean |activation| of every tap on every set")

// sizeMetric is a metric as a program outside this package writes one.
type sizeMetric struct {
	plan *memorize.Plan
	sum  map[Size]float64 // by a row without Size
	n    map[Size]int
	rows []Size
}

func (m *sizeMetric) Begin(p *memorize.Plan) error {
	m.plan, m.sum, m.n = p, map[Size]float64{}, map[Size]int{}
	return nil
}

func (m *sizeMetric) Add(a *memorize.Activations) error {
	key := Size{Encoder: a.Side.String(), Tap: m.plan.Taps[a.Tap].Name, Set: m.plan.Sets[a.Set].Name}
	for _, v := range a.X.Data() {
		m.sum[key] += math.Abs(float64(v))
	}
	m.n[key] += a.X.Len()
	return nil
}

func (m *sizeMetric) Finish(*memorize.Scores) error {
	for _, side := range []memorize.Side{memorize.F, memorize.G} {
		for _, set := range m.plan.Sets {
			for _, tap := range m.plan.Taps {
				row := Size{Encoder: side.String(), Tap: tap.Name, Set: set.Name}
				row.Size = m.sum[row] / float64(m.n[row])
				m.rows = append(m.rows, row)
			}
		}
	}
	return nil
}

func (m *sizeMetric) Tables(*memorize.Scores) []table.File { return []table.File{sizes.With(m.rows)} }

// A metric of one's own is shown what the others are, and its table lies next to theirs.
func TestAMetricOfOnesOwn(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	o := memorize.DefaultOptions()
	o.Views, o.Resamples = 2, 99
	score := func(metrics ...memorize.Metric) (dir string) {
		acc, err := memorize.NewAccumulator(e, o, []memorize.Tap{{Name: "only", Depth: 1}},
			[]memorize.Set{{Name: memorize.Candidate, Points: []int{3, 5}}}, metrics...)
		require.NoError(t, err)
		for side, scale := range []float32{1, -2} {
			for piece := range 2 { // one point at a time, two views of two units
				v := scale * float32(piece+1)
				require.NoError(t, acc.Add(memorize.Side(side), 0, 0, tensor.FromSlice([]float32{v, 2 * v, 3 * v, 6 * v}, 2, 2)))
			}
		}
		s, err := acc.Scores()
		require.NoError(t, err)
		dir = t.TempDir()
		_, err = s.WriteFiles(dir)
		require.NoError(t, err)
		return dir
	}
	with, without := score(&sizeMetric{}), score()
	rows, err := sizes.Read(with)
	require.NoError(t, err)
	assert.Equal(t, []Size{{"f", "only", "candidate", 4.5}, {"g", "only", "candidate", 9}}, rows)
	for _, name := range memorize.Files() {
		a, err := os.ReadFile(filepath.Join(with, name))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(without, name))
		require.NoError(t, err)
		assert.Equal(t, string(a), string(b), "%s: a further metric changes no other", name)
	}
	assert.NoFileExists(t, filepath.Join(without, sizes.File))
}

func TestTakenNamesOfMetricsPanic(t *testing.T) {
	assert.PanicsWithValue(t, "metric taken: found the file layermem.csv taken, expected a new name", func() {
		memorize.Register("taken", func() memorize.Metric { return taken{} })
	})
}

// taken is a metric whose table is there already.
type taken struct{ sizeMetric }

func (taken) Begin(*memorize.Plan) error      { return nil }
func (taken) Add(*memorize.Activations) error { return nil }
func (taken) Finish(*memorize.Scores) error   { return nil }
func (taken) Tables(*memorize.Scores) []table.File {
	return []table.File{memorize.LayerMemTable.With(nil)}
}
