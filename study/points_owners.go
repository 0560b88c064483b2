package study

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

var claimPointOwners = Claim{
	ID:     "points.owners",
	Source: "T12",
	Statement: `Points that own several top units are memorized more, beyond what points show that the encoder
		was not trained on.`,
	Paper: "mean SSLMem .694, .813, .833, .857, .891 of points that own 1 to 5 top units of the last convolution",
	Rule: `The mean score behind the last ReLU, turned to the encoder, of the points of a set that own two or
		more of the top tenth of the units there, minus that of those that own one; the number is that for the
		set that the encoder was trained on minus that for the set that only the other was trained on, mean over
		f and g, one for each pair that has all of these points; plain: for f's candidates alone.`,
	Number: "several minus one unit, members minus others",
}

const (
	whyNoOwners = "no pair has points that own one and points that own several units in all sets"
	noteByUnits = `Points and their mean scores there, turned to the encoder; f and g, all pairs together.`
)

var ownersColumns = []report.Column{
	{Name: "units owned"},
	{Name: "members"},
	{Name: "their score", Digits: 4},
	{Name: "others", Help: "images that only the other encoder was trained on"},
	{Name: "others' score", Digits: 4},
}

// ownerGroups is the number of groups of points: those that own one unit, two, three, and
// four or more.
const ownerGroups = 4

// pointOwners groups the points by how many of the top units behind the last ReLU they own.
type pointOwners struct {
	groups [2][ownerGroups][]float64 // scores of members and of others, all pairs and encoders
	// Mean score of the points with several units minus that of those with one: of f's
	// candidates, and of members minus others, for the pairs that have all of these points.
	plain, beyond []float64
}

// owners reads who owns the top units of each pair.
func (r *Results) owners() (*pointOwners, error) {
	out := &pointOwners{}
	for i, p := range r.pairs {
		all, err := memorize.OwnerTable.Read(r.store.Path(p.Score, "scores"))
		if err != nil {
			return nil, err
		}
		complete := true
		gap, err := membersMinusOthers(func(s memorize.Side, set string) (float64, error) {
			one, several := out.scoresByUnits(r.scores[i], all, s, r.lastReLU(), set)
			if len(one) == 0 || len(several) == 0 {
				complete = false
				return 0, nil
			}
			gap := stat.Mean(several, nil) - stat.Mean(one, nil)
			if s == memorize.F && set == s.Members() {
				out.plain = append(out.plain, gap)
			}
			return gap, nil
		})
		if err != nil {
			return nil, err
		}
		if complete {
			out.beyond = append(out.beyond, gap)
		}
	}
	return out, nil
}

// scoresByUnits returns the scores, turned to an encoder, of the points of a set that own one
// and several of its top units, and adds them to the groups.
func (o *pointOwners) scoresByUnits(
	p scores, all []memorize.Owner, s memorize.Side, tap, set string,
) (one, several []float64) {
	score := map[int]float64{} // by the setting's distance: that of the file is the recipe's first
	for k, v := range s.Turned(p.of(tap, set)) {
		score[p.Of(tap, set).Points[k]] = v
	}
	kind := 0
	if set == s.Others() {
		kind = 1
	}
	for _, owner := range all {
		if owner.Encoder != s.String() || owner.Tap != tap || owner.Set != set {
			continue
		}
		v := score[owner.Point]
		if owner.Units == 1 {
			one = append(one, v)
		} else {
			several = append(several, v)
		}
		k := min(owner.Units, ownerGroups) - 1
		o.groups[kind][k] = append(o.groups[kind][k], v)
	}
	return one, several
}

// judge judges the claim of Table 12, for the pairs that have both kinds of points.
func (o *pointOwners) judge(x *Reader) report.Claim {
	if len(o.beyond) == 0 {
		return x.undecided(claimPointOwners, o.plain, whyNoOwners)
	}
	return x.Judge(claimPointOwners, o.plain, o.beyond)
}

func (o *pointOwners) table(tap string) report.Table {
	t := report.Table{
		Name: "owners", Title: "Points that own top units in " + tap, Note: noteByUnits, Columns: ownersColumns,
	}
	for k := range ownerGroups {
		row := []report.Cell{report.Text(fmt.Sprint(k + 1))}
		if k == ownerGroups-1 {
			row[0] = report.Text(fmt.Sprintf("%d or more", ownerGroups))
		}
		for kind := range o.groups {
			score := report.Cell{}
			if group := o.groups[kind][k]; len(group) > 0 {
				score = report.Num(stat.Mean(group, nil))
			}
			row = append(row, report.Num(float64(len(o.groups[kind][k]))), score)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
