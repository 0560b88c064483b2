package external

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/tensor"
)

// Views from a file go into the encoders as they are: the scores are those of the
// activations that each point has by itself.
func TestScoreViews(t *testing.T) {
	tmp := t.TempDir()
	sets := []string{"encoder.width=0.125", "score.taps=[conv1, res4, head]"}
	r := scoreRecipe(t, sets...)
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	views := noise("views", npz.Float32, 3, 9, 3, 16, 16, 3)
	path := save(t, true, append([]array{views}, setArrays()...), tmp, "views.npz")
	var pair [2]nn.Encoder
	var files [2]string
	for i := range pair {
		pair[i], err = run.NewEncoder(r, 16, 16, 3, uint64(i))
		require.NoError(t, err)
		files[i] = filepath.Join(tmp, memorize.Sides[i].String()+".safetensors")
		require.NoError(t, weights.Save(files[i], pair[i].Params(), nil))
	}
	out := filepath.Join(tmp, "scores")
	s, err := ScoreViews(context.Background(), r, ArraysConfig{F: files[0], G: files[1], Views: path,
		Out: out}, run.Silent{})
	require.NoError(t, err)
	require.Len(t, s.Taps, 3)

	o := scoreRecipe(t, append(sets, "score.views=3")...).ScoreOptions()
	taps := []memorize.Tap{{Name: "conv1", Depth: 1}, {Name: "res4", Depth: 30}, {Name: "head", Depth: 31}}
	acc, err := memorize.NewAccumulator(e, o, taps, []memorize.Set{{Name: "candidate", Points: []int{10, 12, 17}},
		{Name: "independent", Points: []int{11, 18}}, {Name: "external", Points: []int{13, 15, 16}}})
	require.NoError(t, err)
	for side, enc := range pair {
		for set, rows := range [][]int{{0, 2, 7}, {1, 8}, {3, 5, 6}} {
			for _, row := range rows {
				x := tensor.New(3, 16, 16, 3)
				for i := range x.Data() {
					x.Data()[i] = float32(views.floats[row*x.Len()+i])
				}
				tp := e.NewTape(tensor.Inference)
				c := nn.NewCapture()
				enc.Forward(&nn.Context{Tape: tp, Taps: c}, x)
				for i, tap := range taps {
					require.NoError(t, acc.Add(memorize.Side(side), set, i, c.Outputs[tap.Name]))
				}
				tp.Release()
			}
		}
	}
	want, err := acc.Scores()
	require.NoError(t, err)
	other := t.TempDir()
	_, err = want.WriteFiles(other)
	require.NoError(t, err)
	for _, name := range []string{memorize.LayerMemTable.File, memorize.DeltaTable.File, memorize.UnitMemTable.File,
		memorize.UnitMemTableG.File, memorize.PointTable.File} {
		assert.Equal(t, read(t, other, name), read(t, out, name), name)
	}
	assert.Contains(t, read(t, out, memorize.ClassMemTable.File), "g,head")
	assert.Contains(t, read(t, out, memorize.JSONFile), nn.Hash(pair[1].Params()))

	bad := func(name, want string, arrays ...array) {
		t.Helper()
		_, err := ScoreViews(context.Background(), r, ArraysConfig{F: files[0], G: files[1], Out: filepath.Join(tmp, "bad"),
			Views: save(t, false, append(arrays, setArrays()...), tmp, name)}, run.Silent{})
		assert.ErrorContains(t, err, want)
	}
	bad("a.npz", `expected "views"`, noise("images", npz.Float32, 1, 9, 3, 16, 16, 3))
	bad("b.npz", `expected "views", points x views x H x W`, noise("views", npz.Float32, 1, 9, 3, 16))
	bad("c.npz", "images of 4x4x3", noise("views", npz.Float32, 1, 9, 3, 4, 4, 3))
	bad("d.npz", "d.npz: found 1 view", noise("views", npz.Float32, 1, 9, 1, 16, 16, 3))
	nan := noise("views", npz.Float32, 1, 9, 3, 16, 16, 3)
	nan.floats[8*3*768+5] = math.NaN()
	bad("e.npz", "set independent, point 18: an activation is NaN", nan)
	gray := noise("views", npz.Float32, 1, 9, 3, 16, 16, 1)
	bad("f.npz", "conv1.weight", gray)
}
