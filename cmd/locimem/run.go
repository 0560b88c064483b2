package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
)

// recipeFlags name a recipe.
type recipeFlags struct {
	Recipe string   `arg:"" optional:"" help:"${recipe_recipe}"`
	Set    []string `short:"s" sep:"none" placeholder:"FIELD=VALUE" help:"${recipe_set}"`
}

// load reads the recipe for a command that takes the fields in uses, or all.
func (f *recipeFlags) load(uses ...string) (*recipe.Recipe, error) {
	return loadRecipe(f.Recipe, recipe.Request{Sets: f.Set, Uses: uses})
}

// loadRecipe reads the recipe in a file, or the default one for "", as q asks for it.
func loadRecipe(path string, q recipe.Request) (*recipe.Recipe, error) {
	if path == "" {
		q.Own = append(grayNumbers(slices.Concat(q.Own, q.Sets)), q.Own...)
	}
	r, err := q.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usageError{err}
	}
	return r, err
}

// grayNumbers returns assignments that normalise gray images, where sets choose
// such: mean and std of the default recipe are those of colours.
func grayNumbers(sets []string) []string {
	name := ""
	for _, s := range sets {
		if v, ok := strings.CutPrefix(s, "data.name="); ok {
			name = strings.Trim(v, `"' `)
		}
	}
	for _, s := range data.Sources() {
		if s.Name == name && len(s.Mean) == 1 {
			return []string{fmt.Sprintf("augment.mean=[%g]", s.Mean[0]), fmt.Sprintf("augment.std=[%g]", s.Std[0])}
		}
	}
	return nil
}

type runCmd struct {
	recipeFlags
	Out  string `default:"runs" placeholder:"DIR" help:"Folder of the run directories (default: runs)."`
	JSON bool   `name:"json" help:"Write the result as JSON."`
}

// Run trains, scores and shows.
func (c *runCmd) Run(a *app) error {
	r, err := c.load()
	if err != nil {
		return err
	}
	dir := filepath.Join(c.Out, r.RunName())
	a.ui.Printf("%s\n%s", dir, r.Describe())
	res, err := run.RunPair(a.ctx, r, dir, reporter{a.ui})
	if err != nil {
		return err
	}
	a.ui.Close()
	if c.JSON {
		return a.writeJSON(res)
	}
	a.summary(res.Summary)
	a.paragraph("", res.Reading)
	a.printf("\n")
	for _, side := range memorize.Sides {
		if k := res.KNN[side]; k != nil {
			a.printf("kNN accuracy of %s: %.3f (k %d, t %g)\n", side, *k, r.KNN.K, r.KNN.T)
		}
	}
	for _, side := range memorize.Sides {
		if p := res.Private[side]; p != nil {
			a.printf("Training of %s spent epsilon %.4g at delta %.2g (noise %.4g); kNN and scores read the images once "+
				"more, outside of that promise\n", side, p.Epsilon, p.Delta, p.Noise)
		}
	}
	a.printf("Report:  %s\n", filepath.Join(dir, "report.html"))
	a.printf("Figures: %s\n", filepath.Join(dir, "figures", "layermem.png"))
	a.printf("Tables:  %s\n", filepath.Join(dir, "scores", "layermem.csv"))
	took := progress.Duration(time.Duration(res.Seconds * float64(time.Second)))
	if len(res.Reused) == 5 {
		a.printf("All of it was there from an earlier run; reading it took %s.\n", took)
	} else {
		a.printf("Took %s with %d threads (%s).\n", took, res.Threads, res.ISA)
	}
	return nil
}

type trainCmd struct {
	recipeFlags
	Which memorize.Side `required:"" enum:"f,g" help:"${train_which}"`
	Out   string        `default:"runs" placeholder:"DIR" help:"Folder of the run directories (default: runs)."`
}

// Run trains one encoder in the directory of the run, where locimem run finds it.
func (c *trainCmd) Run(a *app) error {
	r, err := c.load()
	if err != nil {
		return err
	}
	path, err := run.TrainEncoder(a.ctx, r, filepath.Join(c.Out, r.RunName()), c.Which, reporter{a.ui})
	if err != nil {
		return err
	}
	a.ui.Close()
	a.printf("%s\n", path)
	return nil
}
