package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/run"
)

// csvRows reads a CSV file without its header.
func csvRows(t *testing.T, elem ...string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(readFile(t, elem...))).ReadAll()
	require.NoError(t, err)
	return rows[1:]
}

// list is a list of indices as flags take it.
func list(indices []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(indices), " ", ","), "[]")
}

// Encoders scored without a recipe have the scores of their run.
func TestScoreAndUnitsWithoutRecipe(t *testing.T) {
	tmp := t.TempDir()
	code, _, stderr := locimem("run", writeFile(t, tiny, tmp, "tiny.yaml"), "--out", filepath.Join(tmp, "runs"), "--set",
		"train.epochs=1")
	require.Equal(t, exitDone, code, stderr)
	dir := runDir(t, filepath.Join(tmp, "runs"))
	f, g := filepath.Join(dir, "f.safetensors"), filepath.Join(dir, "g.safetensors")
	small := []string{"--encoder", "resnet9", "--width", "0.125", "--data", "synthetic", "--set",
		"data.synthetic.train=96",
		"--set", "data.synthetic.test=40", "--set", "data.synthetic.size=16"}
	score := func(out string, more ...string) {
		t.Helper()
		args := append([]string{"score", "--f", f, "--g", g, "--views", "3", "--points", "16", "--set",
			"score.resamples=99", "--out", filepath.Join(tmp, out)}, small...)
		code, stdout, stderr := locimem(append(args, more...)...)
		require.Equal(t, exitDone, code, stderr)
		assert.Contains(t, stdout, "ClassMem")
	}
	split, err := data.ReadSplit(filepath.Join(dir, "split.json"))
	require.NoError(t, err)
	score("split", "--split", filepath.Join(dir, "split.json"))
	score("lists", "--candidate", list(split.Candidate), "--shared", list(split.Shared), "--independent",
		list(split.Independent),
		"--external", writeFile(t, list(split.External), tmp, "external.txt"))
	for _, name := range []string{"layermem.csv", "delta.csv", "unitmem.csv", "unitmem_g.csv", "classmem.csv",
		"points.csv"} {
		want := readFile(t, dir, "scores", name)
		assert.True(t, want == readFile(t, tmp, "split", name), name)
		assert.True(t, want == readFile(t, tmp, "lists", name), name)
	}
	// Masks are sets, too, and candidates alone can be scored, which is said.
	mask := func(name string, n int) string {
		marks := make([]uint8, n)
		for _, i := range split.Candidate {
			marks[i] = 1
		}
		path := filepath.Join(tmp, name)
		require.NoError(t, npz.Create(path, func(w *npz.Writer) error {
			a, err := w.Array("candidate", npz.Bool, n)
			if err == nil {
				err = npz.Append(a, marks)
			}
			return err
		}))
		return path
	}
	alone := append([]string{"score", "--f", f, "--g", g, "--set", "score.resamples=99", "--set", "score.taps=head",
		"--out", filepath.Join(tmp, "alone"), "--candidate"}, small...)
	alone[len(alone)-len(small)-1] = "--candidate=" + mask("mask.npz", 96)
	code, _, stderr = locimem(alone...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stderr, "note: there are no independents")
	assert.Contains(t, csvRows(t, tmp, "alone", "layermem.csv")[0], strconv.Itoa(len(split.Candidate)))
	alone[len(alone)-len(small)-1] = "--candidate=" + mask("short.npz", 95)
	code, _, stderr = locimem(append(alone, "--force")...)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "--candidate: found a mask of 95 entries, expected one for each of the 96 points")
	assert.NotContains(t, readFile(t, tmp, "split", "scores.json"), "recipe_hash", "no recipe made these encoders")
	assert.FileExists(t, filepath.Join(tmp, "split", "figures", "unitmem.svg"))

	out := filepath.Join(tmp, "units")
	args := append([]string{"units", "--weights", f, "--top", "4", "--images", "3", "--points", "30", "--views", "2",
		"--out", out}, small...)
	code, stdout, stderr := locimem(args...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stdout, "These 4 units belong to")
	assert.Contains(t, stdout, "--absolute ranks them")
	var report run.UnitReport
	require.NoError(t, json.Unmarshal([]byte(readFile(t, out, "units.json")), &report))
	require.Len(t, report.Top, 4)
	assert.Len(t, report.Taps, 31)
	assert.Len(t, csvRows(t, out, "units.csv"), report.Units)
	top := csvRows(t, out, "top_units.csv")
	assert.Equal(t, []string{"all", "1", report.Top[0].Tap, strconv.Itoa(report.Top[0].Unit)}, top[0][:4])
	picture, err := os.Open(filepath.Join(out, "top_units.png"))
	require.NoError(t, err)
	defer picture.Close()
	_, err = png.Decode(picture)
	require.NoError(t, err)

	for _, c := range []struct{ args, want string }{
		{"score --run " + dir + " --encoder resnet9",
			"--encoder: found it next to --run (whose recipe --set changes), where it has no effect"},
		{"score --encoder resnet9 --f a", "--g FILE"},
		{"score --encoder resnet9 --f a --g b", "--data NAME"},
		{"score --encoder resnet9 --f a --g b --data synthetic", "--split paper, or lists"},
		{"score --encoder vgg --f a --g b --data synthetic --candidate 1-3", "resnet9"},
		{"score --encoder resnet9 --f a --g b --data synthetic --candidate 5-3", "--candidate: found"},
		{"score --encoder resnet9 --f a --g b --data synthetic --candidate 1-3 --split paper", "both given"},
		{"score --encoder resnet9 --f a --g b --data nothing --candidate 1-3", "data.name"},
		{"score --activations one.npz", "found 1 files"},
		{"units --encoder resnet9 --weights a", "--data NAME"},
		{"units --encoder resnet9 --weights a --data synthetic --points 1", "--points 1"},
		{"units --encoder resnet9 --weights a --data synthetic --out " + out, "units already"},
	} {
		code, _, stderr := locimem(append(strings.Fields(c.args), "--set", "data.synthetic.train=30")...)
		assert.Equal(t, exitUsage, code, "%s\n%s", c.args, stderr)
		assert.Contains(t, stderr, c.want, c.args)
	}
	code, _, stderr = locimem("score", "--f", f, "--g", g, "--encoder", "resnet9", "--width", "0.125", "--data",
		"synthetic", "--candidate", "1-800", "--shared", "801", "--out", filepath.Join(tmp, "bad"))
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "shared: entry 0 is image 801")
}

// python returns a Python with these modules: the one that PYTHON names, or the
// system's.
func python(t *testing.T, modules string) string {
	t.Helper()
	exe := os.Getenv("PYTHON")
	if exe == "" {
		exe = "python3"
	}
	if err := exec.Command(exe, "-c", "import "+modules).Run(); err != nil {
		t.Skipf("%s without %s: PYTHON names another one", exe, modules)
	}
	return exe
}

// What docs/score_your_own.py writes with PyTorch has the scores that PyTorch
// computes, by its activations and by its views and weights.
func TestScoreYourOwn(t *testing.T) {
	exe := python(t, "torch, numpy, safetensors")
	tmp := t.TempDir()
	msg, err := exec.Command(exe, filepath.Join(testutil.Root(), "docs", "score_your_own.py"), tmp).CombinedOutput()
	require.NoError(t, err, string(msg))
	var want map[string]map[string]float64 // layer, set
	require.NoError(t, json.Unmarshal([]byte(readFile(t, tmp, "expected.json")), &want))
	in := func(name string) string { return filepath.Join(tmp, name) }
	// Activations are PyTorch's own, but views are as little as 7e-5 apart in bn4_2, where unit
	// vectors in float32 move the score of a point by up to 9e-6. From views on, sums are
	// rounded in another order.
	exact := map[string]float64{"activations": 5e-6, "views": 1e-5}
	for out, args := range map[string][]string{
		"activations": {"--activations", in("f.npz"), in("g.npz")},
		"views": {"--f", in("f.safetensors"), "--g", in("g.safetensors"), "--encoder", "resnet9", "--width", "0.25",
			"--views", in("views.npz"), "--tap", "conv*", "--tap", "bn*"},
	} {
		code, _, stderr := locimem(append([]string{"score", "--out", in(out)}, args...)...)
		require.Equal(t, exitDone, code, stderr)
		n := 0
		for _, row := range csvRows(t, tmp, out, "layermem.csv") {
			if row[3] != "paper" {
				continue
			}
			mean, err := strconv.ParseFloat(row[5], 64)
			require.NoError(t, err)
			assert.InDelta(t, want[row[0]][row[2]], mean, exact[out], "%s: %s on %s", out, row[0], row[2])
			n++
		}
		assert.Equal(t, 16*5, n)
	}
	// The units and owners are the same on both ways.
	views := csvRows(t, tmp, "views", "unitmem.csv")
	for i, row := range csvRows(t, tmp, "activations", "unitmem.csv") {
		assert.Equal(t, row[:3], views[i][:3])
		assert.Equal(t, row[7], views[i][7], "owner of %v", row[:3])
	}
	assert.Len(t, csvRows(t, tmp, "views", "classmem.csv"), len(csvRows(t, tmp, "activations", "classmem.csv")))
}

// A module that runs twice in a forward pass is two layers, each with a row for every
// point; outputs of another number of points are refused.
func TestScoreYourOwnModuleThatRunsTwice(t *testing.T) {
	exe := python(t, "torch, numpy")
	tmp := t.TempDir()
	script := `
import sys, numpy as np, torch
sys.path.insert(0, sys.argv[1])
from score_your_own import save_activations
class Twice(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = torch.nn.ReLU()
        self.once = torch.nn.Flatten()
    def forward(self, x):
        y = self.relu(self.relu(x) - 0.5)
        return self.once(y) if self.training or not hasattr(self, "bad") else y
views = torch.randn(5, 2, 3, 4, 4)
m = Twice()
save_activations(sys.argv[2], m, ["relu", "once"], views, batch=2, candidate=[0, 1, 2])
a = np.load(sys.argv[2])
assert sorted(a.files) == ["candidate", "once", "relu", "relu.call2"], a.files
first = views.clamp(min=0).movedim(2, -1).numpy()
assert (a["relu"] == first).all() and (a["relu.call2"] == (first - 0.5).clip(0)).all()
m.bad = True
try:
    save_activations(sys.argv[2], m, ["once"], views)
except ValueError as e:
    assert "layer once: found outputs of other than 5 points" in str(e), e
else:
    raise AssertionError("a layer that never runs")
`
	msg, err := exec.Command(exe, "-c", script, filepath.Join(testutil.Root(), "docs"),
		filepath.Join(tmp, "twice.npz")).CombinedOutput()
	require.NoError(t, err, string(msg))
}

// Encoders of torchvision and timm have the same scores by the activations that
// PyTorch computes and by their weights here.
func TestScoreYourOwnEncoders(t *testing.T) {
	exe := python(t, "torch, torchvision, timm, numpy, safetensors")
	tmp := t.TempDir()
	msg, err := exec.Command(exe, filepath.Join("testdata", "encoders.py"), tmp).CombinedOutput()
	require.NoError(t, err, string(msg))
	for _, name := range []string{"resnet18", "vit_tiny_patch4"} {
		in := func(suffix string) string { return filepath.Join(tmp, name+suffix) }
		byTap := map[string][]string{} // tap, set, estimator: the row of the weights
		run := func(out string, args ...string) [][]string {
			code, _, stderr := locimem(append([]string{"score", "--out", in(out), "--set", "score.resamples=99"}, args...)...)
			require.Equal(t, exitDone, code, stderr)
			return csvRows(t, in(out), "layermem.csv")
		}
		for _, row := range run("-weights", "--f", in("_f.safetensors"), "--g", in("_g.safetensors"), "--encoder", name,
			"--views", filepath.Join(tmp, "views.npz")) {
			byTap[row[0]+row[2]+row[3]] = row
		}
		rows := run("-activations", "--activations", in("_f.npz"), in("_g.npz"))
		assert.Len(t, rows, 6*5*3, "layers, sets with controlled, estimators")
		for _, row := range rows {
			theirs, err := strconv.ParseFloat(row[5], 64)
			require.NoError(t, err)
			own := byTap[row[0]+row[2]+row[3]]
			require.NotNil(t, own, row[0])
			ours, err := strconv.ParseFloat(own[5], 64)
			require.NoError(t, err)
			tolerance := 1e-5
			if row[3] == "range" {
				tolerance = 5e-5 // it divides by the range of the scores of a few points
			}
			assert.InDelta(t, theirs, ours, tolerance, "%s: %s, %s, %s", name, row[0], row[2], row[3])
		}
	}
}
