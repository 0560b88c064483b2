package experiments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/report"
)

// transformer lists the units of a vision transformer that memorize most, and compares
// it with a convolutional encoder by both metrics: the first experiments two and three
// of those that were named for this project.
var transformer = Study{Name: "transformer", Source: "ours; first experiments", Title: "A transformer's units, and a convolutional encoder's", plan: func(l *lab) writer {
	vit, conv := l.pairs(l.vit()...), l.pairs()
	convUnits := l.units(conv.f())
	// GELU lets little below 0 pass; of |activation| all units can be ranked.
	var absolute []encoder
	for i, p := range vit.pairs {
		absolute = append(absolute, encoder{l.recipe(i, l.vit("score.absolute=true", `score.taps=["blocks.*.mlp.act"]`)...), p.f})
	}
	vitUnits := l.units(absolute)
	return func(x *reader) (*report.Document, error) { return writeTransformer(x, vit, conv, vitUnits, convUnits) }
}}

// topUnitsShown is how many units the list has.
const topUnitsShown = 10

func writeTransformer(x *reader, vit, conv *group, vitUnits, convUnits []*graph.Step) (*report.Document, error) {
	v, err := x.unitsFound(vitUnits)
	if err != nil {
		return nil, err
	}
	c, err := x.unitsFound(convUnits)
	if err != nil {
		return nil, err
	}
	rv, err := x.results(vit)
	if err != nil {
		return nil, err
	}
	rc, err := x.results(conv)
	if err != nil {
		return nil, err
	}
	blocks := slices.DeleteFunc(slices.Clone(rv.taps()), func(t string) bool { return strings.Count(t, ".") != 1 }) // blocks.0
	convs, err := rc.convolutions()
	if err != nil {
		return nil, err
	}
	if len(blocks) < 6 {
		return nil, fmt.Errorf("found the blocks %v among the taps that were scored, expected at least 6", blocks)
	}
	depth := report.Table{Name: "depth", Title: "Both metrics at the beginning, in the middle and at the end", Note: "Means over encoders with 95 % intervals, each over a third of the blocks (transformer) or convolutions. UnitMem of the transformer is of |activation| behind GELU, of the convolutional encoder behind ReLU.",
		Columns: []report.Column{{Name: "third"}, {Name: "transformer, controlled", Digits: 4}, {Name: "convolutional, controlled", Digits: 4}, {Name: "transformer, UnitMem", Digits: 3}, {Name: "convolutional, UnitMem", Digits: 3}}}
	thirds := []string{"first", "middle", "last"}
	layers := func(r *results, taps []string, k int) []float64 {
		part := taps[k*len(taps)/3 : (k+1)*len(taps)/3]
		out := make([]float64, len(r.scores))
		for _, t := range part {
			for i, s := range controlled(r.scores, t) {
				out[i] += s / float64(len(part))
			}
		}
		return out
	}
	units := func(found [][]tapUnits, k int) []float64 {
		var out []float64
		for _, f := range found {
			var means []float64
			for _, t := range f[k*len(f)/3 : (k+1)*len(f)/3] {
				means = append(means, t.Mean)
			}
			out = append(out, stat.Mean(means, nil))
		}
		return out
	}
	for i := range c {
		c[i] = unitTaps(c[i])
	}
	for k, name := range thirds {
		depth.Rows = append(depth.Rows, []report.Cell{report.Text(name), interval(layers(rv, blocks, k)), interval(layers(rc, convs, k)), interval(units(v, k)), interval(units(c, k))})
	}
	members := make([]float64, len(v))
	for i, f := range v {
		for _, t := range f {
			members[i] += (t.TopMembers - 0.5) / float64(len(f))
		}
	}
	return &report.Document{
		Lead: []string{rv.trained() + " Units are those behind the GELU of every block, ranked over a pool of candidates and as many images that f never saw; beside them stand the convolutional encoders of study depth."},
		Claims: []report.Claim{
			x.judgePlain(report.Claim{ID: "transformer.members", Source: "ours", Statement: "Images of the training set own more of a transformer's top units than images that were never seen.",
				Rule: "The number is the share of the top tenth of the units that candidates own, mean over blocks, minus one half, one for each encoder."}, "the share of the candidates minus one half", members),
			x.judgePlain(report.Claim{ID: "transformer.layers", Source: "ours", Statement: "The transformer's last third memorizes more than the convolutional encoder's.",
				Rule: "The number is the controlled score of the last third of the blocks minus that of the last third of the convolutions, one for each seed. The two were trained by different methods."},
				"the controlled score, transformer minus convolutional", minus(layers(rv, blocks, 2), layers(rc, convs, 2))),
			x.judgePlain(report.Claim{ID: "transformer.everywhere", Source: "claimed in words", Statement: "Units that stand out lie in all layers of the transformer.", Paper: "highly memorizing units in all layers, in words",
				Rule: "The number is the least over blocks of the mean UnitMem of the top tenth of the units, minus one half, one for each encoder."}, "the least over blocks minus one half", leastTop(v)),
		},
		Sections: []report.Section{{Title: "Both metrics", Tables: []report.Table{depth}}, {Title: "Units", Tables: []report.Table{topUnits(rv, v[0])}}},
	}, nil
}

// leastTop is the least over taps of the mean UnitMem of the top tenth, minus one half.
func leastTop(found [][]tapUnits) []float64 {
	var out []float64
	for _, f := range found {
		least := 1.0
		for _, t := range f {
			least = min(least, t.Top)
		}
		out = append(out, least-0.5)
	}
	return out
}

// topUnits lists the units of largest UnitMem of the first encoder.
func topUnits(r *results, found []tapUnits) report.Table {
	t := report.Table{Name: "units", Title: fmt.Sprintf("The %d units of largest UnitMem, first encoder", topUnitsShown),
		Columns: []report.Column{{Name: "tap"}, {Name: "UnitMem", Digits: 3}, {Name: "owner", Help: "index of the image that it stands out for"}, {Name: "seen in training"}}}
	type unit struct {
		tap   string
		value float64
		owner int
	}
	var all []unit
	for _, f := range found {
		for k := range f.Ranked {
			all = append(all, unit{f.Tap, f.Values[k], f.Owners[k]})
		}
	}
	slices.SortStableFunc(all, func(a, b unit) int { return cmp.Compare(b.value, a.value) })
	members := r.scores[0].Of(r.taps()[0], memorize.Candidate).Points
	for _, u := range all[:min(topUnitsShown, len(all))] {
		seen := "no"
		if slices.Contains(members, u.owner) {
			seen = "yes"
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(u.tap), report.Num(u.value), report.Text(fmt.Sprintf("#%d", u.owner)), report.Text(seen)})
	}
	return t
}
