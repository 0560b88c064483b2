package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

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

func (f *fromRun) load() (*recipe.Recipe, error) {
	switch {
	case f.RunDir != "":
		return loadRecipe(filepath.Join(f.RunDir, "recipe.yaml"), f.Set)
	case f.Recipe != "":
		return loadRecipe(f.Recipe, f.Set)
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
func (c *checkFlags) valid(encoders int) error {
	if len(c.Check) > encoders || !(c.Tolerance > 0) {
		return usageError{fmt.Errorf("--check %v --tolerance %g: found %d files, expected at most %d, and a tolerance "+
			"above 0", c.Check, c.Tolerance, len(c.Check), encoders)}
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

// Run scores two encoders: of a run, by a recipe, or others.
func (c *scoreCmd) Run(a *app) error {
	if err := c.checkFlags.valid(2); err != nil {
		return err
	}
	foreign := c.RunDir == "" && c.Recipe == "" && c.given()
	if !foreign && (c.given() || len(c.Tap)+len(c.Distance)+len(c.Files) > 0 || c.Points >= 0) {
		return usageError{errors.New("flags that describe encoders trained elsewhere do not go with --run and --recipe; " +
			"change fields with --set")}
	}
	if _, err := os.Stat(filepath.Join(c.Out, "scores.json")); err == nil && !c.Force {
		return usageError{fmt.Errorf("%s has scores already; choose another --out, or --force", c.Out)}
	}
	var s *page.Summary
	var err error
	if foreign {
		s, err = c.run(a, c)
	} else {
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
	r, err := c.load()
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
	if err := onlyScoreFields(c.RunDir, r); err != nil {
		return nil, err
	}
	return run.Score(a.ctx, r, conf, reporter{a.ui})
}

// onlyScoreFields refuses a changed recipe by which the encoders of the run would
// have been other ones.
func onlyScoreFields(runDir string, r *recipe.Recipe) error {
	if runDir == "" {
		return nil
	}
	own, err := recipe.LoadStored(filepath.Join(runDir, "recipe.yaml"))
	if err != nil {
		return err
	}
	if own.TrainHash() != r.TrainHash() {
		return usageError{errors.New("--set changes how the encoders of the run are trained; only fields of score and " +
			"knn (and places of files) can be changed here")}
	}
	return nil
}
