package study

// Does the number of candidates that are scored matter? (Table 19)

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

var claimCount = Claim{
	ID:        "count.immaterial",
	Source:    "T19, F6",
	Statement: "The number of points that are scored does not matter.",
	Paper: `LayerMem .092, .093, .089, .091 in layer 1 and .309, .314, .310, .307 in layer 8 with 100, 500, 1000, 5000
		points`,
	Rule: `The number is the controlled score of a quarter of the points minus that of all, mean of the last three
		convolutions, one for each pair; plain: the same for LayerMem of the candidates.`,
	Number: "the controlled score of a quarter minus that of all points",
}

const leadCount = `The scores were also taken over fewer of the %d candidates and independents. The mean is
	expected to stay; its error grows.`

var countColumns = []report.Column{
	{Name: "points"},
	{Name: "LayerMem", Help: "of the candidates", Digits: 4},
	{Name: "controlled", Digits: 4},
	{Name: "error over points", Digits: 4, Help: `standard error of the mean over points in the last
		convolution, mean over pairs`},
}

// fewOf is the share of the points that is compared with all of them: one in this many.
const fewOf = 4

var count = Register(Study{
	Name:   "count",
	Source: "T19",
	Title:  "Number of points that are scored",
	Place:  70,
	Design: func(plan *Planner) Writer { return reportOn(plan.TrainPairs(), writeCount) },
})

// firstPoints is LayerMem of the first k points of a set, pair by pair.
func (r *Results) firstPoints(k int, tap, set string) []float64 {
	var out []float64
	for _, p := range r.scores {
		v := p.of(tap, set)
		out = append(out, stat.Mean(v[:min(k, len(v))], nil))
	}
	return out
}

// errorOverPoints is the standard error of the mean of the first k candidates, mean over
// pairs.
func (r *Results) errorOverPoints(k int, tap string) float64 {
	var errors []float64
	for _, p := range r.scores {
		v := p.of(tap, memorize.Candidate)[:k]
		errors = append(errors, stat.StdErr(stat.StdDev(v, nil), float64(k)))
	}
	return stat.Mean(errors, nil)
}

func writeCount(r *Results) (*report.Document, error) {
	convs, err := r.Convolutions()
	if err != nil {
		return nil, err
	}
	n := len(r.scores[0].of(convs[0], memorize.Candidate))
	t := report.Table{
		Name: "count", Title: "Scores of the last three convolutions by the number of points", Note: r.intervals(),
		Columns: flowing(countColumns),
	}
	plain, own := map[int][]float64{}, map[int][]float64{} // by number of points
	for _, k := range []int{n / 10, n / fewOf, n / 2, n} {
		if k < 2 {
			continue
		}
		plain[k] = LastThree(convs, func(tap string) []float64 { return r.firstPoints(k, tap, memorize.Candidate) })
		own[k] = LastThree(convs, func(tap string) []float64 {
			return half(minus(r.firstPoints(k, tap, memorize.Candidate), r.firstPoints(k, tap, memorize.Independent)))
		})
		t.Rows = append(t.Rows, []report.Cell{
			report.Num(float64(k)), Interval(plain[k]), Interval(own[k]),
			report.Num(r.errorOverPoints(k, convs[len(convs)-1])),
		})
	}
	few := max(2, n/fewOf)
	if plain[few] == nil {
		return nil, fmt.Errorf("candidates: found %d that were scored, expected at least %d", n, 2*fewOf)
	}
	return &report.Document{
		Lead:     []string{r.trained() + " " + prosef(leadCount, n)},
		Claims:   []report.Claim{r.sameScore(claimCount, minus(plain[few], plain[n]), minus(own[few], own[n]), own[n])},
		Sections: []report.Section{{Title: "By number of points", Tables: []report.Table{t}}},
	}, nil
}
