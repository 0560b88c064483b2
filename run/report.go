package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/buildinfo"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
)

// reportHTML is the report's file in a run directory, or beside scores.
const reportHTML = "report.html"

// findings are all that a report of one pair of encoders is made of.
type findings struct {
	caption
	tables  *memorize.Tables
	summary *Summary
	about   *memorize.Provenance
	made    *buildinfo.Here // nil: not known
	points  *memorize.Points
	// separations tell candidates from independents; none without both sets.
	separations []memorize.Separation
	log         *Log           // nil: not trained here
	recipe      *recipe.Recipe // nil: likewise
	lab         *Lab           // nil: the images are not at hand
	noLab       string         // why
}

// readFindings reads the scores in a folder.
func readFindings(dir string, c caption) (*findings, error) {
	t, err := memorize.ReadTables(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the scores back: %w", err)
	}
	x := &findings{caption: c, tables: t, summary: Summarize(t, c.options.Estimators[0], c.options.Distances[0], c.options.Level)}
	if x.about, err = memorize.ReadProvenance(dir); err != nil {
		return nil, err
	}
	if x.made, err = readMade(dir); err != nil {
		return nil, err
	}
	if x.separations, err = memorize.SeparationTable.Read(dir); err != nil {
		return nil, err
	}
	x.points, err = memorize.ReadPoints(dir, c.options.Distances[0], shownTaps(t, x.summary)...)
	return x, err
}

// ReportOf returns the report of the run in a directory, from the files there: the
// recipe, the scores, the log of the training and, for the pictures, the data that
// the recipe names. Nothing is trained or scored. Data that cannot be opened, or
// are no longer those of the split, leave the pictures out and say so.
func ReportOf(dir string) (*report.Document, error) {
	r, err := recipe.Load(filepath.Join(dir, "recipe.yaml"), nil)
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
	x, err := readFindings(filepath.Join(dir, "scores"), caption{title: r.RunName(), note: r.Describe(), options: r.ScoreOptions()})
	if err != nil {
		return nil, err
	}
	if x.about.Recipe != r.Hash() {
		return nil, fmt.Errorf("%s: found scores of another recipe (hash %.12s), expected those of %s; locimem run makes them again",
			filepath.Join(dir, "scores", memorize.JSONFile), x.about.Recipe, r.RunName())
	}
	x.recipe, x.log = r, log
	if x.lab, err = OpenLab(r); err != nil {
		x.lab, x.noLab = nil, "the data cannot be opened: "+err.Error()
	} else if split, err := data.ReadSplit(filepath.Join(dir, "split.json")); err != nil {
		x.lab, x.noLab = nil, err.Error()
	} else if err := split.Verify(x.lab.Train, x.lab.Test); err != nil {
		x.lab, x.noLab = nil, "the data are no longer those of the run: "+err.Error()
	}
	return x.document(), nil
}

// WriteReport writes report.html into a run directory; see ReportOf.
func WriteReport(dir string) error {
	d, err := ReportOf(dir)
	if err != nil {
		return err
	}
	return report.WriteHTML(filepath.Join(dir, reportHTML), *d)
}

// document puts the report together.
func (x *findings) document() *report.Document {
	d := &report.Document{Title: x.title, Lead: x.lead(), Key: x.key()}
	add := func(s *report.Section) {
		if s != nil {
			d.Sections = append(d.Sections, *s)
		}
	}
	add(x.layers())
	add(x.members())
	add(x.distances())
	add(x.units())
	add(x.classes())
	add(x.training())
	add(x.images())
	add(x.owners())
	add(x.allTaps())
	d.Provenance = x.provenance()
	return d
}

func (x *findings) lead() []string {
	out := []string{x.summary.Reading()}
	sets := map[string]int{}
	for _, s := range x.about.Sets {
		sets[s.Name] = s.Points
	}
	what := "Two encoders, f and g, were compared layer by layer"
	if x.recipe != nil {
		what = fmt.Sprintf("Two encoders, f and g, were trained alike (%s) and compared layer by layer", x.recipe.Describe())
	} else if x.note != "" {
		what += " (" + strings.ReplaceAll(x.note, "\n", ", ") + ")"
	}
	var who []string
	for _, s := range []struct{ set, text string }{
		{memorize.Candidate, "%d candidates, which only f was trained on"}, {memorize.Shared, "%d shared images, which both were trained on"},
		{memorize.Independent, "%d independents, which only g was trained on"}, {memorize.External, "%d external images, which neither has seen"},
	} {
		if n := sets[s.set]; n > 0 {
			who = append(who, fmt.Sprintf(s.text, n))
		}
	}
	out = append(out, fmt.Sprintf("%s on %s.", what, enumerated(who)))
	if sets[memorize.Candidate] > 0 && sets[memorize.Independent] > 0 {
		out = append(out, "The plain score of the candidates also holds whatever sets f and g apart on any image. Half of its difference to the independents, the controlled score, does not: exchanging f and g exchanges the two sets. Read that one.")
	}
	return out
}

// enumerated joins parts of a sentence.
func enumerated(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], "; ") + "; and " + parts[len(parts)-1]
}

// key are the few numbers above everything else.
func (x *findings) key() []report.Fact {
	var out []report.Fact
	s := x.summary
	if len(s.Taps) > 0 && s.Taps[0].Controlled != nil {
		best := s.Taps[0]
		for _, t := range s.Taps {
			if t.Controlled.Mean > best.Controlled.Mean {
				best = t
			}
		}
		out = append(out, report.Fact{Name: "Largest controlled LayerMem", Value: fmt.Sprintf("%.4f in %s", best.Controlled.Mean, best.Tap)},
			report.Fact{Name: "Taps above 0, corrected for looking at all", Value: fmt.Sprintf("%d of %d", len(s.Beyond()), len(s.Taps))})
	}
	if x.log != nil {
		for _, which := range []string{F, G} {
			for _, rec := range x.log.Records(which) {
				if k := rec.KNN; k != nil {
					fact := report.Fact{Name: "kNN accuracy of " + which, Value: fmt.Sprintf("%.1f %%", 100**k)}
					if n := len(out); n > 0 && out[n-1].Name == fact.Name {
						out = out[:n-1] // the last epoch that was tested
					}
					out = append(out, fact)
				}
			}
		}
	}
	return out
}

// provenance is what the numbers depend on.
func (x *findings) provenance() []report.Fact {
	var out []report.Fact
	add := func(name, format string, args ...any) {
		if v := fmt.Sprintf(format, args...); v != "" {
			out = append(out, report.Fact{Name: name, Value: v})
		}
	}
	c := x.about
	if m := x.made; m != nil {
		out = process(m)
		add("Scored", "%s", m.Time)
	}
	add("Instruction set of the scores", "%s", c.ISA)
	add("Recipe", "%s", c.Recipe)
	for _, purpose := range []string{"split", "f", "g", "score"} {
		if seed, ok := c.Seeds[purpose]; ok {
			add("Seed, "+purpose, "%d", seed)
		}
	}
	add("Split, SHA-256", "%s", c.Split)
	add("Weights of f, SHA-256", "%s", c.WeightsF)
	add("Weights of g, SHA-256", "%s", c.WeightsG)
	if x.lab != nil {
		add("Training data", "%s, %d images", x.lab.Train.Name(), x.lab.Train.Len())
		add("Test data", "%s, %d images", x.lab.Test.Name(), x.lab.Test.Len())
	}
	o := x.options
	add("Views", "%s of %d augmented views of each image", o.Mode, o.Views)
	add("Shown estimator and distance", "%s, %s", x.summary.Estimator, x.summary.Distance)
	add("UnitMem against", "%s of the other points", o.Rest)
	add("Intervals", "%s; they cover %s", c.Interval, c.Covers)
	if x.recipe != nil {
		var b strings.Builder
		if x.recipe.Write(&b) == nil { // a Builder takes everything
			add("recipe.yaml", "%s", b.String())
		}
	}
	if c.Augmentation != nil && x.recipe == nil {
		if b, err := json.MarshalIndent(c.Augmentation, "", "  "); err == nil {
			add("Augmentation", "%s", b)
		}
	}
	return out
}
