package experiments

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// consistency asks whether layers (Table 3) and encoders of other seeds (Table 28)
// memorize the same points. External images, which no encoder saw, are the control:
// points can rank alike because some images are hard, and no image is memorized.
var consistency = Study{Name: "consistency", Source: "T3, T28", Title: "The same points in other layers and encoders", plan: func(l *lab) writer {
	return written(l.pairs(), writeConsistency)
}}

// most is how many points count as the most memorized of n: the paper's 100, or a
// fifth of a small set.
func most(n int) int { return max(1, min(100, n/5)) }

// overlapOf is the share of the most memorized points of a set that two taps have in
// common, in two pairs.
func overlapOf(a, b scores, tapA, tapB, set string) (stats.Overlap, error) {
	x, y := a.of(tapA, set), b.of(tapB, set)
	return stats.TopOverlap(x, y, most(len(x)))
}

func writeConsistency(r *results) (*report.Document, error) {
	convs, err := r.convolutions()
	if err != nil {
		return nil, err
	}
	layers, near, nearExternal, err := r.overlapOfLayers(convs)
	if err != nil {
		return nil, err
	}
	claims := []report.Claim{
		r.judgePlain(report.Claim{ID: "consistency.layers", Source: "T3", Statement: "Adjacent layers memorize the same points more than distant ones.",
			Paper: "overlap of the top 100 from 46 to 94 % in adjacent layers, 16 % between the first and the last",
			Rule:  "The number is the overlap of the most memorized candidates of adjacent convolutions, minus that of convolutions four or more apart, one for each pair."},
			"the overlap of adjacent minus distant convolutions", near),
		r.judge(report.Claim{ID: "consistency.layers-control", Source: "ours", Statement: "They do so more for candidates than for images that no encoder saw.", Plain: intervalOf(near),
			Rule: "The number is that of consistency.layers less the same of the external images, one for each pair."},
			"adjacent minus distant, candidates minus external images", minus(near, nearExternal)),
	}
	sections := []report.Section{layers}
	if len(r.scores) > 1 {
		seeds, own, control, err := r.overlapOfSeeds(convs)
		if err != nil {
			return nil, err
		}
		sections = append(sections, seeds)
		claims = append(claims, r.judge(report.Claim{ID: "consistency.seeds", Source: "T28", Statement: "Encoders of other seeds memorize the same points.",
			Paper: "overlap of the top 100 from 69 % to 90 %, without a control", Plain: intervalOf(own),
			Rule: "Each pair's most memorized candidates are compared with those of every other pair: the mean overlap over the last three convolutions, minus the same of external images, one for each pair (plain: minus what chance gives). Each overlap counts for two pairs, so the interval is too narrow."},
			"the overlap over seeds, candidates minus external images", minus(own, control)))
	}
	return &report.Document{
		Lead:   []string{fmt.Sprintf("%s The most memorized %d candidates of each convolution were compared with those of the others, and over pairs.", r.trained(), most(len(r.scores[0].of(convs[0], memorize.Candidate))))},
		Claims: claims, Sections: sections,
	}, nil
}

// overlapOfLayers is the table of all pairs of convolutions with overlap and tau, and
// how much more adjacent ones have in common than distant ones.
func (r *results) overlapOfLayers(convs []string) (section report.Section, near, nearExternal []float64, err error) {
	t := report.Table{Name: "layers", Title: "The most memorized candidates of two convolutions", Note: "Means over pairs of encoders with 95 % intervals of Student's t. External: the same of images that no encoder saw.",
		Columns: []report.Column{{Name: "convolutions"}, {Name: "apart", Help: "how many convolutions lie between, plus one"}, {Name: "overlap", Help: "share of the most memorized candidates in common", Digits: 3},
			{Name: "Kendall's tau", Help: "of the scores of all candidates", Digits: 3}, {Name: "overlap, external", Digits: 3}, {Name: "tau, external", Digits: 3}}}
	sets := []string{memorize.Candidate, memorize.External}
	// sums and counts of overlaps of adjacent and of distant convolutions, by set
	sums := [2][2][]float64{}
	counts := [2]float64{}
	for s := range sets {
		for k := range sums[s] {
			sums[s][k] = make([]float64, len(r.scores))
		}
	}
	for a := range convs {
		for b := a + 1; b < len(convs); b++ {
			row := []report.Cell{report.Text(convs[a] + ", " + convs[b]), report.Num(float64(b - a))}
			kind := -1
			if b-a == 1 {
				kind = 0
			} else if b-a >= 4 {
				kind = 1
			}
			if kind >= 0 {
				counts[kind]++
			}
			for s, set := range sets {
				var shares, taus []float64
				for i, p := range r.scores {
					o, err := overlapOf(p, p, convs[a], convs[b], set)
					if err != nil {
						return section, nil, nil, err
					}
					tau, err := stats.Kendall(p.of(convs[a], set), p.of(convs[b], set))
					if err != nil {
						return section, nil, nil, err
					}
					shares, taus = append(shares, o.Share), append(taus, tau.Value)
					if kind >= 0 {
						sums[s][kind][i] += o.Share
					}
				}
				row = append(row, interval(shares), interval(taus))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	gap := func(s int) []float64 {
		out := make([]float64, len(r.scores))
		for i := range out {
			out[i] = sums[s][0][i]/counts[0] - sums[s][1][i]/counts[1]
		}
		return out
	}
	return report.Section{Title: "Layers", Tables: []report.Table{t}}, gap(0), gap(1), nil
}

// overlapOfSeeds compares every pair with the others in each convolution. own is the
// overlap of each pair beyond chance in the last three, control that of external
// images.
func (r *results) overlapOfSeeds(convs []string) (section report.Section, own, control []float64, err error) {
	t := report.Table{Name: "seeds", Title: "The most memorized candidates of encoders of other seeds", Note: "Means over pairs, of each with all others. Chance is the overlap of rankings that have nothing to do with each other.",
		Columns: []report.Column{{Name: "tap"}, {Name: "candidates", Digits: 3}, {Name: "external", Digits: 3}, {Name: "chance", Digits: 3}}}
	chart := report.Chart{Name: "seeds", Title: t.Title, Kind: report.Line, X: "convolution", Y: "overlap", Categories: convs,
		Series: []report.Series{{Name: memorize.Candidate}, {Name: memorize.External}}}
	beyond := [2]func(string) []float64{}
	by := [2]map[string][]float64{{}, {}}
	chance := 0.0
	for _, tap := range convs {
		row := []report.Cell{report.Text(tap)}
		for s, set := range []string{memorize.Candidate, memorize.External} {
			var per []float64
			for i, p := range r.scores {
				var shares []float64
				for k, q := range r.scores {
					if k == i {
						continue
					}
					o, err := overlapOf(p, q, tap, tap, set)
					if err != nil {
						return section, nil, nil, err
					}
					shares, chance = append(shares, o.Share-o.Expected), o.Expected
				}
				per = append(per, stat.Mean(shares, nil))
			}
			by[s][tap] = per
			var shown []float64
			for _, v := range per {
				shown = append(shown, v+chance)
			}
			c := report.Num(stat.Mean(shown, nil))
			push(&chart.Series[s], c)
			row = append(row, c)
		}
		t.Rows = append(t.Rows, append(row, report.Num(chance)))
	}
	for s := range beyond {
		beyond[s] = func(tap string) []float64 { return by[s][tap] }
	}
	chart.Reference = []report.Reference{{Name: "chance", Y: chance}}
	return report.Section{Title: "Seeds", Tables: []report.Table{t}, Charts: []report.Chart{chart}}, deep(convs, beyond[0]), deep(convs, beyond[1]), nil
}
