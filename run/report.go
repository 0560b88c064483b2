package run

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/ssl"
)

// input is what the page of a run of this recipe shows. Its images are missing.
func input(r *recipe.Recipe, log *Log) page.Input {
	return page.Input{Title: r.RunName(), Note: r.Describe(), Options: r.ScoreOptions(), Recipe: r,
		Records: map[memorize.Side][]ssl.Record{memorize.F: log.Records(memorize.F), memorize.G: log.Records(memorize.G)}}
}

// ReportOf returns the report of the run in a directory, from the files there: the
// recipe, the scores, the log of the training and, for the pictures, the data that
// the recipe names. Nothing is trained or scored. Data that cannot be opened, or
// are no longer those of the split, leave the pictures out and say so.
func ReportOf(dir string) (*report.Document, error) {
	p, err := readPage(dir)
	if err != nil {
		return nil, err
	}
	return p.Report()
}

// WriteReport writes report.html into a run directory; see ReportOf.
func WriteReport(dir string) error {
	p, err := readPage(dir)
	if err != nil {
		return err
	}
	return p.WriteReport(dir)
}

// readPage reads the page of the run in a directory.
func readPage(dir string) (*page.Page, error) {
	r, err := recipe.LoadStored(filepath.Join(dir, "recipe.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no run directory: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	log, err := OpenLog(filepath.Join(dir, "log.jsonl"))
	if err != nil {
		return nil, err
	}
	scores := filepath.Join(dir, "scores")
	p, err := page.Read(scores, input(r, log))
	if err != nil {
		return nil, err
	}
	if p.Provenance.Recipe != r.Hash() {
		return nil, fmt.Errorf("%s: found scores of another recipe (hash %.12s), expected those of %s; "+
			"locimem run makes them again",
			filepath.Join(scores, memorize.JSONFile), p.Provenance.Recipe, r.RunName())
	}
	if l, err := Open(r); err != nil {
		p.NoData = "the data cannot be opened: " + err.Error()
	} else if split, err := data.ReadSplit(filepath.Join(dir, "split.json")); err != nil {
		p.NoData = err.Error()
	} else if err := split.Verify(l.Train, l.Test); err != nil {
		p.NoData = "the data are no longer those of the run: " + err.Error()
	} else {
		p.Train, p.Test = l.Train, l.Test
	}
	return p, nil
}
