package study

// Do the units of highest UnitMem matter most? (Table 6) UnitMem is also high for units that
// are selective for any image. The control is the units of highest UnitMem on images that f
// was not trained on.

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// claimPruned is a claim about two choices of units: losing {less} costs more.
var claimPruned = Claim{
	ID:        "{id}",
	Source:    "T6",
	Statement: "{statement}",
	Paper:     "CIFAR-10, 10 % of each layer: none 70.44, top 53.04, random 58.09, low 62.58 %",
	Rule: `The number is the accuracy on the own data without {more} units minus that without {less} units, 10 %
		of each layer, in percent, one for each encoder.`,
	Number: "the accuracy without {more} minus without {less} units, in percent",
}

var (
	claimPrunedTop = claimPruned.fill("{id}", "pruning.top", "{more}", perturb.Random, "{less}", perturb.Top,
		"{statement}", "Losing the most memorizing units costs more than losing random ones.")
	claimPrunedLow = claimPruned.fill("{id}", "pruning.low", "{more}", perturb.Low, "{less}", perturb.Random,
		"{statement}", "Losing the least memorizing units costs less than losing random ones.")
	claimPrunedMembers = Claim{
		ID:     "pruning.members",
		Source: "ours",
		Statement: `Losing the units of highest UnitMem on the candidates costs more than losing those of
			highest UnitMem on images that f was not trained on.`,
		Rule: `The number is the accuracy on the own data without the top units by UnitMem on the independents
			minus that without the top units by UnitMem on the same number of candidates, 10 % of each layer, in
			percent, one for each encoder.`,
		Number: "the accuracy without units that are top on other images minus without those on candidates, in percent",
	}
)

const (
	leadPruning = `Units of f were silenced, a channel with everything that belongs to it, by the UnitMem that
		they have on the candidates, and the accuracy of kNN was taken. The random choice is one control: what
		does any loss of units cost? The other is the units of highest UnitMem on images that f was not trained
		on, which cannot be memory of these images.`
	notePruning = `kNN in percent, means over encoders with 95 %% intervals; random: mean of %d choices. Units
		that answer to no image are never chosen.`
	helpCommon = `Percentage of the units chosen on other images that are also chosen on the candidates.`
)

// pruneDraws is the number of random choices of units; the paper has 10.
const pruneDraws = 5

var pruning = Register(Study{
	Name:   "pruning",
	Source: "T6",
	Title:  "Units pruned by UnitMem",
	Place:  110,
	Design: func(plan *Planner) Writer {
		var steps []*graph.Step
		for _, e := range plan.TrainPairs().f() {
			steps = append(steps, pruneUnits.Step("prune units of f, "+describeSeed(e.Recipe),
				pruneParams{otherDataParams{withRecipe(e.Recipe), plan.probeData()}}, e.Train))
		}
		plan.Add(steps...)
		return func(x *Reader) (*report.Document, error) {
			found, err := resultsOf[[]pruned](x, steps)
			if err != nil {
				return nil, err
			}
			return writePruning(x, found), nil
		}
	},
})

// pruneParams are the parameters of a prune step. It needs the training of f.
type pruneParams struct {
	otherDataParams
}

// pruned is the accuracy of an encoder without some units.
type pruned struct {
	Share float64 `json:"share"` // 0: the encoder as it is
	Total bool    `json:"total"` // of all layers together
	By    string  `json:"by"`
	Draw  uint64  `json:"trial"` // number of the random choice
	// Others says that UnitMem is taken on images that f was not trained on. Common is the
	// share of the units chosen by it that UnitMem on the candidates also chooses.
	Others bool    `json:"unseen"`
	Common float64 `json:"common"`
	accuracies
}

// topOnOthers is the order of units by UnitMem on images that f was not trained on.
const topOnOthers = "top on other images"

// order names the order by which units were chosen.
func (p pruned) order() string {
	if p.Others {
		return topOnOthers
	}
	return p.By
}

// pruneOrders are the orders, in that of the tables.
var pruneOrders = []string{perturb.Top, topOnOthers, perturb.Random, perturb.Low}

// pruneSchemes are the shares of Table 6.
var pruneSchemes = []pruned{{Share: 0.1}, {Share: 0.2}, {Share: 0.1, Total: true}}

// prunes lists what is pruned.
func prunes() []pruned {
	all := []pruned{{}}
	for _, s := range pruneSchemes {
		s.By = perturb.Top
		all = append(all, s)
		s.By = perturb.Low
		all = append(all, s)
		s.By = perturb.Random
		for s.Draw = range uint64(pruneDraws) {
			all = append(all, s)
		}
		s.By, s.Draw, s.Others = perturb.Top, 0, true
		all = append(all, s)
	}
	return all
}

// pruneUnits prunes f in several ways. Its result is a []pruned.
var pruneUnits = define("prune", 2, pruneEach, func(r *recipe.Recipe, p pruneParams) graph.Effort {
	e := probeEffort("prune", r, p.On, len(prunes()))
	e.Measure = func(ctx context.Context) (float64, error) {
		units, err := unitsSeconds(ctx, r)
		if err != nil {
			return 0, err
		}
		probe, err := probeSeconds(ctx, r, p.On)
		return probe + units*poolViews(r)/e.Amount, err // the units are ranked once for all
	}
	return e
})

func pruneEach(ctx context.Context, w *graph.Work, r *recipe.Recipe, p pruneParams) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	split := o.data.Split
	n := min(len(split.Candidate), len(split.Independent))
	members, err := o.unitMemOn(ctx, memorize.Candidate, split.Candidate[:n])
	if err != nil {
		return err
	}
	others, err := o.unitMemOn(ctx, memorize.Independent, split.Independent[:n])
	if err != nil {
		return err
	}
	all := prunes()
	err = o.testEach(ctx, "pruning", p.On, len(all), func(i int) (nn.Encoder, error) {
		c := &all[i]
		if c.Share == 0 {
			return o.encoder, nil
		}
		// Dead units would otherwise be the lowest, and losing them costs nothing.
		choice := perturb.Choice{By: c.By, Share: c.Share, Total: c.Total, Alive: true, Seed: r.Seed, Trial: c.Draw}
		chosen, err := perturb.Choose(members, choice)
		if err != nil {
			return nil, err
		}
		if c.Others {
			byMembers := chosen
			if chosen, err = perturb.Choose(others, choice); err != nil {
				return nil, err
			}
			c.Common = commonUnits(chosen, byMembers)
		}
		return perturb.Prune(o.encoder, chosen)
	}, func(i int, a accuracies) { all[i].accuracies = a })
	if err != nil {
		return err
	}
	return w.Result(all)
}

// unitMemOn returns UnitMem of all units that can be pruned, on some points.
func (o *opened) unitMemOn(ctx context.Context, name string, points []int) ([]perturb.LayerUnits, error) {
	layers := perturb.PrunableLayers(o.encoder)
	options := o.data.Recipe.ScoreOptions()
	options.Taps = nil
	for _, l := range layers {
		options.Taps = append(options.Taps, perturb.OutputTap(o.encoder, l))
	}
	set := memorize.Images{Set: memorize.Set{Name: name, Points: points}, Data: o.data.Train}
	ranked, err := memorize.ScoreUnits(ctx, o.engine, o.encoder, set, o.data.ScoreViews, options, 1, nil)
	if err != nil {
		return nil, err
	}
	return perturb.ByLayer(o.encoder, layers, ranked)
}

// commonUnits is the share of the units of a that are also in b.
func commonUnits(a, b []perturb.Units) float64 {
	n, common := 0, 0
	for i := range a {
		for _, u := range a[i].Index {
			n++
			if slices.Contains(b[i].Index, u) {
				common++
			}
		}
	}
	return float64(common) / float64(max(1, n))
}

// prunings are the results of all encoders.
type prunings [][]pruned

// percent is a share, mean over the draws of one scheme and order, in percent, encoder by
// encoder.
func (all prunings) percent(scheme pruned, order string, of func(pruned) float64) []float64 {
	return each(all, func(one []pruned) float64 {
		sum, n := 0.0, 0.0
		for _, p := range one {
			if p.Share == scheme.Share && p.Total == scheme.Total && p.order() == order {
				sum, n = sum+of(p), n+1
			}
		}
		return 100 * sum / n
	})
}

// accuracy is the accuracy without the units of one scheme and order, in percent, encoder by
// encoder.
func (all prunings) accuracy(scheme pruned, order string, of func(accuracies) float64) []float64 {
	return all.percent(scheme, order, func(p pruned) float64 { return of(p.accuracies) })
}

// claims judges the claims, on 10 % of each layer.
func (all prunings) claims(x *Reader) []report.Claim {
	without := func(order string) []float64 { return all.accuracy(pruneSchemes[0], order, onOwn) }
	return []report.Claim{
		x.judgePlain(claimPrunedTop, minus(without(perturb.Random), without(perturb.Top))),
		x.judgePlain(claimPrunedMembers, minus(without(topOnOthers), without(perturb.Top))),
		x.judgePlain(claimPrunedLow, minus(without(perturb.Low), without(perturb.Random))),
	}
}

// schemeName names a share of the units.
func (p pruned) schemeName() string {
	if p.Total {
		return fmt.Sprintf("%.0f %% of all", 100*p.Share)
	}
	return fmt.Sprintf("%.0f %% of each layer", 100*p.Share)
}

func writePruning(x *Reader, found prunings) *report.Document {
	t := report.Table{
		Name: "pruning", Title: "Accuracy without some units", Note: prosef(notePruning, pruneDraws),
		Columns: []report.Column{
			{Name: "pruned"}, {Name: "units"}, {Name: "own data", Digits: 2}, {Name: "other data", Digits: 2},
			{Name: "common", Help: helpCommon, Digits: 1},
		},
	}
	add := func(name, units string, scheme pruned, order string) {
		common := report.Cell{}
		if order == topOnOthers {
			common = Interval(found.percent(scheme, order, func(p pruned) float64 { return p.Common }))
		}
		own, other := found.accuracy(scheme, order, onOwn), found.accuracy(scheme, order, onOther)
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), report.Text(units), Interval(own), Interval(other), common})
	}
	add("none", "", pruned{}, "")
	chart := report.Chart{
		Name: "pruning", Title: "Accuracy on the own data", Kind: report.Bar, X: "pruned", Y: "accuracy in percent",
		Series: make([]report.Series, len(pruneOrders)),
	}
	for _, scheme := range pruneSchemes {
		chart.Categories = append(chart.Categories, scheme.schemeName())
		for k, order := range pruneOrders {
			add(scheme.schemeName(), order, scheme, order)
			chart.Series[k].Name = order
			push(&chart.Series[k], Interval(found.accuracy(scheme, order, onOwn)))
		}
	}
	return &report.Document{
		Lead:     []string{prose(leadPruning)},
		Claims:   found.claims(x),
		Sections: []report.Section{{Title: "Accuracy", Tables: []report.Table{t}, Charts: []report.Chart{chart}}},
	}
}
