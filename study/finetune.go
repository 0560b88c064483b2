package study

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/study/graph"
)

// finetuning asks whether an encoder is best moved to other data by training its
// memorizing layers (Table 5). The number of parameters that are trained is the
// baseline.
var finetuning = Study{Name: "finetune", Source: "T5", Title: "Layers fine-tuned on other data", plan: func(l *lab) writer {
	own := l.pairs()
	var steps []*graph.Step
	for _, e := range own.f() {
		steps = append(steps, tuneLayers.Step(fmt.Sprintf("fine-tune layers of f, %s, seed %d", describe(e.recipe), e.recipe.Seed), tuning{withRecipe(e.recipe), *l.on(), 20, 0.01}, e.train))
	}
	l.do(steps...)
	return func(x *reader) (*report.Document, error) { return writeFinetuning(x, own, steps) }
}}

// tuning are the parameters of a finetune step. Its need trains f.
type tuning struct {
	byRecipe
	On     run.On `json:"on"`
	Epochs int    `json:"epochs"`
	// LR is more than the usual for batches of 128: in so few steps the classifier
	// alone would stay at chance.
	LR float64 `json:"lr"`
}

// Identity implements graph.Identifier.
func (p tuning) Identity() string {
	return fmt.Sprintf("%s %d %g", onIdentity(p.byRecipe, p.On), p.Epochs, p.LR)
}

// tuned is the accuracy with some layers trained, beside the classifier. No layers:
// only that one; All: the whole encoder.
type tuned struct {
	Layers   []string `json:"layers"`
	All      bool     `json:"all"`
	Accuracy float64  `json:"accuracy"`
}

// tunings lists what is trained: nothing, single layers, sets of three that the paper
// has or that have the least, and everything.
func tunings(layers []string) []tuned {
	all := []tuned{{}}
	for _, c := range perturb.Combinations(layers, 1) {
		all = append(all, tuned{Layers: c})
	}
	for _, three := range [][3]int{{4, 6, 8}, {6, 7, 8}, {2, 3, 5}} { // numbered from 1
		all = append(all, tuned{Layers: []string{layers[three[0]-1], layers[three[1]-1], layers[three[2]-1]}})
	}
	return append(all, tuned{All: true})
}

// tuningPasses is what all tunings cost, in trainings of the whole encoder, if layers
// cost the same: a third of a training is the pass forward, a third the gradients of
// activations, down to the first layer that is trained, and a third those of weights.
func tuningPasses() float64 {
	layers := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
	all := float64(len(layers))
	sum := 0.0
	for _, c := range tunings(layers) {
		trained, above := float64(len(c.Layers)), 0.0
		if c.All {
			trained, above = all, all
		} else if len(c.Layers) > 0 {
			above = all - float64(slices.Index(layers, c.Layers[0]))
		}
		sum += (1 + above/all + trained/all) / 3
	}
	return sum
}

var tuneLayers = define("finetune", 1, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p tuning) error {
	l, err := run.OpenLab(r)
	if err != nil {
		return err
	}
	enc, err := l.Encoder(run.F)
	if err != nil {
		return err
	}
	on := p.On
	on.Train, on.Test = bankMost, testMost
	all := tunings(convLayers(enc))
	bar := reporterOf(ctx).Bar("fine-tuning", "encoders", len(all), 0)
	for i := range all {
		c := probe.FineTuneConfig{Epochs: p.Epochs, LR: p.LR, Layers: append([]string{}, all[i].Layers...)}
		if all[i].All {
			c.Layers = nil
		}
		res, err := run.FineTune(ctx, r, run.ProbeConfig{Path: needFile(w, 0), Which: run.F, On: &on}, c, run.Silent{})
		if err != nil {
			return err
		}
		all[i].Accuracy = res.Accuracy
		bar.Set(i + 1)
	}
	bar.Finish("%d encoders", len(all))
	return w.Result(all)
}, func(r *recipe.Recipe, p tuning) graph.Effort {
	images, _ := otherImages(r, p.On)
	return graph.Effort{Key: "finetune " + speedOf(r), Amount: float64(images*p.Epochs) * tuningPasses(), Trial: func(ctx context.Context) (float64, error) {
		s, err := trainTrial(ctx, r, math.Inf(1)) // without kNN tests
		return s / 2, err                         // one view, where the methods have two
	}}
})

func writeFinetuning(x *reader, own *group, steps []*graph.Step) (*report.Document, error) {
	r, convs, params, err := x.layered(own)
	if err != nil {
		return nil, err
	}
	found, err := resultsOf[[]tuned](x, steps)
	if err != nil {
		return nil, err
	}
	at := func(k int) []float64 {
		var out []float64
		for _, all := range found {
			out = append(out, 100*all[k].Accuracy)
		}
		return out
	}
	t := report.Table{Name: "finetune", Title: "Accuracy on other data after fine-tuning", Note: "In percent, means over encoders with 95 % intervals. Layers are numbered from 1; the classifier is trained in all cases.",
		Columns: []report.Column{{Name: "trained"}, {Name: "parameters", Help: "of the convolutions that are trained"}, {Name: "accuracy", Digits: 2}}}
	bars := report.Series{Name: "accuracy"}
	var names []string
	index := map[string]int{}
	for k, c := range found[0] {
		name, size := layerName(c.Layers, convs), 0.0
		for _, l := range c.Layers {
			size += params[l]
		}
		cell := report.Num(size)
		switch {
		case c.All:
			name, cell = "all", report.Cell{}
		case len(c.Layers) == 0:
			name = "classifier"
		}
		index[name] = k
		acc := interval(at(k))
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), cell, acc})
		names = append(names, name)
		push(&bars, acc)
	}
	byDelta, bySize, err := r.tunedRanks(found, convs, params)
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead: []string{"Encoders f were fine-tuned on other data, with all but some layers frozen. The paper chooses its layers by Delta; the number of parameters that may move is what any choice of layers differs in as well."},
		Claims: []report.Claim{
			x.judgePlain(report.Claim{ID: "finetune.layers", Source: "ours; after T5", Statement: "Training layers 4, 6 and 8 helps more than training 2, 3 and 5, which have far fewer parameters.", Paper: "57.9 % with 4, 6, 8 against 48.6 % with the classifier alone; 2, 3, 5 were not tried",
				Rule: "The number is the accuracy with layers 4, 6 and 8 trained minus that with 2, 3 and 5, in percent, one for each encoder."},
				"the accuracy with 4, 6, 8 minus with 2, 3, 5, in percent", minus(at(index["4, 6, 8"]), at(index["2, 3, 5"]))),
			x.judgePlain(report.Claim{ID: "finetune.fewer", Source: "T5", Statement: "Training layers 4, 6 and 8 helps more than training 6, 7 and 8, which have more parameters.", Paper: "57.9 ± .79 % with 4, 6, 8 against 56.5 ± .95 % with 6, 7, 8, 3 seeds",
				Rule: "The number is the accuracy with layers 4, 6 and 8 trained minus that with 6, 7 and 8, in percent, one for each encoder."},
				"the accuracy with 4, 6, 8 minus with 6, 7, 8, in percent", minus(at(index["4, 6, 8"]), at(index["6, 7, 8"]))),
			providedAbove(x.judge(report.Claim{ID: "finetune.delta", Source: "T5", Statement: "Delta tells better than the number of parameters which layer to train.", Paper: "layer 6 53.0 %, layer 8 52.7 %, no other single layer was tried",
				Rule: "Spearman's correlation, over single layers but the first, of the controlled score's Delta between a convolution and the tap before it with the accuracy; the number is that minus the same of the number of parameters, one for each encoder."},
				"the correlation by controlled Delta minus that by parameters", minus(byDelta, bySize)), "the correlation by controlled Delta", byDelta),
		},
		Sections: []report.Section{{Title: "Accuracy", Text: []string{fmt.Sprintf("Rank correlation of single layers' accuracy with controlled Delta %.2f, with the number of parameters %.2f (means over encoders).", stat.Mean(byDelta, nil), stat.Mean(bySize, nil))},
			Tables: []report.Table{t}, Charts: []report.Chart{{Name: "finetune", Title: t.Title, Kind: report.Bar, X: "trained", Y: "accuracy in percent", Categories: names, Series: []report.Series{bars}}}}},
	}, nil
}

// tunedRanks are the rank correlations of the accuracy with single layers trained, but
// the first, with controlled Delta and with the number of parameters.
func (r *results) tunedRanks(found [][]tuned, convs []string, params map[string]float64) (byDelta, bySize []float64, err error) {
	quantity := r.layerQuantities(convs, params)[ownDelta]
	for i, all := range found {
		values := quantity.values(i)
		var deltas, sizes, accuracy []float64
		for _, c := range all {
			k := -1
			if len(c.Layers) == 1 {
				k = slices.Index(convs, c.Layers[0])
			}
			if k < 1 {
				continue
			}
			deltas = append(deltas, values[convs[k]])
			sizes, accuracy = append(sizes, params[convs[k]]), append(accuracy, c.Accuracy)
		}
		d, err := ranked(deltas, accuracy)
		if err != nil {
			return nil, nil, err
		}
		s, err := ranked(sizes, accuracy)
		if err != nil {
			return nil, nil, err
		}
		byDelta, bySize = append(byDelta, d), append(bySize, s)
	}
	return byDelta, bySize, nil
}
