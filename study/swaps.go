package study

// Does an encoder need its memorizing layers most? (Tables 21 to 23, 30, 32 and 33) Layers are
// replaced by those of an encoder of other data. Plain depth and the number of parameters are
// baselines. Encoders of one seed start from the same weights, on whatever data, and stay
// exchangeable for a while, so the encoder of other data has another seed. Layers of own data
// and that other seed, and untrained ones, show what any foreign layer does.

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
	"github.com/locimem/locimem/study/graph"
)

var (
	claimSwapDelta = Claim{
		ID:        "swaps.delta",
		Source:    "T22, T33; re-analysed",
		Statement: "Delta tells better than plain depth which layers an encoder needs.",
		Paper: `correlation with the loss of the triples .92 by Delta to the tap before (T18), .30 by Delta to
			the layer before (T1), .77 by plain depth, .62 by the number of parameters`,
		Rule: `Spearman's correlation, over the triples, of the sum of the controlled score's Delta between a
			convolution and the tap before it with the loss of accuracy; the number is that minus the same for
			plain depth, one for each pair; plain: by Delta of LayerMem of the candidates.`,
		Number: "the correlation by controlled Delta minus that by depth",
	}
	claimSwapMost = Claim{
		ID:        "swaps.memorizing",
		Source:    "T21, T22",
		Statement: "Replacing the three most memorizing layers costs more than replacing the three least.",
		Paper:     "69.08 % without, 36.59 % with layers 4, 6, 8 of STL10, 59.14 % with 2, 3, 5",
		Rule: `The number is the loss of accuracy on the own data with the three layers of largest controlled
			Delta to the tap before replaced, minus that with the three of least, in percent, one for each pair;
			plain: by Delta of LayerMem of the candidates.`,
		Number: "the loss with the most minus the least memorizing layers, in percent",
	}
	claimSwapStart = Claim{
		ID:        "swaps.beginning",
		Source:    "ours",
		Statement: "A layer of other data costs more if its encoder did not start from the same weights.",
		Rule: ruleRing + ` The number is the mean loss of accuracy on the own data of single layers of other
			data and another seed minus that of single layers of other data and the same seed, in percent, one
			for each pair.`,
		Number: "the loss with another seed minus that with the same seed, in percent",
	}
	claimSwapSeed = Claim{
		ID:        "swaps.seed",
		Source:    "ours",
		Statement: "A layer of other data costs more than a layer of the own data, both of another seed.",
		Rule: ruleRing + ` The number is the mean loss of accuracy on the own data of single layers of other
			data minus that of single layers of the own data, both of the same other seed, in percent, one for
			each pair.`,
		Number: "the loss with layers of other data minus that with layers of the own data, in percent",
	}
)

const (
	leadSwaps = `Convolutions of f, with their norms, were replaced by those of an encoder of other data,
		singly, in pairs and in triples. Accuracy is that of kNN.`
	leadSwapSeeds = `Encoders of one seed start from the same weights, on whatever data, and their layers stay
		exchangeable for a while. So the other data's encoder has another seed.`
	textSingle = `On the own data the accuracy is %.1f %%. A single layer from elsewhere costs, on average over
		layers and pairs, in percent: %s.`
	noteSingle = `kNN in percent, means over pairs with 95 % intervals.`
	noteSwaps  = `Layers are numbered from 1. kNN in percent, means over pairs with 95 % intervals.`
)

// From where layers come.
const (
	fromNone  = "none" // the encoder as it is
	fromOther = "other data, other seed"
	fromSame  = "other data, same seed"
	fromSeed  = "own data, other seed"
	fromFresh = "untrained"
)

// foreignSources are all of them but none.
var foreignSources = []string{fromOther, fromSame, fromSeed, fromFresh}

var swaps = Register(Study{
	Name:   "swaps",
	Source: "T21-T23, T30, T32, T33",
	Title:  "Layers replaced by those of other data",
	Place:  120,
	Design: func(plan *Planner) Writer {
		own := plan.TrainPairs()
		others := plan.TrainEncoders(plan.other()...)
		ownNext, otherNext := plan.reseeded(own.f()), plan.reseeded(others, plan.other()...)
		var steps []*graph.Step
		for i, p := range own.Pairs {
			steps = append(steps, swapLayers.Step("replace layers of f, "+describeSeed(p.Recipe),
				swapParams{otherDataParams{withRecipe(p.Recipe), plan.probeData()}},
				p.F, otherNext[i].Train, others[i].Train, ownNext[i].Train))
		}
		plan.Add(steps...)
		return func(x *Reader) (*report.Document, error) {
			r, err := x.layered(own)
			if err != nil {
				return nil, err
			}
			found, err := resultsOf[[]swapped](x, steps)
			if err != nil {
				return nil, err
			}
			return writeSwaps(r, found)
		}
	},
})

// swapParams are the parameters of a swap step. It needs the training of f, of encoders of the
// other data with another seed and with that of f, and of f with that other seed.
type swapParams struct {
	otherDataParams
}

// swapped is the accuracy of an encoder with some layers of another one.
type swapped struct {
	From   string   `json:"from"`
	Layers []string `json:"layers"`
	accuracies
}

// swapLayers replaces layers of f in several ways. Its result is a []swapped, the encoder as it
// is first.
var swapLayers = define("swap", 2, swapEach, func(r *recipe.Recipe, p swapParams) graph.Effort {
	return probeEffort("swap", r, p.On, len(swapsOf(make([]string, 8))))
})

func swapEach(ctx context.Context, w *graph.Work, r *recipe.Recipe, p swapParams) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	var from [3]nn.Encoder
	for i := range from {
		if from[i], err = o.load(needFile(w, i+1)); err != nil {
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
}

// swapsOf lists the swaps of an encoder's layers: single ones, pairs and triples from another
// encoder, and single ones as controls.
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

func writeSwaps(r *layered, found [][]swapped) (*report.Document, error) {
	by := r.quantities()
	ranks, rho, err := rankTable(found, by)
	if err != nil {
		return nil, err
	}
	single, chart := singleSwaps(found, r.convs)
	return &report.Document{
		Lead: []string{r.trained() + " " + prose(leadSwaps), prose(leadSwapSeeds) + " " + singleLosses(found)},
		Claims: []report.Claim{
			providedAbove(r.Judge(claimSwapDelta,
				minus(rho[plainDelta], rho[plainDepth]), minus(rho[ownDelta], rho[plainDepth])),
				"the correlation by controlled Delta", rho[ownDelta]),
			r.Judge(claimSwapMost, mostMinusLeast(found, by[plainDelta]), mostMinusLeast(found, by[ownDelta])),
			r.judgePlain(claimSwapStart, minus(meanLoss(found, fromOther), meanLoss(found, fromSame))),
			r.judgePlain(claimSwapSeed, minus(meanLoss(found, fromOther), meanLoss(found, fromSeed))),
		},
		Sections: []report.Section{{
			Title: "Which layers", Tables: []report.Table{ranks, extremeSwaps(found, by), single}, Charts: []report.Chart{chart},
		}, {
			Title: "All swaps", Tables: []report.Table{allSwaps(found, r.convs)},
		}},
	}, nil
}

// meanLoss is the mean loss of accuracy on the own data, in percent, of single layers from
// somewhere, pair by pair.
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
	for _, from := range foreignSources {
		all = append(all, fmt.Sprintf("%.1f (%s)", stat.Mean(meanLoss(found, from), nil), from))
	}
	return prosef(textSingle, stat.Mean(swapAccuracy(found, 0, onOwn), nil), strings.Join(all, ", "))
}

// swapAccuracy returns the accuracy with one swap, in percent, pair by pair.
func swapAccuracy(found [][]swapped, k int, of func(accuracies) float64) []float64 {
	return each(found, func(all []swapped) float64 { return 100 * of(all[k].accuracies) })
}

// singleSwaps shows the single layers by where they come from.
func singleSwaps(found [][]swapped, convs []string) (report.Table, report.Chart) {
	t := report.Table{
		Name: "single", Title: "Accuracy with a single layer replaced", Note: noteSingle,
		Columns: []report.Column{{Name: "layer"}},
	}
	c := report.Chart{
		Name: "single", Title: t.Title, Kind: report.Line, X: "layer", Y: "accuracy in percent", Categories: convs,
		Reference: []report.Reference{{Name: "no layer replaced", Y: stat.Mean(swapAccuracy(found, 0, onOwn), nil)}},
	}
	single := func(from string, on func(accuracies) float64) func(layer string) []float64 {
		return func(layer string) []float64 {
			return swapAccuracy(found, slices.IndexFunc(found[0], func(s swapped) bool {
				return s.From == from && len(s.Layers) == 1 && s.Layers[0] == layer
			}), on)
		}
	}
	for _, from := range foreignSources {
		addIntervals(&t, &c, from, "layer from there, accuracy on the own data", convs, single(from, onOwn))
	}
	var notShown report.Chart
	addIntervals(&t, &notShown, "other data, other seed, tested on the other data",
		"layer of the other data, accuracy on the other data", convs, single(fromOther, onOther))
	for i := range t.Columns {
		t.Columns[i].Digits = 2
	}
	return t, c
}

// allSwaps lists every swap with layers of other data.
func allSwaps(found [][]swapped, convs []string) report.Table {
	t := report.Table{
		Name: "swaps", Title: "Layers replaced by those of other data", Note: noteSwaps,
		Columns: []report.Column{{Name: "layers"}, {Name: "own data", Digits: 2}, {Name: "other data", Digits: 2}},
	}
	for k, s := range found[0] {
		name := layerNumbers(s.Layers, convs)
		switch s.From {
		case fromNone:
			name = "none"
		case fromSame, fromSeed, fromFresh:
			continue
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(name), Interval(swapAccuracy(found, k, onOwn)), Interval(swapAccuracy(found, k, onOther)),
		})
	}
	return t
}
