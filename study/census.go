package study

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// census asks of every image of a universe how much it is memorized, and how reliably
// that is known. Only crossed pairs can: an image that is odd in all encoders has a large
// score as a candidate and as an independent, and memorization is what changes sign with
// its role.
var census = Study{Name: "census", Source: "ours", Title: "Every image's own memorization", plan: func(l *lab) writer {
	g := l.crossed()
	l.sameImages(g)
	return written(g, writeCensus)
}}

// tapCensus is what the census finds in one tap.
type tapCensus struct {
	tap         string
	population  stats.Population
	membership  stats.Membership
	images      stats.ImageScores
	reliability *stats.Reliability // nil with fewer than two couples
}

func (x *crossedPairs) censusOf(taps []string) ([]tapCensus, error) {
	populations, err := x.populations(taps)
	if err != nil {
		return nil, err
	}
	tests, err := x.membership(taps)
	if err != nil {
		return nil, err
	}
	out := make([]tapCensus, len(taps))
	for i, tap := range taps {
		of := x.in(tap)
		out[i] = tapCensus{tap: tap, population: populations[i], membership: tests[i]}
		if len(of.Scores) < 2 {
			continue
		}
		if out[i].images, err = of.Images(); err != nil {
			return nil, fmt.Errorf("tap %s: %w", tap, err)
		}
		if len(of.Scores) < 4 {
			continue
		}
		r, err := of.Reliability(x.Seed)
		if err != nil {
			return nil, fmt.Errorf("tap %s: %w", tap, err)
		}
		out[i].reliability = &r
	}
	return out, nil
}

func writeCensus(r *results) (*report.Document, error) {
	x, err := r.crossed()
	if err != nil {
		return nil, err
	}
	taps := r.taps()
	all, err := x.censusOf(taps)
	if err != nil {
		return nil, err
	}
	table, charts, err := x.censusTable(all)
	if err != nil {
		return nil, err
	}
	deep := r.lastReLU()
	if deep == "" {
		deep = taps[len(taps)-1]
	}
	images, data, err := x.censusImages(all, deep)
	if err != nil {
		return nil, err
	}
	units, claims, err := x.censusUnits(deep)
	if err != nil {
		return nil, err
	}
	members, err := x.judgeCrossed(report.Claim{ID: "census.members", Source: "ours",
		Statement: "Images are memorized: behind the last ReLU the scores of an image depend on whether the encoder was trained on it.",
		Rule:      "The number is the controlled score in " + deep + "."}, "the controlled score in "+deep, x.in(deep))
	if err != nil {
		return nil, err
	}
	claims = append([]report.Claim{members, x.reliable(all[x.position[deep]])}, claims...)
	return &report.Document{
		Lead: []string{fmt.Sprintf("%d crossed pairs of encoders (%s) drew their own halves of %d images: in a couple of pairs every image is once a candidate, which only f was trained on, and once an independent, which only g was trained on. In numbers: %s.",
			len(x.pairs), x.pairs[0].recipe.Describe(), len(x.universe), members.Why),
			"What makes an image odd in all encoders adds the same to its scores in both roles, and cancels. What sets f and g of a pair apart adds the same to all images, and cancels as well. Memorization turns its sign with the role, and stays."},
		Claims:   claims,
		Sections: []report.Section{{Title: "By depth", Charts: charts, Tables: []report.Table{table}}, images, units},
		Data:     data,
	}, nil
}

// censusTable is the table of all taps with its charts.
func (x *crossedPairs) censusTable(all []tapCensus) (report.Table, []report.Chart, error) {
	t := report.Table{Name: "census", Title: "Memorization by depth",
		Note: fmt.Sprintf("%d crossed pairs, %d images, Eq. 2, %s. Controlled: with its 95 %% interval over pairs and images. p: two-sided, by other draws of the halves; exact. Holm: of the normal approximation of p, corrected for the number of taps.", len(x.scores), len(x.universe), x.by),
		Columns: []report.Column{{Name: "tap"}, {Name: "controlled", Digits: 4}, {Name: "detectable", Digits: 4, Help: "the smallest score that the interval of this design would tell from 0 with probability .8"},
			{Name: "p", Digits: 4}, {Name: "p, Holm", Digits: 4}, {Name: "AUC", Digits: 3, Help: "of telling candidates from independents by their score, mean over pairs with its interval"},
			{Name: "reliability", Digits: 3, Help: "of the ranking of images: rank correlation between halves of the couples, stepped up to all of them (Spearman-Brown)"},
			{Name: "images above 0", Digits: 3, Help: "share of the images whose own memorization is above 0 at a false discovery rate of 5 % (Benjamini-Hochberg)"},
			{Name: "S_C", Digits: 4, Help: "LayerMem of the candidates"}, {Name: "S_S", Digits: 4, Help: "of images that both saw"},
			{Name: "S_I", Digits: 4, Help: "of images that only g saw"}, {Name: "S_E", Digits: 4, Help: "of images that neither saw"}, {Name: "same data", Digits: 4, Help: "the controlled score of two encoders that saw the same images"}}}
	var p []float64
	for _, c := range all {
		p = append(p, c.membership.PNormal)
	}
	corrected, err := stats.Holm(p)
	if err != nil {
		return t, nil, err
	}
	sets := []string{memorize.Candidate, memorize.Shared, memorize.Independent, memorize.External}
	control := report.Series{Name: memorize.Controlled, Look: report.LookControlled}
	area, same := report.Series{Name: "AUC", Look: report.LookControlled}, report.Series{Name: "same data, other seed"}
	bySet := make([]report.Series, len(sets))
	reliability := report.Series{Name: "reliability"}
	var taps []string
	for i, c := range all {
		taps = append(taps, c.tap)
		own := both(c.population)
		push(&control, own)
		areas, err := x.areas(c.tap)
		if err != nil {
			return t, nil, err
		}
		push(&area, interval(areas))
		row := []report.Cell{report.Text(c.tap), own, {Value: c.population.Detectable}, report.Num(c.membership.P), report.Num(corrected[i]), interval(areas), {}, {}}
		if c.reliability != nil {
			row[6] = report.Num(c.reliability.Full)
			reliability.Y = append(reliability.Y, &c.reliability.Full)
		}
		if share, ok := c.discovered(); ok {
			row[7] = report.Num(share)
		}
		for k, set := range sets {
			m := interval(over(x.scores, c.tap, set))
			bySet[k].Name = set
			push(&bySet[k], m)
			row = append(row, report.Num(*m.Value))
		}
		null := report.Cell{}
		if x.sameData != nil {
			null = report.Num(controlled(x.sameData, c.tap)[0])
			push(&same, null)
		}
		t.Rows = append(t.Rows, append(row, null))
	}
	first := report.Chart{Name: "controlled", Title: "The controlled score by depth", Kind: report.Line, X: "tap", Y: "half of S_C minus S_I", Categories: taps,
		Series: []report.Series{control}, Reference: []report.Reference{{Name: "no memorization", Y: 0}}, Note: "The band is the 95 % interval over pairs of encoders and images."}
	if x.sameData != nil {
		first.Series = append(first.Series, same)
	}
	charts := []report.Chart{first,
		{Name: "sets", Title: "LayerMem of the four sets", Kind: report.Line, X: "tap", Y: "LayerMem (Eq. 2)", Categories: taps, Series: bySet, Reference: []report.Reference{{Y: 0}}, Note: "Bands: Student's intervals over pairs."},
		{Name: "auc", Title: "Candidates told from independents", Kind: report.Line, X: "tap", Y: "AUC", Categories: taps, Series: []report.Series{area}, Reference: []report.Reference{{Name: "chance", Y: 0.5}}}}
	if len(reliability.Y) == len(taps) {
		charts = append(charts, report.Chart{Name: "reliability", Title: "Reliability of the ranking of images", Kind: report.Line, X: "tap", Y: "split-half, Spearman-Brown", Categories: taps,
			Series: []report.Series{reliability}, Reference: []report.Reference{{Y: 0}}})
	}
	return t, charts, nil
}

// discovered is the share of the images whose own memorization is above 0 at a false
// discovery rate of 5 %; ok is false where images have no standard errors.
func (c tapCensus) discovered() (share float64, ok bool) {
	var p []float64
	for _, s := range c.images.Scores {
		if math.IsNaN(s.P) {
			return 0, false
		}
		p = append(p, s.P)
	}
	adjusted, err := stats.BH(p)
	if err != nil {
		return 0, false
	}
	for i, v := range adjusted {
		if v < 1-level && c.images.Scores[i].Value > 0 {
			share += 1 / float64(len(p))
		}
	}
	return share, true
}

// reliable is the claim that couples agree about which images are memorized most.
func (x *crossedPairs) reliable(c tapCensus) report.Claim {
	out := report.Claim{ID: "census.reliable", Source: "ours; T28", Statement: "Other encoders memorize the same images: which images are memorized most can be known.",
		Rule:  "The number is Spearman's rank correlation over images of their own memorization behind the last ReLU, between halves of the couples of pairs. Fisher's 95 % interval over images: all above 0 is reproduced, all below 0 not reproduced, else (or with fewer than two couples) under-powered.",
		Paper: "overlap of the top 100 from 69 % to 90 % between seeds, without a control (T28)", Command: x.command, Verdict: report.UnderPowered}
	if c.reliability == nil {
		out.Why = "fewer than two couples of pairs do not tell"
		return out
	}
	r := c.reliability.Half
	z, half := math.Atanh(r), distuv.UnitNormal.Quantile((1+level)/2)/math.Sqrt(float64(len(x.universe)-3))
	lo, hi := math.Tanh(z-half), math.Tanh(z+half)
	cell := report.Between(r, lo, hi)
	out.Controlled = &cell
	out.Why = fmt.Sprintf("the rank correlation between halves is %.3f [%.3f, %.3f] in %s, the reliability of all %d couples %.3f; %.3f would be found with power .8",
		r, lo, hi, c.tap, c.reliability.Couples, c.reliability.Full, math.Tanh(half+distuv.UnitNormal.Quantile(.8)/math.Sqrt(float64(len(x.universe)-3))))
	switch {
	case lo > 0:
		out.Verdict = report.Reproduced
	case hi < 0:
		out.Verdict = report.NotReproduced
	}
	return out
}

// censusUnits asks whether units answer more to members, and whether members own the top
// units, tap by tap; its claims are about deep.
func (x *crossedPairs) censusUnits(deep string) (report.Section, []report.Claim, error) {
	t := report.Table{Name: "units", Title: "Units and members",
		Note: "Preference: mean over the units of a tap of Z, the difference of a unit's mean activation between members (images that its encoder was trained on) and the other encoder's, by its standard deviation over other draws of the halves; mean over f and g. Owners: share of the top tenth of the units by UnitMem that are owned by members, in a pool of equal numbers of both. Means over pairs with Student's 95 % intervals.",
		Columns: []report.Column{{Name: "tap"}, {Name: "preference", Digits: 3, Help: "0 without memorization"},
			{Name: "spread of Z", Digits: 3, Help: "root mean square of Z over units: about 1 without memorization"},
			{Name: "owned by members", Digits: 3, Help: "one half without memorization"},
			{Name: "p, Fisher", Digits: 4, Help: "of the owners: the pairs' p values by permuted membership, combined by Fisher's method"}}}
	preference, owned := map[string][]float64{}, map[string][]float64{}
	spread, p := map[string][]float64{}, map[string][]float64{}
	for _, q := range x.pairs {
		dir := x.store.Path(q.score, "scores")
		rows, err := memorize.PreferenceTable.Read(dir)
		if err != nil {
			return report.Section{}, nil, err
		}
		sum, square, n := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for _, r := range rows {
			sum[r.Tap] += r.Z
			square[r.Tap] += r.Z * r.Z
			n[r.Tap]++
		}
		for tap, k := range n {
			preference[tap], spread[tap] = append(preference[tap], sum[tap]/k), append(spread[tap], math.Sqrt(square[tap]/k))
		}
		owners, err := memorize.HeldOutTable.Read(dir)
		if err != nil {
			return report.Section{}, nil, err
		}
		for _, h := range owners {
			if h.Encoder == "both" {
				owned[h.Tap], p[h.Tap] = append(owned[h.Tap], h.Members.Share), append(p[h.Tap], h.P)
			}
		}
	}
	chart := report.Chart{Name: "preference", Title: "Units prefer members", Kind: report.Line, X: "tap", Y: "mean Z over units", Categories: x.taps(),
		Series: []report.Series{{Name: "preference"}}, Reference: []report.Reference{{Name: "no memorization", Y: 0}}}
	for _, tap := range x.taps() {
		if len(preference[tap]) == 0 { // units were not scored
			return report.Section{}, nil, nil
		}
		mean := interval(preference[tap])
		push(&chart.Series[0], mean)
		row := []report.Cell{report.Text(tap), mean, interval(spread[tap]), {}, {}}
		if len(owned[tap]) == len(x.pairs) {
			row[3], row[4] = bounded(owned[tap]), report.Num(stats.Fisher(p[tap]))
		}
		t.Rows = append(t.Rows, row)
	}
	claims := []report.Claim{x.judge(report.Claim{ID: "census.units", Source: "ours", Statement: "Units answer more to images that their encoder was trained on.",
		Rule: "The number is the mean over the units of " + deep + " of Z (members minus others, by its standard deviation over other draws), mean over f and g, one for each pair."},
		"mean preference of the units of "+deep, preference[deep])}
	if len(owned[deep]) == len(x.pairs) {
		var beyond []float64
		for _, v := range owned[deep] {
			beyond = append(beyond, v-0.5)
		}
		claims = append(claims, x.judge(report.Claim{ID: "census.owners", Source: "ours", Statement: "The units of the largest UnitMem are owned by images that their encoder was trained on.",
			Rule: "The number is the share of the top tenth of the units of " + deep + ", by UnitMem in a pool of members and as many others, that members own, minus one half, mean over f and g, one for each pair."},
			"the share owned by members minus one half", beyond))
	}
	return report.Section{Title: "Units", Charts: []report.Chart{chart}, Tables: []report.Table{t},
		Text: []string{"UnitMem says that a unit is selective. Encoders are selective for images that they never saw as well, so the question is whether members have more of it than others."}}, claims, nil
}

// censusTaps are the taps whose images are shown: the last ReLU of each stage, at most
// four.
func censusTaps(taps []string, deep string) []string {
	var relu []string
	for _, t := range taps {
		if behindReLU(t) {
			relu = append(relu, t)
		}
	}
	if len(relu) < 4 {
		return []string{deep}
	}
	n := len(relu) - 1
	return []string{relu[n/4], relu[n/2], relu[n*3/4], deep}
}
