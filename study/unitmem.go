package study

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
)

// unitMem asks whether UnitMem shows memory at all: whether images that an encoder saw
// own more of its top units than as many images that it did not see, and whether the
// points that own units are those of large SSLMem (Figure 1b).
var unitMem = Study{Name: "unitmem", Source: "F1b; ours", Title: "UnitMem, SSLMem and images that were never seen", plan: func(l *lab) writer {
	return written(l.pairs(), writeUnitMem)
}}

func writeUnitMem(r *results) (*report.Document, error) {
	plain, members, table, chart, err := r.ownedByMembers()
	if err != nil {
		return nil, err
	}
	agree, beyond, agreement, scatter, err := r.unitsAndScores()
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead: []string{r.trained() + " The units of either encoder were ranked over one pool of candidates, which only f was trained on, and as many independents, which only g was. If units stand out for what was memorized, an encoder's own images own more of its top units; by chance it is half. A few odd images own many units of all encoders, whichever of them saw those images: only f and g together show memory, in which each set is once the own and once the foreign one."},
		Claims: []report.Claim{
			r.judge(report.Claim{ID: "unitmem.members", Source: "ours", Statement: "Images of the training set own more of the top units than images that were never seen.", Plain: intervalOf(plain),
				Rule: fmt.Sprintf("The number is the share of the top tenth of the units that images of the encoder's own training set own, f and g together, mean over the last %d taps behind a ReLU, minus one half, one for each pair; plain: of f alone.", lastTaps)},
				"the share of the encoders' own images minus one half", members),
			r.judge(report.Claim{ID: "unitmem.sslmem", Source: "F1b", Statement: "Points that units stand out for have large SSLMem, beyond what images show that were never seen.", Paper: "aligned, a figure", Plain: intervalOf(agree),
				Rule: "Spearman's correlation, over the points of a set, of the largest UnitMem that a point owns behind the last ReLU (0 if none) with its score there, turned to the encoder; the number is that of the set that the encoder was trained on minus that of the one that only the other saw, mean over f and g, one for each pair; plain: of f's candidates alone."},
				"the correlation of seen minus unseen images", beyond),
		},
		Sections: []report.Section{{Title: "Own images and others", Tables: []report.Table{table}, Charts: []report.Chart{chart}},
			{Title: "UnitMem and SSLMem", Tables: []report.Table{agreement}, Charts: []report.Chart{scatter}}},
	}, nil
}

// lastTaps is how many taps behind a ReLU count as the last ones.
const lastTaps = 3

// ownedByMembers is the excess over one half of the share of the top tenth of the
// units that the encoder's own images own, in the last taps behind a ReLU, pair by
// pair: of f alone, and of f and g together.
func (r *results) ownedByMembers() (plain, both []float64, t report.Table, c report.Chart, err error) {
	t = report.Table{Name: "members", Title: "Top units that the encoder's own images own", Note: "Shares of the tenth of the units of largest UnitMem in a pool of as many candidates as independents; means over pairs with 95 % intervals, cut at 0 and 1.", Columns: []report.Column{{Name: "tap"}}}
	c = report.Chart{Name: "members", Title: t.Title, Kind: report.Line, X: "tap", Y: "share", Reference: []report.Reference{{Name: "chance", Y: 0.5}}}
	names := []string{"f", "g", "both"}
	shares := map[[2]string][]float64{}
	for _, q := range r.pairs {
		rows, err := memorize.HeldOutTable.Read(r.store.Path(q.score, "scores"))
		if err != nil {
			return nil, nil, t, c, err
		}
		for _, h := range rows {
			if behindReLU(h.Tap) {
				key := [2]string{h.Encoder, h.Tap}
				if h.Encoder == "both" && shares[key] == nil {
					c.Categories = append(c.Categories, h.Tap)
				}
				shares[key] = append(shares[key], h.Members.Share)
			}
		}
	}
	c.Categories = slices.DeleteFunc(c.Categories, func(tap string) bool { // without units to rank in one of them
		return slices.ContainsFunc(names, func(n string) bool { return len(shares[[2]string{n, tap}]) < len(r.pairs) })
	})
	if len(c.Categories) < lastTaps {
		return nil, nil, t, c, fmt.Errorf("found the taps %v behind a ReLU with candidates and independents, expected at least %d", c.Categories, lastTaps)
	}
	for k, help := range []string{"candidates", "independents", "candidates of f, independents of g"} {
		addColumn(&t, &c, names[k], "share of its top units that "+help+" own", c.Categories, func(tap string) report.Cell { return bounded(shares[[2]string{names[k], tap}]) })
	}
	excess := func(encoder string) []float64 {
		out := make([]float64, len(r.pairs))
		for _, tap := range c.Categories[len(c.Categories)-lastTaps:] {
			for i, v := range shares[[2]string{encoder, tap}] {
				out[i] += (v - 0.5) / lastTaps
			}
		}
		return out
	}
	return excess("f"), excess("both"), t, c, nil
}

// unitsAndScores is, pair by pair, the rank correlation of the largest UnitMem that a
// point owns behind the last ReLU with its score: of f's candidates, and of seen minus
// unseen images of either encoder; with a table by encoder and set, and a chart of the
// first pair.
func (r *results) unitsAndScores() (plain, beyond []float64, t report.Table, chart report.Chart, err error) {
	tap := r.lastReLU()
	chart = report.Chart{Name: "sslmem", Title: "UnitMem of f and SSLMem of points in " + tap + ", first pair", Kind: report.Scatter, X: "SSLMem (Eq. 2)", Y: "largest UnitMem that the point owns, 0 if none"}
	found := map[[2]string][]float64{}
	for i, q := range r.pairs {
		tables, err := memorize.ReadTables(r.store.Path(q.score, "scores"))
		if err != nil {
			return nil, nil, t, chart, err
		}
		b, err := beyondUnseen(func(s side, set string) (float64, error) {
			owned, scores := largestOwned(r.scores[i], unitsOn(tables, s, tap, set), tap, set), r.scores[i].of(tap, set)
			if i == 0 && s.which == run.F {
				chart.Series = append(chart.Series, report.Series{Name: set, X: scores, Y: report.Values(owned)})
			}
			c, err := ranked(owned, scores)
			key := [2]string{s.which, set}
			found[key] = append(found[key], s.sign*c)
			return s.sign * c, err
		})
		if err != nil {
			return nil, nil, t, chart, err
		}
		beyond = append(beyond, b)
	}
	t = report.Table{Name: "agreement", Title: "Rank correlation of UnitMem and SSLMem of points in " + tap, Note: "Spearman's; means over pairs with 95 % intervals. Scores are turned to the encoder whose units are looked at.",
		Columns: []report.Column{{Name: "units of"}, {Name: "images it saw", Digits: 3}, {Name: "images only the other saw", Digits: 3}}}
	for _, s := range sides {
		t.Rows = append(t.Rows, []report.Cell{report.Text(s.which), interval(found[[2]string{s.which, s.seen}]), interval(found[[2]string{s.which, s.unseen}])})
	}
	return found[[2]string{run.F, memorize.Candidate}], beyond, t, chart, nil
}

// largestOwned is the largest UnitMem that each point of a set owns, 0 if none, in the
// order of the scores.
func largestOwned(p scores, units []memorize.UnitScore, tap, set string) []float64 {
	largest := map[int]float64{}
	for _, u := range units {
		if u.Point >= 0 {
			largest[u.Point] = max(largest[u.Point], u.Value)
		}
	}
	var out []float64
	for _, point := range p.Of(tap, set).Points {
		out = append(out, largest[point])
	}
	return out
}
