package study

import (
	"fmt"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// datasets asks how UnitMem differs between data (Figure 1a), and on few classes of
// one (Table 34). The paper has SVHN with the fewest highly memorizing units beside
// CIFAR-10 and STL10.
var datasets = Study{Name: "datasets", Source: "F1a, T34", Title: "UnitMem on other data and on few classes", plan: func(l *lab) writer {
	all := []variant{l.unitVariant("own data"), l.unitVariant("other data", l.other()...)}
	steps := l.classUnits(all[0].f)
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("data", all)
		if err != nil {
			return nil, err
		}
		found, err := x.unitsFound(all[0].units)
		if err != nil {
			return nil, err
		}
		var tops []float64
		for _, f := range found {
			taps := unitTaps(f)
			tops = append(tops, taps[len(taps)-1].Mean-taps[0].Mean)
		}
		claim, few, err := x.fewClasses(found, steps)
		if err != nil {
			return nil, err
		}
		return &report.Document{
			Lead: []string{"Encoders f were trained alike on the scale's own and on the other data, and their units ranked on pools of the same size; those of the own data also on the images of three classes and of one."},
			Claims: []report.Claim{
				x.judgePlain(report.Claim{ID: "datasets.depth", Source: "T34", Statement: "Units of deeper layers are more selective.", Paper: "mean UnitMem .366 in layer 1, .409 in layer 8 (STL10)",
					Rule: "The number is the mean UnitMem behind the last ReLU minus that behind the first, one for each encoder on the own data."}, "UnitMem of the last minus the first tap", tops),
				claim,
				x.judgeWithin(report.Claim{ID: "datasets.alike", Source: "ours; against F1a", Statement: "Encoders of both data have the same UnitMem.", Paper: "the contrary: SVHN has fewer highly memorizing units than CIFAR-10 and STL10, a figure",
					Rule: "The number is UnitMem on the own minus that on the other data, mean over the units behind each ReLU and then over these taps, one for each seed."},
					"UnitMem on the own minus that on the other data", minus(c.units[0], c.units[1]), unitsMargin),
			},
			Sections: append(sections, few),
		}, nil
	}
}}

// fewClasses says whether units stand out for images, or for classes: then they would
// not do so among the images of one.
func (x *reader) fewClasses(all [][]tapUnits, steps []*graph.Step) (report.Claim, report.Section, error) {
	pools, err := resultsOf[[]classPool](x, steps)
	if err != nil {
		return report.Claim{}, report.Section{}, err
	}
	var taps []string
	for _, t := range unitTaps(all[0]) {
		taps = append(taps, t.Tap)
	}
	three, one := pools[0][0], pools[0][1]
	t := report.Table{Name: "classes", Title: "UnitMem on few classes", Columns: []report.Column{{Name: "tap"}},
		Note: fmt.Sprintf("Mean over the units of f behind each ReLU, with 95 %% intervals over encoders. Three classes: %s, %d candidates and independents; one: %s, %d. As many: that number of images of any class.",
			strings.Join(three.Classes, ", "), three.Points, strings.Join(one.Classes, ", "), one.Points)}
	chart := report.Chart{Name: "classes", Title: t.Title, Kind: report.Line, X: "tap", Y: "UnitMem (Eq. 8)", Categories: taps}
	var means [][]float64 // mean over taps, column by column
	for _, column := range []struct {
		name string
		of   func(i int) []tapUnits
	}{
		{"all", func(i int) []tapUnits { return all[i] }},
		{"three classes", func(i int) []tapUnits { return pools[i][0].Few }},
		{"as many as three", func(i int) []tapUnits { return pools[i][0].Any }},
		{"one class", func(i int) []tapUnits { return pools[i][1].Few }},
		{"as many as one", func(i int) []tapUnits { return pools[i][1].Any }},
	} {
		by := map[string][]float64{}
		var per []float64
		for i := range steps {
			found := column.of(i)
			per = append(per, meanUnitMem(found))
			for _, u := range unitTaps(found) {
				by[u.Tap] = append(by[u.Tap], u.Mean)
			}
		}
		means = append(means, per)
		addColumn(&t, &chart, column.name, "mean UnitMem", taps, func(tap string) report.Cell { return interval(by[tap]) })
	}
	row := []report.Cell{report.Text("mean")}
	for _, per := range means {
		row = append(row, interval(per))
	}
	t.Rows = append(t.Rows, row)
	claim := x.judgeWithin(report.Claim{ID: "datasets.classes", Source: "T34", Statement: "Units stand out for images and not for classes: among the images of one class they do so as much.",
		Paper: "mean UnitMem of layers 1 to 8 from .352 to .409 on all STL10, from .351 to .397 on its cars", Plain: intervalOf(minus(means[3], means[0])),
		Rule: "The number is UnitMem on the images of one class minus that on as many images of any class, mean over the units behind each ReLU and then over these taps, one for each encoder (plain: minus that on all images, of which there are more)."},
		"UnitMem on one class minus that on as many images of any", minus(means[3], means[4]), unitsMargin)
	gap := stat.Mean(minus(means[3], means[0]), nil)
	size := stat.Mean(minus(means[4], means[0]), nil)
	return claim, report.Section{Title: "Few classes", Tables: []report.Table{t}, Charts: []report.Chart{chart},
		Text: []string{fmt.Sprintf("On one class UnitMem differs by %.4f from that on all images; the smaller number of images alone makes %.4f.", gap, size)}}, nil
}
