package study

import (
	"fmt"
	"path/filepath"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
)

// moments is the number of early encoders that study time looks at.
const moments = 5

// trainingTime asks whether UnitMem rises while training goes on (Figure 4).
var trainingTime = Study{Name: "time", Source: "F4", Title: "UnitMem over the training", plan: func(l *lab) writer {
	every := max(1, l.recipe(0).Train.Epochs/moments)
	trained := l.encoders(fmt.Sprintf("train.keep_every=%d", every))
	var all []variant
	for k := 1; k <= moments; k++ {
		v := variant{name: fmt.Sprintf("epoch %d", k*every)}
		for _, e := range trained {
			v.units = append(v.units, unitsOf(e, filepath.Join("epochs", fmt.Sprintf("%s-%04d.safetensors", run.F, k*every))))
		}
		l.do(v.units...)
		all = append(all, v)
	}
	untrained := variant{name: "untrained"}
	for _, e := range trained {
		untrained.units = append(untrained.units, rankUntrained(e.recipe))
	}
	l.do(untrained.units...)
	all = append([]variant{untrained}, all...)
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("time", all)
		if err != nil {
			return nil, err
		}
		var means report.Series
		var names []string
		for i, v := range all {
			names = append(names, v.name)
			push(&means, interval(c.units[i]))
		}
		means.Name = "mean over taps"
		sections[0].Charts = append(sections[0].Charts, report.Chart{Name: "time", Title: "UnitMem over the training", Kind: report.Line, X: "encoder after", Y: "UnitMem (Eq. 8)",
			Categories: names, Series: []report.Series{means}, Note: "The band is the 95 % interval over encoders."})
		return &report.Document{
			Lead: []string{"Encoders f were kept while they were trained, and the units of each were ranked; those of untrained ones show the selectivity that needs no training."},
			Claims: []report.Claim{x.unitsMoreThan("time.units", "F4", "UnitMem rises while training goes on.", "a figure without numbers, 800 epochs", c, moments, 1,
				fmt.Sprintf("the last minus the first %d epochs", every))},
			Sections: sections,
		}, nil
	}
}}
