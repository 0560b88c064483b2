package experiments

import "github.com/locimem/locimem/report"

// augmentation asks whether stronger augmentation leaves less memorized (Table 27,
// Figure 10), and whether the augmentation of the measurement matters (Figure 9).
var augmentation = Study{Name: "augmentation", Source: "T27, F9, F10", Title: "Strength of the augmentation", plan: func(l *lab) writer {
	trained := []variant{
		l.variant("weak", "augment.preset=weak"),
		l.variant("the scale's own"),
		l.variant("strong", "augment.preset=strong"),
	}
	own := l.encoders()
	measured := []variant{{name: trained[1].name, pairs: trained[1].pairs, units: trained[1].units}}
	for _, preset := range []string{"weak", "strong"} {
		measured = append(measured, variant{name: "measured with " + preset, pairs: l.pairs("score.augment.preset=" + preset)})
	}
	for i := range measured[1:] {
		var as []encoder
		for k, p := range measured[i+1].pairs.pairs {
			as = append(as, encoder{p.recipe, own[k].train})
		}
		measured[i+1].units = l.units(as)
	}
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("augmentation of the training", trained)
		if err != nil {
			return nil, err
		}
		m, more, err := x.compare("augmentation of the measurement", measured)
		if err != nil {
			return nil, err
		}
		for i := range more {
			more[i].Title += ", other views for the measurement"
			more[i].Tables[0].Name += "-measured"
			more[i].Charts[0].Name += "-measured"
		}
		return &report.Document{
			Lead: []string{"Encoders were trained with weak, with the scale's own and with strong augmentation (docs/methods.md has the presets). Each pair was scored on views like those of its training; the scale's own ones also on weak and on strong views."},
			Claims: []report.Claim{
				x.moreThan("augmentation.layers", "T27", "Stronger augmentation in training leaves less memorized in deep layers.",
					"LayerMem of the last layer .313 with weak, .308 with normal, .300 with strong augmentation", c, 0, 2, "weak minus strong augmentation"),
				x.unitsMoreThan("augmentation.units", "F10", "Stronger augmentation in training lowers UnitMem.", "a figure without numbers", c, 0, 2, "weak minus strong augmentation"),
				x.judgeWithin(report.Claim{ID: "augmentation.measured", Source: "F9", Statement: "The augmentation with which UnitMem is measured does not matter.", Paper: "a figure without numbers",
					Rule: "The number is UnitMem measured on weak views minus that on strong views, of the same encoders, mean over the units behind each ReLU and then over these taps, one for each seed."},
					"UnitMem on weak minus strong views", minus(m.units[1], m.units[2]), 0.05),
			},
			Sections: append(sections, more...),
		}, nil
	}
}}
