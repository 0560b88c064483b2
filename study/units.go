package study

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/study/graph"
)

// unitsParams are the parameters of a units step. It needs the train step of an encoder.
type unitsParams struct {
	recipeParams
	// File is the encoder within the run of that step, f.safetensors unless it is an early
	// one; "": the encoder before training, which needs no step.
	File string `json:"file"`
}

// Identity implements graph.Identifier.
func (p unitsParams) Identity() string {
	return p.hash() + " " + p.File
}

// tapUnits is what a units step finds in a tap. UnitMem is taken over one pool: the
// candidates, which f was trained on, and the same number of independents, which only g
// was trained on.
type tapUnits struct {
	Tap    string `json:"tap"`
	Units  int    `json:"units"`
	Ranked int    `json:"ranked"` // not dead, and no point has a negative mean activation
	Dead   int    `json:"dead"`   // the same activation for all points
	// Mean is that of UnitMem over ranked units and dead ones, which have 0. Top is that
	// over the tenth of largest UnitMem, Max the largest. All are 0 without such units.
	Mean float64 `json:"mean"`
	Top  float64 `json:"top"`
	Max  float64 `json:"max"`
	// Values are the UnitMem of those units, the largest first, Index their indices in the
	// tap, and Owners the points that own them (memorize.UnitScore.Point).
	Values []float64 `json:"values"`
	Index  []int     `json:"index"`
	Owners []int     `json:"owners"`
	// TopCandidates is the share of the tenth of largest UnitMem that candidates own, 0.5
	// without such units.
	TopCandidates float64 `json:"top_candidates"`
}

// units is the step that ranks the units of one encoder. Its result is a []tapUnits, in
// forward order.
var units = define("units", 3, rankUnitsOf, func(r *recipe.Recipe, _ unitsParams) graph.Effort {
	return graph.Effort{Key: "units " + speedOf(r), Amount: poolViews(r),
		Measure: func(ctx context.Context) (float64, error) { return unitsSeconds(ctx, r) }}
})

func rankUnitsOf(ctx context.Context, w *graph.Work, r *recipe.Recipe, p unitsParams) error {
	path := ""
	if p.File != "" {
		path = w.Need(0, "run", p.File)
	}
	o, err := openEncoder(r, path)
	if err != nil {
		return err
	}
	defer o.engine.Close()
	bar := reporterOf(ctx).Bar("units", "points", len(o.pool.Points), 0)
	all, err := memorize.ScoreUnits(ctx, o.engine, o.encoder, o.pool, o.data.ScoreViews, r.ScoreOptions(), 1,
		func(done int) { bar.Set(done) })
	if err != nil {
		return err
	}
	bar.Finish("%d units", len(all))
	return w.Result(byTap(all, o.data.Split.Candidate))
}

// byTap sums up units that are ordered by tap.
func byTap(all []memorize.RankedUnit, candidates []int) []tapUnits {
	var out []tapUnits
	for len(all) > 0 {
		n := slices.IndexFunc(all, func(u memorize.RankedUnit) bool { return u.Tap != all[0].Tap })
		if n < 0 {
			n = len(all)
		}
		out, all = append(out, sumUp(all[:n], candidates)), all[n:]
	}
	return out
}

// sumUp sums up the units of one tap.
func sumUp(units []memorize.RankedUnit, candidates []int) tapUnits {
	ranked := memorize.TopUnits(units, len(units))
	t := tapUnits{Tap: units[0].Tap, Units: len(units), Ranked: len(ranked)}
	t.TopCandidates = ownedShare(ranked[:memorize.TopCount(len(ranked))], candidates)
	for _, u := range units {
		if u.Bounded && u.Point < 0 {
			t.Dead++
			ranked = append(ranked, u)
		}
	}
	for _, u := range ranked {
		t.Values, t.Index, t.Owners = append(t.Values, u.Value), append(t.Index, u.Unit), append(t.Owners, u.Point)
	}
	if k := len(t.Values); k > 0 {
		top := memorize.TopCount(k)
		t.Mean, t.Top, t.Max = stat.Mean(t.Values, nil), stat.Mean(t.Values[:top], nil), t.Values[0]
	}
	return t
}

// ownedShare is the share of the units that some points own, one half without units.
func ownedShare(units []memorize.RankedUnit, points []int) float64 {
	if len(units) == 0 {
		return 0.5
	}
	n := 0
	for _, u := range units {
		if slices.Contains(points, u.Point) {
			n++
		}
	}
	return float64(n) / float64(len(units))
}

// rankUnits ranks the units of the encoders.
func (p *Planner) rankUnits(of []Encoder) []*graph.Step {
	var out []*graph.Step
	for _, e := range of {
		out = append(out, unitsStep(e, memorize.F.String()+".safetensors"))
	}
	p.Add(out...)
	return out
}

// rankUntrained ranks the units of the encoders f before their training.
func (p *Planner) rankUntrained(sets ...string) []*graph.Step {
	var out []*graph.Step
	for i := range p.Pairs {
		out = append(out, untrainedUnitsStep(p.Recipe(i, sets...)))
	}
	p.Add(out...)
	return out
}

// unitsStep plans the ranking of the units of an encoder, or of an early one, in a file
// of its run.
func unitsStep(e Encoder, file string) *graph.Step {
	return units.Step(fmt.Sprintf("rank the units of %s, %s", file, describeSeed(e.Recipe)),
		unitsParams{withRecipe(e.Recipe), file}, e.Train)
}

// untrainedUnitsStep plans the ranking of the units of an encoder before its training.
func untrainedUnitsStep(r *recipe.Recipe) *graph.Step {
	return units.Step("rank the units of an untrained encoder, "+describeSeed(r), unitsParams{withRecipe(r), ""})
}

// unitsFound reads the results of units steps, encoder by encoder.
func (x *Reader) unitsFound(steps []*graph.Step) ([][]tapUnits, error) {
	return resultsOf[[]tapUnits](x, steps)
}

// unitsOn returns UnitMem of the units of one encoder in a tap on a set.
func unitsOn(t *memorize.Tables, s memorize.Side, tap, set string) []memorize.UnitScore {
	all := t.Units
	if s == memorize.G {
		all = t.UnitsG
	}
	var out []memorize.UnitScore
	for _, u := range all {
		if u.Tap == tap && u.Set == set {
			out = append(out, u)
		}
	}
	return out
}
