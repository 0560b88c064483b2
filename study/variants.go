package study

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// ruleMoreMemorized is the rule for the controlled score of one variant being larger than
// that of another.
const ruleMoreMemorized = `The number is the controlled score of the one minus that of the other, mean of the last
	three convolutions, one for each seed; plain: the same for LayerMem of the candidates.`

// ruleMoreSelective is the same rule for UnitMem.
const ruleMoreSelective = `The number is UnitMem of the one minus that of the other, mean over the units behind each
	ReLU or GELU and then over these taps, one for each seed. UnitMem measures selectivity, for images that an
	encoder was trained on and for others alike.`

// unitsMargin is how far UnitMem may change where a study claims that it stays the same.
const unitsMargin = 0.02

// Notes of the tables that compare variants.
const (
	noteAccuracy = `kNN on its own data at the end of the training, with 95 % intervals over encoders.`
	noteUnits    = `Mean over the units of f behind each ReLU or GELU, over its candidates and the same number of
		images that it was not trained on, with 95 % intervals over encoders. UnitMem says how selective units are.
		Study unitmem says which of the images own them.`
)

// variant is one of several ways to train or to measure encoders that a study compares.
// Pairs of the same number have the same seed in all variants.
type variant struct {
	name  string
	f     []Encoder     // whose accuracy is shown; nil: it is not
	pairs *Group        // nil: not scored
	units []*graph.Step // of the encoders f; nil: not ranked
}

// variant trains pairs, scores them and ranks the units of f.
func (p *Planner) variant(name string, sets ...string) variant {
	g := p.TrainPairs(sets...)
	return variant{name, g.f(), g, p.rankUnits(g.f())}
}

// unitVariant trains only the encoders f, and ranks their units.
func (p *Planner) unitVariant(name string, sets ...string) variant {
	f := p.TrainEncoders(sets...)
	return variant{name, f, nil, p.rankUnits(f)}
}

// measuredOn is a variant that is measured on the views of a preset. Its training is that
// of another variant, which shows the accuracy.
func (p *Planner) measuredOn(preset, name string, sets ...string) variant {
	v := p.variant(name, slices.Concat(sets, []string{"score.augment.preset=" + preset})...)
	v.f = nil
	return v
}

// comparison holds the numbers of variants: a row for each, pair by pair.
type comparison struct {
	controlled [][]float64 // mean of the last three convolutions
	layerMem   [][]float64 // of the candidates, mean of the last three convolutions
	units      [][]float64 // UnitMem, mean over the ranked units of each tap behind a ReLU, then over taps
	sections   []report.Section
}

// compare reads the variants and puts them side by side: a section of the controlled
// score for those that were scored, and one of UnitMem for those whose units were ranked.
// The accuracies of f come first, as an encoder that learned nothing cannot memorize.
// what names the difference between the variants.
func (x *Reader) compare(what string, all []variant) (*comparison, error) {
	c := &comparison{}
	accuracy, err := x.lastAccuracies(what, all)
	if err != nil {
		return nil, err
	}
	if len(accuracy.Rows) > 0 {
		c.sections = append(c.sections, report.Section{Title: "Accuracy", Tables: []report.Table{accuracy}})
	}
	if slices.ContainsFunc(all, func(v variant) bool { return v.pairs != nil }) {
		if err := x.compareLayers(c, what, all); err != nil {
			return nil, err
		}
	}
	if slices.ContainsFunc(all, func(v variant) bool { return v.units != nil }) {
		if err := x.compareUnits(c, what, all); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// lastAccuracies is the table of what the encoders f reached in the last kNN test of
// their training.
func (x *Reader) lastAccuracies(what string, all []variant) (report.Table, error) {
	t := report.Table{
		Name: "accuracy", Title: "Accuracy of f by " + what, Note: noteAccuracy,
		Columns: []report.Column{{Name: what}, {Name: "kNN", Digits: 3}},
	}
	for _, v := range all {
		var last []float64
		for _, e := range v.f {
			log, err := run.OpenLog(x.store.Path(e.Train, "run", "log.jsonl"))
			if err != nil {
				return t, err
			}
			if records := log.Records(memorize.F); len(records) > 0 && records[len(records)-1].KNN != nil {
				last = append(last, *records[len(records)-1].KNN)
			}
		}
		if len(last) > 0 {
			t.Rows = append(t.Rows, []report.Cell{report.Text(v.name), Interval(last)})
		}
	}
	return t, nil
}

// compareLayers adds the controlled score of the variants, layer by layer.
func (x *Reader) compareLayers(c *comparison, what string, all []variant) error {
	t := report.Table{
		Name: "controlled", Title: "The controlled score of the convolutions, by " + what,
		Columns: []report.Column{{Name: "tap"}},
	}
	chart := report.Chart{
		Name: "controlled", Title: t.Title, Kind: report.Line, X: "convolution", Y: halfDifference, Reference: zero,
	}
	for _, v := range all {
		if v.pairs == nil {
			c.controlled, c.layerMem = append(c.controlled, nil), append(c.layerMem, nil)
			continue
		}
		r, err := x.Results(v.pairs)
		if err != nil {
			return err
		}
		convs, err := r.Convolutions()
		if err != nil {
			return err
		}
		c.controlled = append(c.controlled, LastThree(convs, r.Controlled))
		c.layerMem = append(c.layerMem, LastThree(convs, r.LayerMem))
		t.Note, chart.Categories = r.intervals(), convs
		addIntervals(&t, &chart, v.name, halfDifference, convs, r.Controlled)
	}
	c.sections = append(c.sections, report.Section{
		Title: "By layer", Tables: []report.Table{t}, Charts: []report.Chart{chart},
	})
	return nil
}

// compareUnits adds UnitMem of the variants, tap by tap.
func (x *Reader) compareUnits(c *comparison, what string, all []variant) error {
	t := report.Table{
		Name: "unitmem", Title: "UnitMem by " + what, Note: prose(noteUnits), Columns: []report.Column{{Name: "tap"}},
	}
	chart := report.Chart{Name: "unitmem", Title: t.Title, Kind: report.Line, X: "tap", Y: "UnitMem (Eq. 8)"}
	for _, v := range all {
		if v.units == nil {
			c.units = append(c.units, nil)
			continue
		}
		found, err := x.unitsFound(v.units)
		if err != nil {
			return err
		}
		c.units = append(c.units, each(found, meanUnitMem))
		taps, means := meansByTap(found)
		if len(taps) == 0 {
			return fmt.Errorf("taps: found none behind a ReLU or GELU among those that were scored, expected some")
		}
		chart.Categories = taps
		addIntervals(&t, &chart, v.name, "mean UnitMem", taps, func(tap string) []float64 { return means[tap] })
	}
	c.sections = append(c.sections, report.Section{
		Title: "By unit", Tables: []report.Table{t}, Charts: []report.Chart{chart},
	})
	return nil
}

// moreMemorized judges the claim that the controlled score of deep layers is larger in
// variant a than in b.
func (x *Reader) moreMemorized(claim Claim, c *comparison, a, b int) report.Claim {
	return x.Judge(claim, minus(c.layerMem[a], c.layerMem[b]), minus(c.controlled[a], c.controlled[b]))
}

// moreSelective judges the claim that UnitMem is larger in variant a than in b.
func (x *Reader) moreSelective(claim Claim, c *comparison, a, b int) report.Claim {
	return x.judgePlain(claim, minus(c.units[a], c.units[b]))
}

// unitTaps are the taps whose units are ranked: those behind a ReLU, where nothing is
// negative, and behind a transformer's GELU, where |activation| is taken.
func unitTaps(found []tapUnits) []tapUnits {
	var out []tapUnits
	for _, t := range found {
		if behindReLU(t.Tap) || strings.HasSuffix(t.Tap, ".act") {
			out = append(out, t)
		}
	}
	return out
}

// meanUnitMem is the mean over taps of the mean UnitMem of a tap.
func meanUnitMem(found []tapUnits) float64 {
	var means []float64
	for _, t := range unitTaps(found) {
		means = append(means, t.Mean)
	}
	return stat.Mean(means, nil)
}

// meansByTap returns the taps of encoders, in forward order, and the mean UnitMem of each,
// encoder by encoder.
func meansByTap(found [][]tapUnits) (taps []string, means map[string][]float64) {
	means = map[string][]float64{}
	for _, f := range found {
		for _, t := range unitTaps(f) {
			if means[t.Tap] == nil {
				taps = append(taps, t.Tap)
			}
			means[t.Tap] = append(means[t.Tap], t.Mean)
		}
	}
	return taps, means
}

// each returns a number for each of several things.
func each[T any](all []T, of func(T) float64) []float64 {
	var out []float64
	for _, v := range all {
		out = append(out, of(v))
	}
	return out
}
