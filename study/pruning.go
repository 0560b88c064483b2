package study

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// pruning asks whether the units of highest UnitMem matter most (Table 6). UnitMem is
// also high of units that are selective for whatever image: those of highest UnitMem on
// images that f has not seen are the control.
var pruning = Study{Name: "pruning", Source: "T6", Title: "Units pruned by UnitMem", plan: func(l *lab) writer {
	var steps []*graph.Step
	for _, e := range l.pairs().f() {
		steps = append(steps, pruneUnits.Step(fmt.Sprintf("prune units of f, %s, seed %d", describe(e.recipe), e.recipe.Seed), prunings{withRecipe(e.recipe), *l.on()}, e.train))
	}
	l.do(steps...)
	return func(x *reader) (*report.Document, error) { return writePruning(x, steps) }
}}

// pruneTrials is how many random choices of units are pruned; the paper has 10.
const pruneTrials = 5

// prunings are the parameters of a prune step. Its need trains f.
type prunings struct {
	byRecipe
	On run.On `json:"on"`
}

// Identity implements graph.Identifier.
func (p prunings) Identity() string { return onIdentity(p.byRecipe, p.On) }

// pruned is what an encoder is worth without some units.
type pruned struct {
	Share float64 `json:"share"` // 0: the encoder as it is
	Total bool    `json:"total"` // of all layers together
	By    string  `json:"by"`
	Trial uint64  `json:"trial"`
	// Unseen says that UnitMem is that on images which f was not trained on, and Common
	// is the share of the units so chosen that UnitMem on the candidates also chooses.
	Unseen bool    `json:"unseen"`
	Common float64 `json:"common"`
	accuracies
}

// topUnseen is the order of the units that are top on images which f has not seen.
const topUnseen = "top on unseen images"

// order names by what units were chosen.
func (p pruned) order() string {
	if p.Unseen {
		return topUnseen
	}
	return p.By
}

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
		for s.Trial = range uint64(pruneTrials) {
			all = append(all, s)
		}
		s.By, s.Trial, s.Unseen = perturb.Top, 0, true
		all = append(all, s)
	}
	return all
}

// unitMemOf returns UnitMem of all units that can be pruned, on the first n points.
func (o *opened) unitMemOf(ctx context.Context, name string, points []int, n int) ([]perturb.LayerUnits, error) {
	layers := perturb.PrunableLayers(o.encoder)
	options := o.lab.Recipe.ScoreOptions()
	options.Taps = nil
	for _, l := range layers {
		options.Taps = append(options.Taps, perturb.OutputTap(o.encoder, l))
	}
	set := memorize.Images{Set: memorize.Set{Name: name, Points: points[:n]}, Data: o.lab.Train}
	ranked, err := memorize.ScoreUnits(ctx, o.engine, o.encoder, set, o.lab.ScoreViews, options, 1, nil)
	if err != nil {
		return nil, err
	}
	return perturb.ByLayer(o.encoder, layers, ranked)
}

// commonShare is the share of the units of a that are in b, too.
func commonShare(a, b []perturb.Units) float64 {
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

var pruneUnits = define("prune", 2, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p prunings) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	split := o.lab.Split
	n := min(len(split.Candidate), len(split.Independent))
	seen, err := o.unitMemOf(ctx, memorize.Candidate, split.Candidate, n)
	if err != nil {
		return err
	}
	unseen, err := o.unitMemOf(ctx, memorize.Independent, split.Independent, n)
	if err != nil {
		return err
	}
	all := prunes()
	err = o.testEach(ctx, "pruning", p.On, len(all), func(i int) (nn.Encoder, error) {
		c := all[i]
		if c.Share == 0 {
			return o.encoder, nil
		}
		// Dead units would otherwise be the least, and their loss is none.
		choice := perturb.Choice{By: c.By, Share: c.Share, Total: c.Total, Alive: true, Seed: r.Seed, Trial: c.Trial}
		chosen, err := perturb.Choose(seen, choice)
		if err != nil {
			return nil, err
		}
		if c.Unseen {
			as := chosen
			if chosen, err = perturb.Choose(unseen, choice); err != nil {
				return nil, err
			}
			all[i].Common = commonShare(chosen, as)
		}
		return perturb.Prune(o.encoder, chosen)
	}, func(i int, a accuracies) { all[i].accuracies = a })
	if err != nil {
		return err
	}
	return w.Result(all)
}, func(r *recipe.Recipe, p prunings) graph.Effort {
	e := probeEffort("prune", r, p.On, len(prunes()))
	test := e.Trial
	e.Trial = func(ctx context.Context) (float64, error) {
		units, err := unitsTrial(ctx, r)
		if err != nil {
			return 0, err
		}
		one, err := test(ctx)
		return one + units*poolViews(r)/e.Amount, err // the units are ranked once for all
	}
	return e
})

func writePruning(x *reader, steps []*graph.Step) (*report.Document, error) {
	found, err := resultsOf[[]pruned](x, steps)
	if err != nil {
		return nil, err
	}
	// percent is the mean over trials of a share, by one scheme and order, in percent,
	// encoder by encoder.
	percent := func(scheme pruned, by string, of func(pruned) float64) []float64 {
		var out []float64
		for _, all := range found {
			sum, n := 0.0, 0.0
			for _, p := range all {
				if p.Share == scheme.Share && p.Total == scheme.Total && p.order() == by {
					sum, n = sum+of(p), n+1
				}
			}
			out = append(out, 100*sum/n)
		}
		return out
	}
	means := func(scheme pruned, by string, of func(accuracies) float64) []float64 {
		return percent(scheme, by, func(p pruned) float64 { return of(p.accuracies) })
	}
	t := report.Table{Name: "pruning", Title: "Accuracy without some units", Note: fmt.Sprintf("kNN in percent, means over encoders with 95 %% intervals; random: mean of %d choices. Units that answer to no image are never chosen.", pruneTrials),
		Columns: []report.Column{{Name: "pruned"}, {Name: "units"}, {Name: "own data", Digits: 2}, {Name: "other data", Digits: 2}, {Name: "common", Help: "Of the units chosen on unseen images, the percentage that is chosen on the candidates, too.", Digits: 1}}}
	add := func(name, units string, scheme pruned, by string) {
		common := report.Cell{}
		if by == topUnseen {
			common = interval(percent(scheme, by, func(p pruned) float64 { return p.Common }))
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), report.Text(units), interval(means(scheme, by, onOwn)), interval(means(scheme, by, onOther)), common})
	}
	add("none", "", pruned{}, "")
	var categories []string
	series := map[string]*report.Series{}
	orders := []string{perturb.Top, topUnseen, perturb.Random, perturb.Low}
	for _, scheme := range pruneSchemes {
		name := fmt.Sprintf("%.0f %% of each layer", 100*scheme.Share)
		if scheme.Total {
			name = fmt.Sprintf("%.0f %% of all", 100*scheme.Share)
		}
		categories = append(categories, name)
		for _, by := range orders {
			add(name, by, scheme, by)
			if series[by] == nil {
				series[by] = &report.Series{Name: by}
			}
			push(series[by], interval(means(scheme, by, onOwn)))
		}
	}
	chart := report.Chart{Name: "pruning", Title: "Accuracy on the own data", Kind: report.Bar, X: "pruned", Y: "accuracy in percent", Categories: categories}
	for _, by := range orders {
		chart.Series = append(chart.Series, *series[by])
	}
	first := pruneSchemes[0]
	claim := func(id, statement, more, less string) report.Claim {
		return x.judgePlain(report.Claim{ID: id, Source: "T6", Statement: statement, Paper: "CIFAR-10, 10 % of each layer: none 70.44, top 53.04, random 58.09, low 62.58 %",
			Rule: fmt.Sprintf("The number is the accuracy on the own data without %s units minus that without %s units, 10 %% of each layer, in percent, one for each encoder.", more, less)},
			fmt.Sprintf("the accuracy without %s minus without %s units, in percent", more, less), minus(means(first, more, onOwn), means(first, less, onOwn)))
	}
	return &report.Document{
		Lead: []string{"Units of f were silenced, a channel with everything that belongs to it, by the UnitMem that they have on the candidates, and the accuracy of kNN was taken. The random choice is a control: what does any loss of units cost? Another one are the units of highest UnitMem on images that f was not trained on, which nothing of them can be memory of."},
		Claims: []report.Claim{
			claim("pruning.top", "Losing the most memorizing units costs more than losing random ones.", perturb.Random, perturb.Top),
			x.judgePlain(report.Claim{ID: "pruning.members", Source: "ours", Statement: "Losing the units of highest UnitMem on the candidates costs more than losing those of highest UnitMem on images that f was not trained on.",
				Rule: "The number is the accuracy on the own data without the top units by UnitMem on the independents minus that without the top units by UnitMem on as many candidates, 10 % of each layer, in percent, one for each encoder."},
				"the accuracy without units that are top on unseen images minus without those on candidates, in percent", minus(means(first, topUnseen, onOwn), means(first, perturb.Top, onOwn))),
			claim("pruning.low", "Losing the least memorizing units costs less than losing random ones.", perturb.Low, perturb.Random),
		},
		Sections: []report.Section{{Title: "Accuracy", Tables: []report.Table{t}, Charts: []report.Chart{chart}}},
	}, nil
}
