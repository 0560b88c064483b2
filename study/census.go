package study

// How much is every image of a universe memorized, and how reliably is that known? (ours)
// Only crossed pairs can tell: an image that is odd in all encoders has a large score both
// as a candidate and as an independent, and memorization is what changes sign with its role.

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

var (
	claimMembers = Claim{
		ID:     "census.members",
		Source: "ours",
		Statement: `Images are memorized: behind the last ReLU the scores of an image depend on whether the
			encoder was trained on it.`,
		Rule:   "The number is the controlled score in {tap}.",
		Number: "the controlled score in {tap}",
	}
	claimReliable = Claim{
		ID:        "census.reliable",
		Source:    "ours; T28",
		Statement: "Other encoders memorize the same images: it can be known which images are memorized most.",
		Paper:     "overlap of the top 100 from 69 % to 90 % between seeds, without a control (T28)",
		Rule: `The number is Spearman's rank correlation over images of their own memorization behind the last
			ReLU, between halves of the couples of pairs. Fisher's 95 % interval over images: all above 0 is
			reproduced, all below 0 is not reproduced. Anything else, or fewer than two couples, is
			under-powered.`,
		Number: "the rank correlation between halves",
	}
)

const (
	leadCensus = `%d crossed pairs of encoders (%s) drew their own halves of %d images: in a couple of pairs
		every image is once a candidate, which only f was trained on, and once an independent, which only g was
		trained on. In numbers: %s.`
	leadCancel = `What makes an image odd in all encoders adds the same to its scores in both roles, and
		cancels. What sets f and g of a pair apart adds the same to all images, and cancels as well.
		Memorization changes its sign with the role, and stays.`
	noteCensus = `%d crossed pairs, %d images, Eq. 2, %s. Controlled: with its 95 %% interval over pairs and
		images. p: two-sided, by other draws of the halves; exact. Holm: of the normal approximation of p,
		corrected for the number of taps.`
	whyReliable = `%s is %.3f [%.3f, %.3f] in %s, the reliability of all %d couples %.3f; %.3f would be found
		with power .8`
)

var censusColumns = []report.Column{
	{Name: "tap"},
	{Name: "controlled", Digits: 4},
	{Name: "detectable", Digits: 4, Help: helpDetectable},
	{Name: "p", Digits: 4},
	{Name: "p, Holm", Digits: 4},
	{Name: "AUC", Digits: 3, Help: `for telling candidates from independents by their score, mean over pairs with its
		interval`},
	{Name: "reliability", Digits: 3, Help: `of the ranking of images: rank correlation between halves of the couples,
		stepped up to all of them (Spearman-Brown)`},
	{Name: "images above 0", Digits: 3, Help: `share of the images whose own memorization is above 0 at a false
		discovery rate of 5 % (Benjamini-Hochberg)`},
	{Name: "S_C", Digits: 4, Help: "LayerMem of the candidates"},
	{Name: "S_S", Digits: 4, Help: "of images that both encoders were trained on"},
	{Name: "S_I", Digits: 4, Help: "of images that only g was trained on"},
	{Name: "S_E", Digits: 4, Help: "of images that neither encoder was trained on"},
	{Name: "same data", Digits: 4, Help: "the controlled score of two encoders that were trained on the same images"},
}

var census = Register(Study{
	Name:   "census",
	Source: "ours",
	Title:  "Every image's own memorization",
	Place:  20,
	Design: func(plan *Planner) Writer {
		g := plan.crossedPairs()
		plan.addSameData(g)
		return reportOn(g, writeCensus)
	},
})

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

// discovered is the share of the images whose own memorization is above 0 at a false
// discovery rate of 5 %. ok is false where images have no standard errors.
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

func writeCensus(r *Results) (*report.Document, error) {
	x, err := r.crossed()
	if err != nil {
		return nil, err
	}
	taps := r.Taps()
	all, err := x.censusOf(taps)
	if err != nil {
		return nil, err
	}
	byDepth, err := x.censusByDepth(all)
	if err != nil {
		return nil, err
	}
	last := r.lastReLU()
	if last == "" {
		last = taps[len(taps)-1]
	}
	images, data, err := x.censusImages(all, last)
	if err != nil {
		return nil, err
	}
	units, unitClaims, err := x.censusUnits(last)
	if err != nil {
		return nil, err
	}
	members, err := x.judgeCrossed(claimMembers.fill("{tap}", last), nil, x.in(last))
	if err != nil {
		return nil, err
	}
	claims := []report.Claim{members, x.judgeReliable(all[x.position[last]])}
	return &report.Document{
		Lead: []string{
			prosef(leadCensus, len(x.pairs), x.pairs[0].Recipe.Describe(), len(x.universe), members.Why),
			prose(leadCancel),
		},
		Claims:   append(claims, unitClaims...),
		Sections: []report.Section{byDepth, images, units},
		Data:     data,
	}, nil
}

// judgeReliable judges the claim that couples agree about which images are memorized most.
func (x *crossedPairs) judgeReliable(c tapCensus) report.Claim {
	if c.reliability == nil {
		return x.undecided(claimReliable, nil, "fewer than two couples of pairs do not tell")
	}
	out := x.begin(claimReliable, nil)
	f := stats.FisherInterval(c.reliability.Half, len(x.universe), level)
	cell := report.Between(c.reliability.Half, f.Lo, f.Hi)
	out.Controlled = &cell
	out.Why = prosef(whyReliable, claimReliable.Number, c.reliability.Half, f.Lo, f.Hi, c.tap,
		c.reliability.Couples, c.reliability.Full, f.Detectable)
	out.Verdict = verdictAbove(f.Lo, f.Hi)
	return out
}

// censusSeries are the lines of the charts by depth.
type censusSeries struct {
	control, area, same, reliability report.Series
	sets                             []report.Series
}

// censusByDepth is the table of all taps with its charts.
func (x *crossedPairs) censusByDepth(all []tapCensus) (report.Section, error) {
	t := report.Table{
		Name: "census", Title: "Memorization by depth", Columns: flowing(censusColumns),
		Note: prosef(noteCensus, len(x.scores), len(x.universe), x.by),
	}
	tests := make([]stats.Membership, len(all))
	for i, c := range all {
		tests[i] = c.membership
	}
	corrected, err := holmNormal(tests)
	if err != nil {
		return report.Section{}, err
	}
	s := censusSeries{
		control:     report.Series{Name: memorize.Controlled, Look: report.LookControlled},
		area:        report.Series{Name: "AUC", Look: report.LookControlled},
		same:        report.Series{Name: "same data, other seed"},
		reliability: report.Series{Name: "reliability"},
		sets:        make([]report.Series, len(fourSets)),
	}
	for i, c := range all {
		row, err := x.censusRow(c, corrected[i], &s)
		if err != nil {
			return report.Section{}, err
		}
		t.Rows = append(t.Rows, row)
	}
	return report.Section{Title: "By depth", Charts: x.censusCharts(&s), Tables: []report.Table{t}}, nil
}

// censusRow is the row of a tap. It also appends the tap to the lines of the charts.
func (x *crossedPairs) censusRow(c tapCensus, corrected float64, s *censusSeries) ([]report.Cell, error) {
	own := both(c.population)
	push(&s.control, own)
	areas, err := x.areas(c.tap)
	if err != nil {
		return nil, err
	}
	push(&s.area, Interval(areas))
	reliability, discovered, same := report.Cell{}, report.Cell{}, report.Cell{}
	if c.reliability != nil {
		reliability = report.Num(c.reliability.Full)
		s.reliability.Y = append(s.reliability.Y, &c.reliability.Full)
	}
	if share, ok := c.discovered(); ok {
		discovered = report.Num(share)
	}
	row := []report.Cell{
		report.Text(c.tap), own, {Value: c.population.Detectable}, report.Num(c.membership.P), report.Num(corrected),
		Interval(areas), reliability, discovered,
	}
	for k, set := range fourSets {
		m := Interval(over(x.scores, c.tap, set))
		s.sets[k].Name = set
		push(&s.sets[k], m)
		row = append(row, report.Num(*m.Value))
	}
	if x.sameData != nil {
		same = report.Num(controlled(x.sameData, c.tap)[0])
		push(&s.same, same)
	}
	return append(row, same), nil
}

func (x *crossedPairs) censusCharts(s *censusSeries) []report.Chart {
	taps := x.Taps()
	first := []report.Series{s.control}
	if x.sameData != nil {
		first = append(first, s.same)
	}
	charts := []report.Chart{{
		Name: "controlled", Title: "The controlled score by depth", Kind: report.Line, X: "tap", Y: halfDifference,
		Categories: taps, Series: first, Reference: noMemorization,
		Note: "The band is the 95 % interval over pairs of encoders and images.",
	}, {
		Name: "sets", Title: "LayerMem of the four sets", Kind: report.Line, X: "tap", Y: "LayerMem (Eq. 2)",
		Categories: taps, Series: s.sets, Reference: zero, Note: "Bands: Student's intervals over pairs.",
	}, {
		Name: "auc", Title: "Candidates told from independents", Kind: report.Line, X: "tap", Y: "AUC",
		Categories: taps, Series: []report.Series{s.area}, Reference: []report.Reference{{Name: "chance", Y: 0.5}},
	}}
	if len(s.reliability.Y) == len(taps) {
		charts = append(charts, report.Chart{
			Name: "reliability", Title: "Reliability of the ranking of images", Kind: report.Line,
			X: "tap", Y: "split-half, Spearman-Brown",
			Categories: taps, Series: []report.Series{s.reliability}, Reference: zero,
		})
	}
	return charts
}
