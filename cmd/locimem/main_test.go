package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/study"
)

// TestMain turns the test binary into the program itself where a test starts it
// as another process.
func TestMain(m *testing.M) {
	if os.Getenv("LOCIMEM_AS_PROGRAM") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// program returns the command line as another process.
func program(args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := exec.Command(exe, args...)
	c.Env = append(os.Environ(), "LOCIMEM_AS_PROGRAM=1")
	return c
}

// locimem runs a command line in this process.
func locimem(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = execute(args, &out, &errs)
	return code, out.String(), errs.String()
}

// tiny is a recipe that runs in a second or two.
const tiny = `
name: tiny
data: {synthetic: {train: 96, test: 40, size: 16}}
split: {shared: 40, candidate: 16, independent: 16, external: 16}
encoder: {width: 0.125}
method: {projector: [16, 8]}
train: {epochs: 4, batch: 16, checkpoint_every: 1}
knn: {every: 2, k: 5, test: 30}
score: {views: 3, points: {shared: 16}, resamples: 99}
`

func writeFile(t *testing.T, text string, elem ...string) string {
	t.Helper()
	path := filepath.Join(elem...)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func readFile(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	require.NoError(t, err)
	return string(b)
}

// runDir returns the only run directory in a folder.
func runDir(t *testing.T, out string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(out, "*-*"))
	require.NoError(t, err)
	require.Len(t, dirs, 1)
	return dirs[0]
}

// results are the files whose bits do not depend on how a run went.
var results = []string{"split.json", "f.safetensors", "g.safetensors", "scores/layermem.csv", "scores/unitmem.csv",
	"scores/delta.csv", "scores/scores.json"}

func sameResults(t *testing.T, want, got string) {
	t.Helper()
	for _, name := range results {
		assert.True(t, readFile(t, want, name) == readFile(t, got, name), "%s differs", name)
	}
}

func TestFromRecipeToScores(t *testing.T) {
	tmp := t.TempDir()
	recipe := writeFile(t, tiny, tmp, "tiny.yaml")
	out := filepath.Join(tmp, "runs")

	code, stdout, stderr := locimem("run", recipe, "--out", out)
	require.Equal(t, exitDone, code, stderr)
	for _, want := range []string{"(C-I)/2", "95 % interval", "delta C", "UnitMem", "conv4_2", "head",
		"kNN accuracy of f", "layermem.png", "Took "} {
		assert.Contains(t, stdout, want)
	}
	assert.Contains(t, stderr, "training f")
	assert.Contains(t, stderr, "chance 3.43")
	assert.NotContains(t, stdout, "training f", "progress is no result")
	dir := runDir(t, out)

	t.Run("again", func(t *testing.T) {
		code, second, stderr := locimem("run", recipe, "--out", out)
		require.Equal(t, exitDone, code, stderr)
		assert.Contains(t, stderr, "f is trained already")
		assert.Contains(t, second, "All of it was there")
		table := func(s string) string { return s[:strings.Index(s, "Report:")] }
		assert.Equal(t, table(stdout), table(second))
	})
	t.Run("json", func(t *testing.T) {
		code, stdout, stderr := locimem("run", recipe, "--out", out, "--json")
		require.Equal(t, exitDone, code, stderr)
		var res run.Result
		require.NoError(t, json.Unmarshal([]byte(stdout), &res))
		assert.Len(t, res.Summary.Taps, 31)
		assert.Equal(t, dir, res.Dir)
	})
	t.Run("report", func(t *testing.T) {
		assert.Contains(t, stdout, filepath.Join(dir, "report.html"))
		whole := readFile(t, dir, "report.html")
		figures, tables := filepath.Join(tmp, "figures"), filepath.Join(tmp, "tables")
		code, _, stderr := locimem("report", dir, "--out", filepath.Join(tmp, "again.html"), "--figures", figures,
			"--tables", tables)
		require.Equal(t, exitDone, code, stderr)
		assert.True(t, whole == readFile(t, tmp, "again.html"), "made again it is the same")
		assert.True(t, strings.HasPrefix(readFile(t, figures, "controlled.pdf"), "%PDF-"))
		assert.Contains(t, readFile(t, tables, "taps.tex"), `conv4\_2`)
		code, stdout, stderr := locimem("report", dir, "--json")
		require.Equal(t, exitDone, code, stderr)
		var d report.Document
		require.NoError(t, json.Unmarshal([]byte(stdout), &d))
		assert.Equal(t, filepath.Base(dir), d.Title)
		code, _, stderr = locimem("report", tmp)
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, "is no run directory")
	})
	t.Run("score", func(t *testing.T) {
		scores := filepath.Join(tmp, "scores")
		code, stdout, stderr := locimem("score", "--f", filepath.Join(dir, "f.safetensors"), "--g",
			filepath.Join(dir, "g.safetensors"), "--run", dir, "--out", scores)
		require.Equal(t, exitDone, code, stderr)
		assert.Contains(t, stdout, "conv4_2")
		for _, name := range []string{"layermem.csv", "delta.csv", "unitmem.csv", "scores.json"} {
			assert.True(t, readFile(t, dir, "scores", name) == readFile(t, scores, name), name)
		}
		code, _, stderr = locimem("score", "--run", dir, "--out", scores)
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, stderr, "has scores already")
		code, _, stderr = locimem("score", "--run", dir, "--out", scores, "--force", "--set", "train.lr=0.1")
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, stderr, "train.lr: found a value, but the field has no effect on this command, which takes "+
			"those of data.dir, score")

		// Exchanging f and g exchanges the signs.
		code, stdout, stderr = locimem("score", "--f", filepath.Join(dir, "g.safetensors"), "--g",
			filepath.Join(dir, "f.safetensors"),
			"--recipe", recipe, "--out", filepath.Join(tmp, "swapped"), "--set", "score.taps=head", "--set",
			"score.estimators=raw", "--json")
		require.Equal(t, exitDone, code, stderr)
		var swapped page.Summary
		require.NoError(t, json.Unmarshal([]byte(stdout), &swapped))
		code, stdout, stderr = locimem("score", "--run", dir, "--out", filepath.Join(tmp, "straight"), "--set",
			"score.taps=head", "--set", "score.estimators=raw", "--json")
		require.Equal(t, exitDone, code, stderr)
		var straight page.Summary
		require.NoError(t, json.Unmarshal([]byte(stdout), &straight))
		assert.Equal(t, straight.Taps[0].Controlled.Mean, -swapped.Taps[0].Controlled.Mean)
		assert.NotZero(t, straight.Taps[0].Controlled.Mean)
	})
	t.Run("probe", func(t *testing.T) {
		code, stdout, stderr := locimem("probe", "--run", dir, "--which", "g", "--json")
		require.Equal(t, exitDone, code, stderr)
		var p run.ProbeResult
		require.NoError(t, json.Unmarshal([]byte(stdout), &p))
		var last struct{ KNN float64 }
		lines := strings.Split(strings.TrimSpace(readFile(t, dir, "log.jsonl")), "\n")
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
		assert.Equal(t, last.KNN, p.Accuracy, "the probe of the saved encoder is that of its last epoch")
		assert.Equal(t, 56, p.Bank)
		code, again, stderr := locimem("probe", filepath.Join(dir, "g.safetensors"), "--which", "g", "--json")
		require.Equal(t, exitDone, code, stderr)
		assert.Equal(t, stdout, again, "a file of a run finds its recipe")
	})
	t.Run("probe --linear", func(t *testing.T) {
		for _, flags := range [][]string{{"--weight-decay", "0.01"}, {"--solver", "sgd", "--epochs", "50", "--lr", "0.05",
			"--tap", "res2"}} {
			code, stdout, stderr := locimem(append([]string{"probe", "--run", dir, "--linear", "--json"}, flags...)...)
			require.Equal(t, exitDone, code, stderr)
			var p run.LinearProbeResult
			require.NoError(t, json.Unmarshal([]byte(stdout), &p))
			assert.Equal(t, 56, p.Train)
			assert.Equal(t, 30, p.Test)
			assert.Greater(t, p.TrainAccuracy, .2)
			assert.Regexp(t, "^[0-9a-f]{64}$", p.EncoderHash)
			assert.Contains(t, p.Normalisation, "standardised")
			var fields map[string]any
			require.NoError(t, json.Unmarshal([]byte(stdout), &fields))
			for _, f := range []string{"accuracy", "solver", "tap", "normalisation", "seed", "weight_decay", "encoder", "data"} {
				assert.Contains(t, fields, f)
			}
			code, stdout, stderr = locimem(append([]string{"probe", "--run", dir, "--linear"}, flags...)...)
			require.Equal(t, exitDone, code, stderr)
			assert.Contains(t, stdout, fmt.Sprintf("linear accuracy %.4f", p.Accuracy))
			assert.Contains(t, stdout, "encoder frozen")
		}
	})
	t.Run("probe --finetune", func(t *testing.T) {
		before := readFile(t, dir, "f.safetensors")
		code, stdout, stderr := locimem("probe", "--run", dir, "--finetune", "--epochs", "2", "--batch", "16", "--json")
		require.Equal(t, exitDone, code, stderr)
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(stdout), &fields))
		assert.Contains(t, fields, "finetuned_accuracy")
		assert.NotContains(t, fields, "accuracy", "nobody shall take it for a linear probe")
		assert.NotEqual(t, fields["encoder_hash_before"], fields["encoder_hash_after"])
		assert.Equal(t, .05, fields["weight_decay"])
		assert.True(t, before == readFile(t, dir, "f.safetensors"), "the file stays as it is")
		code, stdout, stderr = locimem("probe", "--run", dir, "--finetune", "--epochs", "2", "--batch", "16")
		require.Equal(t, exitDone, code, stderr)
		assert.Contains(t, stdout, "accuracy after fine-tuning")
		assert.Contains(t, stdout, "no linear probe")
	})
	t.Run("probe --on", func(t *testing.T) {
		on := []string{"probe", "--run", dir, "--on", "synthetic", "--on-seed", "7", "--on-train", "40", "--on-test", "25"}
		for flag, says := range map[string]string{"": "kNN accuracy", "--linear": "encoder frozen",
			"--finetune": "conv3, conv4_0 of the encoder were trained, the rest frozen"} {
			args := on
			if flag != "" {
				args = append(args, flag)
			}
			if flag == "--finetune" {
				args = append(args, "--epochs", "1", "--batch", "16", "--layers", "conv3,conv4_0")
			}
			code, stdout, stderr := locimem(args...)
			require.Equal(t, exitDone, code, stderr)
			assert.Contains(t, stdout, says)
			assert.Contains(t, stdout, "25 images of synthetic-10x16-seed7/test")
			assert.Regexp(t, `40 (training )?images of synthetic \(the encoder was trained on synthetic-10x16-seed`, stdout)
			code, stdout, stderr = locimem(append(args, "--json")...)
			require.Equal(t, exitDone, code, stderr)
			var fields map[string]any
			require.NoError(t, json.Unmarshal([]byte(stdout), &fields))
			assert.Equal(t, "synthetic-10x16-seed7/test", fields["data"])
			assert.Contains(t, fields["trained_on"], "synthetic-10x16-seed")
		}
		code, _, stderr := locimem("probe", "--run", dir, "--finetune", "--batch", "16", "--layers", "conv9")
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, `layer: found "conv9"`)
		code, stdout, stderr := locimem("probe", "--run", dir, "--finetune", "--epochs", "1", "--batch", "16", "--layers",
			"none")
		require.Equal(t, exitDone, code, stderr)
		assert.Contains(t, stdout, "the classifier alone was trained")
	})
	t.Run("train", func(t *testing.T) {
		other := filepath.Join(tmp, "train")
		code, stdout, stderr := locimem("train", recipe, "--which", "g", "--out", other)
		require.Equal(t, exitDone, code, stderr)
		assert.Equal(t, filepath.Join(runDir(t, other), "g.safetensors"), strings.TrimSpace(stdout))
		assert.True(t, readFile(t, dir, "g.safetensors") == readFile(t, strings.TrimSpace(stdout)))
		assert.NoFileExists(t, filepath.Join(runDir(t, other), "f.safetensors"))
	})
	t.Run("a checkpoint of another recipe", func(t *testing.T) {
		other := filepath.Join(tmp, "other")
		code, _, _ := locimem("train", recipe, "--which", "f", "--out", other)
		require.Equal(t, exitDone, code)
		// The same directory, as if the recipe had another seed.
		theirs := runDir(t, other)
		require.NoError(t, os.Remove(filepath.Join(theirs, "f.safetensors")))
		for _, name := range []string{"recipe.yaml", "split.json"} {
			require.NoError(t, os.Remove(filepath.Join(theirs, name)))
		}
		code, _, _ = locimem("train", recipe, "--which", "g", "--out", filepath.Join(tmp, "seed2"), "--set", "seed=2",
			"--set", "train.epochs=1")
		require.Equal(t, exitDone, code)
		ours := runDir(t, filepath.Join(tmp, "seed2"))
		require.NoError(t, os.RemoveAll(filepath.Join(ours, "checkpoint")))
		require.NoError(t, os.Rename(filepath.Join(theirs, "checkpoint"), filepath.Join(ours, "checkpoint")))
		code, _, stderr := locimem("train", recipe, "--which", "f", "--out", filepath.Join(tmp, "seed2"), "--set", "seed=2",
			"--set", "train.epochs=1")
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, "recipe hash")
		assert.Contains(t, stderr, "checkpoint")
	})
}

func TestOtherCommands(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--help", []string{"Usage: locimem", "data check", "bench step"}},
		{"run --help", []string{"--set", "--out", "Recipe file"}},
		{"version", []string{"go1.", runtime.GOARCH, "generic", "in use"}},
		{"version --json", []string{`"isas"`, `"missing"`, `"bf16"`}},
		{"taps", []string{"conv4_2", "res4", "head"}},
		{"taps --json", []string{`"conv4_2"`, `"params"`}},
		{"taps resnet50", []string{"layer3.5.conv2", "8x8x256", "589824"}},
		{"taps resnet50 --group T17 --size 224", []string{"conv4-17", "layer3.5.conv2", "14x14x256", "589824", "maxpool",
			"softmax   (none)"}},
		{"taps resnet18 --group t15 --json --set encoder.stem=imagenet", []string{`"row": "pool"`, `"tap": "maxpool"`,
			`"units": 64`}},
		{"data list", []string{"synthetic", "cifar10"}},
		{"data check --set data.synthetic.train=800", []string{"800 images of 32x32x3", "atypical"}},
		{"data check --json", []string{`"duplicates"`}},
		{"bench conv --net resnet9 --batch 2 --layer conv2_0 --reps 1 --json", []string{`"gflops"`, `"pass": "weights"`}},
		{"bench conv --net resnet50 --batch 1 --layer layer4.1.conv1 --reps 1 --threads 1",
			[]string{"7x7x2048 -> 512, 1x1/1", "forward", "GFLOP/s"}},
		{"bench --quick", []string{"256x256x256 nn", "% of it in the geometric mean", "images/s"}},
		{"bench peak --threads 1 --json", []string{`"gflops"`}},
		{"bench ladder --n 48 --rounds 1", []string{"1 loops", "8 engine", "% of peak"}},
		{"bench gemm --m 32 --n 32 --k 32 --reps 2 --json", []string{`"gflops"`}},
		{"bench attention --tokens 5 --batch 2 --dim 8 --heads 2 --reps 1", []string{"batch 2 of 5 tokens", "MLP block"}},
		{"bench step --width 0.125 --batch 4 --size 16 --reps 1 --threads 1", []string{"images/s", "views", "batch 4"}},
		{"bench step --encoder resnet18 --width 0.05 --batch 4 --size 16 --reps 1 --threads 1", []string{"resnet18 x0.05",
			"images/s"}},
		{"bench step --width 0.125 --batch 4 --size 16 --reps 1 --threads 1 --precision bf16", []string{"bf16"}},
	} {
		code, stdout, stderr := locimem(strings.Fields(c.args)...)
		assert.Equal(t, exitDone, code, "%s: %s", c.args, stderr)
		for _, w := range c.want {
			assert.Contains(t, stdout, w, c.args)
		}
	}
	png := filepath.Join(t.TempDir(), "x.png")
	code, _, stderr := locimem("data", "show", "--out", png, "--count", "20", "--part", "test")
	require.Equal(t, exitDone, code, stderr)
	assert.True(t, strings.HasPrefix(readFile(t, png), "\x89PNG"))
}

func TestBadInput(t *testing.T) {
	tmp := t.TempDir()
	bad := writeFile(t, "name: x\ntrain:\n  epochs: ten\n  bach: 3\n", tmp, "bad.yaml")
	cifar := filepath.Join(tmp, "cifar")
	require.NoError(t, os.Mkdir(cifar, 0o755))
	file := writeFile(t, "", tmp, "file")
	junk := writeFile(t, "not weights", tmp, "junk.safetensors")
	good := writeFile(t, tiny, tmp, "tiny.yaml")
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"", exitDone, ""},
		{"rnu", exitUsage, `did you mean "run"`},
		{"run --nonesuch", exitUsage, "--nonesuch"},
		{"run a b", exitUsage, "unexpected argument b"},
		{"run " + filepath.Join(tmp, "none.yaml"), exitUsage, "none.yaml"},
		{"run " + bad, exitUsage, `bad.yaml:3: train.epochs: want a whole number, found the text "ten"`},
		{"run " + bad, exitUsage, "bad.yaml:4: no field train.bach; did you mean train.batch?"},
		{"run --set trian.epochs=3", exitUsage, "did you mean train.epochs?"},
		{"run --set train.epochs=0", exitUsage, "train.epochs: want 1 to 1000000, found 0"},
		{"run --set train.batch=5000", exitUsage, "train.batch"},
		{"run --set data.name=cifar10", exitUsage, "--set data.dir=DIR"},
		{"run --set data.name=cifar10 --set data.dir=" + cifar, exitFailed, "data_batch_1.bin"},
		{"data check --set data.name=cifar10 --set data.dir=" + filepath.Join(tmp, "nowhere"), exitFailed, "nowhere"},
		{"run " + good + " --set score.taps=conv9 --out " + filepath.Join(tmp, "taps"), exitUsage,
			`score.taps: no tap matches "conv9"`},
		{"run " + good + " --out " + filepath.Join(file, "runs"), exitFailed, "making the run directory"},
		{"train", exitUsage, "--which"},
		{"train --which h", exitUsage, "--which"},
		{"score", exitUsage, "neither --run DIR nor --recipe FILE"},
		{"score --run a --recipe b", exitUsage, "--run"},
		{"score --recipe " + good, exitUsage, "--f FILE is not given"},
		{"score --run " + filepath.Join(tmp, "none"), exitUsage, "recipe.yaml"},
		{"score --recipe " + good + " --f " + junk + " --g " + junk + " --out " + filepath.Join(tmp, "s"), exitFailed,
			"junk.safetensors"},
		{"probe --recipe " + good + " " + filepath.Join(tmp, "none.safetensors"), exitFailed, "none.safetensors"},
		{"probe --recipe " + good + " --solver sgd x.safetensors", exitUsage,
			"are for --linear and --finetune, of which none is given"},
		{"probe --recipe " + good + " --linear --finetune x.safetensors", exitUsage, "--finetune"},
		{"probe --recipe " + good + " --finetune --tap head x.safetensors", exitUsage, "--solver and --tap are for --linear"},
		{"probe --recipe " + good + " --finetune --epochs 0 x.safetensors", exitUsage, "--epochs: found 0"},
		{"probe --recipe " + good + " --linear --lr 1 x.safetensors", exitUsage,
			"--lr, --epochs and --batch are for --solver sgd"},
		{"probe --recipe " + good + " --linear --solver newton x.safetensors", exitUsage, "--solver"},
		{"probe --recipe " + good + " --linear --layers conv1 x.safetensors", exitUsage, "--layers is for --finetune"},
		{"probe --recipe " + good + " --on-train 5 x.safetensors", exitUsage, "are for --on, which is not given"},
		{"probe --recipe " + good + " --on mnist --on-seed 5 x.safetensors", exitUsage, "--on-seed is for --on synthetic"},
		{"taps resnet50 --group T15", exitUsage, "group T15: is of resnet18, found the encoder resnet50"},
		{"taps resnet19", exitUsage, "resnet19"},
		{"taps resnet18 --size 9999", exitUsage, "image height: found 9999"},
		{"data show --count 0", exitUsage, "--count 0"},
		{"bench conv --net vgg", exitUsage, "vgg"},
		{"bench gemm --m 0", exitUsage, "m: want 1 to"},
		{"bench ladder --n 0", exitUsage, "n: want 1 to"},
		{"bench figure --results " + filepath.Join(tmp, "none.json"), exitUsage, "none.json"},
		{"bench gemm --isa mmx", exitUsage, "mmx"},
		{"bench attention --heads 5", exitUsage, "heads: want a divisor of dim 192, found 5"},
		{"bench step --encoder vgg", exitUsage, "vgg"},
		{"bench step --precision half", exitUsage, `precision: found "half", expected float32 or bf16`},
	} {
		code, stdout, stderr := locimem(strings.Fields(c.args)...)
		assert.Equal(t, c.code, code, "%s\n%s", c.args, stderr)
		assert.Contains(t, stderr, c.want, c.args)
		if c.code != exitDone {
			assert.Empty(t, stdout, c.args)
		}
	}
	assert.NoDirExists(t, filepath.Join(tmp, "taps"), "a wrong recipe leaves nothing behind")
}

func TestUnknownISA(t *testing.T) {
	t.Setenv("LOCIMEM_ISA", "mmx")
	code, _, stderr := locimem("version")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, `LOCIMEM_ISA: instruction set "mmx"`)
}

// waitFor waits until the run in out has logged n epochs.
func waitFor(t *testing.T, out string, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		logs, _ := filepath.Glob(filepath.Join(out, "*", "log.jsonl"))
		if len(logs) != 1 {
			return false
		}
		b, _ := os.ReadFile(logs[0])
		return bytes.Count(b, []byte("\n")) >= n
	}, time.Minute, 2*time.Millisecond)
}

func TestKilledRunGoesOn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs signals")
	}
	tmp := t.TempDir()
	recipe := writeFile(t, tiny, tmp, "tiny.yaml")
	args := func(out string) []string {
		return []string{"run", recipe, "--out", filepath.Join(tmp, out), "--set", "train.epochs=6"}
	}
	code, _, stderr := locimem(args("whole")...)
	require.Equal(t, exitDone, code, stderr)
	whole := runDir(t, filepath.Join(tmp, "whole"))

	t.Run("kill -9", func(t *testing.T) {
		out := filepath.Join(tmp, "killed")
		for _, epochs := range []int{2, 8} { // once in the training of f, once in that of g
			c := program(args("killed")...)
			require.NoError(t, c.Start())
			waitFor(t, out, epochs)
			require.NoError(t, c.Process.Kill())
			var exit *exec.ExitError
			require.True(t, errors.As(c.Wait(), &exit), "it was killed before its end")
		}
		assert.NoDirExists(t, filepath.Join(runDir(t, out), "scores"))
		b, err := program(args("killed")...).CombinedOutput()
		require.NoError(t, err, string(b))
		assert.Contains(t, string(b), "f is trained already")
		assert.Contains(t, string(b), "g goes on after epoch")
		sameResults(t, whole, runDir(t, out))
		assert.Equal(t, 12, strings.Count(readFile(t, runDir(t, out), "log.jsonl"), "\n"), "each epoch is logged once")
	})
	t.Run("ctrl-C", func(t *testing.T) {
		out := filepath.Join(tmp, "stopped")
		c := program(args("stopped")...)
		var said bytes.Buffer
		c.Stdout, c.Stderr = io.Discard, &said
		require.NoError(t, c.Start())
		waitFor(t, out, 1)
		require.NoError(t, c.Process.Signal(syscall.SIGINT))
		var exit *exec.ExitError
		require.True(t, errors.As(c.Wait(), &exit), said.String())
		assert.Equal(t, exitFailed, exit.ExitCode(), said.String())
		assert.Contains(t, said.String(), "interrupted")
		assert.Contains(t, said.String(), "locimem run "+recipe)
		assert.NotContains(t, said.String(), "context canceled")
		b, err := program(args("stopped")...).CombinedOutput()
		require.NoError(t, err, string(b))
		assert.Contains(t, string(b), "f goes on after epoch")
		sameResults(t, whole, runDir(t, out))
	})
	t.Run("two at once", func(t *testing.T) {
		out := filepath.Join(tmp, "twice")
		first := program(append(args("twice"), "--set", "train.epochs=2000")...)
		require.NoError(t, first.Start())
		waitFor(t, out, 1)
		b, err := program(append(args("twice"), "--set", "train.epochs=2000")...).CombinedOutput()
		require.NoError(t, first.Process.Kill())
		first.Wait()
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit))
		assert.Equal(t, exitFailed, exit.ExitCode())
		assert.Contains(t, string(b), "in use by another process")
	})
}

// A study's steps are listed without being done, and one can be named by its hash.
func TestStudyDryRun(t *testing.T) {
	out := t.TempDir()
	code, listed, _ := locimem("study")
	assert.Zero(t, code)
	for _, s := range study.Studies() {
		assert.Contains(t, listed, " "+s.Name+" ")
	}
	code, _, stderr := locimem("study", "depth", "--other", "svhn", "--out", out)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, `--other and --other-dir: found "svhn" and "", expected both or none`)
	code, _, stderr = locimem("study", "nothing", "--out", out)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, `study: found "nothing", expected one of all, depth, `)
	code, _, stderr = locimem("study", "depth", "--scale", "huge", "--out", out)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, `scale: found "huge"`)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--scale", "mini"}, "--data-dir: found none, expected the folder"},
		{[]string{"--data-dir", out}, "as scale tiny has built-in images"},
		{[]string{"--scale", "mini", "--data-dir", filepath.Join(out, "none")}, "--data-dir: stat"},
		{[]string{"--other", "svhn", "--other-dir", filepath.Join(out, "none")}, "--other-dir: stat"},
		{[]string{"--pairs", "1001"}, "--pairs: found 1001, expected 1 to 1000"},
		{[]string{"--from", "1001"}, "--from: found 1001, expected 1 to 1000"},
	} {
		code, _, stderr = locimem(append([]string{"study", "depth", "--out", out}, c.args...)...)
		assert.Equal(t, exitUsage, code, c.args)
		assert.Contains(t, stderr, c.want)
	}
	code, _, stderr = locimem("step", "0123", "--out", out)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "has no step 0123")
}
