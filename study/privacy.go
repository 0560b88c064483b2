package study

// Does differentially private training lower UnitMem? (Figure 1c)

import (
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/report"
)

var (
	claimPrivate = Claim{
		ID:        "privacy.mean",
		Source:    "F1c",
		Statement: "Private training lowers UnitMem.",
		Paper:     "the mean falls, a figure",
		Rule:      ruleMoreSelective,
		Number:    "UnitMem of not private minus epsilon 8",
	}
	claimSomeStay = Claim{
		ID:        "privacy.some",
		Source:    "F1c",
		Statement: "Some units stand out for a point even at epsilon 8, more than before any training.",
		Paper:     "some units stay high, a figure",
		Rule: `The number is the largest UnitMem of all units at epsilon 8 minus that of the untrained encoder,
			one for each encoder; plain: minus one half.`,
		Number: "the largest UnitMem, epsilon 8 minus untrained",
	}
)

const (
	leadPrivacy = `Masked autoencoders were trained with clipped gradients and noise for epsilon 20 and 8
		(docs/private.md), and without, and the units of f ranked. With few images the noise that an epsilon
		requires is large, and such an encoder learns little: what it does not memorize it may not have learned
		either.`
	notePrivacy = `All units behind a GELU, means over encoders with 95 % intervals. UnitMem of |activation|.`
)

// The places of the variants.
const (
	notPrivate = iota
	epsilon20
	epsilon8
	untrainedViT
)

var privacy = Register(Study{
	Name:   "privacy",
	Source: "F1c",
	Title:  "Private training",
	Place:  240,
	Design: func(plan *Planner) Writer {
		sets := plan.vit("score.absolute=true", `score.taps=["blocks.*.mlp.act"]`)
		private := func(epsilon string) []string {
			return append(sets[:len(sets):len(sets)], "train.private.epsilon="+epsilon)
		}
		all := []variant{
			notPrivate:   plan.unitVariant("not private", sets...),
			epsilon20:    plan.unitVariant("epsilon 20", private("20")...),
			epsilon8:     plan.unitVariant("epsilon 8", private("8")...),
			untrainedViT: {name: "untrained", units: plan.rankUntrained(sets...)},
		}
		return func(x *Reader) (*report.Document, error) {
			var found [][][]tapUnits
			for _, v := range all {
				f, err := x.unitsFound(v.units)
				if err != nil {
					return nil, err
				}
				found = append(found, f)
			}
			c, err := x.compare("privacy", all)
			if err != nil {
				return nil, err
			}
			return writePrivacy(x, all, c, found), nil
		}
	},
})

// largestUnitMem is the largest UnitMem of an encoder's units.
func largestUnitMem(found []tapUnits) float64 {
	out := 0.0
	for _, u := range unitTaps(found) {
		out = max(out, u.Max)
	}
	return out
}

// topUnitMem is UnitMem of the top tenth of the units, mean over taps.
func topUnitMem(found []tapUnits) float64 {
	return stat.Mean(each(unitTaps(found), func(u tapUnits) float64 { return u.Top }), nil)
}

// judgeSomeStay judges claimSomeStay, from the units at epsilon 8 and before training.
func judgeSomeStay(x *Reader, private, untrained [][]tapUnits) report.Claim {
	largest := each(private, largestUnitMem)
	return x.Judge(claimSomeStay, shifted(largest, -0.5), minus(largest, each(untrained, largestUnitMem)))
}

func writePrivacy(x *Reader, all []variant, c *comparison, found [][][]tapUnits) *report.Document {
	t := report.Table{
		Name: "privacy", Title: "Units that stand out, by privacy", Note: notePrivacy,
		Columns: []report.Column{
			{Name: "training"}, {Name: "mean UnitMem", Digits: 3}, {Name: "top tenth", Digits: 3}, {Name: "largest", Digits: 3},
		},
	}
	for i, v := range all {
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(v.name), Interval(c.units[i]),
			Interval(each(found[i], topUnitMem)), Interval(each(found[i], largestUnitMem)),
		})
	}
	last := &c.sections[len(c.sections)-1]
	last.Tables = append([]report.Table{t}, last.Tables...)
	return &report.Document{
		Lead: []string{prose(leadPrivacy)},
		Claims: []report.Claim{
			x.moreSelective(claimPrivate, c, notPrivate, epsilon8),
			judgeSomeStay(x, found[epsilon8], found[untrainedViT]),
		},
		Sections: c.sections,
	}
}
