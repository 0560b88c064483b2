package study

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// initial compares what other initial weights do to an encoder with what other
// candidates do: LayerMem, and alignment-matrix LayerMem, of two encoders that saw the
// same images and differ in their seed, beside that of a pair.
var initial = Study{Name: "initialisation", Source: "ours; first experiment", Title: "Other initial weights against other images", plan: func(l *lab) writer {
	own := l.pairs("score.alignment=true")
	var same []*graph.Step
	next := l.reseeded(own.f(), "score.alignment=true")
	for i, p := range own.pairs { // a ring, so that there is one for each pair
		same = append(same, score.Step(fmt.Sprintf("score f of seeds %d and %d, same data, %s", p.recipe.Seed, next[i].recipe.Seed, describe(p.recipe)),
			scoring{withRecipe(p.recipe), [2]string{run.F, run.F}}, p.f, next[i].train))
	}
	l.do(same...)
	return func(x *reader) (*report.Document, error) { return writeInitial(x, own, same) }
}}

func writeInitial(x *reader, own *group, same []*graph.Step) (*report.Document, error) {
	r, err := x.results(own)
	if err != nil {
		return nil, err
	}
	convs, err := r.convolutions()
	if err != nil {
		return nil, err
	}
	var seeds results
	for _, s := range same {
		p, err := readScores(x.store, s, x.distance())
		if err != nil {
			return nil, err
		}
		seeds.scores = append(seeds.scores, p)
	}
	var pairSteps []*graph.Step
	for _, p := range own.pairs {
		pairSteps = append(pairSteps, p.score)
	}
	matrix, err := x.alignmentMem(pairSteps)
	if err != nil {
		return nil, err
	}
	sameMatrix, err := x.alignmentMem(same)
	if err != nil {
		return nil, err
	}
	size := func(all []scores, tap string) []float64 {
		v := layerMem(all, tap)
		for i := range v {
			v[i] = math.Abs(v[i])
		}
		return v
	}
	t := report.Table{Name: "initialisation", Title: "What other images and other seeds do to the layers", Note: r.intervals(), Columns: []report.Column{{Name: "tap"}}}
	sizes := report.Chart{Name: "size", Title: "Size of LayerMem of the candidates", Kind: report.Line, X: "convolution", Y: "|LayerMem| (Eq. 2)", Categories: convs}
	matrices := report.Chart{Name: "alignment", Title: "Alignment-matrix LayerMem of the candidates", Kind: report.Line, X: "convolution", Y: "1 - cosine of the matrices", Categories: convs}
	addColumn(&t, &sizes, "other images, |LayerMem|", "of the candidates, f and g of a pair", convs, func(tap string) report.Cell { return interval(size(r.scores, tap)) })
	addColumn(&t, &sizes, "other seed, |LayerMem|", "of the candidates, f and f of two pairs", convs, func(tap string) report.Cell { return interval(size(seeds.scores, tap)) })
	addColumn(&t, &matrices, "other images, matrices", "alignment-matrix LayerMem of the candidates", convs, func(tap string) report.Cell { return interval(matrix(tap)) })
	addColumn(&t, &matrices, "other seed, matrices", "alignment-matrix LayerMem of the candidates", convs, func(tap string) report.Cell { return interval(sameMatrix(tap)) })
	return &report.Document{
		Lead: []string{r.trained() + " Encoders f of two seeds saw the same images: what they differ in is not memory of the candidates. But f and g of a pair begin with the same weights and take the same order and views, and two seeds do not: theirs bounds from above what a pair differs by without any memory. A pair above it shows memory; one below it is not shown to have none."},
		Claims: []report.Claim{
			x.judgePlain(report.Claim{ID: "initialisation.layers", Source: "ours", Statement: "LayerMem of a pair is larger than that of two encoders of other seeds that saw the same images.",
				Rule: ruleRing + "The number is |LayerMem| of the candidates of a pair minus that of two encoders f of neighbouring seeds, mean of the last three convolutions, one for each pair."},
				"|LayerMem| of a pair minus that of two seeds", minus(deep(convs, func(tap string) []float64 { return size(r.scores, tap) }), deep(convs, func(tap string) []float64 { return size(seeds.scores, tap) }))),
			x.judgePlain(report.Claim{ID: "initialisation.matrices", Source: "ours", Statement: "By alignment matrices a pair differs more than two encoders of other seeds that saw the same images.",
				Rule: ruleRing + "The number is alignment-matrix LayerMem of the candidates of a pair minus that of two encoders f of neighbouring seeds, mean of the last three convolutions, one for each pair."},
				"alignment-matrix LayerMem of a pair minus that of two seeds", minus(deep(convs, matrix), deep(convs, sameMatrix))),
		},
		Sections: []report.Section{{Title: "By layer", Tables: []report.Table{t}, Charts: []report.Chart{sizes, matrices}}},
	}, nil
}

// alignmentMem reads alignment-matrix LayerMem of the candidates, which it returns by
// tap, step by step.
func (x *reader) alignmentMem(steps []*graph.Step) (func(tap string) []float64, error) {
	var all []map[[2]string]float64
	for _, s := range steps {
		rows, err := memorize.AlignmentTable.Read(x.store.Path(s, "scores"))
		if err != nil {
			return nil, err
		}
		m := map[[2]string]float64{}
		for _, r := range rows {
			m[[2]string{r.Tap, r.Set}] = r.Stat.Mean
		}
		all = append(all, m)
	}
	return func(tap string) []float64 {
		var out []float64
		for _, m := range all {
			out = append(out, m[[2]string{tap, memorize.Candidate}])
		}
		return out
	}, nil
}
