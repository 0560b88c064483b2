package study

import (
	"fmt"

	"github.com/locimem/locimem/report"
)

// architectures asks study depth's question of other ResNets (Tables 15 to 17).
var architectures = Study{Name: "architectures", Source: "T15-T17", Title: "LayerMem by depth in larger ResNets", plan: func(l *lab) writer {
	names := l.residualNets()
	var groups []*group
	for _, n := range names {
		groups = append(groups, l.pairs(l.residual(n)...))
	}
	return func(x *reader) (*report.Document, error) {
		paper := map[string]string{"resnet18": "LayerMem .074 in conv1 to .295 in the last convolution", "resnet34": ".037 to .313", "resnet50": ".046 to .335"}
		d := &report.Document{Lead: []string{"Pairs of larger ResNets were trained and scored as in study depth."}}
		for i, g := range groups {
			r, err := x.results(g)
			if err != nil {
				return nil, err
			}
			convs, err := r.convolutions()
			if err != nil {
				return nil, err
			}
			text, table, charts, err := r.byDepth(convs, func(tap string) report.Cell { return interval(controlled(r.scores, tap)) })
			if err != nil {
				return nil, err
			}
			table.Name += "-" + names[i]
			for k := range charts {
				charts[k].Name += "-" + names[i]
			}
			d.Claims = append(d.Claims, r.rises("architectures."+names[i], "T15-T17", fmt.Sprintf("Memorization rises with depth in a %s.", names[i]), paper[names[i]], convs))
			d.Sections = append(d.Sections, report.Section{Title: names[i], Text: text, Charts: charts, Tables: []report.Table{table}})
		}
		return d, nil
	}
}}

// residualNets are the larger ResNets of the scale, the deepest last.
func (l *lab) residualNets() []string {
	if l.scale.name == "small" || l.scale.name == "paper" {
		return []string{"resnet18", "resnet34", "resnet50"}
	}
	return []string{"resnet18"}
}

// residual returns the changes for one of them.
func (l *lab) residual(name string) []string {
	sets := []string{"encoder.name=" + name, "encoder.pool=auto", `score.taps=["*conv*"]`}
	if l.scale.name == "tiny" {
		sets = append(sets, "encoder.width=0.125")
	}
	return sets
}
