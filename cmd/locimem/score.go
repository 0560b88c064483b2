package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
)

// fromRun names what an encoder was trained by: a run, or a recipe.
type fromRun struct {
	RunDir string   `name:"run" xor:"from" placeholder:"DIR" help:"Run directory to take the recipe from."`
	Recipe string   `xor:"from" placeholder:"FILE" help:"Recipe, where there is no run directory."`
	Set    []string `short:"s" sep:"none" placeholder:"FIELD=VALUE" help:"${fromrun_set}"`
}

// load reads the recipe as q asks for it, with the assignments of the flag.
func (f *fromRun) load(q recipe.Request) (*recipe.Recipe, error) {
	q.Sets = f.Set
	switch {
	case f.RunDir != "":
		q.Stored = true
		return loadRecipe(filepath.Join(f.RunDir, "recipe.yaml"), q)
	case f.Recipe != "":
		return loadRecipe(f.Recipe, q)
	}
	return nil, usageError{errors.New("neither --run DIR nor --recipe FILE is given")}
}

// runOf takes the run that an encoder's file lies in, or its folder of early encoders,
// where neither a run nor a recipe is given.
func (f *fromRun) runOf(path string) {
	if f.RunDir != "" || f.Recipe != "" || path == "" {
		return
	}
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		if _, err := os.Stat(filepath.Join(dir, "recipe.yaml")); err == nil {
			f.RunDir = dir
			return
		}
	}
}

// inRun returns path or, if it is empty, the file of that name in the run.
func (f *fromRun) inRun(path, what, name string) (string, error) {
	if path == "" && f.RunDir == "" {
		return "", usageError{fmt.Errorf("%s is not given, and there is no --run DIR to take it from", what)}
	}
	if path == "" {
		path = filepath.Join(f.RunDir, name)
	}
	return path, nil
}

// nameFlags say how the names in a file of another program are read.
type nameFlags struct {
	Prefix string   `placeholder:"NAME" help:"${name_prefix}"`
	Ignore []string `sep:"none" placeholder:"PATTERN" help:"${name_ignore}"`
	Rename []string `sep:"none" placeholder:"FROM=TO" help:"${name_rename}"`
}

// checkFlags prove that weights were loaded as they were meant.
type checkFlags struct {
	Check     []string `sep:"none" placeholder:"FILE" help:"${check_check}"`
	Tolerance float64  `default:"0.0001" placeholder:"X" help:"${check_tolerance}"`
}

// loading returns what the flags say.
func loading(n nameFlags, c checkFlags) run.Loading {
	return run.Loading{Options: weights.Options{Prefix: n.Prefix, Ignore: n.Ignore, Rename: n.Rename}, Check: c.Check,
		Tolerance: c.Tolerance}
}

// valid refuses what cannot be.
func (c *checkFlags) valid(a *app, encoders int) error {
	switch {
	case len(c.Check) > encoders || !(c.Tolerance > 0):
		return usageError{fmt.Errorf("--check %v --tolerance %g: found %d files, expected at most %d, and a tolerance "+
			"above 0", c.Check, c.Tolerance, len(c.Check), encoders)}
	case a.has("tolerance") && len(c.Check) == 0:
		return usageError{errors.New("--tolerance: found it without --check FILE, to which it belongs")}
	}
	return nil
}

type scoreCmd struct {
	fromRun
	F string `name:"f" placeholder:"FILE" help:"Encoder f, a safetensors file; default: f.safetensors of the run."`
	G string `name:"g" placeholder:"FILE" help:"Encoder g; default: g.safetensors of the run."`
	nameFlags
	checkFlags
	Split string `placeholder:"FILE" help:"${score_split}"`
	Out   string `default:"scores" placeholder:"DIR" help:"Folder for the tables (default: scores)."`
	Force bool   `help:"Replace scores that are in that folder."`
	JSON  bool   `name:"json" help:"Write the summary as JSON."`
	foreignFlags
}

// scoreWay is what locimem score scores.
type scoreWay int

const (
	ofRecipe scoreWay = iota
	ofData
	ofViews
	ofActivations
)

// way tells from the flags what is scored, and which flags have an effect there.
func (c *scoreCmd) way() (way scoreWay, name string, flags []string) {
	out := []string{"set", "out", "force", "json"}
	files := append(out, "f", "g", "prefix", "ignore", "rename", "check", "tolerance")
	sets := []string{"distance", "tap", "candidate", "shared", "independent", "external"}
	encoder := slices.Concat(files, sets, []string{"encoder", "width", "stem", "norm", "pool", "views"})
	_, notANumber := strconv.Atoi(c.Views)
	switch {
	case c.RunDir != "":
		return ofRecipe, "--run (whose recipe --set changes)", append(files, "run", "split")
	case c.Recipe != "":
		return ofRecipe, "--recipe (which --set changes)", append(files, "recipe", "split")
	case c.Activations:
		return ofActivations, "--activations", slices.Concat(out, sets, []string{"activations", "nchw"})
	case c.Views != "" && notANumber != nil:
		return ofViews, "--views FILE", append(encoder, "nchw")
	case c.given():
		return ofData, "--encoder and --data", append(encoder, "data", "data-dir", "points", "split")
	}
	return ofRecipe, "no --run, --recipe or --data", append(files, "split")
}

// Run scores two encoders: of a run, by a recipe, or others.
func (c *scoreCmd) Run(a *app) error {
	if err := c.checkFlags.valid(a, 2); err != nil {
		return err
	}
	way, name, flags := c.way()
	if err := a.takes(name, flags...); err != nil {
		return err
	}
	if len(c.Files) > 0 && way != ofActivations {
		return usageError{fmt.Errorf("found the files %s next to %s, expected them only with --activations",
			strings.Join(c.Files, " "), name)}
	}
	if _, err := os.Stat(filepath.Join(c.Out, "scores.json")); err == nil && !c.Force {
		return usageError{fmt.Errorf("%s has scores already; choose another --out, or --force", c.Out)}
	}
	var s *page.Summary
	var err error
	switch way {
	case ofActivations:
		s, err = c.ofActivations(a)
	case ofViews:
		s, err = c.ofViews(a)
	case ofData:
		s, err = c.ofData(a)
	default:
		s, err = c.ofRecipe(a)
	}
	if err != nil {
		return err
	}
	a.ui.Close()
	if c.JSON {
		return a.writeJSON(s)
	}
	a.summary(s)
	a.paragraph("", s.Reading())
	a.printf("\nReport:  %s\nTables:  %s\nFigures: %s\n", filepath.Join(c.Out, "report.html"),
		filepath.Join(c.Out, "layermem.csv"), filepath.Join(c.Out, "figures", "layermem.png"))
	return nil
}

// ofRecipe scores encoders of a run, or by a recipe.
func (c *scoreCmd) ofRecipe(a *app) (*page.Summary, error) {
	q := recipe.Request{Uses: []string{"data.dir", "score", "train.threads"}}
	if c.RunDir == "" {
		q.Uses = []string{"name", "seed", "data", "split", "encoder", "method", "augment", "train", "score"}
	}
	r, err := c.load(q)
	if err != nil {
		return nil, err
	}
	conf := run.ScoreConfig{Load: loading(c.nameFlags, c.checkFlags), Split: c.Split, Out: c.Out}
	if conf.F, err = c.inRun(c.F, "--f FILE", "f.safetensors"); err != nil {
		return nil, err
	}
	if conf.G, err = c.inRun(c.G, "--g FILE", "g.safetensors"); err != nil {
		return nil, err
	}
	if conf.Split == "" && c.RunDir != "" {
		conf.Split = filepath.Join(c.RunDir, "split.json")
	}
	return run.Score(a.ctx, r, conf, reporter{a.ui})
}
