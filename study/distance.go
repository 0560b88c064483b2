package study

// Does it matter by which distance two views are compared? (Table 26)

import (
	"fmt"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

var (
	claimAlike = Claim{
		ID:        "distance.alike",
		Source:    "T26",
		Statement: "All distances rank the layers alike.",
		Paper:     "LayerMem of l1, l2, cosine and angular within .020 of each other in every layer",
		Rule: `Spearman's correlation of the controlled score of the convolutions by unit-l2 with that by each
			other distance; the number is the least of the four minus {alike}, one for each pair; plain: the
			same for LayerMem of the candidates.`,
		Number: "the least rank correlation minus {alike}",
	}
	claimSameDelta = Claim{
		ID:        "distance.delta",
		Source:    "T26",
		Statement: "By all distances the same layer adds most to memorization.",
		Paper: `the largest Delta is that of the sixth convolution by l2 (.034), cosine (.036) and angular
			(.037); by l1 that of the eighth (.036, the sixth's is .035)`,
		Rule: `Delta of the controlled score of a convolution against the one before; the number is the share of
			the other distances whose largest Delta is in the convolution where that of unit-l2 is, minus one
			half, one for each pair. By chance the share would be one in seven. Plain: the same for LayerMem of
			the candidates.`,
		Number: "the share of distances that agree on the largest Delta, minus one half",
	}
)

// claimRisesBy is the claim of study depth by another distance.
func claimRisesBy(d memorize.Distance) Claim {
	return claimRises("distance.rises-"+string(d), "T26",
		fmt.Sprintf("By the %s distance memorization rises with depth.", d),
		"LayerMem from .096 to .104 in conv1, from .321 to .328 in the last convolution")
}

// ruleRepeat is added to the rule of claims about the order of layers.
const ruleRepeat = `Where the scores by one distance rank the layers of two pairs alike by less than %g, they do
	not rank layers, and the claim is under-powered.`

const leadDistance = `Each was scored by five distances on the same views. l1 and l2 depend on the length of
	activations, in which two encoders differ most; unit-l2, cosine and angular do not.`

// allDistances scores by all of memorize.Distances.
const allDistances = `score.distances=["unit-l2","l2","l1","cosine","angular"]`

// alike is the rank correlation from which on two distances count as agreeing.
const alike = 0.8

var distances = Register(Study{
	Name:   "distance",
	Source: "T26",
	Title:  "Distances between activations",
	Place:  80,
	Design: func(plan *Planner) Writer {
		g := plan.TrainPairs(allDistances)
		return func(x *Reader) (*report.Document, error) {
			var by []*Results
			for _, d := range memorize.Distances() {
				r, err := x.resultsBy(g, d)
				if err != nil {
					return nil, err
				}
				by = append(by, r)
			}
			return writeDistances(x, by)
		}
	},
})

// writeDistances is the report. by holds the same scores by each distance, unit-l2 first.
func writeDistances(x *Reader, by []*Results) (*report.Document, error) {
	convs, err := by[0].Convolutions()
	if err != nil {
		return nil, err
	}
	claims, err := orderClaims(x, by, convs)
	if err != nil {
		return nil, err
	}
	for _, r := range by[1:] { // by unit-l2 it is the claim of study depth
		claims = append(claims, r.judgeRises(claimRisesBy(r.by), convs))
	}
	return &report.Document{
		Lead:     []string{by[0].trained() + " " + prose(leadDistance)},
		Claims:   claims,
		Sections: []report.Section{byDistance(by, convs)},
	}, nil
}

// orderClaims judges the claims about the order of layers.
func orderClaims(x *Reader, by []*Results, convs []string) ([]report.Claim, error) {
	plain, err := agreement(by, convs, layerMem)
	if err != nil {
		return nil, err
	}
	own, err := agreement(by, convs, controlled)
	if err != nil {
		return nil, err
	}
	claims := []report.Claim{
		x.Judge(claimAlike.fill("{alike}", fmt.Sprint(alike)), plain, own),
		x.Judge(claimSameDelta, sameLargest(by, convs, layerMem), sameLargest(by, convs, controlled)),
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
	return claims, nil
}

// sameLargest is the share of the distances but the first by which a score rises most, from
// a convolution to the next, where it does by the first, minus one half; pair by pair.
func sameLargest(by []*Results, convs []string, of layerScore) []float64 {
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

// agreement is the least rank correlation over convolutions of a score by the first distance
// with the same by another one, minus alike; pair by pair.
func agreement(by []*Results, convs []string, of layerScore) ([]float64, error) {
	var out []float64
	for i := range by[0].scores {
		first, least := by[0].profile(i, convs, of), 1.0
		for _, r := range by[1:] {
			c, err := rankCorrelation(first, r.profile(i, convs, of))
			if err != nil {
				return nil, err
			}
			least = min(least, c)
		}
		out = append(out, least-alike)
	}
	return out, nil
}

// ranksRepeat makes a claim about the order of layers under-powered where a distance agrees
// with itself, between pairs, no better than two distances are to agree.
func ranksRepeat(c *report.Claim, itself float64) {
	c.Rule += " " + prosef(ruleRepeat, alike)
	c.Why += fmt.Sprintf("; between pairs a distance correlates with itself by %.2f at least", itself)
	if itself < alike {
		c.Verdict, c.P = report.UnderPowered, nil
	}
}

// repeated is the least over distances of the mean rank correlation over convolutions of a
// score of one pair with that of another, by the same distance.
func repeated(by []*Results, convs []string, of layerScore) (float64, error) {
	least := 1.0
	for _, r := range by {
		var all []float64
		for i := range r.scores {
			for k := range i {
				c, err := rankCorrelation(r.profile(i, convs, of), r.profile(k, convs, of))
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

// byDistance is the tables and charts of LayerMem and of the controlled score.
func byDistance(by []*Results, convs []string) report.Section {
	plain := report.Table{Name: "distance", Title: "LayerMem of the candidates by distance"}
	own := report.Table{Name: "distance-controlled", Title: "The controlled score by distance"}
	charts := []report.Chart{
		{Name: plain.Name, Title: plain.Title, Y: "LayerMem (Eq. 2)"},
		{Name: own.Name, Title: own.Title, Y: halfDifference},
	}
	for k, t := range []*report.Table{&plain, &own} {
		t.Note, t.Columns = by[0].overPairs(), []report.Column{{Name: "tap"}}
		charts[k].Kind, charts[k].X, charts[k].Categories = report.Line, "convolution", convs
	}
	for _, r := range by {
		addIntervals(&plain, &charts[0], string(r.by), "LayerMem of the candidates", convs, r.LayerMem)
		addIntervals(&own, &charts[1], string(r.by), halfDifference, convs, r.Controlled)
	}
	return report.Section{Title: "By distance", Tables: []report.Table{plain, own}, Charts: charts}
}
