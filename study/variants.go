package study

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// variant is one of several ways to train encoders, or to measure them, that a study
// compares. Pairs of the same number have the same seed in all of them.
type variant struct {
	name  string
	f     []encoder     // whose accuracy is shown; nil: it is not
	pairs *group        // nil: not scored
	units []*graph.Step // of the encoders f; nil: not ranked
}

// variant trains pairs, scores them and ranks the units of f.
func (l *lab) variant(name string, sets ...string) variant {
	g := l.pairs(sets...)
	return variant{name, g.f(), g, l.units(g.f())}
}

// unitVariant trains only the encoders f, and ranks their units.
func (l *lab) unitVariant(name string, sets ...string) variant {
	f := l.encoders(sets...)
	return variant{name, f, nil, l.units(f)}
}

// seen is a variant that is measured on views of a preset, and trained like another,
// which shows its accuracy.
func (l *lab) seen(name, preset string, sets ...string) variant {
	v := l.variant(name, slices.Concat(sets, []string{"score.augment.preset=" + preset})...)
	v.f = nil
	return v
}

// compared are the numbers of variants: one row for each, pair by pair.
type compared struct {
	deep  [][]float64 // controlled score, mean of the last three convolutions
	plain [][]float64 // LayerMem of the candidates there
	units [][]float64 // UnitMem, mean over the ranked units of each tap behind a ReLU, then over taps
}

// unitsMargin is how much UnitMem may differ where it is not to matter.
const unitsMargin = 0.02

// unitTaps are the taps whose units are ranked: behind a ReLU nothing is negative, and
// of a transformer's GELU |activation| is taken.
func unitTaps(found []tapUnits) []tapUnits {
	var out []tapUnits
	for _, t := range found {
		if behindReLU(t.Tap) || strings.HasSuffix(t.Tap, ".act") {
			out = append(out, t)
		}
	}
	return out
}

func behindReLU(tap string) bool {
	return strings.HasPrefix(tap[strings.LastIndex(tap, ".")+1:], "relu")
}

// meanUnitMem is the mean over taps of the mean UnitMem of a tap.
func meanUnitMem(found []tapUnits) float64 {
	var means []float64
	for _, t := range unitTaps(found) {
		means = append(means, t.Mean)
	}
	return stat.Mean(means, nil)
}

// deep returns a quantity of taps as its mean over the last three convolutions, pair
// by pair.
func deep(convs []string, of func(tap string) []float64) []float64 {
	var out []float64
	last := convs[len(convs)-3:]
	for _, tap := range last {
		v := of(tap)
		if out == nil {
			out = make([]float64, len(v))
		}
		for i := range v {
			out[i] += v[i] / float64(len(last))
		}
	}
	return out
}

// compare reads the variants and puts them side by side: a section of the controlled
// score for those that were scored, and one of UnitMem for those whose units were
// ranked. The accuracies of f come first, as encoders that learned nothing say
// nothing about memory.
func (x *reader) compare(of string, all []variant) (compared, []report.Section, error) {
	var c compared
	var sections []report.Section
	if accuracy, err := x.lastAccuracies(of, all); err != nil {
		return c, nil, err
	} else if len(accuracy.Rows) > 0 {
		sections = append(sections, report.Section{Title: "Accuracy", Tables: []report.Table{accuracy}})
	}
	if slices.ContainsFunc(all, func(v variant) bool { return v.pairs != nil }) {
		s, err := x.compareLayers(&c, of, all)
		if err != nil {
			return c, nil, err
		}
		sections = append(sections, s)
	}
	if slices.ContainsFunc(all, func(v variant) bool { return v.units != nil }) {
		s, err := x.compareUnits(&c, of, all)
		if err != nil {
			return c, nil, err
		}
		sections = append(sections, s)
	}
	return c, sections, nil
}

// lastAccuracies is the table of what the encoders f reached in the last kNN test of
// their training.
func (x *reader) lastAccuracies(of string, all []variant) (report.Table, error) {
	t := report.Table{Name: "accuracy", Title: "Accuracy of f by " + of, Note: "kNN on its own data, at the end of the training, with 95 % intervals over encoders.", Columns: []report.Column{{Name: of}, {Name: "kNN", Digits: 3}}}
	for _, v := range all {
		var last []float64
		for _, e := range v.f {
			log, err := run.OpenLog(x.store.Path(e.train, "run", "log.jsonl"))
			if err != nil {
				return t, err
			}
			if records := log.Records(run.F); len(records) > 0 && records[len(records)-1].KNN != nil {
				last = append(last, *records[len(records)-1].KNN)
			}
		}
		if len(last) > 0 {
			t.Rows = append(t.Rows, []report.Cell{report.Text(v.name), interval(last)})
		}
	}
	return t, nil
}

func (x *reader) compareLayers(c *compared, of string, all []variant) (report.Section, error) {
	t := report.Table{Name: "controlled", Title: "The controlled score of the convolutions, by " + of, Columns: []report.Column{{Name: "tap"}}}
	chart := report.Chart{Name: "controlled", Title: t.Title, Kind: report.Line, X: "convolution", Y: "half of S_C minus S_I", Reference: []report.Reference{{Y: 0}}}
	for _, v := range all {
		if v.pairs == nil {
			c.deep, c.plain = append(c.deep, nil), append(c.plain, nil)
			continue
		}
		r, err := x.results(v.pairs)
		if err != nil {
			return report.Section{}, err
		}
		convs, err := r.convolutions()
		if err != nil {
			return report.Section{}, err
		}
		c.deep = append(c.deep, deep(convs, func(tap string) []float64 { return controlled(r.scores, tap) }))
		c.plain = append(c.plain, deep(convs, func(tap string) []float64 { return layerMem(r.scores, tap) }))
		t.Note, chart.Categories = r.intervals(), convs
		addColumn(&t, &chart, v.name, "half of S_C minus S_I", convs, func(tap string) report.Cell { return interval(controlled(r.scores, tap)) })
	}
	return report.Section{Title: "By layer", Tables: []report.Table{t}, Charts: []report.Chart{chart}}, nil
}

func (x *reader) compareUnits(c *compared, of string, all []variant) (report.Section, error) {
	t := report.Table{Name: "unitmem", Title: "UnitMem by " + of, Columns: []report.Column{{Name: "tap"}},
		Note: "Mean over the units of f behind each ReLU or GELU, over its candidates and as many images that it never saw, with 95 % intervals over encoders. UnitMem says how selective units are; which of the images own them is in study unitmem."}
	chart := report.Chart{Name: "unitmem", Title: t.Title, Kind: report.Line, X: "tap", Y: "UnitMem (Eq. 8)"}
	for _, v := range all {
		if v.units == nil {
			c.units = append(c.units, nil)
			continue
		}
		found, err := x.unitsFound(v.units)
		if err != nil {
			return report.Section{}, err
		}
		var per []float64
		var taps []string
		by := map[string][]float64{}
		for _, f := range found {
			per = append(per, meanUnitMem(f))
			for _, tap := range unitTaps(f) {
				if by[tap.Tap] == nil {
					taps = append(taps, tap.Tap)
				}
				by[tap.Tap] = append(by[tap.Tap], tap.Mean)
			}
		}
		if len(taps) == 0 {
			return report.Section{}, fmt.Errorf("found no tap behind a ReLU or GELU among those that were scored")
		}
		c.units = append(c.units, per)
		chart.Categories = taps
		addColumn(&t, &chart, v.name, "mean UnitMem", taps, func(tap string) report.Cell { return interval(by[tap]) })
	}
	return report.Section{Title: "By unit", Tables: []report.Table{t}, Charts: []report.Chart{chart}}, nil
}

// addColumn adds a column with a cell for each tap to a table, and the same as a
// series to a chart.
func addColumn(t *report.Table, chart *report.Chart, name, help string, taps []string, of func(tap string) report.Cell) {
	t.Columns = append(t.Columns, report.Column{Name: name, Help: help, Digits: 4})
	s := report.Series{Name: name}
	for i, tap := range taps {
		if len(t.Rows) == i {
			t.Rows = append(t.Rows, []report.Cell{report.Text(tap)})
		}
		cell := of(tap)
		t.Rows[i] = append(t.Rows[i], cell)
		push(&s, cell)
	}
	chart.Series = append(chart.Series, s)
}

// moreThan is a claim that the controlled score of deep layers is larger in variant
// a than in b.
func (x *reader) moreThan(id, source, statement, paper string, c compared, a, b int, what string) report.Claim {
	return x.judge(report.Claim{ID: id, Source: source, Statement: statement, Paper: paper, Plain: intervalOf(minus(c.plain[a], c.plain[b])),
		Rule: "The number is the controlled score of the one minus that of the other, mean of the last three convolutions, one for each seed."},
		"the controlled score of "+what, minus(c.deep[a], c.deep[b]))
}

// unitsMoreThan is the same claim of UnitMem.
func (x *reader) unitsMoreThan(id, source, statement, paper string, c compared, a, b int, what string) report.Claim {
	return x.judgePlain(report.Claim{ID: id, Source: source, Statement: statement, Paper: paper,
		Rule: "The number is the UnitMem of the one minus that of the other, mean over the units behind each ReLU or GELU and then over these taps, one for each seed. UnitMem measures selectivity, for images that were seen and others alike."},
		"UnitMem of "+what, minus(c.units[a], c.units[b]))
}
