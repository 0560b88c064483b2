package study

import (
	"errors"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// layerValues is a quantity by which layers are ranked, for each pair.
type layerValues struct {
	name   string
	values func(pair int) map[string]float64 // of all convolutions but the first
}

// The places of some layerQuantities.
const (
	ownDelta = iota
	plainDelta
	plainDepth
)

// layered are the scores of a group, its convolutions and the parameters of each layer.
func (x *reader) layered(g *group) (r *results, convs []string, params map[string]float64, err error) {
	if r, err = x.results(g); err != nil {
		return
	}
	if convs, err = r.convolutions(); err != nil {
		return
	}
	params, err = r.parameters()
	return
}

// layerQuantities are what may tell which layers an encoder needs. The Delta to the tap
// before is what the layer by itself adds (Table 18); that to the convolution before
// (Table 1) mixes it with what norm, ReLU and pool in between do.
func (r *results) layerQuantities(convs []string, params map[string]float64) []layerValues {
	fixed := func(of func(k int) float64) func(int) map[string]float64 {
		out := map[string]float64{}
		for k := 1; k < len(convs); k++ {
			out[convs[k]] = of(k)
		}
		return func(int) map[string]float64 { return out }
	}
	return []layerValues{
		{"Delta to the tap before, controlled", r.deltas(convs, r.taps(), controlled)},
		{"Delta to the tap before, of the candidates", r.deltas(convs, r.taps(), layerMem)},
		{"plain depth", fixed(func(k int) float64 { return float64(k) })},
		{"number of parameters", fixed(func(k int) float64 { return params[convs[k]] })},
		{"Delta to the convolution before, controlled", r.deltas(convs, convs, controlled)},
		{"Delta to the convolution before, of the candidates", r.deltas(convs, convs, layerMem)},
	}
}

// deltas returns a score of each convolution but the first minus that of what comes
// before it in taps, for a pair.
func (r *results) deltas(convs, taps []string, of func(all []scores, tap string) []float64) func(pair int) map[string]float64 {
	return func(pair int) map[string]float64 {
		out, one := map[string]float64{}, r.scores[pair:pair+1]
		for i, t := range taps {
			for k, c := range convs {
				if i > 0 && k > 0 && t == c {
					out[c] = of(one, c)[0] - of(one, taps[i-1])[0]
				}
			}
		}
		return out
	}
}

// rankTable says how well the quantities rank swaps by their cost. rho is the
// correlation of triples, by quantity and pair.
func rankTable(found [][]swapped, by []layerValues) (t report.Table, rho [][]float64, err error) {
	t = report.Table{Name: "ranks", Title: "What tells how much accuracy layers cost that are replaced",
		Note:    "Spearman's correlation of the sum over the layers replaced with the loss of accuracy on the own data, conv1 left out as it has no Delta; mean over pairs with 95 % interval. Swaps share layers, so a correlation of one pair has no p value.",
		Columns: []report.Column{{Name: "by"}, {Name: "single", Digits: 2}, {Name: "pairs", Digits: 2}, {Name: "triples", Digits: 2}}}
	for _, v := range by {
		row := []report.Cell{report.Text(v.name)}
		var per []float64
		for n := 1; n <= 3; n++ {
			per = nil
			for i := range found {
				c, err := costsBy(found[i], v.values(i), n)
				if err != nil {
					return t, nil, err
				}
				per = append(per, c)
			}
			row = append(row, interval(per))
		}
		rho, t.Rows = append(rho, per), append(t.Rows, row)
	}
	return t, rho, nil
}

// costsBy is Spearman's correlation, over the swaps of n layers of other data without
// the first, of a sum over the layers with the loss of accuracy.
func costsBy(found []swapped, values map[string]float64, n int) (float64, error) {
	var sums, costs []float64
	for _, s := range found {
		if s.From != fromOther || len(s.Layers) != n {
			continue
		}
		if sum, known := sumOf(values, s.Layers); known {
			sums, costs = append(sums, sum), append(costs, found[0].Own-s.Own)
		}
	}
	return ranked(sums, costs)
}

// ranked is Spearman's correlation, 0 where all values of a side are equal: these rank
// nothing.
func ranked(a, b []float64) (float64, error) {
	c, err := stats.Spearman(a, b)
	if errors.Is(err, stats.ErrNoSpread) {
		return 0, nil
	}
	return c.Value, err
}

// sumOf adds up the values of layers; known tells whether each has one.
func sumOf(values map[string]float64, layers []string) (sum float64, known bool) {
	for _, l := range layers {
		v, ok := values[l]
		if !ok {
			return 0, false
		}
		sum += v
	}
	return sum, true
}

// extremes are the losses of accuracy on the own data, in percent, with the three
// layers of largest value replaced, with the three of least, and the mean over all
// triples, pair by pair.
func extremes(found [][]swapped, by layerValues) (most, mean, least []float64) {
	for i, all := range found {
		values, largest, smallest, losses, n := by.values(i), 0.0, 0.0, 0.0, 0.0
		most, least = append(most, 0), append(least, 0)
		for _, s := range all {
			sum, known := sumOf(values, s.Layers)
			if s.From != fromOther || len(s.Layers) != 3 || !known {
				continue
			}
			loss := 100 * (all[0].Own - s.Own)
			if n == 0 || sum > largest {
				largest, most[i] = sum, loss
			}
			if n == 0 || sum < smallest {
				smallest, least[i] = sum, loss
			}
			losses, n = losses+loss, n+1
		}
		mean = append(mean, losses/n)
	}
	return most, mean, least
}

// mostMinusLeast is the loss, in percent, with the three layers of largest value
// replaced minus that with the three of least, pair by pair.
func mostMinusLeast(found [][]swapped, by layerValues) []float64 {
	most, _, least := extremes(found, by)
	return minus(most, least)
}

// extremeSwaps shows what the three layers of largest and of least value cost.
func extremeSwaps(found [][]swapped, by []layerValues) report.Table {
	t := report.Table{Name: "extremes", Title: "Loss of accuracy with three layers replaced", Note: "On the own data, in percent; means over pairs with 95 % intervals. The mean over all triples is what a random choice costs. All without conv1.",
		Columns: []report.Column{{Name: "chosen by"}, {Name: "largest", Digits: 2}, {Name: "mean of all", Digits: 2}, {Name: "least", Digits: 2}}}
	for _, v := range by {
		most, mean, least := extremes(found, v)
		t.Rows = append(t.Rows, []report.Cell{report.Text(v.name), interval(most), interval(mean), interval(least)})
	}
	return t
}
