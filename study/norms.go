package study

// Are the scales of norms alike between encoders of own and of other data? (Table 25)
// Encoders of one seed start from the same weights on whatever data, so encoders of two seeds
// are compared. The same seed shows what that start is worth.

import (
	"context"

	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

var claimNorms = Claim{
	ID:        "norms.alike",
	Source:    "T25",
	Statement: "Norms of own data are more alike than norms of other data, both of another seed.",
	Paper: `cosine .797, .844, .823, .811, .779, .805, .847, .881 in layers 1 to 8, CIFAR-10 against STL10, without a
		control`,
	Rule: ruleRing + ` The number is the cosine of the scales with those of own data and another seed minus that
		with those of other data and that same seed, mean over the norms, one for each encoder.`,
	Number: "the cosine with own data minus that with other data",
}

const (
	leadNorms = `The paper argues that layers can be exchanged because the scales of their norms are alike
		between data (cosine .78 to .88). Two encoders of the same data with different seeds show how alike any
		two are.`
	noteNorms = `Means over encoders with 95 % intervals. Scales start at 1, so the cosine of any two is near 1;
		centred: less their mean.`
	helpNorms = `cosine of the scales of f with those of the other encoder`
)

var norms = Register(Study{
	Name:   "norms",
	Source: "T25",
	Title:  "Scales of norms in encoders of other data",
	Place:  140,
	Design: func(plan *Planner) Writer {
		own, others := plan.TrainPairs(), plan.TrainEncoders(plan.other()...)
		ownNext, otherNext := plan.reseeded(own.f()), plan.reseeded(others, plan.other()...)
		var steps []*graph.Step
		for i, p := range own.Pairs {
			steps = append(steps, compareNorms.Step("compare the norms of f, "+describeSeed(p.Recipe),
				normsParams{withRecipe(p.Recipe)}, p.F, otherNext[i].Train, others[i].Train, ownNext[i].Train))
		}
		plan.Add(steps...)
		return func(x *Reader) (*report.Document, error) {
			found, err := resultsOf[normCosines](x, steps)
			if err != nil {
				return nil, err
			}
			return writeNorms(x, found), nil
		}
	},
})

// normsParams are the parameters of a norms step. It needs the training of f, of encoders of
// the other data with another seed and with that of f, and of f with that other seed.
type normsParams struct {
	recipeParams
}

// Identity implements graph.Identifier.
func (p normsParams) Identity() string {
	return p.trainHash()
}

// normCosines are the cosines with encoders from elsewhere, norm by norm.
type normCosines struct {
	Other []perturb.NormCosine `json:"other"` // fromOther
	Same  []perturb.NormCosine `json:"same"`  // fromSame
	Seed  []perturb.NormCosine `json:"seed"`  // fromSeed
}

// compareNorms compares the norms of f. Its result is a normCosines.
var compareNorms = define("norms", 2, compareEachNorm, func(*recipe.Recipe, normsParams) graph.Effort {
	return graph.Effort{Fixed: 0.1}
})

func compareEachNorm(_ context.Context, w *graph.Work, r *recipe.Recipe, _ normsParams) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	var out normCosines
	for i, to := range []*[]perturb.NormCosine{&out.Other, &out.Same, &out.Seed} {
		enc, err := o.load(needFile(w, i+1))
		if err != nil {
			return err
		}
		if *to, err = perturb.NormCosines(o.engine, o.encoder, enc); err != nil {
			return err
		}
	}
	return w.Result(out)
}

// normSource is where encoders come from, with their part of the results.
type normSource struct {
	name string
	of   func(normCosines) []perturb.NormCosine
}

var (
	normsOther = normSource{fromOther, func(f normCosines) []perturb.NormCosine { return f.Other }}
	normsSame  = normSource{fromSame, func(f normCosines) []perturb.NormCosine { return f.Same }}
	normsSeed  = normSource{fromSeed, func(f normCosines) []perturb.NormCosine { return f.Seed }}
)

func wholeScales(n perturb.NormCosine) float64   { return n.Weight }
func centredScales(n perturb.NormCosine) float64 { return n.Centred }

// at returns the cosine of one norm, encoder by encoder.
func (s normSource) at(found []normCosines, layer string, value func(perturb.NormCosine) float64) []float64 {
	var out []float64
	for _, f := range found {
		for _, n := range s.of(f) {
			if n.Layer == layer {
				out = append(out, value(n))
			}
		}
	}
	return out
}

// ownMinusOther is the cosine with own data minus that with other data, both of another
// seed, mean over norms, encoder by encoder.
func ownMinusOther(found []normCosines, layers []string) []float64 {
	out := make([]float64, len(found))
	for _, l := range layers {
		for i, d := range minus(normsSeed.at(found, l, wholeScales), normsOther.at(found, l, wholeScales)) {
			out[i] += d / float64(len(layers))
		}
	}
	return out
}

func writeNorms(x *Reader, found []normCosines) *report.Document {
	var layers []string
	for _, n := range found[0].Other {
		layers = append(layers, n.Layer)
	}
	t := report.Table{
		Name: "norms", Title: "Cosine of the scales of norms", Note: prose(noteNorms),
		Columns: []report.Column{{Name: "norm"}},
	}
	charts := []report.Chart{
		{Name: "norms", Title: t.Title, Kind: report.Line, X: "norm", Y: "cosine", Categories: layers},
		{Name: "centred", Title: t.Title + ", centred", Kind: report.Line, X: "norm", Y: "cosine", Categories: layers},
	}
	for _, s := range []normSource{normsOther, normsSame, normsSeed} {
		addIntervals(&t, &charts[0], s.name, helpNorms, layers,
			func(l string) []float64 { return s.at(found, l, wholeScales) })
	}
	for _, s := range []normSource{normsOther, normsSame, normsSeed} {
		addIntervals(&t, &charts[1], s.name+", centred", helpNorms, layers,
			func(l string) []float64 { return s.at(found, l, centredScales) })
	}
	return &report.Document{
		Lead:     []string{prose(leadNorms)},
		Claims:   []report.Claim{x.judgePlain(claimNorms, ownMinusOther(found, layers))},
		Sections: []report.Section{{Title: "By layer", Tables: []report.Table{t}, Charts: charts}},
	}
}
