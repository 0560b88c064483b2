package study

import (
	"context"
	"fmt"

	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// normCosine compares the scales of norms of encoders of own and of other data (Table
// 25), beside those of two seeds on the same data. Encoders of one seed begin with the
// same weights on whatever data, so the ones compared have two seeds; how much that
// beginning is worth is shown.
var normCosine = Study{Name: "norms", Source: "T25", Title: "Scales of norms in encoders of other data", plan: func(l *lab) writer {
	own, others := l.pairs(), l.encoders(l.other()...)
	ownNext, otherNext := l.reseeded(own.f()), l.reseeded(others, l.other()...)
	var steps []*graph.Step
	for i, p := range own.pairs {
		steps = append(steps, compareNorms.Step(fmt.Sprintf("compare the norms of f, %s, seed %d", describe(p.recipe), p.recipe.Seed), norming{withRecipe(p.recipe)}, p.f, otherNext[i].train, others[i].train, ownNext[i].train))
	}
	l.do(steps...)
	return func(x *reader) (*report.Document, error) { return writeNorms(x, steps) }
}}

// norming are the parameters of a norms step. Its needs train f, encoders of the other
// data with another seed and with that of f, and f with that other seed.
type norming struct {
	byRecipe
}

// Identity implements graph.Identifier.
func (p norming) Identity() string {
	return p.trainHash()
}

// normsFound are the cosines with encoders from elsewhere.
type normsFound struct {
	Other []perturb.NormCosine `json:"other"` // fromOther
	Same  []perturb.NormCosine `json:"same"`  // fromSame
	Seed  []perturb.NormCosine `json:"seed"`  // fromSeed
}

var compareNorms = define("norms", 2, func(_ context.Context, w *graph.Work, r *recipe.Recipe, p norming) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	var out normsFound
	for i, to := range []*[]perturb.NormCosine{&out.Other, &out.Same, &out.Seed} {
		enc, err := o.loaded(needFile(w, i+1))
		if err != nil {
			return err
		}
		if *to, err = perturb.NormCosines(o.engine, o.encoder, enc); err != nil {
			return err
		}
	}
	return w.Result(out)
}, func(*recipe.Recipe, norming) graph.Effort { return graph.Effort{Fixed: 0.1} })

func writeNorms(x *reader, steps []*graph.Step) (*report.Document, error) {
	found, err := resultsOf[normsFound](x, steps)
	if err != nil {
		return nil, err
	}
	t := report.Table{Name: "norms", Title: "Cosine of the scales of norms", Note: "Means over encoders with 95 % intervals. Scales begin at 1, so the cosine of any two is near 1; centred: less their mean.",
		Columns: []report.Column{{Name: "norm"}}}
	var layers []string
	for _, n := range found[0].Other {
		layers = append(layers, n.Layer)
	}
	charts := []report.Chart{{Name: "norms", Title: t.Title, Kind: report.Line, X: "norm", Y: "cosine", Categories: layers},
		{Name: "centred", Title: t.Title + ", less their mean", Kind: report.Line, X: "norm", Y: "cosine", Categories: layers}}
	at := func(layer string, of func(normsFound) []perturb.NormCosine, value func(perturb.NormCosine) float64) []float64 {
		var out []float64
		for _, f := range found {
			for _, n := range of(f) {
				if n.Layer == layer {
					out = append(out, value(n))
				}
			}
		}
		return out
	}
	other, seed := func(f normsFound) []perturb.NormCosine { return f.Other }, func(f normsFound) []perturb.NormCosine { return f.Seed }
	same := func(f normsFound) []perturb.NormCosine { return f.Same }
	weight, centred := func(n perturb.NormCosine) float64 { return n.Weight }, func(n perturb.NormCosine) float64 { return n.Centred }
	for i, value := range []func(perturb.NormCosine) float64{weight, centred} {
		for _, from := range []struct {
			name string
			of   func(normsFound) []perturb.NormCosine
		}{{fromOther, other}, {fromSame, same}, {fromSeed, seed}} {
			name := from.name
			if i == 1 {
				name += ", centred"
			}
			addColumn(&t, &charts[i], name, "cosine of the scales of f with those of the other encoder", layers, func(l string) report.Cell { return interval(at(l, from.of, value)) })
		}
	}
	gap := make([]float64, len(found))
	for _, l := range layers {
		for i, d := range minus(at(l, seed, weight), at(l, other, weight)) {
			gap[i] += d / float64(len(layers))
		}
	}
	return &report.Document{
		Lead: []string{"The paper argues that layers can be exchanged because the scales of their norms are alike between data (cosine .78 to .88). Two encoders of the same data with different seeds show how alike any two are."},
		Claims: []report.Claim{x.judgePlain(report.Claim{ID: "norms.alike", Source: "T25", Statement: "Norms of own data are more alike than norms of other data, both of another seed.", Paper: "cosine .797, .844, .823, .811, .779, .805, .847, .881 in layers 1 to 8, CIFAR-10 against STL10, without a control",
			Rule: ruleRing + "The number is the cosine of the scales with those of own data and another seed minus that with those of other data and that same seed, mean over the norms, one for each encoder."},
			"the cosine with own data minus that with other data", gap)},
		Sections: []report.Section{{Title: "By layer", Tables: []report.Table{t}, Charts: charts}},
	}, nil
}
