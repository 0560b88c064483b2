package study

// How do encoders trained with labels differ from encoders trained without? Units for points
// against units for classes (Figures 2 and 3), and the accuracy on other data (Table 20).

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

var (
	claimForPoints = Claim{
		ID:        "supervised.points",
		Source:    "F2",
		Statement: "Units trained without labels stand out more for points than for classes, in all layers.",
		Paper:     "below the diagonal in all layers, a figure",
		Rule: `The number is UnitMem minus ClassMem of simclr, each the mean over the units of a tap, the least
			over the taps behind a ReLU, one for each encoder. There are more points than classes, which alone
			makes UnitMem the larger one.`,
		Number: "the least of UnitMem minus ClassMem",
	}
	claimTowardsClasses = Claim{
		ID:        "supervised.classes",
		Source:    "F3",
		Statement: "Labels move late units from points towards classes.",
		Paper:     "reversed in late layers, a figure",
		Rule: `The number is ClassMem minus UnitMem behind the last ReLU, of the supervised encoder minus that
			of simclr, one for each seed; plain: of the supervised encoder alone.`,
		Number: "ClassMem minus UnitMem, supervised minus simclr",
	}
	claimForClasses = Claim{
		ID:        "supervised.reversed",
		Source:    "F3",
		Statement: "Late units trained with labels stand out more for classes than for points.",
		Paper:     "above the diagonal in late layers, a figure",
		Rule: `The number is ClassMem minus UnitMem of the supervised encoder, each the mean over the units
			behind the last ReLU, one for each encoder.`,
		Number: "ClassMem minus UnitMem",
	}
	claimUnsupervisedLayers = Claim{
		ID:        "supervised.layers",
		Source:    "ours",
		Statement: "Training without labels memorizes more in late layers than training with them.",
		Rule:      ruleMoreMemorized,
		Number:    "the controlled score of simclr minus supervised",
	}
	claimTransfer = Claim{
		ID:        "supervised.transfer",
		Source:    "T20",
		Statement: "Encoders trained without labels are better on other data.",
		Paper:     `CIFAR-100 to CIFAR-10, STL10, SVHN: 57.6, 48.7, 59.2 % without labels, 56.7, 46.1, 58.6 % with`,
		Rule: `The number is the accuracy of kNN on the other data of simclr minus that of supervised, in
			percent, one for each seed. Where own and other data have the same classes the claim is
			under-powered whatever the number.`,
		Number: "the accuracy on other data, simclr minus supervised, in percent",
	}
	claimOwnData = Claim{
		ID:        "supervised.own",
		Source:    "T20",
		Statement: "Encoders trained with labels are better on their own data.",
		Paper:     "CIFAR-100: 65.4 % without labels, 66.1 % with",
		Rule: `The number is the accuracy of kNN on the own data of supervised minus that of simclr, in percent,
			one for each seed.`,
		Number: "the accuracy on the own data, supervised minus simclr, in percent",
	}
)

const (
	leadSupervised = `Pairs of the same encoder were trained by SimCLR and with labels, on the same split. A
		unit that answers to one image far more than to others has UnitMem, one that answers to a class
		ClassMem.`
	noteUnitsClasses = `Means over the units behind each ReLU, with 95 % intervals over encoders. UnitMem is
		over the candidates, ClassMem over the training images. There are fewer classes than points, and the
		largest of fewer stands out less: only the difference between the two ways of training is free of that.`
	noteTransfer    = `In percent, with 95 % intervals over encoders.`
	noteSameClasses = `The other data are synthetic images of another seed, with the same classes: an encoder
		that knows these classes does better.`
	whySameClasses = `; but the other data have the classes that the labels name, so nothing is said about other
		classes`
)

var supervised = Register(Study{
	Name:   "supervised",
	Source: "T20, F2, F3",
	Title:  "With and without labels",
	Place:  180,
	Design: func(plan *Planner) Writer {
		kinds := []variant{
			{name: "simclr", pairs: plan.TrainPairs()},
			{name: "supervised", pairs: plan.TrainPairs(plan.method("supervised")...)},
		}
		var probes [][]*graph.Step
		for _, k := range kinds {
			var steps []*graph.Step
			for _, e := range k.pairs.f() {
				steps = append(steps, probeBoth.Step("test f on both data, "+describeSeed(e.Recipe),
					probeParams{otherDataParams{withRecipe(e.Recipe), plan.probeData()}}, e.Train))
			}
			plan.Add(steps...)
			probes = append(probes, steps)
		}
		return func(x *Reader) (*report.Document, error) { return writeSupervised(x, kinds, probes) }
	},
})

// probeParams are the parameters of a probe step. It needs the training of f.
type probeParams struct {
	otherDataParams
}

// probeBoth tests f on its own and on other data. Its result is accuracies.
var probeBoth = define("probe", 1, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p probeParams) error {
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
}, func(r *recipe.Recipe, p probeParams) graph.Effort { return probeEffort("probe", r, p.On, 1) })

// unitsAndClasses are mean UnitMem and ClassMem of f by tap behind a ReLU, pair by pair.
type unitsAndClasses struct {
	taps           []string
	units, classes map[string][]float64
	below          map[string][]float64    // share of the units with more UnitMem than ClassMem
	cloud          map[string][2][]float64 // ClassMem and UnitMem of the units of the first pair
}

func (x *Reader) unitsAndClasses(g *Group) (*unitsAndClasses, error) {
	out := &unitsAndClasses{
		units: map[string][]float64{}, classes: map[string][]float64{}, below: map[string][]float64{},
		cloud: map[string][2][]float64{},
	}
	for i, q := range g.Pairs {
		tables, err := memorize.ReadTables(x.store.Path(q.Score, "scores"))
		if err != nil {
			return nil, err
		}
		taps, units, classes := matched(tables)
		if i == 0 {
			out.taps = taps
		}
		for tap, v := range units {
			c := classes[tap]
			out.below[tap] = append(out.below[tap], shareAbove(v, c))
			out.units[tap] = append(out.units[tap], stat.Mean(v, nil))
			out.classes[tap] = append(out.classes[tap], stat.Mean(c, nil))
			if i == 0 {
				out.cloud[tap] = [2][]float64{c, v}
			}
		}
	}
	if len(out.taps) == 0 {
		return nil, fmt.Errorf("ClassMem: found none behind a ReLU, expected scores of data with classes")
	}
	return out, nil
}

// matched returns UnitMem on the candidates and ClassMem of the units behind each ReLU, and
// these taps in forward order.
func matched(tables *memorize.Tables) (taps []string, units, classes map[string][]float64) {
	type key struct {
		tap  string
		unit int
	}
	class := map[key]float64{}
	for _, c := range tables.Classes {
		class[key{c.Tap, c.Unit}] = c.Value
	}
	units, classes = map[string][]float64{}, map[string][]float64{}
	for _, u := range tables.Units {
		c, ok := class[key{u.Tap, u.Unit}]
		if u.Set != memorize.Candidate || !ok || !behindReLU(u.Tap) {
			continue
		}
		if units[u.Tap] == nil {
			taps = append(taps, u.Tap)
		}
		units[u.Tap], classes[u.Tap] = append(units[u.Tap], u.Value), append(classes[u.Tap], c)
	}
	return taps, units, classes
}

// shareAbove is the share of the places at which a is larger than b.
func shareAbove(a, b []float64) float64 {
	n := 0.0
	for k := range a {
		if a[k] > b[k] {
			n++
		}
	}
	return n / float64(len(a))
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

// lastTap is the last tap behind a ReLU.
func (u *unitsAndClasses) lastTap() string { return u.taps[len(u.taps)-1] }

// classesLead is ClassMem minus UnitMem in the last tap, encoder by encoder.
func (u *unitsAndClasses) classesLead() []float64 {
	return minus(u.classes[u.lastTap()], u.units[u.lastTap()])
}

// unitClaims judges the claims about units, of encoders without and with labels.
func unitClaims(x *Reader, without, with *unitsAndClasses) []report.Claim {
	return []report.Claim{
		x.judgePlain(claimForPoints, without.leastLead()),
		x.Judge(claimTowardsClasses, with.classesLead(), minus(with.classesLead(), without.classesLead())),
		x.judgePlain(claimForClasses, with.classesLead()),
	}
}

func writeSupervised(x *Reader, kinds []variant, probes [][]*graph.Step) (*report.Document, error) {
	var both []*unitsAndClasses
	for _, k := range kinds {
		u, err := x.unitsAndClasses(k.pairs)
		if err != nil {
			return nil, err
		}
		both = append(both, u)
	}
	own, other, err := x.readProbes(probes)
	if err != nil {
		return nil, err
	}
	var c comparison
	if err := x.compareLayers(&c, "training", kinds); err != nil {
		return nil, err
	}
	claims := append(unitClaims(x, both[0], both[1]),
		x.moreMemorized(claimUnsupervisedLayers, &c, 0, 1),
		x.judgeTransfer(minus(other[0], other[1])),
		x.judgePlain(claimOwnData, minus(own[1], own[0])))
	return &report.Document{
		Lead:   []string{prose(leadSupervised)},
		Claims: claims,
		Sections: []report.Section{
			pointsAndClasses(kinds, both),
			c.sections[0],
			{Title: "Other data", Tables: []report.Table{x.transferTable(kinds, own, other)}},
		},
	}, nil
}

// pointsAndClasses shows UnitMem and ClassMem by depth, and the units of the last tap.
func pointsAndClasses(kinds []variant, both []*unitsAndClasses) report.Section {
	t := report.Table{
		Name: "classes", Title: "UnitMem and ClassMem of f", Note: prose(noteUnitsClasses),
		Columns: []report.Column{{Name: "tap"}},
	}
	chart := report.Chart{
		Name: "classes", Title: "UnitMem and ClassMem by depth", Kind: report.Line,
		X: "tap", Y: "UnitMem (Eq. 8), ClassMem (Eq. 16)",
	}
	const help = "mean over the units of f"
	var clouds []report.Chart
	for k, u := range both {
		name, last := kinds[k].name, u.cloud[u.lastTap()]
		chart.Categories = u.taps
		addIntervals(&t, &chart, name+", UnitMem", help, u.taps, func(tap string) []float64 { return u.units[tap] })
		addIntervals(&t, &chart, name+", ClassMem", help, u.taps, func(tap string) []float64 { return u.classes[tap] })
		var notShown report.Chart
		addIntervals(&t, &notShown, name+", below", "share of the units with more UnitMem than ClassMem", u.taps,
			func(tap string) []float64 { return u.below[tap] })
		clouds = append(clouds, report.Chart{
			Name: "units-" + name, Title: fmt.Sprintf("Units in %s, %s, first pair", u.lastTap(), name),
			Kind: report.Scatter, X: "UnitMem", Y: "ClassMem", Diagonal: true,
			Series: []report.Series{{Name: "units", X: last[1], Y: report.Values(last[0])}},
		})
	}
	return report.Section{
		Title: "Points and classes", Tables: []report.Table{t}, Charts: append([]report.Chart{chart}, clouds...),
	}
}

// sameClasses says whether own and other data have the same classes, as synthetic images of
// two seeds have.
func (x *Reader) sameClasses() bool { return x.Scale == "tiny" && x.Other == "" }

// judgeTransfer judges the claim about other data.
func (x *Reader) judgeTransfer(lead []float64) report.Claim {
	c := x.judgePlain(claimTransfer, lead)
	if x.sameClasses() {
		c.P, c.Verdict, c.Why = nil, report.UnderPowered, c.Why+prose(whySameClasses)
	}
	return c
}

// readProbes reads the accuracies in percent, by kind and pair.
func (x *Reader) readProbes(probes [][]*graph.Step) (own, other [][]float64, err error) {
	for _, steps := range probes {
		found, err := resultsOf[accuracies](x, steps)
		if err != nil {
			return nil, nil, err
		}
		own = append(own, each(found, func(a accuracies) float64 { return 100 * a.Own }))
		other = append(other, each(found, func(a accuracies) float64 { return 100 * a.Other }))
	}
	return own, other, nil
}

func (x *Reader) transferTable(kinds []variant, own, other [][]float64) report.Table {
	t := report.Table{
		Name: "transfer", Title: "Accuracy of kNN", Note: noteTransfer,
		Columns: []report.Column{{Name: "trained by"}, {Name: "own data", Digits: 2}, {Name: "other data", Digits: 2}},
	}
	if x.sameClasses() {
		t.Note += " " + prose(noteSameClasses)
	}
	for k := range kinds {
		t.Rows = append(t.Rows, []report.Cell{report.Text(kinds[k].name), Interval(own[k]), Interval(other[k])})
	}
	return t
}
