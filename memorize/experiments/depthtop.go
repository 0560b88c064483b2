package experiments

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

// mostMemorized looks at LayerMem of the most memorized points (Top50 of Table 1),
// beside the same of images that neither encoder saw. To choose points by a score and
// then to take the mean of that score gives a large number wherever the score
// varies, and it varies more in deeper layers.
func (r *results) mostMemorized(convs []string) (report.Section, report.Claim) {
	sets := []string{memorize.Candidate, memorize.External}
	n := min(len(r.scores[0].of(convs[0], sets[0])), len(r.scores[0].of(convs[0], sets[1]))) // of more points the largest are larger
	k := min(memorize.TopPoints, max(1, n/10))
	table := report.Table{Name: "top", Title: fmt.Sprintf("LayerMem of the %d points of largest score", k), Note: r.intervals(),
		Columns: []report.Column{{Name: "convolution"}, {Name: "candidates", Digits: 4}, {Name: "external", Help: "images that neither encoder saw", Digits: 4}, {Name: "difference", Digits: 4}}}
	chart := report.Chart{Name: "top", Title: table.Title, Kind: report.Line, X: "convolution", Y: "LayerMem (Eq. 2)", Categories: convs, Series: make([]report.Series, len(sets))}
	plain, own := make([][]float64, len(r.scores)), make([][]float64, len(r.scores))
	for _, tap := range convs {
		top := make([][]float64, len(sets))
		row := []report.Cell{report.Text(tap)}
		for i, set := range sets {
			top[i] = overTop(r.scores, tap, set, n, k)
			c := interval(top[i])
			chart.Series[i].Name = set
			push(&chart.Series[i], c)
			row = append(row, c)
		}
		more := minus(top[0], top[1])
		for i := range r.scores {
			plain[i], own[i] = append(plain[i], top[0][i]), append(own[i], more[i])
		}
		table.Rows = append(table.Rows, append(row, interval(more)))
	}
	var plainRise, rise []float64
	for i := range r.scores {
		plainRise, rise = append(plainRise, endsRise(plain[i])), append(rise, endsRise(own[i]))
	}
	claim := r.judge(report.Claim{
		ID: "depth.top", Source: "T1, Top50", Statement: "The most memorized candidates are memorized more in deeper layers, beyond what the largest scores of unseen images do.",
		Rule:  fmt.Sprintf("LayerMem of the %d candidates of largest score in a convolution, minus that of the %d external images of largest score there. The number is its mean over the last three convolutions minus that over the first three, one for each pair.", k, k),
		Paper: "LayerMem of the Top50 .144 in conv1 to .817 in the last convolution, without a control", Plain: intervalOf(plainRise),
	}, "the rise of candidates minus external images", rise)
	return report.Section{Title: "The most memorized points",
		Text:   []string{"Points that are chosen for a large score have a large score. Images that neither encoder has seen show how large it becomes by the choice alone."},
		Tables: []report.Table{table}, Charts: []report.Chart{chart}}, claim
}

// overTop returns the mean over the k points of largest score among the first n of a
// set, pair by pair.
func overTop(all []scores, tap, set string, n, k int) []float64 {
	var out []float64
	for _, p := range all {
		v := p.of(tap, set)[:n]
		slices.Sort(v)
		out = append(out, stat.Mean(v[n-k:], nil))
	}
	return out
}
