package study

import (
	"math"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

var (
	claimPreference = Claim{
		ID:        "census.units",
		Source:    "ours",
		Statement: "Units answer more to images that their encoder was trained on.",
		Rule: `The number is the mean over the units of {tap} of Z (members minus others, by its standard
			deviation over other draws), mean over f and g, one for each pair.`,
		Number: "mean preference of the units of {tap}",
	}
	claimOwners = Claim{
		ID:        "census.owners",
		Source:    "ours",
		Statement: "The units of the largest UnitMem are owned by images that their encoder was trained on.",
		Rule: `The number is the share of the top tenth of the units of {tap}, by UnitMem in a pool of members
			and the same number of others, that members own, minus one half, mean over f and g, one for each
			pair.`,
		Number: "the share owned by members minus one half",
	}
)

const (
	textCensusUnits = `UnitMem says that a unit is selective. Encoders are also selective for images that they
		were not trained on, so the question is whether members have more of it than others.`
	noteCensusUnits = `Preference: mean over the units of a tap of Z, the difference of a unit's mean activation
		between members (images that its encoder was trained on) and the other encoder's, by its standard
		deviation over other draws of the halves; mean over f and g. Owners: share of the top tenth of the units
		by UnitMem that are owned by members, in a pool of equal numbers of both. Means over pairs with
		Student's 95 % intervals.`
)

var censusUnitColumns = []report.Column{
	{Name: "tap"},
	{Name: "preference", Digits: 3, Help: "0 without memorization"},
	{Name: "spread of Z", Digits: 3, Help: "root mean square of Z over units: about 1 without memorization"},
	{Name: "owned by members", Digits: 3, Help: "one half without memorization"},
	{Name: "p, Fisher", Digits: 4, Help: `of the owners: the pairs' p values by permuted membership, combined by
		Fisher's method`},
}

// memberUnits are numbers of the units of each tap, pair by pair.
type memberUnits struct {
	preference, spread map[string][]float64 // mean and root mean square of Z
	owned, p           map[string][]float64 // share that members own, and its p value
}

// memberUnits reads what units prefer and who owns them.
func (x *crossedPairs) memberUnits() (*memberUnits, error) {
	out := &memberUnits{map[string][]float64{}, map[string][]float64{}, map[string][]float64{}, map[string][]float64{}}
	for _, q := range x.pairs {
		dir := x.store.Path(q.Score, "scores")
		rows, err := memorize.PreferenceTable.Read(dir)
		if err != nil {
			return nil, err
		}
		sum, square, n := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for _, r := range rows {
			sum[r.Tap] += r.Z
			square[r.Tap] += r.Z * r.Z
			n[r.Tap]++
		}
		for tap, k := range n {
			out.preference[tap] = append(out.preference[tap], sum[tap]/k)
			out.spread[tap] = append(out.spread[tap], math.Sqrt(square[tap]/k))
		}
		owners, err := memorize.HeldOutTable.Read(dir)
		if err != nil {
			return nil, err
		}
		for _, h := range owners {
			if h.Encoder == "both" {
				out.owned[h.Tap], out.p[h.Tap] = append(out.owned[h.Tap], h.Members.Share), append(out.p[h.Tap], h.P)
			}
		}
	}
	return out, nil
}

// censusUnits says whether units answer more to members, and whether members own the top
// units, tap by tap. Its claims are about one tap. Without scores of units it is empty.
func (x *crossedPairs) censusUnits(tap string) (report.Section, []report.Claim, error) {
	u, err := x.memberUnits()
	if err != nil {
		return report.Section{}, nil, err
	}
	t := report.Table{
		Name: "units", Title: "Units and members", Note: prose(noteCensusUnits), Columns: flowing(censusUnitColumns),
	}
	chart := report.Chart{
		Name: "preference", Title: "Units prefer members", Kind: report.Line, X: "tap", Y: "mean Z over units",
		Categories: x.Taps(), Series: []report.Series{{Name: "preference"}}, Reference: noMemorization,
	}
	for _, tap := range x.Taps() {
		if len(u.preference[tap]) == 0 {
			return report.Section{}, nil, nil
		}
		mean := Interval(u.preference[tap])
		push(&chart.Series[0], mean)
		row := []report.Cell{report.Text(tap), mean, Interval(u.spread[tap]), {}, {}}
		if len(u.owned[tap]) == len(x.pairs) {
			row[3], row[4] = bounded(u.owned[tap]), report.Num(stats.Fisher(u.p[tap]))
		}
		t.Rows = append(t.Rows, row)
	}
	claims := []report.Claim{x.Judge(claimPreference.fill("{tap}", tap), nil, u.preference[tap])}
	if len(u.owned[tap]) == len(x.pairs) {
		claims = append(claims, x.Judge(claimOwners.fill("{tap}", tap), nil, shifted(u.owned[tap], -0.5)))
	}
	return report.Section{
		Title: "Units", Text: []string{prose(textCensusUnits)},
		Charts: []report.Chart{chart}, Tables: []report.Table{t},
	}, claims, nil
}
