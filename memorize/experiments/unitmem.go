package experiments

import (
	"fmt"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/report"
)

// unitMem asks whether UnitMem shows memory at all: whether images that f saw own more
// of its top units than as many images that it did not see, and whether the points
// that own units are those of large SSLMem (Figure 1b).
var unitMem = Study{Name: "unitmem", Source: "F1b; ours", Title: "UnitMem, SSLMem and images that were never seen", plan: func(l *lab) writer {
	own := l.pairs()
	ranked := l.units(own.f())
	return func(x *reader) (*report.Document, error) {
		found, err := x.unitsFound(ranked)
		if err != nil {
			return nil, err
		}
		r, err := x.results(own)
		if err != nil {
			return nil, err
		}
		members, table, chart := ownedByMembers(found)
		agree, control, scatter, err := r.unitsAndScores()
		if err != nil {
			return nil, err
		}
		return &report.Document{
			Lead: []string{"The units of f were ranked over one pool of its candidates and as many independents, which it never saw. If units stand out for what was memorized, members of the training set own more of them. By chance it is half."},
			Claims: []report.Claim{
				x.judgePlain(report.Claim{ID: "unitmem.members", Source: "ours", Statement: "Images of the training set own more of the top units than images that were never seen.",
					Rule: "The number is the share of the top tenth of the units that candidates own, mean over the last three taps behind a ReLU, minus one half, one for each encoder."},
					"the share of the candidates minus one half", members),
				x.judge(report.Claim{ID: "unitmem.sslmem", Source: "F1b", Statement: "Points that units stand out for have large SSLMem, beyond what images that nobody saw show.", Paper: "aligned, a figure", Plain: intervalOf(agree),
					Rule: "Spearman's correlation, over the candidates, of the largest UnitMem that a point owns behind the last ReLU (0 if none) with its score there; the number is that minus the same of external images, one for each pair."},
					"the correlation of candidates minus that of external images", minus(agree, control)),
			},
			Sections: []report.Section{{Title: "Members and others", Tables: []report.Table{table}, Charts: []report.Chart{chart}},
				{Title: "UnitMem and SSLMem", Text: []string{fmt.Sprintf("Rank correlation of the first pair: candidates %.2f, external images %.2f.", agree[0], control[0])}, Charts: []report.Chart{scatter}}},
		}, nil
	}
}}

// ownedByMembers is the share of the top tenth of the units of each tap behind a ReLU
// that members own, and its excess over one half in the last three.
func ownedByMembers(found [][]tapUnits) (excess []float64, t report.Table, c report.Chart) {
	t = report.Table{Name: "members", Title: "Top units by who owns them", Note: "The tenth of the units of largest UnitMem in a pool of as many candidates as independents; means over encoders with 95 % intervals. A single odd image often owns many units, so the share of one encoder scatters widely.",
		Columns: []report.Column{{Name: "tap"}}}
	c = report.Chart{Name: "members", Title: "Share of the top units that members own", Kind: report.Line, X: "tap", Y: "share", Reference: []report.Reference{{Name: "chance", Y: 0.5}}}
	taps := unitTaps(found[0])
	shares := map[string][]float64{}
	excess = make([]float64, len(found))
	for i, f := range found {
		all := unitTaps(f)
		for k, u := range all {
			shares[u.Tap] = append(shares[u.Tap], u.TopMembers)
			if k >= len(all)-3 {
				excess[i] += (u.TopMembers - 0.5) / 3
			}
		}
	}
	for _, u := range taps {
		c.Categories = append(c.Categories, u.Tap)
	}
	addColumn(&t, &c, "owned by candidates", "share of the top tenth of the units", c.Categories, func(tap string) report.Cell { return interval(shares[tap]) })
	return excess, t, c
}

// unitsAndScores is, pair by pair, the rank correlation of the largest UnitMem that a
// point owns behind the last ReLU with its score, of candidates and of external
// images, and a chart of the first pair.
func (r *results) unitsAndScores() (candidates, external []float64, chart report.Chart, err error) {
	tap := ""
	for _, t := range r.taps() {
		if len(unitTaps([]tapUnits{{Tap: t}})) > 0 {
			tap = t
		}
	}
	chart = report.Chart{Name: "sslmem", Title: "UnitMem and SSLMem of points in " + tap + ", first pair", Kind: report.Scatter, X: "SSLMem (Eq. 2)", Y: "largest UnitMem that the point owns, 0 if none"}
	for i, q := range r.pairs {
		tables, err := study.ReadTables(r.store.Path(q.score, "scores"))
		if err != nil {
			return nil, nil, chart, err
		}
		for s, set := range []string{memorize.Candidate, memorize.External} {
			largest := map[int]float64{}
			for _, u := range tables.Units {
				if u.Tap == tap && u.Set == set && u.Point >= 0 {
					largest[u.Point] = max(largest[u.Point], u.Value)
				}
			}
			scores := r.scores[i].of(tap, set)
			owned := make([]float64, len(scores))
			for k, p := range r.scores[i].Of(tap, set).Points {
				owned[k] = largest[p]
			}
			c, err := stats.Spearman(owned, scores)
			if err != nil {
				return nil, nil, chart, err
			}
			if s == 0 {
				candidates = append(candidates, c.Value)
			} else {
				external = append(external, c.Value)
			}
			if i == 0 {
				chart.Series = append(chart.Series, report.Series{Name: set, X: scores, Y: report.Values(owned)})
			}
		}
	}
	return candidates, external, chart, nil
}
