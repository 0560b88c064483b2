package experiments

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// alike is the rank correlation from which on two distances count as agreeing.
const alike = 0.8

// distances asks whether it matters by which distance two views are compared
// (Table 26).
var distances = Study{Name: "distance", Source: "T26", Title: "Distances between activations", plan: func(l *lab) writer {
	g := l.pairs(`score.distances=["l2","l1","cosine","angular"]`)
	return func(x *reader) (*report.Document, error) {
		all := []memorize.Distance{memorize.L2, memorize.L1, memorize.Cosine, memorize.Angular}
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
		plain, err := agreement(by, convs, func(r *results, i int, tap string) float64 {
			return over(r.scores[i:i+1], tap, memorize.Candidate)[0]
		})
		if err != nil {
			return nil, err
		}
		own, err := agreement(by, convs, func(r *results, i int, tap string) float64 { return controlled(r.scores[i:i+1], tap)[0] })
		if err != nil {
			return nil, err
		}
		claims := []report.Claim{x.judge(report.Claim{ID: "distance.alike", Source: "T26", Statement: "All distances rank the layers alike.",
			Paper: "LayerMem of l1, l2, cosine and angular within .015 of each other in every layer", Plain: intervalOf(plain),
			Rule: fmt.Sprintf("Spearman's correlation of the controlled score of the convolutions by l2 with that by each other distance; the number is the least of the three minus %g, one for each pair.", alike)},
			fmt.Sprintf("the least rank correlation minus %g", alike), own)}
		for k, r := range by[1:] { // by l2 it is the claim of study depth
			name := string(all[k+1])
			claims = append(claims, r.rises("distance.rises-"+name, "T26", "By the "+name+" distance memorization rises with depth.", "LayerMem from .096 to .104 in conv1, from .321 to .328 in the last convolution", convs))
		}
		return &report.Document{
			Lead:     []string{by[0].trained() + " Each was scored by four distances on the same views. l1 and l2 see the length of activations, in which two encoders differ most; cosine and angular do not."},
			Claims:   claims,
			Sections: []report.Section{section},
		}, nil
	}
}}

// agreement is, pair by pair, the least rank correlation over convolutions of a
// quantity by the first distance with the same by another one, minus alike.
func agreement(by []*results, convs []string, of func(r *results, i int, tap string) float64) ([]float64, error) {
	var out []float64
	for i := range by[0].scores {
		var profiles [][]float64
		for _, r := range by {
			var p []float64
			for _, tap := range convs {
				p = append(p, of(r, i, tap))
			}
			profiles = append(profiles, p)
		}
		least := 1.0
		for _, p := range profiles[1:] {
			c, err := stats.Spearman(profiles[0], p)
			if err != nil {
				return nil, err
			}
			least = min(least, c.Value)
		}
		out = append(out, least-alike)
	}
	return out, nil
}

// byDistance is the table and the chart of LayerMem and of the controlled score.
func (x *reader) byDistance(by []*results, all []memorize.Distance, convs []string) (report.Section, error) {
	plain := report.Table{Name: "distance", Title: "LayerMem of the candidates by distance", Note: by[0].intervals(), Columns: []report.Column{{Name: "tap"}}}
	own := report.Table{Name: "distance-controlled", Title: "The controlled score by distance", Note: by[0].intervals(), Columns: []report.Column{{Name: "tap"}}}
	charts := []report.Chart{
		{Name: "distance", Title: plain.Title, Kind: report.Line, X: "convolution", Y: "LayerMem (Eq. 2)", Categories: convs},
		{Name: "distance-controlled", Title: own.Title, Kind: report.Line, X: "convolution", Y: "half of S_C minus S_I", Categories: convs},
	}
	for k, r := range by {
		addColumn(&plain, &charts[0], string(all[k]), "LayerMem of the candidates", convs, func(tap string) report.Cell { return interval(over(r.scores, tap, memorize.Candidate)) })
		addColumn(&own, &charts[1], string(all[k]), "half of S_C minus S_I", convs, func(tap string) report.Cell { return interval(controlled(r.scores, tap)) })
	}
	return report.Section{Title: "By distance", Tables: []report.Table{plain, own}, Charts: charts}, nil
}

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
		Claims: []report.Claim{r.judgeWithin(report.Claim{ID: "count.immaterial", Source: "T19, F6", Statement: "The number of points that are scored does not matter.",
			Paper: "LayerMem .092, .093, .089, .091 in layer 1 and .309, .314, .310, .307 in layer 8 with 100, 500, 1000, 5000 points", Plain: intervalOf(minus(plain[few], plain[n])),
			Rule: "The number is the controlled score of a quarter of the points minus that of all, mean of the last three convolutions, one for each pair."},
			"the controlled score of a quarter minus that of all points", minus(own[few], own[n]), 0.005)},
		Sections: []report.Section{{Title: "By number of points", Tables: []report.Table{t}}},
	}, nil
}
