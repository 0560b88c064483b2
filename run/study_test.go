package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/filelock"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
)

// tiny is a recipe that runs in about a second.
func tiny(t testing.TB, sets ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Request{Own: append([]string{
		"name=tiny", "data.synthetic.train=96", "data.synthetic.test=40", "data.synthetic.size=16",
		"split.shared=40", "split.candidate=16", "split.independent=16", "split.external=16",
		"encoder.width=0.125", "method.projector=[16, 8]", "train.epochs=3", "train.batch=16", "train.checkpoint_every=1",
		"knn.every=2", "knn.k=5", "knn.test=30", "score.views=3", "score.points.shared=16", "score.resamples=99",
	}, sets...)}.Read()
	require.NoError(t, err)
	return r
}

func read(t testing.TB, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(b)
}

// results are the files that must be the same bits however a run went.
var results = []string{"split.json", "f.safetensors", "g.safetensors", "scores/layermem.csv", "scores/delta.csv",
	"scores/unitmem.csv", "scores/points.csv", "scores/scores.json", "figures/layermem.svg", "figures/unitmem.svg",
	"figures/training.svg"}

func sameResults(t *testing.T, want, got string) {
	t.Helper()
	for _, name := range results {
		assert.True(t, read(t, want, name) == read(t, got, name), "%s differs", name)
	}
}

// lines of log.jsonl without what depends on the clock.
func logLines(t *testing.T, dir string) []string {
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(read(t, dir, "log.jsonl")), "\n") {
		var r map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		for _, field := range []string{"encoder", "epoch", "loss", "chance", "knn", "images_per_s"} {
			require.Contains(t, r, field)
		}
		delete(r, "images_per_s")
		delete(r, "views_share")
		b, err := json.Marshal(r)
		require.NoError(t, err)
		out = append(out, string(b))
	}
	return out
}

func TestRunPair(t *testing.T) {
	r, dir := tiny(t), filepath.Join(t.TempDir(), "run")
	res, err := RunPair(context.Background(), r, dir, Silent{})
	require.NoError(t, err)
	assert.Empty(t, res.Reused)
	for _, name := range append(results, "recipe.yaml", "log.jsonl", "figures/layermem.png", "figures/unitmem.png",
		"figures/training.png") {
		assert.FileExists(t, filepath.Join(dir, name))
	}
	again, err := recipe.Load(filepath.Join(dir, "recipe.yaml"), nil)
	require.NoError(t, err)
	assert.Equal(t, r, again)

	lines := logLines(t, dir)
	require.Len(t, lines, 6)
	for i, epoch := range []float64{1, 2, 3, 1, 2, 3} {
		var rec map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &rec))
		assert.Equal(t, []any{memorize.Sides[i/3].String(), epoch}, []any{rec["encoder"], rec["epoch"]})
		assert.InDelta(t, math.Log(31), rec["chance"], 1e-12)
		assert.NotNil(t, rec["knn"], "epochs 1, 2 (every 2) and 3 (the last) are tested")
	}

	require.Len(t, res.Summary.Taps, 31)
	head := res.Summary.Taps[30]
	assert.Equal(t, "head", head.Tap)
	assert.Equal(t, []string{"candidate", "shared", "independent", "external"}, res.Summary.Sets)
	c, i := head.LayerMem["candidate"].Mean, head.LayerMem["independent"].Mean
	assert.InDelta(t, (c-i)/2, head.Controlled.Mean, 1e-12)
	assert.InDelta(t, c-res.Summary.Taps[29].LayerMem["candidate"].Mean, head.Delta.Mean, 1e-12)
	assert.NotNil(t, head.UnitMem)
	assert.NotNil(t, res.KNN[memorize.F])
	assert.NotNil(t, res.KNN[memorize.G])
	assert.Contains(t, read(t, dir, "scores", "scores.json"), `"crop.scale": [`)
	_, err = json.Marshal(res)
	assert.NoError(t, err)

	t.Run("a second run reuses everything", func(t *testing.T) {
		before := map[string]os.FileInfo{}
		for _, name := range results {
			before[name], err = os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
		}
		second, err := RunPair(context.Background(), r, dir, Silent{})
		require.NoError(t, err)
		assert.Equal(t, []string{"f", "g", "scores", "figures", "report"}, second.Reused)
		assert.Equal(t, res.Summary, second.Summary)
		assert.Equal(t, res.KNN, second.KNN)
		for _, name := range results {
			after, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.True(t, os.SameFile(before[name], after) && before[name].ModTime().Equal(after.ModTime()), name)
		}
	})
	t.Run("what was lost is made again", func(t *testing.T) {
		want := map[string]string{}
		for _, name := range results {
			want[name] = read(t, dir, name)
		}
		for _, name := range []string{"scores/scores.json", "g.safetensors", "figures/unitmem.svg"} {
			require.NoError(t, os.Remove(filepath.Join(dir, name)))
		}
		third, err := RunPair(context.Background(), r, dir, Silent{})
		require.NoError(t, err)
		assert.Equal(t, []string{"f"}, third.Reused)
		for _, name := range results {
			assert.True(t, want[name] == read(t, dir, name), name)
		}
		assert.Equal(t, lines, logLines(t, dir))
	})
	t.Run("side by side gives the same bits", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "run")
		_, err := RunPair(context.Background(), tiny(t, "train.order=parallel", "train.threads=3"), other, Silent{})
		require.NoError(t, err)
		sameResults(t, dir, other)
	})
	t.Run("a stopped run goes on to the same bits", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "run")
		stops := 0
		for {
			ctx, cancel := context.WithCancel(context.Background())
			_, err := RunPair(ctx, r, other, &stopper{cancel: cancel, after: 6})
			cancel()
			if err == nil {
				break
			}
			require.ErrorIs(t, err, context.Canceled)
			stops++
			require.Less(t, stops, 20, "no progress from stop to stop")
		}
		assert.GreaterOrEqual(t, stops, 3)
		sameResults(t, dir, other)
		assert.Equal(t, lines, logLines(t, other))
	})
	t.Run("scores of the saved encoders", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "scores")
		_, err := Score(context.Background(), r, ScoreConfig{F: filepath.Join(dir, "f.safetensors"),
			G:     filepath.Join(dir, "g.safetensors"),
			Split: filepath.Join(dir, "split.json"), Out: out}, Silent{})
		require.NoError(t, err)
		for _, name := range []string{"layermem.csv", "delta.csv", "unitmem.csv", "unitmem_g.csv", "points.csv",
			"scores.json"} {
			assert.True(t, read(t, dir, "scores", name) == read(t, out, name), name)
		}
	})
	t.Run("another recipe is refused", func(t *testing.T) {
		_, err := RunPair(context.Background(), tiny(t, "score.views=4"), dir, Silent{})
		assert.ErrorContains(t, err, "is the recipe of another run")
	})
	t.Run("an encoder of another recipe is refused", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "run")
		require.NoError(t, os.MkdirAll(other, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(other, "f.safetensors"), []byte(read(t, dir, "f.safetensors")), 0o644))
		_, err := RunPair(context.Background(), tiny(t, "seed=2"), other, Silent{})
		assert.ErrorContains(t, err, "f.safetensors was trained with another recipe or other images")
	})
	t.Run("a split of other images is refused", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "run")
		require.NoError(t, os.MkdirAll(other, 0o755))
		l, err := Open(tiny(t, "data.synthetic.seed=2"))
		require.NoError(t, err)
		require.NoError(t, l.Split.Write(filepath.Join(other, "split.json")))
		_, err = RunPair(context.Background(), r, other, Silent{})
		assert.ErrorContains(t, err, "split.json has other images")
	})
	t.Run("a directory in use is refused", func(t *testing.T) {
		lock, err := filelock.Acquire(filepath.Join(dir, "lock"))
		require.NoError(t, err)
		defer lock.Release()
		_, err = RunPair(context.Background(), r, dir, Silent{})
		assert.ErrorIs(t, err, filelock.ErrHeld)
		assert.ErrorContains(t, err, dir)
	})
}

// stopper cancels a run after that many steps. Scoring, which begins anew after a
// stop, counts as a step when it begins.
type stopper struct {
	Silent
	cancel context.CancelFunc
	after  int
}

func (s *stopper) Note(string, ...any)   {}
func (s *stopper) Finish(string, ...any) {}
func (s *stopper) Bar(name, _ string, _, _ int) Bar {
	if name == "f" || name == "g" {
		return s
	}
	s.Set(0)
	return silentBar{}
}
func (s *stopper) Set(int) {
	if s.after--; s.after == 0 {
		s.cancel()
	}
}

func TestRunWithoutUnitsIndependentsAndTests(t *testing.T) {
	r := tiny(t, "split.independent=0", "split.external=0", "knn.every=0", "score.units=false", "score.taps=[res*, head]",
		"score.estimators=raw", "score.distances=[cosine, l1]", "train.optimizer=sgd", "train.schedule=constant",
		"train.warmup_epochs=1")
	res, err := RunPair(context.Background(), r, filepath.Join(t.TempDir(), "run"), Silent{})
	require.NoError(t, err)
	require.Len(t, res.Summary.Taps, 3)
	assert.Equal(t, memorize.Cosine, res.Summary.Distance)
	assert.Nil(t, res.Summary.Taps[0].Controlled)
	assert.Nil(t, res.Summary.Taps[0].UnitMem)
	assert.Empty(t, res.KNN)
	assert.Contains(t, res.Reading, "no controlled score")
}

func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	l, err := OpenLog(path)
	require.NoError(t, err)
	for epoch := 1; epoch <= 3; epoch++ {
		require.NoError(t, l.Add(ssl.Record{Encoder: memorize.F.String(), Epoch: epoch}))
		require.NoError(t, l.Add(ssl.Record{Encoder: memorize.G.String(), Epoch: epoch}))
	}
	whole := read(t, path)
	require.NoError(t, os.WriteFile(path, []byte(whole[:len(whole)-9]), 0o644)) // a crash in the middle of a line
	l, err = OpenLog(path)
	require.NoError(t, err)
	assert.Len(t, l.Records(memorize.F), 3)
	assert.Len(t, l.Records(memorize.G), 2)
	require.NoError(t, l.Rewind(memorize.F, 1))
	require.NoError(t, l.Add(ssl.Record{Encoder: memorize.F.String(), Epoch: 2, Loss: 7}))
	l, err = OpenLog(path)
	require.NoError(t, err)
	require.Len(t, l.Records(memorize.F), 2)
	assert.Equal(t, 7., l.Records(memorize.F)[1].Loss)
	assert.Len(t, l.Records(memorize.G), 2)

	require.NoError(t, os.WriteFile(path, []byte("{}\nnonsense\n{}\n"), 0o644))
	_, err = OpenLog(path)
	assert.ErrorContains(t, err, "log.jsonl:2: not a record")
	for _, bad := range []string{"", "}"} { // a line that the file's end happens to repeat
		require.NoError(t, os.WriteFile(path, []byte("{}\n"+bad+"\n{}\n"), 0o644))
		_, err = OpenLog(path)
		assert.ErrorContains(t, err, "log.jsonl:2: not a record", "line %q", bad)
	}
}

func TestTablesReadBack(t *testing.T) {
	dir := t.TempDir()
	layers := "tap,depth,set,estimator,distance,mean,se,lo,hi,n\nhead,31,candidate,paper,l2,0.25,,,,1\n"
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	write("layermem.csv", layers)
	write("delta.csv", "tap,previous,depth,set,estimator,distance,delta,se,lo,hi,n\n")
	write("unitmem.csv", "tap,unit,set,estimator,value,mu_max,mu_rest,point\nhead,3,candidate,mean,0.5,3,1,17\n")
	write("unitmem_g.csv", "tap,unit,set,estimator,value,mu_max,mu_rest,point\nhead,4,candidate,mean,0.6,4,1,18\n")
	write("classmem.csv", "encoder,tap,unit,estimator,value,mu_max,mu_rest,class\n"+
		"f,head,3,mean,0.25,5,3,7\ng,head,3,mean,0.5,3,1,2\n")
	tables, err := memorize.ReadTables(dir)
	require.NoError(t, err)
	assert.Equal(t, []memorize.UnitScore{{Tap: "head", Unit: 3, Set: "candidate", Estimator: "mean", Value: .5, Max: 3,
		Rest: 1, Point: 17}}, tables.Units)
	assert.Equal(t, []memorize.UnitScore{{Tap: "head", Unit: 4, Set: "candidate", Estimator: "mean", Value: .6, Max: 4,
		Rest: 1, Point: 18}}, tables.UnitsG)
	assert.Equal(t, []memorize.ClassScore{{Encoder: "f", Tap: "head", Unit: 3, Estimator: "mean", Value: .25, Max: 5,
		Rest: 3, Class: 7}}, tables.Classes)
	require.Len(t, tables.Layers, 1)
	assert.True(t, math.IsNaN(tables.Layers[0].Stat.Lo))
	assert.Equal(t, .25, tables.Layers[0].Stat.Mean)

	for _, c := range []struct{ text, want string }{
		{"", "layermem.csv: found an empty file, expected the columns"},
		{"tap,depth\n", "layermem.csv: found the columns [tap depth], expected [tap depth set"},
		{strings.Replace(layers, "31", "x", 1), `layermem.csv:2: depth: found "x", expected a whole number`},
		{strings.Replace(layers, "0.25", "y", 1), `layermem.csv:2: mean: found "y", expected a number`},
		{layers + "short,1\n", "layermem.csv:3: found 2 columns, expected 10: the file may be cut short"},
	} {
		write("layermem.csv", c.text)
		_, err := memorize.ReadTables(dir)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestOwnersReadBack(t *testing.T) {
	share, err := stats.Binomial(3, 4, 0.5, 0.95)
	require.NoError(t, err)
	s := &memorize.Scores{HeldOut: []memorize.HeldOut{{Encoder: "both", Tap: "head", Depth: 31, Points: 40, Units: 32,
		Members: share, P: 0.25, Owners: 3}},
		Owners: []memorize.Owner{{Encoder: "g", Tap: "head", Set: "candidate", Point: 7, Units: 2, Score: -0.125}}}
	dir := t.TempDir()
	_, err = s.WriteFiles(dir)
	require.NoError(t, err)
	heldOut, err := memorize.HeldOutTable.Read(dir)
	require.NoError(t, err)
	assert.Equal(t, s.HeldOut, heldOut)
	owners, err := memorize.OwnerTable.Read(dir)
	require.NoError(t, err)
	assert.Equal(t, s.Owners, owners)
}

func TestOpenDataWithoutDir(t *testing.T) {
	_, err := Open(tiny(t, "data.name=cifar10"))
	assert.ErrorContains(t, err, "data.dir")
	_, err = Open(tiny(t, "data.name=cifar10", "data.dir="+t.TempDir()))
	assert.ErrorContains(t, err, "data_batch_1.bin")
	assert.False(t, errors.Is(err, context.Canceled))
}

func TestRunFilesAreWhole(t *testing.T) {
	_, err := RunPair(context.Background(), tiny(t), filepath.Join(os.DevNull, "x"), Silent{})
	assert.ErrorContains(t, err, "making the run directory")
	assert.True(t, bytes.HasPrefix([]byte(err.Error()), []byte("making")))
}
