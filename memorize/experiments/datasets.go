package experiments

import "github.com/locimem/locimem/report"

// datasets asks how UnitMem differs between data (Figure 1a, Table 34). The paper has
// SVHN with the fewest highly memorizing units beside CIFAR-10 and STL10.
var datasets = Study{Name: "datasets", Source: "F1a, T34", Title: "UnitMem on other data", plan: func(l *lab) writer {
	all := []variant{l.unitVariant("own data"), l.unitVariant("other data", l.other()...)}
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
		return &report.Document{
			Lead: []string{"Encoders f were trained alike on the scale's own and on the other data, and their units ranked on pools of the same size."},
			Claims: []report.Claim{
				x.judgePlain(report.Claim{ID: "datasets.depth", Source: "T34", Statement: "Units of deeper layers are more selective.", Paper: "mean UnitMem .366 in layer 1, .409 in layer 8 (STL10)",
					Rule: "The number is the mean UnitMem behind the last ReLU minus that behind the first, one for each encoder on the own data."}, "UnitMem of the last minus the first tap", tops),
				x.judgeWithin(report.Claim{ID: "datasets.alike", Source: "F1a", Statement: "Encoders of both data have the same UnitMem.", Paper: "SVHN has the fewest highly memorizing units, a figure",
					Rule: "The number is UnitMem on the own minus that on the other data, mean over the units behind each ReLU and then over these taps, one for each seed."},
					"UnitMem on the own minus that on the other data", minus(c.units[0], c.units[1]), 0.02),
			},
			Sections: sections,
		}, nil
	}
}}
