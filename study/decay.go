package study

// Does weight decay lower UnitMem? (Figure 11, which does not tell its values)

import "github.com/locimem/locimem/report"

var claimDecay = Claim{
	ID:        "decay.units",
	Source:    "F11",
	Statement: "Stronger weight decay lowers UnitMem.",
	Paper:     "a figure without numbers",
	Rule:      ruleMoreSelective,
	Number:    "UnitMem of no weight decay minus 0.001",
}

const leadDecay = `Encoders f were trained with three weight decays of the weights (L2; biases and norms have
	none), and their units ranked.`

var decay = Register(Study{
	Name:   "decay",
	Source: "F11",
	Title:  "Weight decay",
	Place:  230,
	Design: func(plan *Planner) Writer {
		all := []variant{
			plan.unitVariant("0", "train.weight_decay=0"),
			plan.unitVariant("0.0001", "train.weight_decay=0.0001"),
			plan.unitVariant("0.001", "train.weight_decay=0.001"),
		}
		return func(x *Reader) (*report.Document, error) {
			c, err := x.compare("weight decay", all)
			if err != nil {
				return nil, err
			}
			return &report.Document{
				Lead:     []string{prose(leadDecay)},
				Claims:   []report.Claim{x.moreSelective(claimDecay, c, 0, 2)},
				Sections: c.sections,
			}, nil
		}
	},
})
