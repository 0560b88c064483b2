package study

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
)

// ownersClaim is the claim of Table 12, of the pairs that have both kinds of points.
func (x *reader) ownersClaim(plain, beyond []float64) report.Claim {
	c := report.Claim{ID: "points.owners", Source: "T12", Statement: "Points that own several top units are memorized more, beyond what points show that were never seen.",
		Paper: "mean SSLMem .694, .813, .833, .857, .891 of points that own 1 to 5 top units of the last convolution",
		Rule:  "The mean score behind the last ReLU, turned to the encoder, of the points of a set that own two or more of the top tenth of the units there, minus that of those that own one; the number is that of the set that the encoder was trained on minus that of the one that only the other saw, mean over f and g, one for each pair that has all of these points; plain: of f's candidates alone."}
	if len(plain) > 0 {
		c.Plain = intervalOf(plain)
	}
	if len(beyond) == 0 {
		c.Verdict, c.Why, c.Command = report.UnderPowered, "no pair has points that own one and points that own several units in all sets", x.command
		return c
	}
	return x.judge(c, "several minus one unit, seen minus unseen images", beyond)
}

// owners groups the points by how many of the top units behind the last ReLU they own:
// a table; the mean score of f's candidates with several less that of those with one,
// and the same of seen minus unseen images of either encoder, for the pairs that have
// these points.
func (r *results) owners() (t report.Table, plain, beyond []float64, err error) {
	const groups = 4
	var found [2][groups][]float64 // of seen and unseen points, all pairs and encoders
	tap := r.lastReLU()
	for i, p := range r.pairs {
		all, err := memorize.OwnerTable.Read(r.store.Path(p.score, "scores"))
		if err != nil {
			return t, nil, nil, err
		}
		complete := true
		b, err := beyondUnseen(func(s side, set string) (float64, error) {
			score := map[int]float64{} // by the setting's distance: that of the file is the recipe's first
			for k, v := range s.turned(r.scores[i].of(tap, set)) {
				score[r.scores[i].Of(tap, set).Points[k]] = v
			}
			var one, several []float64
			for _, o := range all {
				if o.Encoder != s.which || o.Tap != tap || o.Set != set {
					continue
				}
				v := score[o.Point]
				if o.Units == 1 {
					one = append(one, v)
				} else {
					several = append(several, v)
				}
				kind := 0
				if set == s.unseen {
					kind = 1
				}
				k := min(o.Units, groups) - 1
				found[kind][k] = append(found[kind][k], v)
			}
			if len(one) == 0 || len(several) == 0 {
				complete = false
				return 0, nil
			}
			gap := stat.Mean(several, nil) - stat.Mean(one, nil)
			if s.which == run.F && set == s.seen {
				plain = append(plain, gap)
			}
			return gap, nil
		})
		if err != nil {
			return t, nil, nil, err
		}
		if complete {
			beyond = append(beyond, b)
		}
	}
	t = report.Table{Name: "owners", Title: "Points that own top units in " + tap, Note: "Points and their mean scores there, turned to the encoder; f and g, all pairs together.",
		Columns: []report.Column{{Name: "units owned"}, {Name: "images it saw"}, {Name: "their score", Digits: 4}, {Name: "images it never saw", Help: "only the other encoder saw them"}, {Name: "their score, never seen", Digits: 4}}}
	for k := range groups {
		row := []report.Cell{report.Text(fmt.Sprint(k + 1))}
		if k == groups-1 {
			row[0] = report.Text(fmt.Sprintf("%d or more", groups))
		}
		for kind := range found {
			row = append(row, report.Num(float64(len(found[kind][k]))))
			if len(found[kind][k]) == 0 {
				row = append(row, report.Cell{})
			} else {
				row = append(row, report.Num(stat.Mean(found[kind][k], nil)))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, plain, beyond, nil
}
