package page

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

// HTML is the file of a report.
const HTML = "report.html"

// Report returns the report. It reads the points and what tells candidates from
// independents when it is first asked for.
func (x *Page) Report() (*report.Document, error) {
	if x.points == nil {
		var err error
		if x.separations, err = memorize.SeparationTable.Read(x.dir); err != nil {
			return nil, err
		}
		x.points, err = memorize.ReadPoints(x.dir, x.Options.Distances[0], shownTaps(x.Tables, x.Summary)...)
		if err != nil {
			return nil, err
		}
	}
	return x.document(), nil
}

// WriteReport writes the report into a folder, as report.html.
func (x *Page) WriteReport(dir string) error {
	d, err := x.Report()
	if err != nil {
		return err
	}
	return report.WriteHTML(filepath.Join(dir, HTML), *d)
}

// document puts the report together.
func (x *Page) document() *report.Document {
	d := &report.Document{Title: x.Title, Lead: x.lead(), Key: x.key()}
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

func (x *Page) lead() []string {
	out := []string{x.Summary.Reading()}
	sets := map[string]int{}
	for _, s := range x.Provenance.Sets {
		sets[s.Name] = s.Points
	}
	what := "Two encoders, f and g, were compared layer by layer"
	if x.Recipe != nil {
		what = fmt.Sprintf("Two encoders, f and g, were trained alike (%s) and compared layer by layer", x.Recipe.Describe())
	} else if x.Note != "" {
		what += " (" + strings.ReplaceAll(x.Note, "\n", ", ") + ")"
	}
	var who []string
	for _, s := range []struct{ set, text string }{
		{memorize.Candidate, "%d candidates, which only f was trained on"},
		{memorize.Shared, "%d shared images, which both were trained on"},
		{memorize.Independent, "%d independents, which only g was trained on"},
		{memorize.External, "%d external images, which neither was trained on"},
	} {
		if n := sets[s.set]; n > 0 {
			who = append(who, fmt.Sprintf(s.text, n))
		}
	}
	out = append(out, fmt.Sprintf("%s on %s.", what, enumerated(who)))
	if sets[memorize.Candidate] > 0 && sets[memorize.Independent] > 0 {
		out = append(out,
			"The plain score of the candidates also holds whatever sets f and g apart on any image. Half of its difference "+
				"to the independents, the controlled score, does not: exchanging f and g exchanges the two sets. Read that one.")
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
func (x *Page) key() []report.Fact {
	var out []report.Fact
	s := x.Summary
	if len(s.Taps) > 0 && s.Taps[0].Controlled != nil {
		best := s.Taps[0]
		for _, t := range s.Taps {
			if t.Controlled.Mean > best.Controlled.Mean {
				best = t
			}
		}
		out = append(out, report.Fact{Name: "Largest controlled LayerMem", Value: fmt.Sprintf("%.4f in %s",
			best.Controlled.Mean, best.Tap)},
			report.Fact{Name: "Taps above 0, corrected for looking at all", Value: fmt.Sprintf("%d of %d", len(s.Beyond()),
				len(s.Taps))})
	}
	if x.Records != nil {
		for _, side := range memorize.Sides {
			for _, rec := range x.Records[side] {
				if k := rec.KNN; k != nil {
					fact := report.Fact{Name: "kNN accuracy of " + side.String(), Value: fmt.Sprintf("%.1f %%", 100**k)}
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
func (x *Page) provenance() []report.Fact {
	var out []report.Fact
	add := func(name, format string, args ...any) {
		if v := fmt.Sprintf(format, args...); v != "" {
			out = append(out, report.Fact{Name: name, Value: v})
		}
	}
	c := x.Provenance
	if m := x.process; m != nil {
		out = processFacts(m)
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
	if x.Train != nil {
		add("Training data", "%s, %d images", x.Train.Name(), x.Train.Len())
		add("Test data", "%s, %d images", x.Test.Name(), x.Test.Len())
	}
	o := x.Options
	add("Views", "%s of %d augmented views of each image", o.Mode, o.Views)
	add("Shown estimator and distance", "%s, %s", x.Summary.Estimator, x.Summary.Distance)
	add("UnitMem against", "%s of the other points", o.Rest)
	add("Intervals", "%s; they cover %s", c.Interval, c.Covers)
	if x.Recipe != nil {
		var b strings.Builder
		if x.Recipe.Write(&b) == nil { // a Builder takes everything
			add("recipe.yaml", "%s", b.String())
		}
	}
	if c.Augmentation != nil && x.Recipe == nil {
		if b, err := json.MarshalIndent(c.Augmentation, "", "  "); err == nil {
			add("Augmentation", "%s", b)
		}
	}
	return out
}
