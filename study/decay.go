package study

import "github.com/locimem/locimem/report"

// decay asks whether weight decay lowers UnitMem (Figure 11, whose values of it are
// not told).
var decay = Study{Name: "decay", Source: "F11", Title: "Weight decay", plan: func(l *lab) writer {
	all := []variant{
		l.unitVariant("0", "train.weight_decay=0"),
		l.unitVariant("0.0001", "train.weight_decay=0.0001"),
		l.unitVariant("0.001", "train.weight_decay=0.001"),
	}
	return func(x *reader) (*report.Document, error) {
		c, sections, err := x.compare("weight decay", all)
		if err != nil {
			return nil, err
		}
		return &report.Document{
			Lead:     []string{"Encoders f were trained with three weight decays of the weights (L2; biases and norms have none), and their units ranked."},
			Claims:   []report.Claim{x.unitsMoreThan("decay.units", "F11", "Stronger weight decay lowers UnitMem.", "a figure without numbers", c, 0, 2, "no weight decay minus 0.001")},
			Sections: sections,
		}, nil
	}
}}
