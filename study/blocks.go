package study

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// blocks asks of the residual blocks of a deeper ResNet what swaps asks of single
// layers (Table 24): three blocks, chosen in several ways, are replaced by those of an
// encoder of other data and another seed.
var blocks = Study{Name: "blocks", Source: "T24", Title: "Residual blocks replaced by those of other data", plan: func(l *lab) writer {
	names := l.residualNets()
	sets := l.residual(names[len(names)-1])
	others := slices.Concat(sets, l.other())
	own := l.pairs(sets...)
	foreign := l.reseeded(l.encoders(others...), others...)
	var steps []*graph.Step
	for i, p := range own.pairs {
		steps = append(steps, swapBlocks.Step(fmt.Sprintf("replace blocks of f, %s, seed %d", describe(p.recipe), p.recipe.Seed), blockSwapping{swapping{withRecipe(p.recipe), *l.on()}, l.distance()}, p.f, foreign[i].train, p.score))
	}
	l.do(steps...)
	return func(x *reader) (*report.Document, error) { return writeBlocks(x, own, steps) }
}}

// blockSwapping are the parameters of a blockswap step. Its needs train f and an encoder
// of the other data, and score the pair.
type blockSwapping struct {
	swapping
	Distance memorize.Distance `json:"distance"` // of the scores that blocks are chosen by
}

// Identity implements graph.Identifier.
func (p blockSwapping) Identity() string { return p.swapping.Identity() + " " + string(p.Distance) }

const (
	blocksReplaced = 3
	blockTrials    = 10                    // random choices, as in the paper's pruning
	blockChoices   = 1 + 2*4 + blockTrials // of chooseBlocks: none, both ends by four quantities, random
)

// By what blocks are chosen.
const (
	byControlled = "controlled Delta"
	byLayerMem   = "Delta of the candidates"
	byPlace      = "depth"
	bySize       = "number of parameters"
	byChance     = "random"
)

// Which of them.
const (
	endMost  = "most"
	endLeast = "least"
)

// replaced is what an encoder is worth with blocks of another one.
type replaced struct {
	By     string   `json:"by"` // "" for the encoder as it is
	End    string   `json:"end"`
	Blocks []string `json:"blocks"`
	accuracies
}

// swapBlocks replaces the chosen blocks; its result is a []replaced, the encoder as it
// is first.
var swapBlocks = define("blockswap", 1, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p blockSwapping) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	foreign, err := o.loaded(needFile(w, 1))
	if err != nil {
		return err
	}
	read, err := memorize.ReadPoints(w.Need(2, "scores"), p.Distance)
	if err != nil {
		return err
	}
	all, err := chooseBlocks(o.encoder, scores{read}, r.Seed)
	if err != nil {
		return err
	}
	err = o.testEach(ctx, "blocks", p.On, len(all), func(i int) (nn.Encoder, error) { return perturb.Swap(o.encoder, foreign, all[i].Blocks) },
		func(i int, a accuracies) { all[i].accuracies = a })
	if err != nil {
		return err
	}
	return w.Result(all)
}, func(r *recipe.Recipe, p blockSwapping) graph.Effort {
	return probeEffort("swap", r, p.On, blockChoices)
})

// chooseBlocks lists what is tried with the blocks of an encoder.
func chooseBlocks(enc nn.Encoder, read scores, seed uint64) ([]replaced, error) {
	var names []string
	params := map[string]float64{} // of the layers of each block
	for _, t := range enc.Taps() {
		if t.Kind == nn.KindBlock {
			names = append(names, t.Name)
		}
	}
	if len(names) < 2*blocksReplaced {
		return nil, fmt.Errorf("found the blocks %v, expected at least %d", names, 2*blocksReplaced)
	}
	for _, t := range enc.Taps() {
		for _, n := range names {
			if strings.HasPrefix(t.Name, n+".") {
				params[n] += float64(t.Params)
			}
		}
	}
	depth, size := make([]float64, len(names)), make([]float64, len(names))
	for i, n := range names {
		depth[i], size[i] = float64(i), params[n]
	}
	all := []replaced{{}}
	for _, c := range []struct {
		by     string
		values []float64
	}{{byControlled, blockDeltas(names, read, controlled)}, {byLayerMem, blockDeltas(names, read, layerMem)},
		{byPlace, depth}, {bySize, size}} {
		if c.values == nil {
			return nil, fmt.Errorf("found no scores of the convolutions of the blocks %v among those of %v", names, read.Taps)
		}
		all = append(all, replaced{By: c.by, End: endMost, Blocks: pick(names, stats.Top(c.values, blocksReplaced))},
			replaced{By: c.by, End: endLeast, Blocks: pick(names, stats.Least(c.values, blocksReplaced))})
	}
	for trial := range uint64(blockTrials) {
		all = append(all, replaced{By: byChance, Blocks: pick(names, rng.New(seed, "blocks", trial).Perm(len(names))[:blocksReplaced])})
	}
	return all, nil
}

// pick returns some of the names, in their order.
func pick(names []string, which []int) []string {
	var out []string
	for i, n := range names {
		if slices.Contains(which, i) {
			out = append(out, n)
		}
	}
	return out
}

// blockDeltas is a quantity of each block: that behind its last convolution minus that
// behind the last one before the block. nil if one of them was not scored.
func blockDeltas(names []string, read scores, of func(one []scores, tap string) []float64) []float64 {
	var out []float64
	for _, n := range names {
		before, last := "", ""
		for _, t := range read.Taps {
			switch {
			case strings.HasPrefix(t, n+"."):
				last = t
			case last == "":
				before = t
			}
		}
		if before == "" || last == "" {
			return nil
		}
		one := []scores{read}
		out = append(out, of(one, last)[0]-of(one, before)[0])
	}
	return out
}

func writeBlocks(x *reader, own *group, steps []*graph.Step) (*report.Document, error) {
	r, err := x.results(own)
	if err != nil {
		return nil, err
	}
	found, err := resultsOf[[]replaced](x, steps)
	if err != nil {
		return nil, err
	}
	chance := blockLosses(found, byChance, "")
	most := func(by string) []float64 { return blockLosses(found, by, endMost) }
	least := func(by string) []float64 { return blockLosses(found, by, endLeast) }
	return &report.Document{
		Lead: []string{fmt.Sprintf("%s %d residual blocks of f were replaced by those of an encoder of other data and another seed; the accuracy is that of kNN.", r.trained(), blocksReplaced)},
		Claims: []report.Claim{
			x.judge(report.Claim{ID: "blocks.most", Source: "T24", Statement: "Replacing the most memorizing blocks costs more than replacing random ones.", Paper: "77.12 % without, 43.66 % with the most memorizing blocks of STL10, 51.09 % with random ones (ResNet-50)",
				Plain: intervalOf(minus(most(byLayerMem), chance)), Rule: fmt.Sprintf("The number is the loss of accuracy on the own data with the %d blocks of largest controlled Delta replaced minus the mean loss of %d random choices, in percent, one for each pair; plain: chosen by LayerMem of the candidates.", blocksReplaced, blockTrials)},
				"the loss with the most memorizing minus that with random blocks, in percent", minus(most(byControlled), chance)),
			x.judge(report.Claim{ID: "blocks.least", Source: "T24", Statement: "Replacing the least memorizing blocks costs less than replacing random ones.", Paper: "57.41 % with the least memorizing blocks, 51.09 % with random ones",
				Plain: intervalOf(minus(chance, least(byLayerMem))), Rule: "The number is the mean loss of the random choices minus the loss with the blocks of least controlled Delta replaced, in percent, one for each pair; plain: chosen by LayerMem of the candidates."},
				"the loss with random minus that with the least memorizing blocks, in percent", minus(chance, least(byControlled))),
			providedAbove(x.judge(report.Claim{ID: "blocks.depth", Source: "ours", Statement: "Delta tells better than plain depth which blocks an encoder needs.",
				Plain: intervalOf(minus(minus(most(byLayerMem), least(byLayerMem)), minus(most(byPlace), least(byPlace)))), Rule: "The number is the loss with the blocks of largest controlled Delta minus that with those of least, minus the same of the deepest and the first blocks, in percent, one for each pair; plain: chosen by LayerMem of the candidates."},
				"most minus least by controlled Delta, minus deepest less first, in percent", minus(minus(most(byControlled), least(byControlled)), minus(most(byPlace), least(byPlace)))), "the loss with the most minus the least by controlled Delta", minus(most(byControlled), least(byControlled))),
		},
		Sections: []report.Section{{Title: "By choice", Tables: []report.Table{blockTable(found)}}},
	}, nil
}

// blockLosses is the loss of accuracy on the own data, in percent, with blocks that were
// chosen in one way, mean over the choices, pair by pair.
func blockLosses(found [][]replaced, by, end string) []float64 {
	return overChoices(found, by, end, func(none, a accuracies) float64 { return none.Own - a.Own })
}

// overChoices is a quantity in percent, mean over the choices of one kind, pair by pair.
func overChoices(found [][]replaced, by, end string, of func(none, a accuracies) float64) []float64 {
	var out []float64
	for _, all := range found {
		var values []float64
		for _, s := range all {
			if s.By == by && s.End == end {
				values = append(values, 100*of(all[0].accuracies, s.accuracies))
			}
		}
		out = append(out, stat.Mean(values, nil))
	}
	return out
}

// blockTable is Table 24, with the baselines.
func blockTable(found [][]replaced) report.Table {
	t := report.Table{Name: "blocks", Title: "Accuracy with three blocks replaced", Note: fmt.Sprintf("kNN in percent, means over pairs with 95 %% intervals; random: mean of %d choices. Delta of a block is that from the last convolution before it to its own last.", blockTrials),
		Columns: []report.Column{{Name: "blocks"}, {Name: "own data", Digits: 2}, {Name: "other data", Digits: 2}, {Name: "loss on the own data", Digits: 2}, {Name: "first pair", Help: "the blocks chosen there"}}}
	seen := map[[2]string]bool{}
	for _, s := range found[0] {
		key := [2]string{s.By, s.End}
		if seen[key] {
			continue
		}
		seen[key] = true
		name, chosen := strings.TrimSpace(s.End+" by "+s.By), strings.Join(s.Blocks, ", ")
		switch s.By {
		case "":
			name = "none replaced"
		case byChance:
			name, chosen = byChance, ""
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), interval(overChoices(found, s.By, s.End, func(_, a accuracies) float64 { return a.Own })),
			interval(overChoices(found, s.By, s.End, func(_, a accuracies) float64 { return a.Other })), interval(blockLosses(found, s.By, s.End)), report.Text(chosen)})
	}
	return t
}
