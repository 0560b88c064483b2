package study

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// supervised compares encoders that were trained with and without labels: units for
// points against units for classes (Figures 2 and 3), and what they are worth on other
// data (Table 20).
var supervised = Study{Name: "supervised", Source: "T20, F2, F3", Title: "With and without labels", plan: func(l *lab) writer {
	kinds := []variant{{name: "simclr", pairs: l.pairs()}, {name: "supervised", pairs: l.pairs(l.method("supervised")...)}}
	var probes [][]*graph.Step
	for _, k := range kinds {
		var steps []*graph.Step
		for _, e := range k.pairs.f() {
			steps = append(steps, probeBoth.Step(fmt.Sprintf("test f on both data, %s, seed %d", describe(e.recipe), e.recipe.Seed), probing{withRecipe(e.recipe), *l.on()}, e.train))
		}
		l.do(steps...)
		probes = append(probes, steps)
	}
	return func(x *reader) (*report.Document, error) { return writeSupervised(x, kinds, probes) }
}}

// probing are the parameters of a probe step. Its need trains f.
type probing struct {
	byRecipe
	On run.On `json:"on"`
}

// Identity implements graph.Identifier.
func (p probing) Identity() string { return onIdentity(p.byRecipe, p.On) }

// probeBoth tests f on its own and on other data; its result is accuracies.
var probeBoth = define("probe", 1, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p probing) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	probe, err := o.prober(p.On)
	if err != nil {
		return err
	}
	a, err := probe.of(ctx, o.encoder)
	if err != nil {
		return err
	}
	return w.Result(a)
}, func(r *recipe.Recipe, p probing) graph.Effort {
	return probeEffort("probe", r, p.On, 1)
})

// unitsAndClasses are mean UnitMem and ClassMem of f, by tap behind a ReLU and pair by
// pair.
type unitsAndClasses struct {
	taps           []string
	units, classes map[string][]float64
	// below is the share of the units with more UnitMem than ClassMem.
	below map[string][]float64
	// cloud are the units of the first pair: ClassMem and UnitMem by tap.
	cloud map[string][2][]float64
}

func (x *reader) unitsAndClasses(g *group) (*unitsAndClasses, error) {
	out := &unitsAndClasses{units: map[string][]float64{}, classes: map[string][]float64{}, below: map[string][]float64{}, cloud: map[string][2][]float64{}}
	for i, q := range g.pairs {
		tables, err := memorize.ReadTables(x.store.Path(q.score, "scores"))
		if err != nil {
			return nil, err
		}
		type key struct {
			tap  string
			unit int
		}
		class := map[key]float64{}
		for _, c := range tables.Classes {
			class[key{c.Tap, c.Unit}] = c.Value
		}
		units, classes := map[string][]float64{}, map[string][]float64{}
		for _, u := range tables.Units {
			c, ok := class[key{u.Tap, u.Unit}]
			if u.Set != memorize.Candidate || !ok || !behindReLU(u.Tap) {
				continue
			}
			if units[u.Tap] == nil && i == 0 {
				out.taps = append(out.taps, u.Tap)
			}
			units[u.Tap], classes[u.Tap] = append(units[u.Tap], u.Value), append(classes[u.Tap], c)
		}
		for tap, v := range units {
			n := 0.0
			for k := range v {
				if v[k] > classes[tap][k] {
					n++
				}
			}
			out.below[tap] = append(out.below[tap], n/float64(len(v)))
			out.units[tap], out.classes[tap] = append(out.units[tap], stat.Mean(v, nil)), append(out.classes[tap], stat.Mean(classes[tap], nil))
			if i == 0 {
				out.cloud[tap] = [2][]float64{classes[tap], v}
			}
		}
	}
	if len(out.taps) == 0 {
		return nil, fmt.Errorf("found no ClassMem behind a ReLU: the scores have no classes")
	}
	return out, nil
}

func writeSupervised(x *reader, kinds []variant, probes [][]*graph.Step) (*report.Document, error) {
	t := report.Table{Name: "classes", Title: "UnitMem and ClassMem of f", Note: "Means over the units behind each ReLU, with 95 % intervals over encoders. UnitMem is over the candidates, ClassMem over the training images. There are fewer classes than points, and the largest of fewer stands out less: only the difference between the two ways of training is free of that.",
		Columns: []report.Column{{Name: "tap"}}}
	chart := report.Chart{Name: "classes", Title: "UnitMem and ClassMem by depth", Kind: report.Line, X: "tap", Y: "UnitMem (Eq. 8), ClassMem (Eq. 16)"}
	var both []*unitsAndClasses
	var clouds []report.Chart
	for _, k := range kinds {
		u, err := x.unitsAndClasses(k.pairs)
		if err != nil {
			return nil, err
		}
		both = append(both, u)
		chart.Categories = u.taps
		addColumn(&t, &chart, k.name+", UnitMem", "mean over the units of f", u.taps, func(tap string) report.Cell { return interval(u.units[tap]) })
		addColumn(&t, &chart, k.name+", ClassMem", "mean over the units of f", u.taps, func(tap string) report.Cell { return interval(u.classes[tap]) })
		var unused report.Chart
		addColumn(&t, &unused, k.name+", below", "share of the units with more UnitMem than ClassMem", u.taps, func(tap string) report.Cell { return interval(u.below[tap]) })
		last := u.cloud[u.taps[len(u.taps)-1]]
		clouds = append(clouds, report.Chart{Name: "units-" + k.name, Title: fmt.Sprintf("Units in %s, %s, first pair", u.taps[len(u.taps)-1], k.name), Kind: report.Scatter, X: "UnitMem", Y: "ClassMem", Diagonal: true,
			Series: []report.Series{{Name: "units", X: last[1], Y: report.Values(last[0])}}})
	}
	own, other, transfer, err := x.transfer(kinds, probes)
	if err != nil {
		return nil, err
	}
	var c compared
	layers, err := x.compareLayers(&c, "training", kinds)
	if err != nil {
		return nil, err
	}
	last := both[0].taps[len(both[0].taps)-1]
	classesLead := func(u *unitsAndClasses) []float64 { return minus(u.classes[last], u.units[last]) }
	return &report.Document{
		Lead: []string{"Pairs of the same encoder were trained by SimCLR and with labels, on the same split. A unit that answers to one image far more than to others has UnitMem, one that answers to a class ClassMem."},
		Claims: []report.Claim{
			x.judgePlain(report.Claim{ID: "supervised.points", Source: "F2", Statement: "Units trained without labels stand out more for points than for classes, in all layers.", Paper: "below the diagonal in all layers, a figure",
				Rule: "The number is UnitMem minus ClassMem of simclr, each the mean over the units of a tap, the least over the taps behind a ReLU, one for each encoder. There are more points than classes, which alone makes UnitMem the larger one."}, "the least of UnitMem minus ClassMem", both[0].leastLead()),
			x.judge(report.Claim{ID: "supervised.classes", Source: "F3", Statement: "Labels move late units from points towards classes.", Paper: "reversed in late layers, a figure", Plain: intervalOf(classesLead(both[1])),
				Rule: "The number is ClassMem minus UnitMem behind the last ReLU, of the supervised encoder minus that of simclr, one for each seed; plain: of the supervised encoder alone."},
				"ClassMem minus UnitMem, supervised minus simclr", minus(classesLead(both[1]), classesLead(both[0]))),
			x.judgePlain(report.Claim{ID: "supervised.reversed", Source: "F3", Statement: "Late units trained with labels stand out more for classes than for points.", Paper: "above the diagonal in late layers, a figure",
				Rule: "The number is ClassMem minus UnitMem of the supervised encoder, each the mean over the units behind the last ReLU, one for each encoder."}, "ClassMem minus UnitMem", classesLead(both[1])),
			x.moreThan("supervised.layers", "ours", "Training without labels memorizes more in late layers than training with them.", "", c, 0, 1, "simclr minus supervised"),
			x.transferClaim(minus(other[0], other[1])),
			x.judgePlain(report.Claim{ID: "supervised.own", Source: "T20", Statement: "Encoders trained with labels are better on their own data.", Paper: "CIFAR-100: 65.4 % without labels, 66.1 % with",
				Rule: "The number is the accuracy of kNN on the own data of supervised minus that of simclr, in percent, one for each seed."}, "the accuracy on the own data, supervised minus simclr, in percent", minus(own[1], own[0])),
		},
		Sections: []report.Section{{Title: "Points and classes", Tables: []report.Table{t}, Charts: append([]report.Chart{chart}, clouds...)}, layers, {Title: "Other data", Tables: []report.Table{transfer}}},
	}, nil
}

// leastLead is the least over taps of UnitMem minus ClassMem, encoder by encoder.
func (u *unitsAndClasses) leastLead() []float64 {
	var out []float64
	for _, tap := range u.taps {
		for i, d := range minus(u.units[tap], u.classes[tap]) {
			if i == len(out) {
				out = append(out, d)
			}
			out[i] = min(out[i], d)
		}
	}
	return out
}

// sameClasses tells whether own and other data have the same classes: synthetic
// images of two seeds.
func (x *reader) sameClasses() bool { return x.Scale == "tiny" && x.Other == "" }

// transferClaim is the claim of Table 20 on other data.
func (x *reader) transferClaim(lead []float64) report.Claim {
	c := x.judgePlain(report.Claim{ID: "supervised.transfer", Source: "T20", Statement: "Encoders trained without labels are better on other data.", Paper: "CIFAR-100 to CIFAR-10, STL10, SVHN: 57.6, 48.7, 59.2 % without labels, 56.7, 46.1, 58.6 % with",
		Rule: "The number is the accuracy of kNN on the other data of simclr minus that of supervised, in percent, one for each seed. Where own and other data have the same classes the claim is under-powered whatever the number."},
		"the accuracy on other data, simclr minus supervised, in percent", lead)
	if x.sameClasses() {
		c.P, c.Verdict, c.Why = nil, report.UnderPowered, c.Why+"; but the other data have the classes that the labels name, so nothing is said about other classes"
	}
	return c
}

// transfer reads the probes: accuracies in percent by kind, pair by pair, and a table.
func (x *reader) transfer(kinds []variant, probes [][]*graph.Step) (own, other [][]float64, t report.Table, err error) {
	t = report.Table{Name: "transfer", Title: "Accuracy of kNN", Note: "In percent, with 95 % intervals over encoders.", Columns: []report.Column{{Name: "trained by"}, {Name: "own data", Digits: 2}, {Name: "other data", Digits: 2}}}
	if x.sameClasses() {
		t.Note += " The other data are synthetic images of another seed, with the same classes: better is what knows these classes."
	}
	for k, steps := range probes {
		found, err := resultsOf[accuracies](x, steps)
		if err != nil {
			return nil, nil, t, err
		}
		var a, b []float64
		for _, f := range found {
			a, b = append(a, 100*f.Own), append(b, 100*f.Other)
		}
		own, other = append(own, a), append(other, b)
		t.Rows = append(t.Rows, []report.Cell{report.Text(kinds[k].name), interval(a), interval(b)})
	}
	return own, other, t, nil
}
