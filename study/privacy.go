package study

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// private asks whether differentially private training lowers UnitMem (Figure 1c).
var private = Study{Name: "privacy", Source: "F1c", Title: "Private training", plan: func(l *lab) writer {
	sets := l.vit("score.absolute=true", `score.taps=["blocks.*.mlp.act"]`)
	all := []variant{l.unitVariant("not private", sets...)}
	for _, epsilon := range []int{20, 8} {
		all = append(all, l.unitVariant(fmt.Sprintf("epsilon %d", epsilon), append(sets[:len(sets):len(sets)], fmt.Sprintf("train.private.epsilon=%d", epsilon))...))
	}
	var fresh []*graph.Step
	for i := range l.Pairs {
		fresh = append(fresh, rankUntrained(l.recipe(i, sets...)))
	}
	l.do(fresh...)
	all = append(all, variant{name: "untrained", units: fresh})
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("privacy", all)
		if err != nil {
			return nil, err
		}
		t := report.Table{Name: "privacy", Title: "Units that stand out, by privacy", Note: "All units behind a GELU, means over encoders with 95 % intervals. UnitMem of |activation|.",
			Columns: []report.Column{{Name: "training"}, {Name: "mean UnitMem", Digits: 3}, {Name: "top tenth", Digits: 3}, {Name: "largest", Digits: 3}}}
		var largest [][]float64
		for i, v := range all {
			found, err := x.unitsFound(v.units)
			if err != nil {
				return nil, err
			}
			var tops, most []float64
			for _, f := range found {
				var of []float64
				highest := 0.0
				for _, u := range unitTaps(f) {
					of, highest = append(of, u.Top), max(highest, u.Max)
				}
				tops, most = append(tops, stat.Mean(of, nil)), append(most, highest)
			}
			largest = append(largest, most)
			t.Rows = append(t.Rows, []report.Cell{report.Text(v.name), interval(c.units[i]), interval(tops), interval(most)})
		}
		last := &sections[len(sections)-1]
		last.Tables = append([]report.Table{t}, last.Tables...)
		return &report.Document{
			Lead: []string{"Masked autoencoders were trained with clipped gradients and noise for epsilon 20 and 8 (docs/private.md), and without, and the units of f ranked. With few images the noise that an epsilon asks for is large, and such an encoder learns little: what it does not memorize it may not have learned either."},
			Claims: []report.Claim{
				x.unitsMoreThan("privacy.mean", "F1c", "Private training lowers UnitMem.", "the mean falls, a figure", c, 0, 2, "not private minus epsilon 8"),
				x.judge(report.Claim{ID: "privacy.some", Source: "F1c", Statement: "Some units stand out for a point even at epsilon 8, more than before any training.", Paper: "some units stay high, a figure", Plain: intervalOf(shifted(largest[2], -0.5)),
					Rule: "The number is the largest UnitMem of all units at epsilon 8 minus that of the untrained encoder, one for each encoder; plain: minus one half."}, "the largest UnitMem, epsilon 8 minus untrained", minus(largest[2], largest[3])),
			},
			Sections: sections,
		}, nil
	}
}}

// shifted adds a number to all.
func shifted(v []float64, by float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = v[i] + by
	}
	return out
}
