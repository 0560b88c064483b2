package study

import (
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/run/page"
	"github.com/locimem/locimem/study/graph"
)

// transformer lists the units of a vision transformer that memorize most, and compares
// it with a convolutional encoder by both metrics: the first experiments two and three
// of those that were named for this project.
var transformer = Study{Name: "transformer", Source: "ours; first experiments", Title: "A transformer's units, and a convolutional encoder's", plan: func(l *lab) writer {
	t := transformerRuns{vit: l.pairs(l.vit()...), conv: l.pairs()}
	t.convUnits = l.units(t.conv.f())
	for i, p := range t.vit.pairs {
		// GELU lets little below 0 pass; of |activation| all units can be ranked.
		r := l.recipe(i, l.vit("score.absolute=true", `score.taps=["blocks.*.mlp.act"]`)...)
		for k, trained := range []*graph.Step{p.f, p.g} {
			t.units[k] = append(t.units[k], unitsOf(encoder{r, trained}, sides[k].which+".safetensors"))
		}
		t.untrained = append(t.untrained, rankUntrained(r))
	}
	l.do(slices.Concat(t.units[0], t.units[1], t.untrained)...)
	return func(x *reader) (*report.Document, error) { return writeTransformer(x, t) }
}}

// transformerRuns are the steps of study transformer.
type transformerRuns struct {
	vit, conv *group
	units     [2][]*graph.Step // of the transformers f and g
	untrained []*graph.Step    // units of f before training
	convUnits []*graph.Step    // of the convolutional encoders f
}

// topUnitsShown is how many units the list has.
const topUnitsShown = 10

func writeTransformer(x *reader, t transformerRuns) (*report.Document, error) {
	var units [2][][]tapUnits
	for k := range units {
		var err error
		if units[k], err = x.unitsFound(t.units[k]); err != nil {
			return nil, err
		}
	}
	untrained, err := x.unitsFound(t.untrained)
	if err != nil {
		return nil, err
	}
	c, err := x.unitsFound(t.convUnits)
	if err != nil {
		return nil, err
	}
	rv, err := x.results(t.vit)
	if err != nil {
		return nil, err
	}
	rc, err := x.results(t.conv)
	if err != nil {
		return nil, err
	}
	blocks, err := rv.blocks()
	if err != nil {
		return nil, err
	}
	convs, err := rc.convolutions()
	if err != nil {
		return nil, err
	}
	for i := range c {
		c[i] = unitTaps(c[i])
	}
	f := units[0]
	both := thirds(rv, rc, blocks, convs, f, c)
	last := func(r *results, taps []string, of func([]scores, string) []float64) []float64 {
		return thirdOf(r, taps, len(thirdNames)-1, of)
	}
	ownF, own := make([]float64, len(f)), make([]float64, len(f))
	for i := range f {
		for k := range f[i] {
			n := float64(len(f[i]))
			ownF[i] += (f[i][k].TopCandidates - 0.5) / n
			own[i] += (f[i][k].TopCandidates - units[1][i][k].TopCandidates) / 2 / n
		}
	}
	top := func(tap tapUnits) float64 { return tap.Top }
	blocksTable, blocksChart := topByBlock(f, untrained)
	list, owners, err := topUnits(rv, f[0])
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead: []string{rv.trained() + " Units are those behind the GELU of every block, ranked over a pool of candidates, which only f was trained on, and as many independents, which only g was; beside them stand the convolutional encoders of study depth."},
		Claims: []report.Claim{
			x.judge(report.Claim{ID: "transformer.members", Source: "ours", Statement: "Images of the training set own more of a transformer's top units than images that were never seen.", Plain: intervalOf(ownF),
				Rule: "The number is the share of the top tenth of the units that images of the encoder's own training set own, mean over f and g and over blocks, minus one half, one for each pair; plain: of f alone."}, "the share of the encoders' own images minus one half", own),
			x.judge(report.Claim{ID: "transformer.layers", Source: "ours", Statement: "The transformer's last third memorizes more than the convolutional encoder's.", Plain: intervalOf(minus(last(rv, blocks, layerMem), last(rc, convs, layerMem))),
				Rule: "The number is the controlled score of the last third of the blocks minus that of the last third of the convolutions, one for each seed; plain: the same of LayerMem of the candidates. The two were trained by different methods."},
				"the controlled score, transformer minus convolutional", minus(last(rv, blocks, controlled), last(rc, convs, controlled))),
			x.judge(report.Claim{ID: "transformer.everywhere", Source: "claimed in words", Statement: "Training makes units stand out in all layers of the transformer.", Paper: "highly memorizing units in all layers, in words", Plain: intervalOf(leastOver(f, top)),
				Rule: "The mean UnitMem of the top tenth of the units of f; the number is that minus the same of the untrained encoder, the least over blocks, one for each encoder; plain: the least over blocks itself. UnitMem measures selectivity, for images that were seen and others alike."}, "the least over blocks, trained minus untrained", leastGain(f, untrained)),
		},
		Sections: []report.Section{{Title: "Both metrics", Tables: []report.Table{both}}, {Title: "Blocks", Tables: []report.Table{blocksTable}, Charts: []report.Chart{blocksChart}},
			{Title: "Units", Tables: []report.Table{list}, Galleries: []report.Gallery{owners}}},
	}, nil
}

// thirdNames are the parts of an encoder that two architectures are compared by.
var thirdNames = []string{"first", "middle", "last"}

// third is the k-th of three parts of something in forward order.
func third[T any](all []T, k int) []T {
	n := len(thirdNames)
	return all[k*len(all)/n : (k+1)*len(all)/n]
}

// thirdOf is a quantity of taps, mean over a third of them, pair by pair.
func thirdOf(r *results, taps []string, k int, of func(all []scores, tap string) []float64) []float64 {
	part := third(taps, k)
	out := make([]float64, len(r.scores))
	for _, t := range part {
		for i, s := range of(r.scores, t) {
			out[i] += s / float64(len(part))
		}
	}
	return out
}

// thirds puts both metrics of both architectures side by side.
func thirds(rv, rc *results, blocks, convs []string, v, c [][]tapUnits) report.Table {
	t := report.Table{Name: "depth", Title: "Both metrics at the beginning, in the middle and at the end", Note: "Means over pairs (controlled score) or encoders f (UnitMem) with 95 % intervals, each over a third of the blocks (transformer) or convolutions. UnitMem of the transformer is of |activation| behind GELU, of the convolutional encoder behind ReLU.",
		Columns: []report.Column{{Name: "third"}, {Name: "transformer, controlled", Digits: 4}, {Name: "convolutional, controlled", Digits: 4}, {Name: "transformer, UnitMem", Digits: 3}, {Name: "convolutional, UnitMem", Digits: 3}}}
	units := func(found [][]tapUnits, k int) []float64 {
		var out []float64
		for _, f := range found {
			var means []float64
			for _, t := range third(f, k) {
				means = append(means, t.Mean)
			}
			out = append(out, stat.Mean(means, nil))
		}
		return out
	}
	for k, name := range thirdNames {
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), interval(thirdOf(rv, blocks, k, controlled)), interval(thirdOf(rc, convs, k, controlled)), interval(units(v, k)), interval(units(c, k))})
	}
	return t
}

// leastOver is the least of a quantity over taps, encoder by encoder.
func leastOver(found [][]tapUnits, of func(tapUnits) float64) []float64 {
	var out []float64
	for _, f := range found {
		var all []float64
		for _, t := range f {
			all = append(all, of(t))
		}
		out = append(out, slices.Min(all))
	}
	return out
}

// leastGain is the least over taps of what training adds to UnitMem of the top units.
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

// topByBlock is UnitMem of the top tenth of the units by block.
func topByBlock(trained, untrained [][]tapUnits) (report.Table, report.Chart) {
	t := report.Table{Name: "blocks", Title: "UnitMem of the transformer's top units by block", Note: "Mean over the top tenth of the units of f, with 95 % intervals over encoders.", Columns: []report.Column{{Name: "tap"}}}
	c := report.Chart{Name: "blocks", Title: t.Title, Kind: report.Line, X: "tap", Y: "UnitMem (Eq. 8)"}
	place := map[string]int{}
	for k, tap := range trained[0] {
		place[tap.Tap] = k
		c.Categories = append(c.Categories, tap.Tap)
	}
	for _, v := range []struct {
		name  string
		found [][]tapUnits
	}{{"trained", trained}, {"untrained", untrained}} {
		addColumn(&t, &c, v.name, "mean UnitMem of the top tenth", c.Categories, func(tap string) report.Cell {
			var all []float64
			for _, f := range v.found {
				all = append(all, f[place[tap]].Top)
			}
			return interval(all)
		})
	}
	return t, c
}

// topUnits lists the units of largest UnitMem of the first encoder, and shows the
// images that own them.
func topUnits(r *results, found []tapUnits) (report.Table, report.Gallery, error) {
	t := report.Table{Name: "units", Title: fmt.Sprintf("The %d units of largest UnitMem, first encoder", topUnitsShown),
		Columns: []report.Column{{Name: "tap"}, {Name: "unit", Help: "index in the tap, from 0"}, {Name: "UnitMem", Digits: 3}, {Name: "owner", Help: "index of the image that it stands out for"}, {Name: "seen in training"}}}
	g := report.Gallery{Name: "units", Title: "The images that own them", Note: "In the same order. Below each image its index and class, and the unit."}
	l, err := run.OpenLab(r.pairs[0].recipe)
	if err != nil {
		return t, g, err
	}
	type unit struct {
		tap          string
		value        float64
		index, owner int
	}
	var all []unit
	for _, f := range found {
		for k := range f.Ranked {
			all = append(all, unit{f.Tap, f.Values[k], f.Index[k], f.Owners[k]})
		}
	}
	slices.SortStableFunc(all, func(a, b unit) int { return cmp.Compare(b.value, a.value) })
	row := report.GalleryRow{Label: "first encoder"}
	for _, u := range all[:min(topUnitsShown, len(all))] {
		seen := "no"
		if slices.Contains(l.Split.Candidate, u.owner) {
			seen = "yes"
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(u.tap), report.Num(float64(u.index)), report.Num(u.value), report.Text(fmt.Sprintf("#%d", u.owner)), report.Text(seen)})
		if image, ok := page.Thumb(l.Train, u.owner, fmt.Sprintf("%s, %s/%d", page.Described(l.Train, u.owner), u.tap, u.index)); ok {
			row.Images = append(row.Images, image)
		}
	}
	if len(row.Images) > 0 {
		g.Rows = append(g.Rows, row)
	}
	return t, g, nil
}
