package study

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

// mostMemorized looks at LayerMem of the most memorized points (Top50 of Table 1),
// beside the same of images that the encoder never saw. To choose points by a score and
// then to take the mean of that score gives a large number wherever the score
// varies, and it varies more in deeper layers.
func (r *results) mostMemorized(convs []string) (report.Section, report.Claim, error) {
	n := r.scores[0].fewest(convs[0], memorize.Candidate, memorize.Independent, memorize.External) // of more points the largest are larger
	k := min(memorize.TopPoints, max(1, n/10))
	table := report.Table{Name: "top", Title: fmt.Sprintf("LayerMem of the %d points of largest score", k), Note: r.intervals(),
		Columns: []report.Column{{Name: "convolution"}, {Name: "candidates", Digits: 4}, {Name: "external", Help: "images that neither encoder saw", Digits: 4},
			{Name: "beyond unseen", Help: "the points of largest score of a set that an encoder saw minus those of the set that only the other saw, scores turned to the encoder, mean over f and g", Digits: 4}}}
	sets := []string{memorize.Candidate, memorize.External}
	chart := report.Chart{Name: "top", Title: table.Title, Kind: report.Line, X: "convolution", Y: "LayerMem (Eq. 2)", Categories: convs, Series: make([]report.Series, len(sets))}
	plain, beyond := make([][]float64, len(r.scores)), make([][]float64, len(r.scores))
	for _, tap := range convs {
		row := []report.Cell{report.Text(tap)}
		var more []float64
		for i, p := range r.scores {
			gap, err := beyondUnseen(func(s side, set string) (float64, error) { return topMean(s.turned(p.of(tap, set)), n, k), nil })
			if err != nil {
				return report.Section{}, report.Claim{}, err
			}
			beyond[i], more = append(beyond[i], gap), append(more, gap)
		}
		for i, set := range sets {
			var top []float64
			for _, p := range r.scores {
				top = append(top, topMean(p.of(tap, set), n, k))
			}
			if set == memorize.Candidate {
				for pair, v := range top {
					plain[pair] = append(plain[pair], v)
				}
			}
			c := interval(top)
			chart.Series[i].Name = set
			push(&chart.Series[i], c)
			row = append(row, c)
		}
		table.Rows = append(table.Rows, append(row, interval(more)))
	}
	var plainRise, rise []float64
	for i := range r.scores {
		plainRise, rise = append(plainRise, endsRise(plain[i])), append(rise, endsRise(beyond[i]))
	}
	claim := r.judge(report.Claim{
		ID: "depth.top", Source: "T1, Top50", Statement: "The most memorized images are memorized more in deeper layers, beyond what the largest scores of unseen images do.",
		Rule:  fmt.Sprintf("The mean over the %d images of a set with the largest score in a convolution, turned to f or to g; for the set that the encoder was trained on minus for the one that only the other saw, mean over f and g. The number is its mean over the last three convolutions minus that over the first three, one for each pair; plain: of f's candidates alone.", k),
		Paper: "LayerMem of the Top50 .144 in conv1 to .817 in the last convolution, without a control", Plain: intervalOf(plainRise),
	}, "the rise, seen minus unseen images", rise)
	return report.Section{Title: "The most memorized points",
		Text:   []string{"Points that are chosen for a large score have a large score. Images that an encoder has not seen show how large it becomes by the choice alone."},
		Tables: []report.Table{table}, Charts: []report.Chart{chart}}, claim, nil
}

// fewest is the least number of points of some sets that were scored in a tap.
func (p scores) fewest(tap string, sets ...string) int {
	n := math.MaxInt
	for _, set := range sets {
		n = min(n, len(p.of(tap, set)))
	}
	return n
}

// topMean is the mean of the k largest of the first n scores.
func topMean(scores []float64, n, k int) float64 {
	v := slices.Sorted(slices.Values(scores[:n]))
	return stat.Mean(v[n-k:], nil)
}
