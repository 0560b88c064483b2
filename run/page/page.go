// Package page shows one run: its summary, its figures and its report. It reads the
// tables of the scores, each once, and is told the rest; it trains and scores
// nothing.
package page

import (
	"fmt"
	"path/filepath"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/buildinfo"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
)

// Input is what a page shows besides the scores.
type Input struct {
	Title   string // after "LayerMem by depth: " and the like
	Note    string // a line of its own below it, "": none
	Options memorize.Options
	// Records is the log of the training by encoder; nil if
	// the encoders were not trained here. It needs Recipe.
	Records map[memorize.Side][]ssl.Record
	// Recipe is that of the run, nil if the encoders were not trained here.
	Recipe *recipe.Recipe
	// Train and Test are the images, nil where they are not available.
	Train, Test data.Dataset
	NoData      string // why not, "": there are none
}

// Page is one run, ready to be shown.
type Page struct {
	Input
	Tables     *memorize.Tables
	Summary    *Summary
	Provenance *memorize.Provenance // of the scores

	dir         string
	process     *buildinfo.Here // that computed the scores, nil: not known
	points      *memorize.Points
	separations []memorize.Separation // of candidates and independents; none without both
}

// Read reads the scores in a folder, of the first estimator and distance of the
// options.
func Read(dir string, in Input) (*Page, error) {
	x := &Page{Input: in, dir: dir}
	var err error
	if x.Tables, err = memorize.ReadTables(dir); err != nil {
		return nil, fmt.Errorf("reading the scores back: %w", err)
	}
	x.Summary = Summarize(x.Tables, in.Options.Estimators[0], in.Options.Distances[0], in.Options.Level)
	if x.Provenance, err = memorize.ReadProvenance(dir); err != nil {
		return nil, err
	}
	x.process, err = buildinfo.Read(dir)
	return x, err
}

// Present shows scores that belong to no run: it draws their figures and writes their
// report next to them, and returns the summary.
func Present(dir string, in Input) (*Summary, error) {
	x, err := Read(dir, in)
	if err != nil {
		return nil, err
	}
	if err := x.Draw(filepath.Join(dir, "figures")); err != nil {
		return nil, err
	}
	return x.Summary, x.WriteReport(dir)
}
