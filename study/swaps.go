package study

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// swaps asks whether an encoder needs its memorizing layers most: layers are replaced
// by those of an encoder of other data (Tables 21 to 23, 30, 32 and 33). Plain depth
// and the number of parameters are baselines. Encoders of one seed begin with the same
// weights, on whatever data, and stay exchangeable for a while; so the encoder of other
// data has another seed. What any foreign layer does is shown by layers of own data and
// that other seed, and by untrained ones.
var swaps = Study{Name: "swaps", Source: "T21-T23, T30, T32, T33", Title: "Layers replaced by those of other data", plan: func(l *lab) writer {
	own := l.pairs()
	others := l.encoders(l.other()...)
	ownNext, otherNext := l.reseeded(own.f()), l.reseeded(others, l.other()...)
	var steps []*graph.Step
	for i, p := range own.pairs {
		steps = append(steps, swapLayers.Step(fmt.Sprintf("replace layers of f, %s, seed %d", describe(p.recipe), p.recipe.Seed), swapping{withRecipe(p.recipe), *l.on()}, p.f, otherNext[i].train, others[i].train, ownNext[i].train))
	}
	l.do(steps...)
	return func(x *reader) (*report.Document, error) { return writeSwaps(x, own, steps) }
}}

// swapping are the parameters of a swap step. Its needs train f, encoders of the other
// data with another seed and with that of f, and f with that other seed.
type swapping struct {
	byRecipe
	On run.On `json:"on"`
}

// Identity implements graph.Identifier.
func (p swapping) Identity() string { return onIdentity(p.byRecipe, p.On) }

// onIdentity is the identity of a step that works with a recipe and other data.
func onIdentity(b byRecipe, on run.On) string {
	on.Dir = placeOf(on.Name, on.Variant, on.Dir)
	return fmt.Sprintf("%s %+v", b.hash(), on)
}

// From where layers come.
const (
	fromNone  = "none" // the encoder as it is
	fromOther = "other data, other seed"
	fromSame  = "other data, same seed"
	fromSeed  = "own data, other seed"
	fromFresh = "untrained"
)

// swapped is what an encoder is worth with some layers of another one.
type swapped struct {
	From   string   `json:"from"`
	Layers []string `json:"layers"`
	accuracies
}

var swapLayers = define("swap", 2, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p swapping) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	var from [3]nn.Encoder
	for i := range from {
		if from[i], err = o.loaded(needFile(w, i+1)); err != nil {
			return err
		}
	}
	all := swapsOf(convLayers(o.encoder))
	err = o.testEach(ctx, "swaps", p.On, len(all), func(i int) (nn.Encoder, error) {
		switch layers := all[i].Layers; all[i].From {
		case fromOther:
			return perturb.Swap(o.encoder, from[0], layers)
		case fromSame:
			return perturb.Swap(o.encoder, from[1], layers)
		case fromSeed:
			return perturb.Swap(o.encoder, from[2], layers)
		case fromFresh:
			return perturb.Reinitialise(o.encoder, layers, r.Seed+1000)
		}
		return o.encoder, nil
	}, func(i int, a accuracies) { all[i].accuracies = a })
	if err != nil {
		return err
	}
	return w.Result(all)
}, func(r *recipe.Recipe, p swapping) graph.Effort {
	return probeEffort("swap", r, p.On, len(swapsOf(make([]string, 8))))
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
	for _, from := range []string{fromSame, fromSeed, fromFresh} {
		for _, c := range perturb.Combinations(layers, 1) {
			all = append(all, swapped{From: from, Layers: c})
		}
	}
	return all
}

func writeSwaps(x *reader, own *group, steps []*graph.Step) (*report.Document, error) {
	r, convs, params, err := x.layered(own)
	if err != nil {
		return nil, err
	}
	found, err := resultsOf[[]swapped](x, steps)
	if err != nil {
		return nil, err
	}
	by := r.layerQuantities(convs, params)
	ranked, rho, err := rankTable(found, by)
	if err != nil {
		return nil, err
	}
	single, charts := singleSwaps(found, convs)
	return &report.Document{
		Lead: []string{r.trained() + " Convolutions of f, with their norms, were replaced by those of an encoder of other data, singly, in pairs and in triples; the accuracy is that of kNN.",
			"Encoders of one seed begin with the same weights, on whatever data, and their layers stay exchangeable for a while; so the other data's encoder has another seed. " + singleLosses(found)},
		Claims: []report.Claim{
			providedAbove(x.judge(report.Claim{ID: "swaps.delta", Source: "T22, T33; re-analysed", Statement: "Delta tells better than plain depth which layers an encoder needs.",
				Paper: "correlation with the loss of the triples .92 by Delta to the tap before (T18), .30 by Delta to the layer before (T1), .77 by plain depth, .62 by the number of parameters", Plain: intervalOf(minus(rho[plainDelta], rho[plainDepth])),
				Rule: "Spearman's correlation, over the triples, of the sum of the controlled score's Delta between a convolution and the tap before it with the loss of accuracy; the number is that minus the same of plain depth, one for each pair."},
				"the correlation by controlled Delta minus that by depth", minus(rho[ownDelta], rho[plainDepth])), "the correlation by controlled Delta", rho[ownDelta]),
			x.judge(report.Claim{ID: "swaps.memorizing", Source: "T21, T22", Statement: "Replacing the three most memorizing layers costs more than replacing the three least.",
				Paper: "69.08 % without, 36.59 % with layers 4, 6, 8 of STL10, 59.14 % with 2, 3, 5", Plain: intervalOf(mostMinusLeast(found, by[plainDelta])),
				Rule: "The number is the loss of accuracy on the own data with the three layers of largest controlled Delta to the tap before replaced, minus that with the three of least, in percent, one for each pair."},
				"the loss with the most minus the least memorizing layers, in percent", mostMinusLeast(found, by[ownDelta])),
			x.judgePlain(report.Claim{ID: "swaps.beginning", Source: "ours", Statement: "A layer of other data costs more if its encoder did not begin with the same weights.",
				Rule: ruleRing + "The number is the mean loss of accuracy on the own data of single layers of other data and another seed minus that of single layers of other data and the same seed, in percent, one for each pair."},
				"the loss with another seed minus that with the same seed, in percent", minus(meanLoss(found, fromOther), meanLoss(found, fromSame))),
			x.judgePlain(report.Claim{ID: "swaps.seed", Source: "ours", Statement: "A layer of other data costs more than a layer of the own data, both of another seed.",
				Rule: ruleRing + "The number is the mean loss of accuracy on the own data of single layers of other data minus that of single layers of the own data, both of the same other seed, in percent, one for each pair."},
				"the loss with layers of other data minus that with layers of the own data, in percent", minus(meanLoss(found, fromOther), meanLoss(found, fromSeed))),
		},
		Sections: []report.Section{{Title: "Which layers", Tables: []report.Table{ranked, extremeSwaps(found, by), single}, Charts: charts},
			{Title: "All swaps", Tables: []report.Table{allSwaps(found, convs)}}},
	}, nil
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

// singleLosses says in a sentence what a single layer costs by where it comes from.
func singleLosses(found [][]swapped) string {
	var all []string
	for _, from := range []string{fromOther, fromSame, fromSeed, fromFresh} {
		all = append(all, fmt.Sprintf("%.1f (%s)", stat.Mean(meanLoss(found, from), nil), from))
	}
	return fmt.Sprintf("On the own data the accuracy is %.1f %%, and a single layer from elsewhere costs, on average over layers and pairs, in percent: %s.", stat.Mean(accuracy(found, 0, onOwn), nil), strings.Join(all, ", "))
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
	for _, from := range []string{fromOther, fromSame, fromSeed, fromFresh} {
		addColumn(&t, &c, from, "layer from there, accuracy on the own data", convs, func(l string) report.Cell { return interval(accuracy(found, index(from, l), onOwn)) })
	}
	var moved report.Chart
	addColumn(&t, &moved, "other data, other seed, tested on the other data", "layer of the other data, accuracy on the other data", convs, func(l string) report.Cell { return interval(accuracy(found, index(fromOther, l), onOther)) })
	for i := range t.Columns {
		t.Columns[i].Digits = 2
	}
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
		case fromSame, fromSeed, fromFresh:
			continue
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), interval(accuracy(found, k, onOwn)), interval(accuracy(found, k, onOther))})
	}
	return t
}
