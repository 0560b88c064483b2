package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/internal/testutil"
)

// flagCases holds, for each command, a command line and for each of its flags and arguments
// what is added to it, and what follows. "ADDED" alone means that the outcome is another
// one: exit code, output or files. "ADDED => TEXT" means that the text appears, in the
// output or as an error. "LINE | ADDED" begins with another command line. RUN is a run
// directory, F and G its encoders.
var flagCases = []struct {
	command, line string
	flags         map[string]string
}{
	{"run", "run tiny.yaml --set train.epochs=1", map[string]string{
		"recipe": "run --set train.epochs=-1 | missing.yaml => missing.yaml: no such file",
		"set":    "--set train.lr=0.002", "out": "--out elsewhere", "json": "--json",
	}},
	{"train", "train tiny.yaml --which f --set train.epochs=1", map[string]string{
		"recipe": "train --which f --set train.epochs=-1 | missing.yaml => missing.yaml: no such file",
		"set":    "--set train.lr=0.002", "out": "--out elsewhere", "which": "--which g",
	}},
	{"score", "score --f F --g G --encoder resnet9 --width 0.125 --data synthetic --candidate 0-7 " +
		"--independent 8-15 --views 2 --set data.synthetic.size=16 --set score.resamples=99 --set score.taps=[conv4_2,head]",
		map[string]string{
			"f": "--f G", "g": "--g F",
			"run":    "score --set score.resamples=99 --set score.taps=head | --run RUN",
			"recipe": "score --f F --g G | --recipe tiny.yaml --set score.resamples=99 --set score.taps=head",
			"set":    "--set score.units=false",
			"prefix": "--prefix none => none.conv1.weight", "ignore": "--ignore conv1.weight => conv1",
			"rename": "--rename conv1=convX => conv", "check": "--check missing.npz => missing.npz: no such file",
			"tolerance": "--tolerance 1 => --tolerance: found it without --check FILE",
			"split":     "--split paper => --split and lists of single sets are both given",
			"out":       "--out elsewhere", "force": "score --f F --g G --out RUN/scores --run RUN | --force", "json": "--json",
			"encoder": "--encoder resnet18 => conv1", "width": "--width 0.25 => conv1",
			"stem": "--stem imagenet => encoder.stem", "norm": "--norm group => bn", "pool": "--pool avg",
			"data":     "--data mnist => augment.mean",
			"data-dir": "--data-dir RUN => data.dir: found", "tap": "--tap conv1 => --tap and --set score.taps: found both",
			"candidate": "--candidate 0-6", "shared": "--shared 20-27", "independent": "--independent 8-14",
			"external": "--external 0-7", "views": "--views 3", "distance": "--distance cosine",
			"points":      "--points 4",
			"activations": "--activations => --f: found it next to --activations, where it has no effect",
			"nchw":        "--nchw => --nchw: found it next to --encoder and --data, where it has no effect",
			"files":       "f.npz => found the files f.npz next to --encoder and --data, expected them only with --activations",
		}},
	{"report", "report RUN", map[string]string{
		"dir": "report | missing => missing is no run directory", "out": "--out other.html", "figures": "--figures figs",
		"tables": "--tables tabs", "json": "--json",
	}},
	{"step", "step 0123456789ab --out runs", map[string]string{
		"hash": "step | 0123 => 0123", "out": "--out elsewhere",
	}},
	{"units", "units --weights F --data synthetic --points 12 --views 2 --set score.taps=[conv4_2,head]",
		map[string]string{
			"encoder": "--encoder resnet18 => conv1", "width": "--width 0.25 => conv1",
			"stem": "--stem imagenet => encoder.stem", "norm": "--norm group => bn", "pool": "--pool avg",
			"data": "--data mnist => augment.mean", "data-dir": "--data-dir RUN => data.dir: found",
			"tap": "--tap conv1 => --tap and --set score.taps: found both", "weights": "--weights G",
			"prefix": "--prefix none => none.conv1.weight",
			"ignore": "--ignore conv1.weight => conv1", "rename": "--rename conv1=convX => conv",
			"check":     "--check missing.npz => missing.npz: no such file",
			"tolerance": "--tolerance 1 => --tolerance: found it without --check FILE",
			"top":       "--top 2", "images": "--images 2", "part": "--part test", "points": "--points 10", "views": "--views 3",
			"absolute": "--absolute", "set": "--set score.rest=median", "out": "--out elsewhere",
			"force": "units --weights F --data synthetic --out had | --force --points 5 --views 2 --set score.taps=head",
			"json":  "--json",
		}},
	{"probe", "probe --run RUN", map[string]string{
		"encoder": "probe --run RUN --json | G", "run": "probe | --run RUN",
		"recipe": "probe F | --recipe tiny.yaml --set knn.k=4",
		"set":    "--set knn.k=3", "prefix": "--prefix none => none.conv1.weight", "ignore": "--ignore conv1.weight => conv1",
		"rename": "--rename conv1=convX => conv", "check": "--check missing.npz => missing.npz: no such file",
		"tolerance": "--tolerance 1 => --tolerance: found it without --check FILE",
		"which":     "--which g", "linear": "--linear", "finetune": "--finetune --epochs 1",
		"solver":       "probe --run RUN --linear | --solver sgd --epochs 1",
		"tap":          "probe --run RUN --linear | --tap conv4_2",
		"weight-decay": "probe --run RUN --linear | --weight-decay 0.5",
		"lr":           "probe --run RUN --finetune --epochs 1 --batch 16 | --lr 0.5",
		"epochs":       "probe --run RUN --finetune --epochs 1 --batch 16 | --epochs 2",
		"batch":        "probe --run RUN --finetune --epochs 1 --batch 16 | --batch 8",
		"layers":       "probe --run RUN --finetune --epochs 1 --batch 16 | --layers none",
		"on":           "--on synthetic", "on-dir": "--on mnist | --on-dir missing",
		"on-variant": "--on-variant x => are for --on, which is not given",
		"on-seed":    "probe --run RUN --on synthetic | --on-seed 9",
		"on-train":   "probe --run RUN --on synthetic | --on-train 20",
		"on-test":    "probe --run RUN --on synthetic | --on-test 20", "json": "--json",
	}},
	{"taps", "taps tiny.yaml", map[string]string{
		"recipe": "taps | resnet18", "set": "--set encoder.width=0.25", "size": "--size 48",
		"group": "taps resnet9 | --group T1", "json": "--json",
	}},
	{"data list", "data list", nil},
	{"data check", "data check tiny.yaml", map[string]string{
		"recipe": "data check --set data.synthetic.train=20 | tiny.yaml", "set": "--set data.synthetic.seed=5",
		"json": "--json",
	}},
	{"data show", "data show tiny.yaml", map[string]string{
		"recipe": "data show --count 5 | tiny.yaml", "set": "--set data.synthetic.seed=5", "out": "--out other.png",
		"part": "--part test", "first": "--first 3", "count": "--count 9", "index": "--index 3,4",
	}},
	{"version", "version", map[string]string{"json": "--json"}},
	{"bench conv", "bench conv --net resnet9 --layer conv1 --batch 1 --reps 1 --json", map[string]string{
		"threads": `--threads 1 => "threads": 1,`, "isa": `--isa generic => "isa": "generic"`,
		"reps": `--reps 2 => "reps": 2`,
		"json": "bench conv --layer conv1 --batch 1 --reps 1 | --json => {", "net": `--net resnet18 => "net": "resnet18"`,
		"batch": `--batch 2 => "batch": 2`, "layer": "--layer conv2 => conv2",
		"winograd": "--winograd 3 => winograd: found 3",
	}},
	{"bench gemm", "bench gemm --m 8 --n 8 --k 8 --reps 1 --json", map[string]string{
		"threads": `--threads 1 => "threads": 1,`, "isa": `--isa generic => "isa": "generic"`,
		"reps": `--reps 2 => "reps": 2`,
		"json": "bench gemm --m 8 --n 8 --k 8 --reps 1 | --json => {", "m": `--m 9 => "m": 9`, "n": `--n 9 => "n": 9`,
		"k": `--k 9 => "k": 9`, "trans-a": `--trans-a => "trans_a": true`, "trans-b": `--trans-b => "trans_b": true`,
	}},
	{"bench step", "bench step --width 0.125 --batch 8 --size 16 --reps 1 --json", map[string]string{
		"threads": `--threads 1 => "threads": 1,`, "isa": `--isa generic => "isa": "generic"`,
		"reps":    `--reps 2 => "reps": 2`,
		"json":    "bench step --width 0.125 --batch 8 --size 16 --reps 1 | --json => {",
		"encoder": `--encoder resnet18 => "encoder": "resnet18"`, "width": `--width 0.25 => "width": 0.25`,
		"batch": `--batch 4 => "batch": 4`, "size": `--size 20 => "size": 20`, "precision": `--precision bf16 => "bf16"`,
		"winograd": "--winograd 3 => winograd: found 3",
	}},
	{"bench mae", "bench mae --batch 2 --size 8 --reps 1 --json", map[string]string{
		"threads": `--threads 1 => "threads": 1,`, "isa": `--isa generic => "isa": "generic"`,
		"reps":    `--reps 2 => "reps": 2`,
		"json":    "bench mae --batch 2 --size 8 --reps 1 | --json => {",
		"encoder": `--encoder vit_tiny_patch4 => "vit_tiny_patch4"`, "batch": `--batch 3 => "batch": 3`,
		"size": `--size 12 => "size": 12`, "precision": `--precision bf16 => "bf16"`,
	}},
	{"bench score", "bench score --width 0.125 --points 4 --views 2 --size 16 --json", map[string]string{
		"threads": `--threads 1 => "threads": 1,`, "isa": `--isa generic => "isa": "generic"`,
		"json":    "bench score --width 0.125 --points 4 --views 2 --size 16 | --json => {",
		"encoder": `--encoder resnet18 => "encoder": "resnet18"`, "width": `--width 0.25 => "width": 0.25`,
		"points": `--points 5 => "points": 5`, "views": `--views 3 => "views": 3`, "size": `--size 20 => "size": 20`,
		"batch": `--batch 20 => "batch": 20`,
	}},
	{"bench all", "bench all --quick --json", map[string]string{
		"threads": `--threads 1 => "threads": 1,`, "isa": "--isa nope => instruction set",
		"json": "bench all --isa nope --quick | --json => nope", "quick": "--quick => \"isa\"",
	}},
	{"bench peak", "bench peak --json", map[string]string{
		"threads": `--threads 1 => "threads": 1,`, "isa": `--isa generic => "isa": "generic"`,
		"json": "bench peak | --json => {",
	}},
	{"bench ladder", "bench ladder --n 16 --rounds 1 --json", map[string]string{
		"threads": "--threads 1 => \"threads\": 1,", "isa": `--isa generic => "isa": "generic"`,
		"json": "bench ladder --n 16 --rounds 1 | --json => {", "n": `--n 24 => "n": 24`,
		"rounds": `--rounds 2 => "rounds": 2`,
		"figure": "--figure ladder.nope => nope",
	}},
	{"bench attention", "bench attention --tokens 4 --batch 2 --dim 6 --heads 2 --reps 1 --json", map[string]string{
		"threads": `--threads 1 => "threads": 1,`, "isa": `--isa generic => "isa": "generic"`,
		"reps":   `--reps 2 => "reps": 2`,
		"json":   "bench attention --tokens 4 --batch 2 --dim 6 --heads 2 --reps 1 | --json => {",
		"tokens": `--tokens 5 => "tokens": 5`, "batch": `--batch 3 => "batch": 3`, "dim": `--dim 8 => "dim": 8`,
		"heads": `--heads 3 => "heads": 3`,
	}},
	{"bench figure", "bench figure --results missing.json", map[string]string{
		"results": "--results other.json => other.json", "out": "--results results.json --out figs",
	}},
}

// planFlags are the flags of locimem study, whose studies are planned and not done.
var planFlags = map[string]func(*studyCmd){
	"name": func(c *studyCmd) { c.Names = []string{"unitmem"} }, "scale": func(c *studyCmd) { c.Scale = "mini" },
	"pairs": func(c *studyCmd) { c.Pairs = 2 }, "from": func(c *studyCmd) { c.From = 2 },
	"seed":      func(c *studyCmd) { c.Seed = 7 },
	"data-dir":  func(c *studyCmd) { c.Scale, c.DataDir = "tiny", "x" },
	"other":     func(c *studyCmd) { c.Names, c.Other, c.OtherDir = []string{"swaps"}, "svhn", "." },
	"other-dir": func(c *studyCmd) { c.OtherDir = "." },
	"distance":  func(c *studyCmd) { c.Distance = "cosine" },
	"threads":   func(c *studyCmd) { c.Threads = 1 },
	"out":       func(c *studyCmd) { c.Out = "elsewhere" },
	"dry-run":   func(c *studyCmd) { c.DryRun, c.JSON = true, true },
	"json":      func(c *studyCmd) { c.JSON, c.DryRun = true, true },
}

// Every flag and argument of every command has an entry above, and an effect there: another
// outcome, or an error. A new flag without an entry fails.
func TestEveryFlagHasAnEffect(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every command with every flag, which takes 40 s: not in short runs")
	}
	p, err := kong.New(&cli{}, helpTexts, kong.Name("locimem"))
	require.NoError(t, err)
	cases := map[string]map[string]string{}
	for _, c := range flagCases {
		cases["locimem "+c.command] = c.flags
	}
	for _, leaf := range p.Model.Leaves(true) {
		var names []string
		for _, group := range leaf.AllFlags(true) {
			for _, f := range group {
				names = append(names, f.Name)
			}
		}
		for _, a := range leaf.Positional {
			names = append(names, a.Name)
		}
		known := slices.Collect(maps.Keys(cases[leaf.FullPath()]))
		if strings.HasPrefix(leaf.FullPath(), "locimem study") {
			known = slices.Collect(maps.Keys(planFlags))
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == "help" })
		assert.ElementsMatch(t, names, known, "%s: found these flags, expected an entry for each", leaf.FullPath())
	}

	w := newWorkshop(t)
	for _, c := range flagCases {
		usual := map[string]string{}
		outcome := func(line string) string {
			if usual[line] == "" {
				usual[line] = w.outcome(line)
			}
			return usual[line]
		}
		if !strings.HasPrefix(c.command, "bench") && c.command != "version" {
			assert.Equal(t, outcome(c.line), w.outcome(c.line), "%s: found other outcomes of the same command", c.line)
		}
		for _, flag := range slices.Sorted(maps.Keys(c.flags)) {
			line, added := c.line, c.flags[flag]
			if own, rest, ok := strings.Cut(added, " | "); ok {
				line, added = own, rest
				if strings.HasPrefix(own, "-") {
					line = c.line + " " + own
				}
			}
			added, want, text := strings.Cut(added, " => ")
			got := w.outcome(line + " " + added)
			if text {
				assert.Contains(t, got, want, "%s %s", line, added)
			} else {
				assert.NotEqual(t, outcome(line), got, "%s: found no effect of %s", line, added)
			}
		}
	}

	plan := func(change func(*studyCmd)) string {
		c := &studyCmd{Names: []string{"depth"}, Scale: "tiny", Seed: 1, Out: "runs"}
		change(c)
		if err := c.check(); err != nil {
			return err.Error()
		}
		plans, err := c.plan()
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(c.folder(), c.setting().Threads, stepNames(plans))
	}
	usual := plan(func(*studyCmd) {})
	require.Equal(t, usual, plan(func(*studyCmd) {}))
	for flag, change := range planFlags {
		assert.NotEqual(t, usual, plan(change), "study: found no effect of --%s", flag)
	}
	assert.Contains(t, plan(func(c *studyCmd) { c.Other, c.OtherDir = "svhn", "." }),
		"--other: found it with depth, where "+
			"it has no effect")
	assert.Contains(t, plan(planFlags["other"]), "-svhn")
	assert.Contains(t, w.outcome("study --pairs 2"), "--pairs: found it next to no study, where it has no effect")
}

// workshop is a folder in which commands are tried.
type workshop struct {
	t     *testing.T
	files map[string][]byte // as they were before the first command
	run   string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	t.Chdir(t.TempDir())
	writeFile(t, tiny, "tiny.yaml")
	code, _, stderr := locimem("run", "tiny.yaml", "--set", "train.epochs=1", "--set", "score.taps=[conv4_2,head]")
	require.Equal(t, exitDone, code, stderr)
	require.NoError(t, os.MkdirAll("had", 0o755))
	writeFile(t, "{}", "had", "units.json")
	bench, err := os.ReadFile(filepath.Join(testutil.Root(), "bench", "results.json"))
	require.NoError(t, err)
	writeFile(t, string(bench), "results.json")
	w := &workshop{t: t, run: runDir(t, "runs")}
	w.files = w.read()
	return w
}

// read returns all files.
func (w *workshop) read() map[string][]byte {
	files := map[string][]byte{}
	require.NoError(w.t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files[path], err = os.ReadFile(path)
		}
		return err
	}))
	return files
}

// times are what differs between two equal commands.
var times = regexp.MustCompile(`(?i)[0-9.]+ ?(ms|s|h|min|images/s)\b|` +
	`"[a-z_]*(seconds|per_s|share)[a-z_]*": *[0-9.e+-]+|` +
	`T[0-9]{4}-[0-9]{2}-[0-9TZ:.+-]*`)

// outcome carries out a command line and returns the exit code, what it writes and which
// files it makes or changes. Afterwards the folder is as it was.
func (w *workshop) outcome(line string) string {
	var args []string
	for word := range strings.FieldsSeq(line) {
		switch {
		case word == "F" || word == "G":
			word = filepath.Join(w.run, strings.ToLower(word)+".safetensors")
		case word == "RUN" || strings.HasPrefix(word, "RUN/"):
			word = w.run + strings.TrimPrefix(word, "RUN")
		}
		args = append(args, word)
	}
	code, stdout, stderr := locimem(args...)
	out := fmt.Sprintf("exit code %d\n%s\n%s\n", code, stdout, stderr)
	after := w.read()
	for _, path := range slices.Sorted(maps.Keys(after)) {
		before, had := w.files[path]
		if had && slices.Equal(before, after[path]) {
			continue
		}
		if !slices.Contains([]string{"log.jsonl", "report.html", "made.json"}, filepath.Base(path)) { // these tell times
			out += fmt.Sprintf("%s %x\n", path, sha256.Sum256([]byte(times.ReplaceAllString(string(after[path]), ""))))
		} else {
			out += path + "\n"
		}
		if had {
			require.NoError(w.t, os.WriteFile(path, before, 0o644))
		} else {
			require.NoError(w.t, os.Remove(path))
		}
	}
	for path, before := range w.files {
		if _, still := after[path]; !still {
			require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(w.t, os.WriteFile(path, before, 0o644))
		}
	}
	return times.ReplaceAllString(out, "")
}

// What score takes depends on what is scored; the rest is refused with its name.
func TestEveryWayOfScoringRefusesTheOthersFlags(t *testing.T) {
	w := newWorkshop(t)
	layer := func(name string, seed uint64) {
		r := rng.New(seed, name)
		require.NoError(t, npz.Create(name, func(w *npz.Writer) error {
			a, err := w.Array("layer", npz.Float32, 8, 2, 4)
			v := make([]float32, 64)
			for i := range v {
				v[i] = r.Float32()
			}
			if err == nil {
				err = npz.Append(a, v)
			}
			return err
		}))
	}
	layer("f.npz", 1)
	layer("g.npz", 2)
	w.files = w.read()
	activations := "score --activations f.npz g.npz --candidate 0-3 --independent 4-7 --set score.resamples=99"
	require.Contains(t, w.outcome(activations), "exit code 0")
	for _, added := range []string{"--points 2", "--views 3", "--encoder resnet9", "--width 1", "--stem cifar",
		"--norm group",
		"--pool avg", "--data synthetic", "--data-dir .", "--split paper", "--f F", "--g G", "--prefix x", "--ignore x",
		"--rename x=y", "--check f.npz"} {
		flag, _, _ := strings.Cut(added, " ")
		assert.Contains(t, w.outcome(activations+" "+added), flag+": found it next to --activations, where it has no effect")
	}
	for _, set := range []string{"score.views=3", "score.points.shared=2", "score.taps=head", "score.batch=2", "knn.k=3",
		"encoder.name=resnet18", "data.synthetic.size=16", "augment.gray=0", "score.augment.gray=0", "split.shared=2",
		"train.epochs=3", "method.name=byol"} {
		field, _, _ := strings.Cut(set, "=")
		assert.Contains(t, w.outcome(activations+" --set "+set),
			field+": found a value, but the field has no effect on this "+
				"command, which takes those of seed, score.preset")
	}
	for _, set := range []string{"score.units=false", "score.distances=[cosine]", "score.level=0.9",
		"score.preset=authors",
		"score.mode=original", "score.estimators=[raw]", "score.rest=median", "score.absolute=true", "score.seed=5", "seed=5",
		"score.resamples=199", "score.alignment=true"} {
		assert.NotEqual(t, w.outcome(activations), w.outcome(activations+" --set "+set), set)
	}
	for _, added := range []string{"--points 2", "--views 3", "--encoder resnet9", "--tap conv1",
		"--candidate 1", "--nchw",
		"--distance l2", "--data synthetic"} {
		flag, _, _ := strings.Cut(added, " ")
		assert.Contains(t, w.outcome("score --run RUN "+added), flag+": found it next to --run (whose recipe --set changes)")
	}
	images := flagCases[2].line + " --shared 20-40"
	assert.NotEqual(t, w.outcome(images), w.outcome(images+" --set score.points.shared=4"), "not as many as candidates")
	views := "score --f F --g G --encoder resnet9 --views views.npz"
	for _, added := range []string{"--points 2", "--data synthetic", "--data-dir .", "--split paper"} {
		flag, _, _ := strings.Cut(added, " ")
		assert.Contains(t, w.outcome(views+" "+added), flag+": found it next to --views FILE, where it has no effect")
	}
}
