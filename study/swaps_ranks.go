package study

import "github.com/locimem/locimem/report"

const (
	noteRankTable = `Spearman's correlation of the sum over the layers replaced with the loss of accuracy on the
		own data, conv1 left out as it has no Delta; mean over pairs with 95 % interval. Swaps share layers, so
		a correlation of one pair has no p value.`
	noteExtremes = `On the own data, in percent; means over pairs with 95 % intervals. The mean over all triples
		is what a random choice costs. All without conv1.`
)

// rankTable says how well the quantities rank swaps by their cost. rho is the correlation of
// triples, by quantity and pair.
func rankTable(found [][]swapped, by []layerValues) (t report.Table, rho [][]float64, err error) {
	t = report.Table{
		Name: "ranks", Title: "What tells how much accuracy a replaced layer costs", Note: prose(noteRankTable),
		Columns: []report.Column{
			{Name: "by"}, {Name: "single", Digits: 2}, {Name: "pairs", Digits: 2}, {Name: "triples", Digits: 2},
		},
	}
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
			row = append(row, Interval(per))
		}
		rho, t.Rows = append(rho, per), append(t.Rows, row)
	}
	return t, rho, nil
}

// costsBy is Spearman's correlation, over the swaps of n layers of other data without the
// first, of a sum over the layers with the loss of accuracy.
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
	return rankCorrelation(sums, costs)
}

// sumOf adds up the values of layers. known says whether each has one.
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

// tripleLosses are losses of accuracy on the own data, in percent, with three layers replaced:
// those of largest value, those of least, and the mean over all triples.
type tripleLosses struct{ most, mean, least float64 }

// lossesBy returns the losses of one pair.
func lossesBy(all []swapped, values map[string]float64) tripleLosses {
	var out tripleLosses
	largest, smallest, losses, n := 0.0, 0.0, 0.0, 0.0
	for _, s := range all {
		sum, known := sumOf(values, s.Layers)
		if s.From != fromOther || len(s.Layers) != 3 || !known {
			continue
		}
		loss := 100 * (all[0].Own - s.Own)
		if n == 0 || sum > largest {
			largest, out.most = sum, loss
		}
		if n == 0 || sum < smallest {
			smallest, out.least = sum, loss
		}
		losses, n = losses+loss, n+1
	}
	out.mean = losses / n
	return out
}

// triples returns the losses by a quantity, pair by pair.
func triples(found [][]swapped, by layerValues) []tripleLosses {
	var out []tripleLosses
	for i, all := range found {
		out = append(out, lossesBy(all, by.values(i)))
	}
	return out
}

// mostMinusLeast is the loss, in percent, with the three layers of largest value replaced minus
// that with the three of least, pair by pair.
func mostMinusLeast(found [][]swapped, by layerValues) []float64 {
	return each(triples(found, by), func(l tripleLosses) float64 { return l.most - l.least })
}

// extremeSwaps shows what the three layers of largest and of least value cost.
func extremeSwaps(found [][]swapped, by []layerValues) report.Table {
	t := report.Table{
		Name: "extremes", Title: "Loss of accuracy with three layers replaced", Note: prose(noteExtremes),
		Columns: []report.Column{
			{Name: "chosen by"}, {Name: "largest", Digits: 2}, {Name: "mean of all", Digits: 2}, {Name: "least", Digits: 2},
		},
	}
	for _, v := range by {
		l := triples(found, v)
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(v.name),
			Interval(each(l, func(l tripleLosses) float64 { return l.most })),
			Interval(each(l, func(l tripleLosses) float64 { return l.mean })),
			Interval(each(l, func(l tripleLosses) float64 { return l.least })),
		})
	}
	return t
}
