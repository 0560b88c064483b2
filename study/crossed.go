package study

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// crossedPairs are the results of pairs that each drew their own halves of one universe
// of images.
type crossedPairs struct {
	*Results
	universe []int          // indices of the images, rising
	member   [][]bool       // [pair][image]: it is a candidate
	place    [2][][]int     // [set][pair][k]: place in the universe of the k-th point of a set
	sets     [2]string      // candidates and independents
	position map[string]int // place of a tap in forward order
}

// crossed lines up the images of crossed pairs. A pair with another universe is an error.
func (r *Results) crossed() (*crossedPairs, error) {
	x := &crossedPairs{Results: r, sets: [2]string{memorize.Candidate, memorize.Independent}, position: map[string]int{}}
	for i, t := range r.Taps() {
		x.position[t] = i
	}
	tap := r.Taps()[0]
	for _, set := range x.sets {
		x.universe = append(x.universe, r.scores[0].Of(tap, set).Points...)
	}
	slices.Sort(x.universe)
	places := map[int]int{} // of an image
	for k, i := range x.universe {
		places[i] = k
	}
	for p, s := range r.scores {
		x.member = append(x.member, make([]bool, len(x.universe)))
		found := 0
		for k, set := range x.sets {
			var own []int
			for _, i := range s.Of(tap, set).Points {
				place, ok := places[i]
				if !ok {
					return nil, fmt.Errorf("pair %d: found image %d, expected one of the universe of the first pair", p+1, i)
				}
				own, found = append(own, place), found+1
				x.member[p][place] = k == 0
			}
			x.place[k] = append(x.place[k], own)
		}
		if found != len(x.universe) {
			return nil, fmt.Errorf("pair %d: found %d candidates and independents, expected the %d images of the universe",
				p+1, found, len(x.universe))
		}
	}
	return x, nil
}

// of lines up a score of every image in every pair.
func (x *crossedPairs) of(score func(p scores, set string) []float64) stats.Crossed {
	out := stats.Crossed{Member: x.member}
	for p, s := range x.scores {
		line := make([]float64, len(x.universe))
		for k, set := range x.sets {
			for i, v := range score(s, set) {
				line[x.place[k][p][i]] = v
			}
		}
		out.Scores = append(out.Scores, line)
	}
	return out
}

// in lines up the scores in a tap.
func (x *crossedPairs) in(tap string) stats.Crossed {
	return x.of(func(p scores, set string) []float64 { return p.of(tap, set) })
}

// riseOf is, for each point, the mean score in the last three of the taps minus that in
// the first three.
func riseOf(taps []string) func(p scores, set string) []float64 {
	return func(p scores, set string) []float64 {
		n := len(taps)
		var rise []float64
		for k, tap := range []string{taps[0], taps[1], taps[2], taps[n-3], taps[n-2], taps[n-1]} {
			for i, v := range p.of(tap, set) {
				if k == 0 {
					rise = append(rise, 0)
				}
				if k < 3 {
					v = -v
				}
				rise[i] += v / 3
			}
		}
		return rise
	}
}

// ruleCrossed is the rule of judgeCrossed in words.
const ruleCrossed = `The interval (95 %) is over crossed pairs and images: effects of single images cancel,
	Student's t covers other pairs, and a variance component covers other images. All above 0 is reproduced, all
	below 0 is not reproduced. Anything else, or fewer than three pairs, is under-powered.`

// judgeCrossed returns the claim that the controlled mean of a score is above 0 with its
// verdict, by its interval over pairs and images. plain is the number of each pair as the
// paper takes it, nil if there is none.
func (x *Reader) judgeCrossed(claim Claim, plain []float64, of stats.Crossed) (report.Claim, error) {
	c, what := x.begin(claim, plain), prose(claim.Number)
	c.Rule += " " + prose(ruleCrossed)
	m, err := population(of)
	if err != nil {
		return c, err
	}
	cell := both(m)
	c.Controlled = &cell
	switch {
	case len(of.Scores) == 1:
		c.Why = withoutSpread(what, cell, nil)
		return c, nil
	case m.Both == nil:
		c.Why = fmt.Sprintf("%s is %.4f in one couple of pairs, so the spread over pairs is unknown", what, m.Mean)
		return c, nil
	}
	c.P, c.Verdict = &m.Both.P, verdictAbove(m.Both.Lo, m.Both.Hi)
	c.Why = prosef(`%s is %.4f, 95 %% interval over %d crossed pairs and %d images [%.4f, %.4f]; %.4f would be found
		with power .8`, what, m.Mean, len(of.Scores), len(of.Scores[0]), m.Both.Lo, m.Both.Hi, *m.Detectable)
	return c, nil
}

// population is the mean memorization; of one pair its controlled score, without an
// interval.
func population(of stats.Crossed) (stats.Population, error) {
	if len(of.Scores) > 1 {
		return of.Population(level)
	}
	means, err := of.PairMeans()
	if err != nil {
		return stats.Population{}, err
	}
	return stats.Population{Mean: means[0], PairMeans: means, Level: level}, nil
}

// both is the cell of a population mean, with its interval over pairs and images if there
// is one.
func both(m stats.Population) report.Cell {
	if m.Both == nil {
		return report.Num(m.Mean)
	}
	return report.Between(m.Mean, m.Both.Lo, m.Both.Hi)
}

// populations estimates the controlled score of each tap.
func (x *crossedPairs) populations(taps []string) ([]stats.Population, error) {
	out := make([]stats.Population, len(taps))
	for i, tap := range taps {
		var err error
		if out[i], err = population(x.in(tap)); err != nil {
			return nil, fmt.Errorf("tap %s: %w", tap, err)
		}
	}
	return out, nil
}

// membership tests, in each tap, whether the encoders carry any information about which
// images were candidates.
func (x *crossedPairs) membership(taps []string) ([]stats.Membership, error) {
	scores := make([][][]float64, len(taps))
	for i, tap := range taps {
		scores[i] = x.in(tap).Scores
	}
	return stats.MembershipTaps(x.member, scores, stats.DefaultResampling(x.Seed, "membership"))
}

// testColumns are those of the table of tests.
var testColumns = []report.Column{
	{Name: "tap"},
	{Name: "over pairs", Digits: 4},
	{Name: "both", Digits: 4},
	{Name: "detectable", Digits: 4, Help: helpDetectable},
	{Name: "p", Digits: 4, Help: `two-sided; the null hypothesis is that encoders carry no information about
		which images were candidates`},
	{Name: "p, Holm", Digits: 4},
	{Name: "AUC", Digits: 3, Help: "for telling candidates from independents by their score, mean over pairs"},
	{Name: "Cohen's d", Digits: 3, Help: "candidates against independents, mean over pairs"},
	{Name: "found at 1 %", Digits: 3, Help: `share of candidates found at a false alarm rate of 1 %, mean over pairs:
		chance is .01`},
}

const (
	helpDetectable = `the smallest score that the interval of this design would tell from 0 with probability .8`
	noteTests      = `%d crossed pairs, %d images. Over pairs: about encoders that are trained alike, for these
		images. Both: about other pairs and other images; verdicts go by it. p by other draws of the halves
		(exact), and by the normal approximation of the same after Holm's correction for the taps of this table.`
)

// flowing returns columns whose help is on one line.
func flowing(columns []report.Column) []report.Column {
	out := slices.Clone(columns)
	for i := range out {
		out[i].Help = prose(out[i].Help)
	}
	return out
}

// holmNormal corrects the p values of tests by normal approximation for their number.
func holmNormal(tests []stats.Membership) ([]float64, error) {
	var p []float64
	for _, m := range tests {
		p = append(p, m.PNormal)
	}
	return stats.Holm(p)
}

// crossedTests is the table of the controlled score with its intervals, the exact test of
// membership and the smallest effect that would be found.
func (x *crossedPairs) crossedTests(taps []string) (report.Table, error) {
	t := report.Table{
		Name: "tests", Title: "The controlled score, tested", Columns: flowing(testColumns),
		Note: prosef(noteTests, len(x.scores), len(x.universe)),
	}
	means, err := x.populations(taps)
	if err != nil {
		return t, err
	}
	tests, err := x.membership(taps)
	if err != nil {
		return t, err
	}
	corrected, err := holmNormal(tests)
	if err != nil {
		return t, err
	}
	for i, tap := range taps {
		areas, err := x.areas(tap)
		if err != nil {
			return t, err
		}
		d, found, err := x.effects(tap)
		if err != nil {
			return t, err
		}
		pairs := report.Num(means[i].Mean)
		if m := means[i].Pairs; m != nil {
			pairs = report.Between(m.Mean, m.Lo, m.Hi)
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(tap), pairs, both(means[i]), {Value: means[i].Detectable},
			report.Num(tests[i].P), report.Num(corrected[i]),
			Interval(areas), report.Num(stat.Mean(d, nil)), report.Num(stat.Mean(found, nil)),
		})
	}
	return t, nil
}

// effects returns, pair by pair, Cohen's d of candidates against independents in a tap
// and the share of candidates found at a false alarm rate of 1 %.
func (r *Results) effects(tap string) (d, found []float64, err error) {
	for _, q := range r.scores {
		c, i := q.of(tap, memorize.Candidate), q.of(tap, memorize.Independent)
		effect, err := stats.CohenD(c, i)
		if err != nil {
			return nil, nil, err
		}
		rate, err := stats.TPRAt(c, i, 0.01)
		if err != nil {
			return nil, nil, err
		}
		d, found = append(d, effect), append(found, rate)
	}
	return d, found, nil
}
