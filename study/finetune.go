package study

// Is an encoder best moved to other data by training its memorizing layers? (Table 5) The
// number of parameters that are trained is the baseline.

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/study/graph"
)

var (
	claimTunedLayers = Claim{
		ID:        "finetune.layers",
		Source:    "ours; after T5",
		Statement: "Training layers 4, 6 and 8 helps more than training 2, 3 and 5, which have far fewer parameters.",
		Paper:     "57.9 % with 4, 6, 8 against 48.6 % with the classifier alone; 2, 3, 5 were not tried",
		Rule: `The number is the accuracy with layers 4, 6 and 8 trained minus that with 2, 3 and 5, in percent,
			one for each encoder.`,
		Number: "the accuracy with 4, 6, 8 minus with 2, 3, 5, in percent",
	}
	claimTunedFewer = Claim{
		ID:        "finetune.fewer",
		Source:    "T5",
		Statement: "Training layers 4, 6 and 8 helps more than training 6, 7 and 8, which have more parameters.",
		Paper:     "57.9 ± .79 % with 4, 6, 8 against 56.5 ± .95 % with 6, 7, 8, 3 seeds",
		Rule: `The number is the accuracy with layers 4, 6 and 8 trained minus that with 6, 7 and 8, in percent,
			one for each encoder.`,
		Number: "the accuracy with 4, 6, 8 minus with 6, 7, 8, in percent",
	}
	claimTunedDelta = Claim{
		ID:        "finetune.delta",
		Source:    "T5",
		Statement: "Delta tells better than the number of parameters which layer to train.",
		Paper:     "layer 6 53.0 %, layer 8 52.7 %, no other single layer was tried",
		Rule: `Spearman's correlation, over all single layers but the first, of the accuracy with the controlled
			score's Delta between a convolution and the tap before it; the number is that minus the same for the
			number of parameters, one for each encoder.`,
		Number: "the correlation by controlled Delta minus that by parameters",
	}
)

const (
	leadFinetune = `Encoders f were fine-tuned on other data, with all but some layers frozen. The paper chooses
		its layers by Delta. Any two choices of layers also differ in the number of parameters that may move.`
	noteFinetune = `In percent, means over encoders with 95 % intervals. Layers are numbered from 1; the
		classifier is trained in all cases.`
	textTunedRanks = `Rank correlation of single layers' accuracy with controlled Delta %.2f, with the number of
		parameters %.2f (means over encoders).`
)

var finetune = Register(Study{
	Name:   "finetune",
	Source: "T5",
	Title:  "Layers fine-tuned on other data",
	Place:  100,
	Design: func(plan *Planner) Writer {
		own := plan.TrainPairs()
		var steps []*graph.Step
		for _, e := range own.f() {
			// The rate is larger than usual for batches of 128: in so few steps the classifier
			// alone would stay at chance.
			params := finetuneParams{otherDataParams{withRecipe(e.Recipe), plan.probeData()}, 20, 0.01}
			steps = append(steps, tuneLayers.Step("fine-tune layers of f, "+describeSeed(e.Recipe), params, e.Train))
		}
		plan.Add(steps...)
		return func(x *Reader) (*report.Document, error) {
			r, err := x.layered(own)
			if err != nil {
				return nil, err
			}
			found, err := resultsOf[[]tuned](x, steps)
			if err != nil {
				return nil, err
			}
			return writeFinetune(r, found)
		}
	},
})

// finetuneParams are the parameters of a finetune step. It needs the training of f.
type finetuneParams struct {
	otherDataParams
	Epochs int     `json:"epochs"`
	LR     float64 `json:"lr"`
}

// Identity implements graph.Identifier.
func (p finetuneParams) Identity() string {
	return fmt.Sprintf("%s %d %g", p.otherDataParams.Identity(), p.Epochs, p.LR)
}

// tuned is the accuracy with the classifier and some layers trained. Without layers only
// the classifier is trained; with All the whole encoder.
type tuned struct {
	Layers   []string `json:"layers"`
	All      bool     `json:"all"`
	Accuracy float64  `json:"accuracy"`
}

// threeLayers are the sets of three layers, numbered from 1: the paper's, and one that has
// few parameters.
var threeLayers = [][3]int{{4, 6, 8}, {6, 7, 8}, {2, 3, 5}}

// tunings lists what is trained: nothing, single layers, sets of three, and everything.
func tunings(layers []string) []tuned {
	all := []tuned{{}}
	for _, c := range perturb.Combinations(layers, 1) {
		all = append(all, tuned{Layers: c})
	}
	for _, three := range threeLayers {
		all = append(all, tuned{Layers: []string{layers[three[0]-1], layers[three[1]-1], layers[three[2]-1]}})
	}
	return append(all, tuned{All: true})
}

// tuningPasses is what all tunings cost, in trainings of the whole encoder, if layers cost
// the same: a third of a training is the forward pass, a third the gradients of activations
// down to the first layer that is trained, and a third the gradients of weights.
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

// tuneLayers fine-tunes f in several ways. Its result is a []tuned.
var tuneLayers = define("finetune", 1, tuneEach, func(r *recipe.Recipe, p finetuneParams) graph.Effort {
	images, _ := otherImages(r, p.On)
	return graph.Effort{
		Key: "finetune " + speedOf(r), Amount: float64(images*p.Epochs) * tuningPasses(),
		Measure: func(ctx context.Context) (float64, error) {
			s, err := trainSeconds(ctx, r, math.Inf(1)) // without kNN tests
			return s / 2, err                           // one view, where the methods have two
		},
	}
})

func tuneEach(ctx context.Context, w *graph.Work, r *recipe.Recipe, p finetuneParams) error {
	l, err := run.Open(r)
	if err != nil {
		return err
	}
	enc, err := l.Encoder(memorize.F)
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
		probe := run.ProbeConfig{Path: needFile(w, 0), Which: memorize.F, On: &on}
		res, err := run.FineTune(ctx, r, probe, c, run.Silent{})
		if err != nil {
			return err
		}
		all[i].Accuracy = res.Accuracy
		bar.Set(i + 1)
	}
	bar.Finish("%d encoders", len(all))
	return w.Result(all)
}

// tunedAccuracy is the accuracy of one way to fine-tune, in percent, encoder by encoder.
func tunedAccuracy(found [][]tuned, k int) []float64 {
	return each(found, func(all []tuned) float64 { return 100 * all[k].Accuracy })
}

// tunedName names what was trained, with layers numbered from 1.
func tunedName(c tuned, convs []string) string {
	switch {
	case c.All:
		return "all"
	case len(c.Layers) == 0:
		return "classifier"
	}
	return layerNumbers(c.Layers, convs)
}

func writeFinetune(r *layered, found [][]tuned) (*report.Document, error) {
	t := report.Table{
		Name: "finetune", Title: "Accuracy on other data after fine-tuning", Note: prose(noteFinetune),
		Columns: []report.Column{
			{Name: "trained"},
			{Name: "parameters", Help: "of the convolutions that are trained"},
			{Name: "accuracy", Digits: 2},
		},
	}
	bars := report.Series{Name: "accuracy"}
	var names []string
	for k, c := range found[0] {
		size := 0.0
		for _, l := range c.Layers {
			size += r.params[l]
		}
		parameters := report.Num(size)
		if c.All {
			parameters = report.Cell{}
		}
		names = append(names, tunedName(c, r.convs))
		accuracy := Interval(tunedAccuracy(found, k))
		t.Rows = append(t.Rows, []report.Cell{report.Text(names[k]), parameters, accuracy})
		push(&bars, accuracy)
	}
	byDelta, bySize, err := r.tunedRanks(found)
	if err != nil {
		return nil, err
	}
	chart := report.Chart{
		Name: "finetune", Title: t.Title, Kind: report.Bar, X: "trained", Y: "accuracy in percent",
		Categories: names, Series: []report.Series{bars},
	}
	return &report.Document{
		Lead:   []string{prose(leadFinetune)},
		Claims: finetuneClaims(r, found, byDelta, bySize),
		Sections: []report.Section{{
			Title: "Accuracy", Text: []string{prosef(textTunedRanks, stat.Mean(byDelta, nil), stat.Mean(bySize, nil))},
			Tables: []report.Table{t}, Charts: []report.Chart{chart},
		}},
	}, nil
}

// finetuneClaims judges the claims. byDelta and bySize are rank correlations with the
// accuracy, encoder by encoder.
func finetuneClaims(r *layered, found [][]tuned, byDelta, bySize []float64) []report.Claim {
	with := func(layers string) []float64 {
		k := slices.IndexFunc(found[0], func(c tuned) bool { return tunedName(c, r.convs) == layers })
		return tunedAccuracy(found, k)
	}
	return []report.Claim{
		r.judgePlain(claimTunedLayers, minus(with("4, 6, 8"), with("2, 3, 5"))),
		r.judgePlain(claimTunedFewer, minus(with("4, 6, 8"), with("6, 7, 8"))),
		providedAbove(r.Judge(claimTunedDelta, nil, minus(byDelta, bySize)), "the correlation by controlled Delta", byDelta),
	}
}

// tunedRanks are the rank correlations of the accuracy, over all single layers but the
// first, with controlled Delta and with the number of parameters.
func (r *layered) tunedRanks(found [][]tuned) (byDelta, bySize []float64, err error) {
	quantity := r.quantities()[ownDelta]
	for i, all := range found {
		values := quantity.values(i)
		var deltas, sizes, accuracy []float64
		for _, c := range all {
			if len(c.Layers) != 1 || slices.Index(r.convs, c.Layers[0]) < 1 {
				continue
			}
			layer := c.Layers[0]
			deltas, sizes = append(deltas, values[layer]), append(sizes, r.params[layer])
			accuracy = append(accuracy, c.Accuracy)
		}
		d, err := rankCorrelation(deltas, accuracy)
		if err != nil {
			return nil, nil, err
		}
		s, err := rankCorrelation(sizes, accuracy)
		if err != nil {
			return nil, nil, err
		}
		byDelta, bySize = append(byDelta, d), append(bySize, s)
	}
	return byDelta, bySize, nil
}
