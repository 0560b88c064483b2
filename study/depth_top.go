package study

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

var claimTop = Claim{
	ID:     "depth.top",
	Source: "T1, Top50",
	Statement: `The most memorized images are memorized more in deeper layers, beyond what the largest scores of
		images show that the encoder was not trained on.`,
	Paper: "LayerMem of the Top50 .144 in conv1 to .817 in the last convolution, without a control",
	Rule: `The mean over the {k} images of a set with the largest score in a convolution, turned to f or to g;
		for the set that the encoder was trained on minus that for the set that only the other was trained on,
		mean over f and g. The number is its mean over the last three convolutions minus that over the first
		three, one for each pair; plain: for f's candidates alone.`,
	Number: "the rise, members minus others",
}

const textTop = `Points that are chosen for a large score have a large score. Images that an encoder was not
	trained on show how large it becomes by the choice alone.`

var topColumns = []report.Column{
	{Name: "convolution"},
	{Name: "candidates", Digits: 4},
	{Name: "external", Help: "images that neither encoder was trained on", Digits: 4},
	{Name: "members minus others", Digits: 4, Help: `the points of largest score of the set that an encoder was
		trained on minus those of the set that only the other was trained on, scores turned to the encoder, mean
		over f and g`},
}

// mostMemorized looks at LayerMem of the most memorized points (Top50 of Table 1), next to
// the same for images that the encoder was not trained on. Points chosen by a score have a
// large mean of that score wherever the score varies, and it varies more in deeper layers.
func (r *Results) mostMemorized(convs []string) (report.Section, report.Claim, error) {
	// The largest of more points are larger, so all sets give the same number.
	n := r.scores[0].fewest(convs[0], memorize.Candidate, memorize.Independent, memorize.External)
	k := min(memorize.TopPoints, max(1, n/10))
	plain, beyond := make([][]float64, len(r.scores)), make([][]float64, len(r.scores)) // by pair and convolution
	sets := []string{memorize.Candidate, memorize.External}
	table := report.Table{
		Name: "top", Title: fmt.Sprintf("LayerMem of the %d points of largest score", k),
		Note: r.intervals(), Columns: flowing(topColumns),
	}
	chart := report.Chart{
		Name: "top", Title: table.Title, Kind: report.Line, X: "convolution", Y: "LayerMem (Eq. 2)",
		Categories: convs, Series: []report.Series{{Name: sets[0]}, {Name: sets[1]}},
	}
	for _, tap := range convs {
		row := []report.Cell{report.Text(tap)}
		for s, set := range sets {
			top := each(r.scores, func(p scores) float64 { return topMean(p.of(tap, set), n, k) })
			if set == memorize.Candidate {
				for i, v := range top {
					plain[i] = append(plain[i], v)
				}
			}
			c := Interval(top)
			push(&chart.Series[s], c)
			row = append(row, c)
		}
		var gaps []float64
		for i, p := range r.scores {
			gap, err := membersMinusOthers(func(s memorize.Side, set string) (float64, error) {
				return topMean(s.Turned(p.of(tap, set)), n, k), nil
			})
			if err != nil {
				return report.Section{}, report.Claim{}, err
			}
			beyond[i], gaps = append(beyond[i], gap), append(gaps, gap)
		}
		table.Rows = append(table.Rows, append(row, Interval(gaps)))
	}
	claim := r.Judge(claimTop.fill("{k}", fmt.Sprint(k)), each(plain, rise), each(beyond, rise))
	return report.Section{
		Title: "The most memorized points", Text: []string{prose(textTop)},
		Tables: []report.Table{table}, Charts: []report.Chart{chart},
	}, claim, nil
}

// topMean is the mean of the k largest of the first n scores.
func topMean(scores []float64, n, k int) float64 {
	v := slices.Sorted(slices.Values(scores[:n]))
	return stat.Mean(v[n-k:], nil)
}
