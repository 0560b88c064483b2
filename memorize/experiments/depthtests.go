package experiments

import (
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// tests are the intervals of the controlled score of some taps that answer different
// questions, whether candidates can be told from independents there, and p values
// corrected for the number of taps.
func (r *results) tests(taps []string) (report.Table, error) {
	t := report.Table{Name: "tests", Title: "The controlled score, tested",
		Note: "Over pairs: Student's t, about encoders that are trained alike; verdicts go by it. Over points: a percentile bootstrap of images, about these encoders only. Both: pairs and images are resampled, each by itself; with few pairs it is too narrow.",
		Columns: []report.Column{{Name: "tap"}, {Name: "over pairs", Digits: 4}, {Name: "over points", Digits: 4}, {Name: "both", Digits: 4},
			{Name: "p, Holm", Help: "two-sided, by Student's t over pairs, after Holm's correction for the taps of this table", Digits: 3},
			{Name: "Cohen's d", Help: "candidates against independents, mean over pairs", Digits: 3}, {Name: "AUC", Help: "of telling candidates from independents, mean over pairs", Digits: 3},
			{Name: "found at 1 %", Help: "share of candidates found at a false alarm rate of 1 %, mean over pairs: chance is .01", Digits: 3}}}
	var p []float64
	for _, tap := range taps {
		var s stats.Sample
		var d, found []float64
		s.SamePoints = true
		for _, q := range r.scores {
			c, i := q.of(tap, memorize.Candidate), q.of(tap, memorize.Independent)
			s.Candidate, s.Independent = append(s.Candidate, c), append(s.Independent, i)
			effect, err := stats.CohenD(c, i)
			if err != nil {
				return t, err
			}
			rate, err := stats.TPRAt(c, i, 0.01)
			if err != nil {
				return t, err
			}
			d, found = append(d, effect), append(found, rate)
		}
		areas, err := r.areas(tap)
		if err != nil {
			return t, err
		}
		e, err := stats.TwoWay(s, stats.DefaultResampling(r.Seed, "study"))
		if err != nil {
			return t, err
		}
		if e.Pairs != nil {
			p = append(p, e.Pairs.P)
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(tap), interval(e.PairMeans), report.Between(e.Mean, e.Points.Lo, e.Points.Hi),
			report.Between(e.Mean, e.Both.Lo, e.Both.Hi), {}, report.Num(stat.Mean(d, nil)), report.Num(stat.Mean(areas, nil)), report.Num(stat.Mean(found, nil))})
	}
	if len(p) == 0 { // of one pair
		return t, nil
	}
	corrected, err := stats.Holm(p)
	if err != nil {
		return t, err
	}
	for i := range t.Rows {
		t.Rows[i][4] = report.Num(corrected[i])
	}
	return t, nil
}
