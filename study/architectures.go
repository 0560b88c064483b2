package study

// Does memorization rise with depth in larger ResNets as well? (Tables 15 to 17)

import (
	"fmt"

	"github.com/locimem/locimem/report"
)

// claimRisesIn is the claim about one architecture.
func claimRisesIn(name string) Claim {
	paper := map[string]string{
		"resnet18": "LayerMem .074 in conv1 to .295 in the last convolution",
		"resnet34": ".037 to .313",
		"resnet50": ".046 to .335",
	}
	return claimRises("architectures."+name, "T15-T17",
		fmt.Sprintf("Memorization rises with depth in a %s.", name), paper[name])
}

const leadArchitectures = `Pairs of larger ResNets were trained on one split, and scored as in study depth.`

var architectures = Register(Study{
	Name:   "architectures",
	Source: "T15-T17",
	Title:  "LayerMem by depth in larger ResNets",
	Place:  30,
	Design: func(plan *Planner) Writer {
		names := plan.residualNets()
		var groups []*Group
		for _, n := range names {
			groups = append(groups, plan.TrainPairs(plan.residual(n)...))
		}
		return func(x *Reader) (*report.Document, error) { return writeArchitectures(x, names, groups) }
	},
})

func writeArchitectures(x *Reader, names []string, groups []*Group) (*report.Document, error) {
	d := &report.Document{Lead: []string{leadArchitectures}}
	for i, g := range groups {
		r, err := x.Results(g)
		if err != nil {
			return nil, err
		}
		convs, err := r.Convolutions()
		if err != nil {
			return nil, err
		}
		by, err := r.byDepth(convs, func(tap string) report.Cell { return Interval(r.Controlled(tap)) })
		if err != nil {
			return nil, err
		}
		by.table.Name += "-" + names[i]
		for k := range by.charts {
			by.charts[k].Name += "-" + names[i]
		}
		d.Claims = append(d.Claims, r.judgeRises(claimRisesIn(names[i]), convs))
		d.Sections = append(d.Sections, report.Section{
			Title: names[i], Text: by.baselines, Charts: by.charts, Tables: []report.Table{by.table},
		})
	}
	return d, nil
}

// residualNets are the larger ResNets of the scale, the deepest last.
func (p *Planner) residualNets() []string {
	if p.scale.name == "small" || p.scale.name == "paper" {
		return []string{"resnet18", "resnet34", "resnet50"}
	}
	return []string{"resnet18"}
}

// residual returns the changes that train one of them.
func (p *Planner) residual(name string) []string {
	sets := []string{"encoder.name=" + name, "encoder.pool=auto", `score.taps=["*conv*"]`}
	if p.scale.name == "tiny" {
		sets = append(sets, "encoder.width=0.125")
	}
	return sets
}
