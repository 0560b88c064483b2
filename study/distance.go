package study

import (
	"fmt"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

// allDistances scores by all of memorize.Distances.
const allDistances = `score.distances=["unit-l2","l2","l1","cosine","angular"]`

// alike is the rank correlation from which on two distances count as agreeing.
const alike = 0.8

// distances asks whether it matters by which distance two views are compared
// (Table 26).
var distances = Study{Name: "distance", Source: "T26", Title: "Distances between activations", plan: func(l *lab) writer {
	g := l.pairs(allDistances)
	return func(x *reader) (*report.Document, error) {
		all := memorize.Distances()
		var by []*results
		for _, d := range all {
			r, err := x.resultsBy(g, d)
			if err != nil {
				return nil, err
			}
			by = append(by, r)
		}
		convs, err := by[0].convolutions()
		if err != nil {
			return nil, err
		}
		section, err := x.byDistance(by, all, convs)
		if err != nil {
			return nil, err
		}
		plain, err := agreement(by, convs, layerMem)
		if err != nil {
			return nil, err
		}
		own, err := agreement(by, convs, controlled)
		if err != nil {
			return nil, err
		}
		claims := []report.Claim{
			x.judge(report.Claim{ID: "distance.alike", Source: "T26", Statement: "All distances rank the layers alike.",
				Paper: "LayerMem of l1, l2, cosine and angular within .020 of each other in every layer", Plain: intervalOf(plain),
				Rule: fmt.Sprintf("Spearman's correlation of the controlled score of the convolutions by unit-l2 with that by each other distance; the number is the least of the four minus %g, one for each pair.", alike)},
				fmt.Sprintf("the least rank correlation minus %g", alike), own),
			x.judge(report.Claim{ID: "distance.delta", Source: "T26", Statement: "By all distances the same layer adds most to memorization.",
				Paper: "the largest Delta is that of the sixth convolution by l2 (.034), cosine (.036) and angular (.037); by l1 that of the eighth (.036, the sixth's is .035)", Plain: intervalOf(sameLargest(by, convs, layerMem)),
				Rule: "Delta of the controlled score of a convolution against the one before; the number is the share of the other distances whose largest Delta is in the convolution where that of unit-l2 is, minus one half, one for each pair. By chance the share would be one in seven."},
				"the share of distances that agree on the largest Delta, minus one half", sameLargest(by, convs, controlled)),
		}
		if len(own) > 1 {
			itself, err := repeated(by, convs, controlled)
			if err != nil {
				return nil, err
			}
			for i := range claims {
				ranksRepeat(&claims[i], itself)
			}
		}
		for k, r := range by[1:] { // by unit-l2 it is the claim of study depth
			name := string(all[k+1])
			claims = append(claims, r.rises("distance.rises-"+name, "T26", "By the "+name+" distance memorization rises with depth.", "LayerMem from .096 to .104 in conv1, from .321 to .328 in the last convolution", convs))
		}
		return &report.Document{
			Lead:     []string{by[0].trained() + " Each was scored by five distances on the same views. l1 and l2 see the length of activations, in which two encoders differ most; unit-l2, cosine and angular do not."},
			Claims:   claims,
			Sections: []report.Section{section},
		}, nil
	}
}}

// sameLargest is, pair by pair, the share of the distances but the first by which a
// quantity rises most, from a convolution to the next, where it does by the first,
// minus one half.
func sameLargest(by []*results, convs []string, of func(all []scores, tap string) []float64) []float64 {
	var out []float64
	for i := range by[0].scores {
		var largest []int
		for _, r := range by {
			p := r.profile(i, convs, of)
			largest = append(largest, floats.MaxIdx(minus(p[1:], p[:len(p)-1])))
		}
		same := 0
		for _, k := range largest[1:] {
			if k == largest[0] {
				same++
			}
		}
		out = append(out, float64(same)/float64(len(by)-1)-0.5)
	}
	return out
}

// agreement is, pair by pair, the least rank correlation over convolutions of a
// quantity by the first distance with the same by another one, minus alike.
func agreement(by []*results, convs []string, of func(all []scores, tap string) []float64) ([]float64, error) {
	var out []float64
	for i := range by[0].scores {
		var profiles [][]float64
		for _, r := range by {
			profiles = append(profiles, r.profile(i, convs, of))
		}
		least := 1.0
		for _, p := range profiles[1:] {
			c, err := ranked(profiles[0], p)
			if err != nil {
				return nil, err
			}
			least = min(least, c)
		}
		out = append(out, least-alike)
	}
	return out, nil
}

// ranksRepeat makes a claim about the order of layers under-powered where a distance
// agrees no better with itself, between pairs, than two distances are to agree.
func ranksRepeat(c *report.Claim, itself float64) {
	c.Rule += fmt.Sprintf(" Where the scores by one distance rank the layers of two pairs alike by less than %g, they do not rank layers, and the claim is under-powered.", alike)
	if c.Why += fmt.Sprintf("; between pairs a distance correlates with itself by %.2f at least", itself); itself < alike {
		c.Verdict, c.P = report.UnderPowered, nil
	}
}

// repeated is the least over distances of the mean rank correlation over convolutions
// of a quantity of one pair with that of another, by the same distance.
func repeated(by []*results, convs []string, of func(all []scores, tap string) []float64) (float64, error) {
	least := 1.0
	for _, r := range by {
		var all []float64
		for i := range r.scores {
			for k := range i {
				c, err := ranked(r.profile(i, convs, of), r.profile(k, convs, of))
				if err != nil {
					return 0, err
				}
				all = append(all, c)
			}
		}
		least = min(least, stat.Mean(all, nil))
	}
	return least, nil
}

// byDistance is the table and the chart of LayerMem and of the controlled score.
func (x *reader) byDistance(by []*results, all []memorize.Distance, convs []string) (report.Section, error) {
	plain := report.Table{Name: "distance", Title: "LayerMem of the candidates by distance", Note: by[0].overPairs(), Columns: []report.Column{{Name: "tap"}}}
	own := report.Table{Name: "distance-controlled", Title: "The controlled score by distance", Note: by[0].overPairs(), Columns: []report.Column{{Name: "tap"}}}
	charts := []report.Chart{
		{Name: "distance", Title: plain.Title, Kind: report.Line, X: "convolution", Y: "LayerMem (Eq. 2)", Categories: convs},
		{Name: "distance-controlled", Title: own.Title, Kind: report.Line, X: "convolution", Y: "half of S_C minus S_I", Categories: convs},
	}
	for k, r := range by {
		addColumn(&plain, &charts[0], string(all[k]), "LayerMem of the candidates", convs, func(tap string) report.Cell { return interval(layerMem(r.scores, tap)) })
		addColumn(&own, &charts[1], string(all[k]), "half of S_C minus S_I", convs, func(tap string) report.Cell { return interval(controlled(r.scores, tap)) })
	}
	return report.Section{Title: "By distance", Tables: []report.Table{plain, own}, Charts: charts}, nil
}
