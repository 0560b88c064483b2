package study

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/report"
)

// sameViews is the preset on whose views all encoders of study augmentation are
// measured: neither that of the weak nor that of the strong ones.
const sameViews = "normal"

// augmentation asks whether stronger augmentation leaves less memorized (Table 27,
// Figure 10), and whether the augmentation of the measurement matters (Figure 9).
var augmentation = Study{Name: "augmentation", Source: "T27, F9, F10", Title: "Strength of the augmentation", plan: func(l *lab) writer {
	const weak, own, strong = "weak", "the scale's own", "strong"
	trained := []variant{l.variant(weak, "augment.preset=weak"), l.variant(own), l.variant(strong, "augment.preset=strong")}
	same := []variant{l.seen(weak, sameViews, "augment.preset=weak"), l.seen(own, sameViews), l.seen(strong, sameViews, "augment.preset=strong")}
	measured := []variant{trained[1], l.seen("measured with weak", "weak"), l.seen("measured with strong", "strong")}
	measured[0].f = nil
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("augmentation of the training", trained)
		if err != nil {
			return nil, err
		}
		s, seen, err := x.compare("augmentation of the training", same)
		if err != nil {
			return nil, err
		}
		m, more, err := x.compare("augmentation of the measurement", measured)
		if err != nil {
			return nil, err
		}
		sections = append(sections, named(seen, "same views for the measurement", "same")...)
		sections = append(sections, named(more, "one training, other views for the measurement", "measured")...)
		gap := func(c compared) float64 { return stat.Mean(minus(c.units[0], c.units[2]), nil) }
		seen[len(seen)-1].Text = []string{fmt.Sprintf("UnitMem of weak minus strong augmentation is %.4f on these views, and %.4f on views like those of the training: what the two differ by comes from the measurement.", gap(s), gap(c))}
		layers := report.Claim{ID: "augmentation.layers", Source: "T27", Statement: "Stronger augmentation in training leaves less memorized in deep layers.",
			Paper: "LayerMem of the last layer alone .313 with weak, .308 with normal, .300 with strong augmentation", Plain: intervalOf(minus(c.plain[0], c.plain[2])),
			Rule: "The number is the controlled score with weak minus that with strong augmentation in training, both measured on views of preset " + sameViews + ", mean of the last three convolutions, one for each seed (plain: LayerMem, each measured on views like those of its training)."}
		units := report.Claim{ID: "augmentation.units", Source: "F10", Statement: "Stronger augmentation in training lowers UnitMem.",
			Paper: "a figure without numbers", Plain: intervalOf(minus(c.units[0], c.units[2])),
			Rule: "The number is UnitMem with weak minus that with strong augmentation in training, both measured on views of preset " + sameViews + ", mean over the units behind each ReLU and then over these taps, one for each seed (plain: each measured on views like those of its training)."}
		return &report.Document{
			Lead: []string{"Encoders were trained with weak, with the scale's own and with strong augmentation (docs/methods.md has the presets). Each was measured on views like those of its training, and, as the control, all on views of preset " + sameViews + ": else the views of the measurement differ as much as the training does. The scale's own ones were also measured on weak and on strong views."},
			Claims: []report.Claim{
				x.judge(layers, "the controlled score of weak minus strong augmentation, on the same views", minus(s.deep[0], s.deep[2])),
				x.judge(units, "UnitMem of weak minus strong augmentation, on the same views", minus(s.units[0], s.units[2])),
				x.judgeWithin(report.Claim{ID: "augmentation.measured", Source: "F9", Statement: "The augmentation with which UnitMem is measured does not matter.", Paper: "a figure without numbers",
					Rule: "The number is UnitMem measured on weak views minus that on strong views, of the same encoders, mean over the units behind each ReLU and then over these taps, one for each seed."},
					"UnitMem on weak minus strong views", minus(m.units[1], m.units[2]), unitsMargin),
			},
			Sections: sections,
		}, nil
	}
}}

// named tells sections of a comparison, and their tables and charts, from those of
// another.
func named(sections []report.Section, how, suffix string) []report.Section {
	for i := range sections {
		s := &sections[i]
		s.Title += ", " + how
		for k := range s.Tables {
			s.Tables[k].Name += "-" + suffix
			s.Tables[k].Title += ", " + how
		}
		for k := range s.Charts {
			s.Charts[k].Name += "-" + suffix
			s.Charts[k].Title += ", " + how
		}
	}
	return sections
}
