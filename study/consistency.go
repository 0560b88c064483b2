package study

// Do layers (Table 3) and encoders of other seeds (Table 28) memorize the same points?
// Images that the encoder was not trained on are the control: points can rank alike because
// some images are hard, without any image being memorized.

import (
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

var (
	claimNear = Claim{
		ID:        "consistency.layers",
		Source:    "T3",
		Statement: "Adjacent layers memorize the same points more than distant ones.",
		Paper:     "overlap of the top 100 from 68 to 94 % in adjacent layers, 16 % between the first and the last",
		Rule: `The number is the overlap of the most memorized candidates of adjacent convolutions, minus that
			of convolutions four or more apart, one for each pair.`,
		Number: "the overlap of adjacent minus distant convolutions",
	}
	claimNearControl = Claim{
		ID:        "consistency.layers-control",
		Source:    "ours",
		Statement: "They do so more for images that the encoder was trained on than for others.",
		Rule: `The number of consistency.layers, by the score turned to f or to g: that for the set that the
			encoder was trained on minus that for the set that only the other was trained on, mean over f and g,
			one for each pair; plain: for f's candidates.`,
		Number: "adjacent minus distant, members minus others",
	}
	claimSeeds = Claim{
		ID:        "consistency.seeds",
		Source:    "T28",
		Statement: "Encoders of other seeds memorize the same points.",
		Paper:     "overlap of the top 100 from 69 % to 90 %, without a control",
		Rule: `Each pair's most memorized images of a set, by the score turned to f or to g, are compared with
			those of every other pair: the mean overlap over the last three convolutions. The number is that for
			the set that the encoder was trained on minus that for the set that only the other was trained on,
			mean over f and g, one for each pair; plain: for f's candidates, minus what chance gives. Each
			overlap counts for two pairs, so the interval is too narrow.`,
		Number: "the overlap over seeds, members minus others",
	}
)

const (
	leadConsistency = `%s The most memorized %d candidates of each convolution were compared with those of the
		others, and between pairs.`
	noteOverlapLayers = `Means over pairs of encoders with 95 % intervals by Student's t. External: the same for
		images that no encoder was trained on.`
	noteOverlapSeeds = `Means over pairs, of each with all others. Chance is the overlap of unrelated rankings.`
)

var overlapColumns = []report.Column{
	{Name: "convolutions"},
	{Name: "apart", Help: "number of convolutions in between, plus one"},
	{Name: "overlap", Help: "share of the most memorized candidates in common", Digits: 3},
	{Name: "Kendall's tau", Help: "of the scores of all candidates", Digits: 3},
	{Name: "overlap, external", Digits: 3},
	{Name: "tau, external", Digits: 3},
}

var consistency = Register(Study{
	Name:   "consistency",
	Source: "T3, T28",
	Title:  "The same points in other layers and encoders",
	Place:  60,
	Design: func(plan *Planner) Writer { return reportOn(plan.TrainPairs(), writeConsistency) },
})

// most is the number of points that count as the most memorized of n: the paper's 100, or
// a fifth of a small set.
func most(n int) int { return max(1, min(100, n/5)) }

// overlapOf compares the most memorized points of a set in two taps, of two pairs.
func overlapOf(a, b scores, tapA, tapB, set string) (stats.Overlap, error) {
	x, y := a.of(tapA, set), b.of(tapB, set)
	return stats.TopOverlap(x, y, most(len(x)))
}

// turnedOverlap is the share in common of the most memorized points of a set in two taps,
// of two pairs, by scores turned to an encoder.
func turnedOverlap(s memorize.Side, a, b scores, tapA, tapB, set string) (float64, error) {
	x := s.Turned(a.of(tapA, set))
	o, err := stats.TopOverlap(x, s.Turned(b.of(tapB, set)), most(len(x)))
	return o.Share, err
}

func writeConsistency(r *Results) (*report.Document, error) {
	convs, err := r.Convolutions()
	if err != nil {
		return nil, err
	}
	layers, near, err := r.overlapOfLayers(convs)
	if err != nil {
		return nil, err
	}
	nearBeyond, err := r.nearBeyondOthers(convs)
	if err != nil {
		return nil, err
	}
	claims := []report.Claim{r.judgePlain(claimNear, near), r.Judge(claimNearControl, near, nearBeyond)}
	sections := []report.Section{layers}
	if len(r.scores) > 1 {
		seeds, claim, err := r.judgeSeeds(claimSeeds, convs)
		if err != nil {
			return nil, err
		}
		sections, claims = append(sections, seeds), append(claims, claim)
	}
	n := most(len(r.scores[0].of(convs[0], memorize.Candidate)))
	return &report.Document{
		Lead: []string{prosef(leadConsistency, r.trained(), n)}, Claims: claims, Sections: sections,
	}, nil
}

// judgeSeeds judges a claim about encoders of other seeds, with the section that shows
// their overlap.
func (r *Results) judgeSeeds(c Claim, convs []string) (report.Section, report.Claim, error) {
	section, own, err := r.overlapOfSeeds(convs)
	if err != nil {
		return section, report.Claim{}, err
	}
	beyond, err := r.seedsBeyondOthers(convs)
	if err != nil {
		return section, report.Claim{}, err
	}
	return section, r.Judge(c, own, beyond), nil
}

// The two kinds of pairs of convolutions that are compared.
const (
	near = iota
	distant
)

// kindOf says whether convolutions, numbered in forward order, are near or distant; ok is
// false if they are neither.
func kindOf(a, b int) (kind int, ok bool) {
	switch {
	case b-a == 1:
		return near, true
	case b-a >= 4:
		return distant, true
	}
	return 0, false
}

// nearBeyondOthers is how much more near convolutions have in common than distant ones,
// for members minus others, pair by pair.
func (r *Results) nearBeyondOthers(convs []string) ([]float64, error) {
	var out []float64
	for _, p := range r.scores {
		gap, err := membersMinusOthers(func(s memorize.Side, set string) (float64, error) {
			var shares [2][]float64
			for a := range convs {
				for b := a + 1; b < len(convs); b++ {
					kind, ok := kindOf(a, b)
					if !ok {
						continue
					}
					share, err := turnedOverlap(s, p, p, convs[a], convs[b], set)
					if err != nil {
						return 0, err
					}
					shares[kind] = append(shares[kind], share)
				}
			}
			return stat.Mean(shares[near], nil) - stat.Mean(shares[distant], nil), nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, gap)
	}
	return out, nil
}

// overlapOfLayers is the table of all pairs of convolutions with overlap and tau, and how
// much more near ones have in common than distant ones, pair by pair.
func (r *Results) overlapOfLayers(convs []string) (report.Section, []float64, error) {
	t := report.Table{
		Name: "layers", Title: "The most memorized candidates of two convolutions",
		Note: prose(noteOverlapLayers), Columns: overlapColumns,
	}
	// Overlaps of the candidates in near and in distant convolutions, by pair.
	shared := [2][][]float64{make([][]float64, len(r.scores)), make([][]float64, len(r.scores))}
	for a := range convs {
		for b := a + 1; b < len(convs); b++ {
			row := []report.Cell{report.Text(convs[a] + ", " + convs[b]), report.Num(float64(b - a))}
			for _, set := range []string{memorize.Candidate, memorize.External} {
				shares, taus, err := r.likeness(convs[a], convs[b], set)
				if err != nil {
					return report.Section{}, nil, err
				}
				row = append(row, Interval(shares), Interval(taus))
				if kind, ok := kindOf(a, b); ok && set == memorize.Candidate {
					for i, v := range shares {
						shared[kind][i] = append(shared[kind][i], v)
					}
				}
			}
			t.Rows = append(t.Rows, row)
		}
	}
	var gaps []float64
	for i := range r.scores {
		gaps = append(gaps, stat.Mean(shared[near][i], nil)-stat.Mean(shared[distant][i], nil))
	}
	return report.Section{Title: "Layers", Tables: []report.Table{t}}, gaps, nil
}

// likeness returns the overlap of the most memorized points of a set in two taps, and
// Kendall's tau of all their scores, pair by pair.
func (r *Results) likeness(tapA, tapB, set string) (shares, taus []float64, err error) {
	for _, p := range r.scores {
		o, err := overlapOf(p, p, tapA, tapB, set)
		if err != nil {
			return nil, nil, err
		}
		tau, err := stats.Kendall(p.of(tapA, set), p.of(tapB, set))
		if err != nil {
			return nil, nil, err
		}
		shares, taus = append(shares, o.Share), append(taus, tau.Value)
	}
	return shares, taus, nil
}

// seedsBeyondOthers is how much more pairs agree about members than about others, in the
// last three convolutions, pair by pair.
func (r *Results) seedsBeyondOthers(convs []string) ([]float64, error) {
	var failed error
	out := LastThree(convs, func(tap string) []float64 {
		per := make([]float64, len(r.scores))
		for i := range r.scores {
			var err error
			if per[i], err = membersMinusOthers(func(s memorize.Side, set string) (float64, error) {
				return r.overlapWithOthers(i, s, tap, set)
			}); err != nil {
				failed = err
			}
		}
		return per
	})
	return out, failed
}

// overlapWithOthers is the overlap of a pair with each other pair, mean over those.
func (r *Results) overlapWithOthers(pair int, s memorize.Side, tap, set string) (float64, error) {
	mean := 0.0
	for k, q := range r.scores {
		if k == pair {
			continue
		}
		share, err := turnedOverlap(s, r.scores[pair], q, tap, tap, set)
		if err != nil {
			return 0, err
		}
		mean += share / float64(len(r.scores)-1)
	}
	return mean, nil
}

// overlapBeyondChance is the overlap of each pair with the others in a tap, minus what
// chance gives, pair by pair.
func (r *Results) overlapBeyondChance(tap, set string) (beyond []float64, chance float64, err error) {
	for i, p := range r.scores {
		var shares []float64
		for k, q := range r.scores {
			if k == i {
				continue
			}
			o, err := overlapOf(p, q, tap, tap, set)
			if err != nil {
				return nil, 0, err
			}
			shares, chance = append(shares, o.Share-o.Expected), o.Expected
		}
		beyond = append(beyond, stat.Mean(shares, nil))
	}
	return beyond, chance, nil
}

// overlapOfSeeds compares every pair with the others in each convolution. own is the
// overlap of the candidates beyond chance in the last three, pair by pair.
func (r *Results) overlapOfSeeds(convs []string) (section report.Section, own []float64, err error) {
	t := report.Table{
		Name: "seeds", Title: "The most memorized candidates of encoders of other seeds", Note: noteOverlapSeeds,
		Columns: []report.Column{
			{Name: "tap"}, {Name: "candidates", Digits: 3}, {Name: "external", Digits: 3}, {Name: "chance", Digits: 3},
		},
	}
	chart := report.Chart{
		Name: "seeds", Title: t.Title, Kind: report.Line, X: "convolution", Y: "overlap", Categories: convs,
		Series: []report.Series{{Name: memorize.Candidate}, {Name: memorize.External}},
	}
	candidates, chance := map[string][]float64{}, 0.0
	for _, tap := range convs {
		row := []report.Cell{report.Text(tap)}
		for s, set := range []string{memorize.Candidate, memorize.External} {
			var beyond []float64
			if beyond, chance, err = r.overlapBeyondChance(tap, set); err != nil {
				return section, nil, err
			}
			if set == memorize.Candidate {
				candidates[tap] = beyond
			}
			c := report.Num(stat.Mean(shifted(beyond, chance), nil))
			push(&chart.Series[s], c)
			row = append(row, c)
		}
		t.Rows = append(t.Rows, append(row, report.Num(chance)))
	}
	chart.Reference = []report.Reference{{Name: "chance", Y: chance}}
	own = LastThree(convs, func(tap string) []float64 { return candidates[tap] })
	return report.Section{Title: "Seeds", Tables: []report.Table{t}, Charts: []report.Chart{chart}}, own, nil
}
