package study

// Does stronger augmentation leave less memorized (Table 27, Figure 10), and does the
// augmentation of the measurement matter (Figure 9)?

import (
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/report"
)

var (
	claimAugmentedLayers = Claim{
		ID:        "augmentation.layers",
		Source:    "T27",
		Statement: "Stronger augmentation in training leaves less memorized in deep layers.",
		Paper:     "LayerMem of the last layer alone .313 with weak, .308 with normal, .300 with strong augmentation",
		Rule: `The number is the controlled score with weak minus that with strong augmentation in training,
			both measured on views of preset {same}, mean of the last three convolutions, one for each seed;
			plain: LayerMem, each measured on views like those of its training.`,
		Number: "the controlled score of weak minus strong augmentation, on the same views",
	}
	claimAugmentedUnits = Claim{
		ID:        "augmentation.units",
		Source:    "F10",
		Statement: "Stronger augmentation in training lowers UnitMem.",
		Paper:     "a figure without numbers",
		Rule: `The number is UnitMem with weak minus that with strong augmentation in training, both measured on
			views of preset {same}, mean over the units behind each ReLU and then over these taps, one for each
			seed; plain: each measured on views like those of its training.`,
		Number: "UnitMem of weak minus strong augmentation, on the same views",
	}
	claimMeasuredViews = Claim{
		ID:        "augmentation.measured",
		Source:    "F9",
		Statement: "The augmentation with which UnitMem is measured does not matter.",
		Paper:     "a figure without numbers",
		Rule: `The number is UnitMem measured on weak views minus that on strong views, of the same encoders,
			mean over the units behind each ReLU and then over these taps, one for each seed.`,
		Number: "UnitMem on weak minus strong views",
	}
)

const (
	leadAugmentation = `Encoders were trained with weak, with the scale's own and with strong augmentation
		(docs/methods.md has the presets). Each was measured on views like those of its training. As the
		control, all were also measured on views of preset %s: otherwise the views of the measurement differ as
		much as the training does. The encoders with the scale's own augmentation were also measured on weak and
		on strong views.`
	textSameViews = `UnitMem of weak minus strong augmentation is %.4f on these views, and %.4f on views like
		those of the training. The difference between the two comes from the measurement.`
)

// sameViews is the preset on whose views all encoders are measured: neither that of the
// weak nor that of the strong ones.
const sameViews = "normal"

var augmentation = Register(Study{
	Name:   "augmentation",
	Source: "T27, F9, F10",
	Title:  "Strength of the augmentation",
	Place:  210,
	Design: func(plan *Planner) Writer {
		const weak, own, strong = "weak", "the scale's own", "strong"
		trained := []variant{
			plan.variant(weak, "augment.preset=weak"),
			plan.variant(own),
			plan.variant(strong, "augment.preset=strong"),
		}
		same := []variant{
			plan.measuredOn(sameViews, weak, "augment.preset=weak"),
			plan.measuredOn(sameViews, own),
			plan.measuredOn(sameViews, strong, "augment.preset=strong"),
		}
		measured := []variant{
			trained[1],
			plan.measuredOn("weak", "measured with weak"),
			plan.measuredOn("strong", "measured with strong"),
		}
		measured[0].f = nil
		return func(x *Reader) (*report.Document, error) { return writeAugmentation(x, trained, same, measured) }
	},
})

func writeAugmentation(x *Reader, trained, same, measured []variant) (*report.Document, error) {
	own, err := x.compare("augmentation of the training", trained)
	if err != nil {
		return nil, err
	}
	s, err := x.compare("augmentation of the training", same)
	if err != nil {
		return nil, err
	}
	m, err := x.compare("augmentation of the measurement", measured)
	if err != nil {
		return nil, err
	}
	s.sections[len(s.sections)-1].Text = []string{prosef(textSameViews, weakMinusStrong(s), weakMinusStrong(own))}
	sections := append(own.sections, renamed(s.sections, "same views for the measurement", "same")...)
	sections = append(sections, renamed(m.sections, "one training, other views for the measurement", "measured")...)
	return &report.Document{
		Lead:     []string{prosef(leadAugmentation, sameViews)},
		Claims:   augmentationClaims(x, own, s, m),
		Sections: sections,
	}, nil
}

// augmentationClaims judges the claims: own is measured on the views of each training, same
// on the same views, measured compares views for the encoders of one training.
func augmentationClaims(x *Reader, own, same, measured *comparison) []report.Claim {
	return []report.Claim{
		x.Judge(claimAugmentedLayers.fill("{same}", sameViews),
			minus(own.layerMem[0], own.layerMem[2]), minus(same.controlled[0], same.controlled[2])),
		x.Judge(claimAugmentedUnits.fill("{same}", sameViews),
			minus(own.units[0], own.units[2]), minus(same.units[0], same.units[2])),
		x.judgeWithin(claimMeasuredViews, nil, minus(measured.units[1], measured.units[2]), unitsMargin),
	}
}

// weakMinusStrong is the mean difference in UnitMem between the first and the last variant.
func weakMinusStrong(c *comparison) float64 { return stat.Mean(minus(c.units[0], c.units[2]), nil) }

// renamed tells the sections of a comparison, and their tables and charts, from those of
// another.
func renamed(sections []report.Section, how, suffix string) []report.Section {
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
