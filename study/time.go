package study

// Does UnitMem rise during training? (Figure 4)

import (
	"fmt"
	"path/filepath"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

var claimTime = Claim{
	ID:        "time.units",
	Source:    "F4",
	Statement: "UnitMem rises during training.",
	Paper:     "a figure without numbers, 800 epochs",
	Rule:      ruleMoreSelective,
	Number:    "UnitMem of the last minus the first {epochs} epochs",
}

const leadTime = `Encoders f were kept while they were trained, and the units of each were ranked. Those of
	untrained encoders show the selectivity that needs no training.`

// moments is the number of early encoders that the study looks at.
const moments = 5

var trainingTime = Register(Study{
	Name:   "time",
	Source: "F4",
	Title:  "UnitMem over the training",
	Place:  220,
	Design: func(plan *Planner) Writer {
		every := max(1, plan.Recipe(0).Train.Epochs/moments)
		trained := plan.TrainEncoders(fmt.Sprintf("train.keep_every=%d", every))
		var all []variant
		for k := 1; k <= moments; k++ {
			v := variant{name: fmt.Sprintf("epoch %d", k*every)}
			file := filepath.Join("epochs", fmt.Sprintf("%s-%04d.safetensors", memorize.F, k*every))
			for _, e := range trained {
				v.units = append(v.units, unitsStep(e, file))
			}
			plan.Add(v.units...)
			all = append(all, v)
		}
		untrained := variant{name: "untrained"}
		for _, e := range trained {
			untrained.units = append(untrained.units, untrainedUnitsStep(e.Recipe))
		}
		plan.Add(untrained.units...)
		all = append([]variant{untrained}, all...)
		return func(x *Reader) (*report.Document, error) { return writeTime(x, all, every) }
	},
})

// writeTime is the report. The first variant is untrained, the others are in order of time.
func writeTime(x *Reader, all []variant, every int) (*report.Document, error) {
	c, err := x.compare("time", all)
	if err != nil {
		return nil, err
	}
	means := report.Series{Name: "mean over taps"}
	var names []string
	for i, v := range all {
		names = append(names, v.name)
		push(&means, Interval(c.units[i]))
	}
	c.sections[0].Charts = append(c.sections[0].Charts, report.Chart{
		Name: "time", Title: "UnitMem over the training", Kind: report.Line, X: "encoder after", Y: "UnitMem (Eq. 8)",
		Categories: names, Series: []report.Series{means}, Note: "The band is the 95 % interval over encoders.",
	})
	return &report.Document{
		Lead:     []string{prose(leadTime)},
		Claims:   []report.Claim{x.moreSelective(claimTime.fill("{epochs}", fmt.Sprint(every)), c, moments, 1)},
		Sections: c.sections,
	}, nil
}
