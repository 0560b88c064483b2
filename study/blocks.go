package study

// Which residual blocks does a deeper ResNet need? (Table 24) What study swaps asks about
// single layers: three blocks, chosen in several ways, are replaced by those of an encoder
// of other data and another seed.

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

var (
	claimMostBlocks = Claim{
		ID:        "blocks.most",
		Source:    "T24",
		Statement: "Replacing the most memorizing blocks costs more than replacing random ones.",
		Paper: `77.12 % without, 43.66 % with the most memorizing blocks of STL10, 51.09 % with random ones
			(ResNet-50)`,
		Rule: `The number is the loss of accuracy on the own data with the {n} blocks of largest controlled
			Delta replaced minus the mean loss of {draws} random choices, in percent, one for each pair; plain:
			blocks chosen by LayerMem of the candidates.`,
		Number: "the loss with the most memorizing minus that with random blocks, in percent",
	}
	claimLeastBlocks = Claim{
		ID:        "blocks.least",
		Source:    "T24",
		Statement: "Replacing the least memorizing blocks costs less than replacing random ones.",
		Paper:     "57.41 % with the least memorizing blocks, 51.09 % with random ones",
		Rule: `The number is the mean loss of the random choices minus the loss with the blocks of least
			controlled Delta replaced, in percent, one for each pair; plain: blocks chosen by LayerMem of the
			candidates.`,
		Number: "the loss with random minus that with the least memorizing blocks, in percent",
	}
	claimBlockDepth = Claim{
		ID:        "blocks.depth",
		Source:    "ours",
		Statement: "Delta tells better than plain depth which blocks an encoder needs.",
		Rule: `The number is the loss with the blocks of largest controlled Delta minus that with those of
			least, minus the same for the deepest and the first blocks, in percent, one for each pair; plain:
			blocks chosen by LayerMem of the candidates.`,
		Number: "most minus least by controlled Delta, minus deepest less first, in percent",
	}
)

const (
	leadBlocks = `%d residual blocks of f were replaced by those of an encoder of other data and another seed.
		Accuracy is that of kNN.`
	noteBlocks = `kNN in percent, means over pairs with 95 %% intervals; random: mean of %d choices. Delta of a
		block is that from the last convolution before it to its own last one.`
)

const (
	blocksReplaced = 3
	blockDraws     = 10                   // random choices, as in the paper's pruning
	blockChoices   = 1 + 2*4 + blockDraws // of chooseBlocks: none, both ends by four quantities, random
)

// The quantities by which blocks are chosen.
const (
	byControlled = "controlled Delta"
	byLayerMem   = "Delta of the candidates"
	byPlace      = "depth"
	bySize       = "number of parameters"
	byChance     = "random"
)

// The end of the ranking from which blocks are chosen.
const (
	endMost  = "most"
	endLeast = "least"
)

var blocks = Register(Study{
	Name:   "blocks",
	Source: "T24",
	Title:  "Residual blocks replaced by those of other data",
	Place:  130,
	Design: func(plan *Planner) Writer {
		names := plan.residualNets()
		sets := plan.residual(names[len(names)-1])
		others := slices.Concat(sets, plan.other())
		own := plan.TrainPairs(sets...)
		foreign := plan.reseeded(plan.TrainEncoders(others...), others...)
		var steps []*graph.Step
		for i, p := range own.Pairs {
			params := blockSwapParams{otherDataParams{withRecipe(p.Recipe), plan.probeData()}, plan.distance()}
			steps = append(steps, blockSwap.Step("replace blocks of f, "+describeSeed(p.Recipe), params,
				p.F, foreign[i].Train, p.Score))
		}
		plan.Add(steps...)
		return func(x *Reader) (*report.Document, error) {
			found, err := resultsOf[[]replaced](x, steps)
			if err != nil {
				return nil, err
			}
			r, err := x.Results(own)
			if err != nil {
				return nil, err
			}
			return writeBlocks(r, found), nil
		}
	},
})

// blockSwapParams are the parameters of a blockswap step. It needs the training of f and
// of an encoder of the other data, and the scores of the pair.
type blockSwapParams struct {
	otherDataParams
	Distance memorize.Distance `json:"distance"` // of the scores that blocks are chosen by
}

// Identity implements graph.Identifier.
func (p blockSwapParams) Identity() string {
	return p.otherDataParams.Identity() + " " + string(p.Distance)
}

// replaced is the accuracy of an encoder with blocks of another one.
type replaced struct {
	By     string   `json:"by"` // "" for the encoder as it is
	End    string   `json:"end"`
	Blocks []string `json:"blocks"`
	accuracies
}

// blockSwap replaces the chosen blocks. Its result is a []replaced, the encoder as it is
// first.
var blockSwap = define("blockswap", 1, replaceBlocks, func(r *recipe.Recipe, p blockSwapParams) graph.Effort {
	return probeEffort("swap", r, p.On, blockChoices)
})

func replaceBlocks(ctx context.Context, w *graph.Work, r *recipe.Recipe, p blockSwapParams) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	foreign, err := o.load(needFile(w, 1))
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
	err = o.testEach(ctx, "blocks", p.On, len(all),
		func(i int) (nn.Encoder, error) { return perturb.Swap(o.encoder, foreign, all[i].Blocks) },
		func(i int, a accuracies) { all[i].accuracies = a })
	if err != nil {
		return err
	}
	return w.Result(all)
}

// chooseBlocks lists the choices of an encoder's blocks.
func chooseBlocks(enc nn.Encoder, read scores, seed uint64) ([]replaced, error) {
	names, params := blockSizes(enc)
	if len(names) < 2*blocksReplaced {
		return nil, fmt.Errorf("blocks: found %v, expected at least %d", names, 2*blocksReplaced)
	}
	depth, size := make([]float64, len(names)), make([]float64, len(names))
	for i, n := range names {
		depth[i], size[i] = float64(i), params[n]
	}
	all := []replaced{{}}
	for _, c := range []struct {
		by     string
		values []float64
	}{
		{byControlled, blockDeltas(names, read, controlled)},
		{byLayerMem, blockDeltas(names, read, layerMem)},
		{byPlace, depth},
		{bySize, size},
	} {
		if c.values == nil {
			return nil, fmt.Errorf("taps: found %v, expected the convolutions of the blocks %v among them", read.Taps, names)
		}
		all = append(all,
			replaced{By: c.by, End: endMost, Blocks: pick(names, stats.Top(c.values, blocksReplaced))},
			replaced{By: c.by, End: endLeast, Blocks: pick(names, stats.Least(c.values, blocksReplaced))})
	}
	for draw := range uint64(blockDraws) {
		chosen := rng.New(seed, "blocks", draw).Perm(len(names))[:blocksReplaced]
		all = append(all, replaced{By: byChance, Blocks: pick(names, chosen)})
	}
	return all, nil
}

// blockSizes returns the blocks of an encoder in forward order, and the number of
// parameters in the layers of each.
func blockSizes(enc nn.Encoder) (names []string, params map[string]float64) {
	for _, t := range enc.Taps() {
		if t.Kind == nn.KindBlock {
			names = append(names, t.Name)
		}
	}
	params = map[string]float64{}
	for _, t := range enc.Taps() {
		for _, n := range names {
			if strings.HasPrefix(t.Name, n+".") {
				params[n] += float64(t.Params)
			}
		}
	}
	return names, params
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

// blockDeltas is a score of each block: that behind its last convolution minus that behind
// the last one before the block. It is nil if one of them was not scored.
func blockDeltas(names []string, read scores, of layerScore) []float64 {
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

func writeBlocks(r *Results, found [][]replaced) *report.Document {
	return &report.Document{
		Lead:     []string{r.trained() + " " + prosef(leadBlocks, blocksReplaced)},
		Claims:   blockClaims(r.Reader, found),
		Sections: []report.Section{{Title: "By choice", Tables: []report.Table{blockTable(found)}}},
	}
}

// blockClaims judges the claims, from the choices of each pair.
func blockClaims(x *Reader, found [][]replaced) []report.Claim {
	chance := blockLosses(found, byChance, "")
	most := func(by string) []float64 { return blockLosses(found, by, endMost) }
	least := func(by string) []float64 { return blockLosses(found, by, endLeast) }
	ends := func(by string) []float64 { return minus(most(by), least(by)) }
	return []report.Claim{
		x.Judge(claimMostBlocks.fill("{n}", fmt.Sprint(blocksReplaced), "{draws}", fmt.Sprint(blockDraws)),
			minus(most(byLayerMem), chance), minus(most(byControlled), chance)),
		x.Judge(claimLeastBlocks, minus(chance, least(byLayerMem)), minus(chance, least(byControlled))),
		providedAbove(x.Judge(claimBlockDepth,
			minus(ends(byLayerMem), ends(byPlace)), minus(ends(byControlled), ends(byPlace))),
			"the loss with the most minus the least by controlled Delta", ends(byControlled)),
	}
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
	t := report.Table{
		Name: "blocks", Title: "Accuracy with three blocks replaced", Note: prosef(noteBlocks, blockDraws),
		Columns: []report.Column{
			{Name: "blocks"},
			{Name: "own data", Digits: 2},
			{Name: "other data", Digits: 2},
			{Name: "loss on the own data", Digits: 2},
			{Name: "first pair", Help: "the blocks chosen there"},
		},
	}
	shown := map[[2]string]bool{}
	for _, s := range found[0] {
		key := [2]string{s.By, s.End}
		if shown[key] {
			continue
		}
		shown[key] = true
		name, chosen := strings.TrimSpace(s.End+" by "+s.By), strings.Join(s.Blocks, ", ")
		switch s.By {
		case "":
			name = "none replaced"
		case byChance:
			name, chosen = byChance, ""
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(name),
			Interval(overChoices(found, s.By, s.End, func(_, a accuracies) float64 { return a.Own })),
			Interval(overChoices(found, s.By, s.End, func(_, a accuracies) float64 { return a.Other })),
			Interval(blockLosses(found, s.By, s.End)),
			report.Text(chosen),
		})
	}
	return t
}
