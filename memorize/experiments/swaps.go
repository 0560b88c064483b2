package experiments

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/report"
)

// swaps asks whether an encoder needs its memorizing layers most: layers are replaced
// by those of an encoder of other data (Tables 21 to 24, 30, 32 and 33). Plain depth
// and the number of parameters are baselines, and layers of another seed and of no
// training show what any foreign layer does.
var swaps = Study{Name: "swaps", Source: "T21-T24, T30, T32, T33", Title: "Layers replaced by those of other data", plan: func(l *lab) writer {
	own := l.pairs()
	others := l.encoders(l.other()...)
	var steps []*graph.Step
	for i, p := range own.pairs {
		next := own.pairs[(i+1)%len(own.pairs)]
		steps = append(steps, swapLayers.Step(fmt.Sprintf("replace layers of f, %s, seed %d", describe(p.recipe), p.recipe.Seed), swapping{textOf(p.recipe), *l.on()}, p.f, others[i].train, next.f))
	}
	l.do(steps...)
	return func(x *reader) (*report.Document, error) { return writeSwaps(x, own, steps) }
}}

// swapping are the parameters of a swap step. Its needs train f, an encoder of the
// other data, and f of another seed.
type swapping struct {
	Recipe text     `json:"recipe"`
	On     study.On `json:"on"`
}

// Identity implements graph.Identifier.
func (p swapping) Identity() string { return onIdentity(p.Recipe, p.On) }

// onIdentity is the identity of a step that works with a recipe and other data, whose
// place does not count.
func onIdentity(t text, on study.On) string {
	r, err := t.recipe()
	if err != nil {
		return err.Error()
	}
	on.Dir = ""
	return fmt.Sprintf("%s %+v", r.Hash(), on)
}

// From where layers come.
const (
	fromNone  = "none" // the encoder as it is
	fromOther = "other data"
	fromSeed  = "other seed"
	fromFresh = "untrained"
)

// swapped is what an encoder is worth with some layers of another one.
type swapped struct {
	From   string   `json:"from"`
	Layers []string `json:"layers"`
	accuracies
}

var swapLayers = graph.Define("swap", 1, func(ctx context.Context, w *graph.Work, p swapping) error {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err
	}
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	var from [2]nn.Encoder
	for i := range from {
		if from[i], err = o.loaded(needFile(w, i+1)); err != nil {
			return err
		}
	}
	probe, err := o.prober(p.On)
	if err != nil {
		return err
	}
	layers := convLayers(o.encoder)
	all := swapsOf(layers)
	bar := reporterOf(ctx).Bar("swaps", "encoders", len(all), 0)
	for i := range all {
		enc := o.encoder
		switch all[i].From {
		case fromOther:
			enc, err = perturb.Swap(enc, from[0], all[i].Layers)
		case fromSeed:
			enc, err = perturb.Swap(enc, from[1], all[i].Layers)
		case fromFresh:
			enc, err = perturb.Reinitialise(enc, all[i].Layers, r.Seed+1000)
		}
		if err == nil {
			all[i].accuracies, err = probe.of(ctx, enc)
		}
		if err != nil {
			return err
		}
		bar.Set(i + 1)
	}
	bar.Finish("%d encoders", len(all))
	return w.Result(all)
}, func(p swapping) graph.Effort {
	r, err := p.Recipe.recipe()
	if err != nil {
		return graph.Effort{}
	}
	return probeEffort("swap", r, len(swapsOf(make([]string, 8))))
})

// convLayers are the layers that the paper counts: convolutions with their norms.
func convLayers(enc nn.Encoder) []string {
	return slices.DeleteFunc(nn.LayerNames(enc), func(n string) bool { return !strings.HasPrefix(n, "conv") })
}

// swapsOf lists what is tried with the layers of an encoder: single ones, pairs and
// triples of another encoder, and single ones as controls.
func swapsOf(layers []string) []swapped {
	all := []swapped{{From: fromNone}}
	for n := 1; n <= 3; n++ {
		for _, c := range perturb.Combinations(layers, n) {
			all = append(all, swapped{From: fromOther, Layers: c})
		}
	}
	for _, from := range []string{fromSeed, fromFresh} {
		for _, c := range perturb.Combinations(layers, 1) {
			all = append(all, swapped{From: from, Layers: c})
		}
	}
	return all
}

// layerValues is a quantity by which layers are ranked, for each pair.
type layerValues struct {
	name   string
	values func(pair int) map[string]float64
}

func writeSwaps(x *reader, own *group, steps []*graph.Step) (*report.Document, error) {
	r, err := x.results(own)
	if err != nil {
		return nil, err
	}
	convs, err := r.convolutions()
	if err != nil {
		return nil, err
	}
	params, err := r.parameters()
	if err != nil {
		return nil, err
	}
	found := make([][]swapped, len(steps))
	for i, s := range steps {
		if err := x.store.Result(s, &found[i]); err != nil {
			return nil, err
		}
	}
	delta := func(of func(one []scores, tap string) float64) func(int) map[string]float64 {
		return func(pair int) map[string]float64 {
			out, one := map[string]float64{}, r.scores[pair:pair+1]
			for k := 1; k < len(convs); k++ {
				out[convs[k]] = of(one, convs[k]) - of(one, convs[k-1])
			}
			return out
		}
	}
	fixed := func(of func(k int) float64) func(int) map[string]float64 {
		return func(int) map[string]float64 {
			out := map[string]float64{}
			for k := 1; k < len(convs); k++ {
				out[convs[k]] = of(k)
			}
			return out
		}
	}
	by := []layerValues{
		{"Delta, controlled", delta(func(one []scores, tap string) float64 { return controlled(one, tap)[0] })},
		{"Delta of the candidates", delta(func(one []scores, tap string) float64 { return over(one, tap, memorize.Candidate)[0] })},
		{"plain depth", fixed(func(k int) float64 { return float64(k) })},
		{"number of parameters", fixed(func(k int) float64 { return params[convs[k]] })},
	}
	ranked := report.Table{Name: "ranks", Title: "What tells how much accuracy layers cost that are replaced",
		Note:    "Spearman's correlation of the sum over the layers replaced with the loss of accuracy on the own data, conv1 left out as it has no Delta; mean over pairs with 95 % interval. Swaps share layers, so a correlation of one pair has no p value.",
		Columns: []report.Column{{Name: "by"}, {Name: "single", Digits: 2}, {Name: "pairs", Digits: 2}, {Name: "triples", Digits: 2}}}
	rho := make([][]float64, len(by)) // of triples, by quantity and pair
	for b, v := range by {
		row := []report.Cell{report.Text(v.name)}
		for n := 1; n <= 3; n++ {
			var per []float64
			for i := range found {
				c, err := costsBy(found[i], v.values(i), n)
				if err != nil {
					return nil, err
				}
				per = append(per, c)
			}
			if n == 3 {
				rho[b] = per
			}
			row = append(row, interval(per))
		}
		ranked.Rows = append(ranked.Rows, row)
	}
	single, charts := singleSwaps(found, convs)
	return &report.Document{
		Lead: []string{r.trained() + " Convolutions of f, with their norms, were replaced by those of an encoder of other data, singly, in pairs and in triples; the accuracy is that of kNN. Single layers were also taken from f of another seed, and left untrained."},
		Claims: []report.Claim{
			x.judge(report.Claim{ID: "swaps.delta", Source: "T22, T33; re-analysed", Statement: "Delta tells better than plain depth which layers an encoder needs.",
				Paper: "correlation with the loss of the triples .92 by conv-only Delta (T18), .37 by T1's Delta, .77 by plain depth", Plain: intervalOf(minus(rho[1], rho[2])),
				Rule: "Spearman's correlation, over the triples, of the sum of the controlled score's Delta between convolutions with the loss of accuracy; the number is that minus the same of plain depth, one for each pair."},
				"the correlation by controlled Delta minus that by depth", minus(rho[0], rho[2])),
			x.judge(report.Claim{ID: "swaps.memorizing", Source: "T21, T22", Statement: "Replacing the three most memorizing layers costs more than replacing the three least.",
				Paper: "69.08 % without, 36.59 % with layers 4, 6, 8 of STL10, 59.14 % with 2, 3, 5", Plain: intervalOf(mostMinusLeast(found, by[1])),
				Rule: "The number is the loss of accuracy on the own data with the three layers of largest controlled Delta replaced, minus that with the three of least, in percent, one for each pair."},
				"the loss with the most minus the least memorizing layers, in percent", mostMinusLeast(found, by[0])),
			x.judgePlain(report.Claim{ID: "swaps.seed", Source: "ours", Statement: "A layer of other data costs more than a layer of the same data and another seed.",
				Rule: "The number is the mean loss of accuracy on the own data of single layers of other data minus that of single layers of another seed, in percent, one for each pair."},
				"the loss with layers of other data minus that of another seed, in percent", minus(meanLoss(found, fromOther), meanLoss(found, fromSeed))),
		},
		Sections: []report.Section{{Title: "Which layers", Tables: []report.Table{ranked, single}, Charts: charts},
			{Title: "All swaps", Tables: []report.Table{allSwaps(found, convs)}}},
	}, nil
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
	c, err := stats.Spearman(sums, costs)
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

// mostMinusLeast is the loss, in percent, with the three layers of largest value
// replaced minus that with the three of least, pair by pair.
func mostMinusLeast(found [][]swapped, by layerValues) []float64 {
	var out []float64
	for i, all := range found {
		values, most, least := by.values(i), -1, -1
		var largest, smallest float64
		for k, s := range all {
			sum, known := sumOf(values, s.Layers)
			if s.From != fromOther || len(s.Layers) != 3 || !known {
				continue
			}
			if most < 0 || sum > largest {
				most, largest = k, sum
			}
			if least < 0 || sum < smallest {
				least, smallest = k, sum
			}
		}
		out = append(out, 100*(all[least].Own-all[most].Own))
	}
	return out
}

// meanLoss is the mean loss of accuracy on the own data, in percent, of single layers
// from somewhere, pair by pair.
func meanLoss(found [][]swapped, from string) []float64 {
	var out []float64
	for _, all := range found {
		var losses []float64
		for _, s := range all {
			if s.From == from && len(s.Layers) == 1 {
				losses = append(losses, 100*(all[0].Own-s.Own))
			}
		}
		out = append(out, stat.Mean(losses, nil))
	}
	return out
}

// accuracy returns the accuracy of one swap, in percent, pair by pair.
func accuracy(found [][]swapped, k int, of func(accuracies) float64) []float64 {
	var out []float64
	for _, all := range found {
		out = append(out, 100*of(all[k].accuracies))
	}
	return out
}

func onOwn(a accuracies) float64   { return a.Own }
func onOther(a accuracies) float64 { return a.Other }

// singleSwaps shows the single layers by where they come from.
func singleSwaps(found [][]swapped, convs []string) (report.Table, []report.Chart) {
	t := report.Table{Name: "single", Title: "Accuracy with a single layer replaced", Note: "kNN in percent, means over pairs with 95 % intervals.", Columns: []report.Column{{Name: "layer"}}}
	c := report.Chart{Name: "single", Title: t.Title, Kind: report.Line, X: "layer", Y: "accuracy in percent", Categories: convs,
		Reference: []report.Reference{{Name: "no layer replaced", Y: stat.Mean(accuracy(found, 0, onOwn), nil)}}}
	index := func(from, layer string) int {
		return slices.IndexFunc(found[0], func(s swapped) bool { return s.From == from && len(s.Layers) == 1 && s.Layers[0] == layer })
	}
	for _, from := range []string{fromOther, fromSeed, fromFresh} {
		addColumn(&t, &c, from, "layer from there, accuracy on the own data", convs, func(l string) report.Cell { return interval(accuracy(found, index(from, l), onOwn)) })
	}
	var moved report.Chart
	addColumn(&t, &moved, "other data, tested there", "layer of the other data, accuracy on the other data", convs, func(l string) report.Cell { return interval(accuracy(found, index(fromOther, l), onOther)) })
	return t, []report.Chart{c}
}

// allSwaps lists every swap with layers of other data.
func allSwaps(found [][]swapped, convs []string) report.Table {
	t := report.Table{Name: "swaps", Title: "Layers replaced by those of other data", Note: "Layers are numbered from 1. kNN in percent, means over pairs with 95 % intervals.",
		Columns: []report.Column{{Name: "layers"}, {Name: "own data", Digits: 2}, {Name: "other data", Digits: 2}}}
	for k, s := range found[0] {
		name := layerName(s.Layers, convs)
		switch s.From {
		case fromNone:
			name = "none"
		case fromSeed, fromFresh:
			continue
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), interval(accuracy(found, k, onOwn)), interval(accuracy(found, k, onOther))})
	}
	return t
}
