package study

// Which units of a vision transformer memorize most, and how does it compare with a
// convolutional encoder by both metrics? (ours; two of the first experiments of this project)

import (
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/study/graph"
)

var (
	claimViTMembers = Claim{
		ID:        "transformer.members",
		Source:    "ours",
		Statement: "Images of the training set own more of a transformer's top units than other images.",
		Rule: `The number is the share of the top tenth of the units that images of the encoder's own training
			set own, mean over f and g and over blocks, minus one half, one for each pair; plain: for f alone.`,
		Number: "the share of the encoders' own images minus one half",
	}
	claimViTLayers = Claim{
		ID:        "transformer.layers",
		Source:    "ours",
		Statement: "The transformer's last third memorizes more than the convolutional encoder's.",
		Rule: `The number is the controlled score of the last third of the blocks minus that of the last third
			of the convolutions, one for each seed; plain: the same for LayerMem of the candidates. The two were
			trained by different methods.`,
		Number: "the controlled score, transformer minus convolutional",
	}
	claimViTEverywhere = Claim{
		ID:        "transformer.everywhere",
		Source:    "claimed in words",
		Statement: "Training makes units stand out in all layers of the transformer.",
		Paper:     "highly memorizing units in all layers, in words",
		Rule: `The mean UnitMem of the top tenth of the units of f; the number is that minus the same for the
			untrained encoder, the least over blocks, one for each encoder; plain: the least over blocks itself.
			UnitMem measures selectivity, for images that an encoder was trained on and for others alike.`,
		Number: "the least over blocks, trained minus untrained",
	}
)

const (
	leadTransformer = `Units are those behind the GELU of every block, ranked over a pool of candidates, which
		only f was trained on, and the same number of independents, which only g was trained on. The
		convolutional encoders of plain pairs stand next to them.`
	noteThirds = `Means over pairs (controlled score) or encoders f (UnitMem) with 95 % intervals, each over a
		third of the blocks (transformer) or convolutions. UnitMem of the transformer is of |activation| behind
		GELU, of the convolutional encoder behind ReLU.`
	noteTopByBlock = `Mean over the top tenth of the units of f, with 95 % intervals over encoders.`
	noteTopOwners  = `In the same order. Below each image its index and class, and the unit.`
)

var thirdsColumns = []report.Column{
	{Name: "third"},
	{Name: "transformer, controlled", Digits: 4},
	{Name: "convolutional, controlled", Digits: 4},
	{Name: "transformer, UnitMem", Digits: 3},
	{Name: "convolutional, UnitMem", Digits: 3},
}

var topUnitsColumns = []report.Column{
	{Name: "tap"},
	{Name: "unit", Help: "index in the tap, from 0"},
	{Name: "UnitMem", Digits: 3},
	{Name: "owner", Help: "index of the image that it stands out for"},
	{Name: "in the training set"},
}

// topUnitsShown is the number of units in the list.
const topUnitsShown = 10

var transformer = Register(Study{
	Name:   "transformer",
	Source: "ours; first experiments",
	Title:  "A transformer's units, and a convolutional encoder's",
	Place:  190,
	Design: func(plan *Planner) Writer {
		t := transformerSteps{vit: plan.TrainPairs(plan.vit()...), conv: plan.TrainPairs()}
		t.convUnits = plan.rankUnits(t.conv.f())
		for i, p := range t.vit.Pairs {
			// GELU lets little below 0 pass; by |activation| all units can be ranked.
			r := plan.Recipe(i, plan.vit("score.absolute=true", `score.taps=["blocks.*.mlp.act"]`)...)
			for k, trained := range []*graph.Step{p.F, p.G} {
				t.units[k] = append(t.units[k], unitsStep(Encoder{r, trained}, memorize.Sides[k].String()+".safetensors"))
			}
			t.untrained = append(t.untrained, untrainedUnitsStep(r))
		}
		plan.Add(slices.Concat(t.units[0], t.units[1], t.untrained)...)
		return func(x *Reader) (*report.Document, error) {
			found, err := t.read(x)
			if err != nil {
				return nil, err
			}
			return writeTransformer(found)
		}
	},
})

// transformerSteps are the steps of the study.
type transformerSteps struct {
	vit, conv *Group
	units     [2][]*graph.Step // of the transformers f and g
	untrained []*graph.Step    // units of f before training
	convUnits []*graph.Step    // of the convolutional encoders f
}

// transformerResults are their results.
type transformerResults struct {
	vit, conv     *Results
	blocks, convs []string
	units         [2][][]tapUnits // of the transformers f and g, encoder by encoder
	untrained     [][]tapUnits
	convUnits     [][]tapUnits // behind ReLUs
}

func (t transformerSteps) read(x *Reader) (*transformerResults, error) {
	var out transformerResults
	for _, part := range []struct {
		steps []*graph.Step
		to    *[][]tapUnits
	}{
		{t.units[0], &out.units[0]}, {t.units[1], &out.units[1]},
		{t.untrained, &out.untrained}, {t.convUnits, &out.convUnits},
	} {
		var err error
		if *part.to, err = x.unitsFound(part.steps); err != nil {
			return nil, err
		}
	}
	for i, found := range out.convUnits {
		out.convUnits[i] = unitTaps(found)
	}
	var err error
	if out.vit, err = x.Results(t.vit); err != nil {
		return nil, err
	}
	if out.conv, err = x.Results(t.conv); err != nil {
		return nil, err
	}
	if out.blocks, err = out.vit.blocks(); err != nil {
		return nil, err
	}
	out.convs, err = out.conv.Convolutions()
	return &out, err
}

// ownedByCandidates is the share of f's top units that candidates own minus one half, mean over
// blocks, encoder by encoder.
func (t *transformerResults) ownedByCandidates() []float64 {
	return each(t.units[0], func(found []tapUnits) float64 {
		sum := 0.0
		for _, tap := range found {
			sum += (tap.TopCandidates - 0.5) / float64(len(found))
		}
		return sum
	})
}

// ownedByMembers is the share of the top units that members own minus one half, mean over f and
// g and over blocks, pair by pair. What candidates own of g, members do not.
func (t *transformerResults) ownedByMembers() []float64 {
	out := make([]float64, len(t.units[0]))
	for i, f := range t.units[0] {
		for k := range f {
			out[i] += (f[k].TopCandidates - t.units[1][i][k].TopCandidates) / 2 / float64(len(f))
		}
	}
	return out
}

// lastThird is a score of the last third of the blocks minus that of the last third of the
// convolutions, pair by pair.
func (t *transformerResults) lastThird(of layerScore) []float64 {
	last := len(thirdNames) - 1
	return minus(thirdOf(t.vit, t.blocks, last, of), thirdOf(t.conv, t.convs, last, of))
}

// claims judges the claims.
func (t *transformerResults) claims() []report.Claim {
	x, f := t.vit.Reader, t.units[0]
	return []report.Claim{
		x.Judge(claimViTMembers, t.ownedByCandidates(), t.ownedByMembers()),
		x.Judge(claimViTLayers, t.lastThird(layerMem), t.lastThird(controlled)),
		x.Judge(claimViTEverywhere, each(f, leastTop), leastGain(f, t.untrained)),
	}
}

// leastTop is the least over taps of UnitMem of the top units.
func leastTop(found []tapUnits) float64 {
	return slices.Min(each(found, func(t tapUnits) float64 { return t.Top }))
}

// leastGain is the least over taps of what training adds to UnitMem of the top units, encoder by
// encoder.
func leastGain(trained, untrained [][]tapUnits) []float64 {
	var out []float64
	for i, f := range trained {
		var all []float64
		for k, t := range f {
			all = append(all, t.Top-untrained[i][k].Top)
		}
		out = append(out, slices.Min(all))
	}
	return out
}

// thirdNames are the parts of an encoder by which two architectures are compared.
var thirdNames = []string{"first", "middle", "last"}

// third is the k-th of three parts of something in forward order.
func third[T any](all []T, k int) []T {
	n := len(thirdNames)
	return all[k*len(all)/n : (k+1)*len(all)/n]
}

// thirdOf is a score of taps, mean over a third of them, pair by pair.
func thirdOf(r *Results, taps []string, k int, of layerScore) []float64 {
	part := third(taps, k)
	out := make([]float64, len(r.scores))
	for _, t := range part {
		for i, s := range of(r.scores, t) {
			out[i] += s / float64(len(part))
		}
	}
	return out
}

// unitsOfThird is mean UnitMem of a third of the taps, encoder by encoder.
func unitsOfThird(found [][]tapUnits, k int) []float64 {
	return each(found, func(f []tapUnits) float64 {
		return stat.Mean(each(third(f, k), func(t tapUnits) float64 { return t.Mean }), nil)
	})
}

func writeTransformer(t *transformerResults) (*report.Document, error) {
	blocksTable, blocksChart := topByBlock(t.units[0], t.untrained)
	list, owners, err := topUnits(t.vit, t.units[0][0])
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead:   []string{t.vit.trained() + " " + prose(leadTransformer)},
		Claims: t.claims(),
		Sections: []report.Section{
			{Title: "Both metrics", Tables: []report.Table{t.thirds()}},
			{Title: "Blocks", Tables: []report.Table{blocksTable}, Charts: []report.Chart{blocksChart}},
			{Title: "Units", Tables: []report.Table{list}, Galleries: []report.Gallery{owners}},
		},
	}, nil
}

// thirds puts both metrics of both architectures side by side.
func (t *transformerResults) thirds() report.Table {
	out := report.Table{
		Name: "depth", Title: "Both metrics at the beginning, in the middle and at the end", Note: prose(noteThirds),
		Columns: thirdsColumns,
	}
	for k, name := range thirdNames {
		out.Rows = append(out.Rows, []report.Cell{
			report.Text(name),
			Interval(thirdOf(t.vit, t.blocks, k, controlled)), Interval(thirdOf(t.conv, t.convs, k, controlled)),
			Interval(unitsOfThird(t.units[0], k)), Interval(unitsOfThird(t.convUnits, k)),
		})
	}
	return out
}

// topByBlock is UnitMem of the top tenth of the units by block.
func topByBlock(trained, untrained [][]tapUnits) (report.Table, report.Chart) {
	t := report.Table{
		Name: "blocks", Title: "UnitMem of the transformer's top units by block", Note: noteTopByBlock,
		Columns: []report.Column{{Name: "tap"}},
	}
	c := report.Chart{Name: "blocks", Title: t.Title, Kind: report.Line, X: "tap", Y: "UnitMem (Eq. 8)"}
	place := map[string]int{}
	for k, tap := range trained[0] {
		place[tap.Tap] = k
		c.Categories = append(c.Categories, tap.Tap)
	}
	top := func(found [][]tapUnits) func(tap string) []float64 {
		return func(tap string) []float64 {
			return each(found, func(f []tapUnits) float64 { return f[place[tap]].Top })
		}
	}
	const help = "mean UnitMem of the top tenth"
	addIntervals(&t, &c, "trained", help, c.Categories, top(trained))
	addIntervals(&t, &c, "untrained", help, c.Categories, top(untrained))
	return t, c
}

// topUnits lists the units of largest UnitMem of the first encoder, and shows the images that
// own them.
func topUnits(r *Results, found []tapUnits) (report.Table, report.Gallery, error) {
	t := report.Table{
		Name: "units", Title: fmt.Sprintf("The %d units of largest UnitMem, first encoder", topUnitsShown),
		Columns: topUnitsColumns,
	}
	g := report.Gallery{Name: "units", Title: "The images that own them", Note: noteTopOwners}
	l, err := run.Open(r.pairs[0].Recipe)
	if err != nil {
		return t, g, err
	}
	row := report.GalleryRow{Label: "first encoder"}
	for _, u := range largestUnits(found, topUnitsShown) {
		member := "no"
		if slices.Contains(l.Split.Candidate, u.owner) {
			member = "yes"
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(u.tap), report.Num(float64(u.index)), report.Num(u.value),
			report.Text(fmt.Sprintf("#%d", u.owner)), report.Text(member),
		})
		caption := fmt.Sprintf("%s, %s/%d", page.Described(l.Train, u.owner), u.tap, u.index)
		if image, ok := page.Thumb(l.Train, u.owner, caption); ok {
			row.Images = append(row.Images, image)
		}
	}
	if len(row.Images) > 0 {
		g.Rows = append(g.Rows, row)
	}
	return t, g, nil
}

// ownedUnit is a unit with its UnitMem and the image that owns it.
type ownedUnit struct {
	tap          string
	value        float64
	index, owner int
}

// largestUnits returns the n units of largest UnitMem over all taps.
func largestUnits(found []tapUnits, n int) []ownedUnit {
	var all []ownedUnit
	for _, f := range found {
		for k := range f.Ranked {
			all = append(all, ownedUnit{f.Tap, f.Values[k], f.Index[k], f.Owners[k]})
		}
	}
	slices.SortStableFunc(all, func(a, b ownedUnit) int { return cmp.Compare(b.value, a.value) })
	return all[:min(n, len(all))]
}
