package study

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// consistency asks whether layers (Table 3) and encoders of other seeds (Table 28)
// memorize the same points. Images that the encoder never saw are the control: points
// can rank alike because some images are hard, and no image is memorized.
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
	layers, near, err := r.overlapOfLayers(convs)
	if err != nil {
		return nil, err
	}
	nearBeyond, err := r.layersBeyondUnseen(convs)
	if err != nil {
		return nil, err
	}
	claims := []report.Claim{
		r.judgePlain(report.Claim{ID: "consistency.layers", Source: "T3", Statement: "Adjacent layers memorize the same points more than distant ones.",
			Paper: "overlap of the top 100 from 68 to 94 % in adjacent layers, 16 % between the first and the last",
			Rule:  "The number is the overlap of the most memorized candidates of adjacent convolutions, minus that of convolutions four or more apart, one for each pair."},
			"the overlap of adjacent minus distant convolutions", near),
		r.judge(report.Claim{ID: "consistency.layers-control", Source: "ours", Statement: "They do so more for images that the encoder saw than for images that it never saw.", Plain: intervalOf(near),
			Rule: "That of consistency.layers, by the score turned to f or to g. The number is that of the set that the encoder was trained on minus that of the one that only the other saw, mean over f and g, one for each pair; plain: of f's candidates."},
			"adjacent minus distant, seen minus unseen images", nearBeyond),
	}
	sections := []report.Section{layers}
	if len(r.scores) > 1 {
		seeds, own, err := r.overlapOfSeeds(convs)
		if err != nil {
			return nil, err
		}
		sections = append(sections, seeds)
		beyond, err := r.seedsBeyondUnseen(convs)
		if err != nil {
			return nil, err
		}
		claims = append(claims, r.judge(report.Claim{ID: "consistency.seeds", Source: "T28", Statement: "Encoders of other seeds memorize the same points.",
			Paper: "overlap of the top 100 from 69 % to 90 %, without a control", Plain: intervalOf(own),
			Rule: ruleSeeds},
			seedsNumber, beyond))
	}
	return &report.Document{
		Lead:   []string{fmt.Sprintf("%s The most memorized %d candidates of each convolution were compared with those of the others, and over pairs.", r.trained(), most(len(r.scores[0].of(convs[0], memorize.Candidate))))},
		Claims: claims, Sections: sections,
	}, nil
}

// apart tells adjacent convolutions (0) from those that are distant (1); others are -1.
func apart(a, b int) int {
	switch {
	case b-a == 1:
		return 0
	case b-a >= 4:
		return 1
	}
	return -1
}

// layersBeyondUnseen is how much more adjacent convolutions have in common than distant
// ones, of the images that an encoder memorized beyond those that it only seems to have
// memorized, as it never saw them; pair by pair.
func (r *results) layersBeyondUnseen(convs []string) ([]float64, error) {
	var out []float64
	for _, p := range r.scores {
		gap, err := beyondUnseen(func(s side, set string) (float64, error) {
			var shares [2][]float64
			for a := range convs {
				for b := a + 1; b < len(convs); b++ {
					kind := apart(a, b)
					if kind < 0 {
						continue
					}
					x := s.turned(p.of(convs[a], set))
					o, err := stats.TopOverlap(x, s.turned(p.of(convs[b], set)), most(len(x)))
					if err != nil {
						return 0, err
					}
					shares[kind] = append(shares[kind], o.Share)
				}
			}
			return stat.Mean(shares[0], nil) - stat.Mean(shares[1], nil), nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, gap)
	}
	return out, nil
}

// overlapOfLayers is the table of all pairs of convolutions with overlap and tau, and
// how much more adjacent ones have in common than distant ones.
func (r *results) overlapOfLayers(convs []string) (section report.Section, near []float64, err error) {
	t := report.Table{Name: "layers", Title: "The most memorized candidates of two convolutions", Note: "Means over pairs of encoders with 95 % intervals of Student's t. External: the same of images that no encoder saw.",
		Columns: []report.Column{{Name: "convolutions"}, {Name: "apart", Help: "how many convolutions lie between, plus one"}, {Name: "overlap", Help: "share of the most memorized candidates in common", Digits: 3},
			{Name: "Kendall's tau", Help: "of the scores of all candidates", Digits: 3}, {Name: "overlap, external", Digits: 3}, {Name: "tau, external", Digits: 3}}}
	sets := []string{memorize.Candidate, memorize.External}
	// Overlaps of the candidates in adjacent and in distant convolutions, by pair.
	shared := [2][][]float64{make([][]float64, len(r.scores)), make([][]float64, len(r.scores))}
	for a := range convs {
		for b := a + 1; b < len(convs); b++ {
			row := []report.Cell{report.Text(convs[a] + ", " + convs[b]), report.Num(float64(b - a))}
			kind := apart(a, b)
			for s, set := range sets {
				var shares, taus []float64
				for i, p := range r.scores {
					o, err := overlapOf(p, p, convs[a], convs[b], set)
					if err != nil {
						return section, nil, err
					}
					tau, err := stats.Kendall(p.of(convs[a], set), p.of(convs[b], set))
					if err != nil {
						return section, nil, err
					}
					shares, taus = append(shares, o.Share), append(taus, tau.Value)
					if s == 0 && kind >= 0 {
						shared[kind][i] = append(shared[kind][i], o.Share)
					}
				}
				row = append(row, interval(shares), interval(taus))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	for i := range r.scores {
		near = append(near, stat.Mean(shared[0][i], nil)-stat.Mean(shared[1][i], nil))
	}
	return report.Section{Title: "Layers", Tables: []report.Table{t}}, near, nil
}

// The rule and the number of claims about encoders of other seeds.
const (
	ruleSeeds   = "Each pair's most memorized images of a set, by the score turned to f or to g, are compared with those of every other pair: the mean overlap over the last three convolutions. The number is that of the set that the encoder was trained on minus that of the one that only the other saw, mean over f and g, one for each pair; plain: of f's candidates, minus what chance gives. Each overlap counts for two pairs, so the interval is too narrow."
	seedsNumber = "the overlap over seeds, seen minus unseen images"
)

// seedsBeyondUnseen is how much more pairs agree on the images that an encoder
// memorized than on those that it only seems to have memorized, as it never saw them:
// in the last three convolutions, pair by pair.
func (r *results) seedsBeyondUnseen(convs []string) ([]float64, error) {
	var failed error
	out := deep(convs, func(tap string) []float64 {
		per := make([]float64, len(r.scores))
		for i, p := range r.scores {
			var err error
			per[i], err = beyondUnseen(func(s side, set string) (float64, error) {
				mean := 0.0
				for k, q := range r.scores {
					if k == i {
						continue
					}
					x := s.turned(p.of(tap, set))
					o, err := stats.TopOverlap(x, s.turned(q.of(tap, set)), most(len(x)))
					if err != nil {
						return 0, err
					}
					mean += o.Share / float64(len(r.scores)-1)
				}
				return mean, nil
			})
			if err != nil {
				failed = err
			}
		}
		return per
	})
	return out, failed
}

// overlapOfSeeds compares every pair with the others in each convolution. own is the
// overlap of each pair beyond chance in the last three.
func (r *results) overlapOfSeeds(convs []string) (section report.Section, own []float64, err error) {
	t := report.Table{Name: "seeds", Title: "The most memorized candidates of encoders of other seeds", Note: "Means over pairs, of each with all others. Chance is the overlap of rankings that have nothing to do with each other.",
		Columns: []report.Column{{Name: "tap"}, {Name: "candidates", Digits: 3}, {Name: "external", Digits: 3}, {Name: "chance", Digits: 3}}}
	chart := report.Chart{Name: "seeds", Title: t.Title, Kind: report.Line, X: "convolution", Y: "overlap", Categories: convs,
		Series: []report.Series{{Name: memorize.Candidate}, {Name: memorize.External}}}
	candidates := map[string][]float64{}
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
						return section, nil, err
					}
					shares, chance = append(shares, o.Share-o.Expected), o.Expected
				}
				per = append(per, stat.Mean(shares, nil))
			}
			if s == 0 {
				candidates[tap] = per
			}
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
	chart.Reference = []report.Reference{{Name: "chance", Y: chance}}
	return report.Section{Title: "Seeds", Tables: []report.Table{t}, Charts: []report.Chart{chart}}, deep(convs, func(tap string) []float64 { return candidates[tap] }), nil
}
