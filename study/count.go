package study

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

// count asks whether the number of candidates that are scored matters (Table 19).
var count = Study{Name: "count", Source: "T19", Title: "Number of points that are scored", plan: func(l *lab) writer {
	return written(l.pairs(), writeCount)
}}

// fewOf is the share of the points that study count compares with all.
const fewOf = 4

func writeCount(r *results) (*report.Document, error) {
	convs, err := r.convolutions()
	if err != nil {
		return nil, err
	}
	n := len(r.scores[0].of(convs[0], memorize.Candidate))
	t := report.Table{Name: "count", Title: "Scores of the last three convolutions by the number of points", Note: r.intervals(),
		Columns: []report.Column{{Name: "points"}, {Name: "LayerMem", Help: "of the candidates", Digits: 4}, {Name: "controlled", Digits: 4},
			{Name: "error over points", Help: "standard error of the mean over points in the last convolution, mean over pairs", Digits: 4}}}
	plain, own := map[int][]float64{}, map[int][]float64{}
	for _, k := range []int{n / 10, n / fewOf, n / 2, n} {
		if k < 2 {
			continue
		}
		first := func(tap, set string) []float64 {
			var out []float64
			for _, p := range r.scores {
				v := p.of(tap, set)
				out = append(out, stat.Mean(v[:min(k, len(v))], nil))
			}
			return out
		}
		plain[k] = deep(convs, func(tap string) []float64 { return first(tap, memorize.Candidate) })
		own[k] = deep(convs, func(tap string) []float64 {
			d := minus(first(tap, memorize.Candidate), first(tap, memorize.Independent))
			for i := range d {
				d[i] /= 2
			}
			return d
		})
		var errors []float64
		for _, p := range r.scores {
			v := p.of(convs[len(convs)-1], memorize.Candidate)[:k]
			errors = append(errors, stat.StdErr(stat.StdDev(v, nil), float64(k)))
		}
		t.Rows = append(t.Rows, []report.Cell{report.Num(float64(k)), interval(plain[k]), interval(own[k]), report.Num(stat.Mean(errors, nil))})
	}
	few := max(2, n/fewOf)
	if plain[few] == nil {
		return nil, fmt.Errorf("found %d candidates that were scored, expected at least %d", n, 2*fewOf)
	}
	return &report.Document{
		Lead: []string{r.trained() + fmt.Sprintf(" The scores were taken over fewer of the %d candidates and independents. The mean is expected to stay; its error grows.", n)},
		Claims: []report.Claim{r.sameScore(report.Claim{ID: "count.immaterial", Source: "T19, F6", Statement: "The number of points that are scored does not matter.",
			Paper: "LayerMem .092, .093, .089, .091 in layer 1 and .309, .314, .310, .307 in layer 8 with 100, 500, 1000, 5000 points", Plain: intervalOf(minus(plain[few], plain[n])),
			Rule: "The number is the controlled score of a quarter of the points minus that of all, mean of the last three convolutions, one for each pair."},
			"the controlled score of a quarter minus that of all points", minus(own[few], own[n]), own[n])},
		Sections: []report.Section{{Title: "By number of points", Tables: []report.Table{t}}},
	}, nil
}
