package study

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
	"github.com/locimem/locimem/tensor"
)

// ranking are the parameters of a units step. Its need is the train step of an
// encoder f.
type ranking struct {
	byRecipe
	// File is the encoder within the step's run, "f.safetensors" unless it is an
	// early one; "": the encoder before training, without need of a step.
	File string `json:"file"`
}

// Identity implements graph.Identifier.
func (p ranking) Identity() string {
	return p.hash() + " " + p.File
}

// tapUnits is what a units step finds in a tap. UnitMem is taken over one pool: the
// candidates, which f was trained on, and as many independents, which only g was.
type tapUnits struct {
	Tap    string `json:"tap"`
	Units  int    `json:"units"`
	Ranked int    `json:"ranked"` // not dead, and no point has a negative mean activation
	Dead   int    `json:"dead"`   // the same for all points
	// Mean is that of UnitMem over ranked and dead units, which have 0; Top that over
	// the tenth of largest UnitMem; Max the largest. All are 0 without such units.
	Mean float64 `json:"mean"`
	Top  float64 `json:"top"`
	Max  float64 `json:"max"`
	// Values are the UnitMem of those units, falling, Index their indices in the tap, and
	// Owners the points that own them (memorize.UnitScore.Point).
	Values []float64 `json:"values"`
	Index  []int     `json:"index"`
	Owners []int     `json:"owners"`
	// TopCandidates is the share of the tenth of largest UnitMem that candidates own,
	// 0.5 without any.
	TopCandidates float64 `json:"top_candidates"`
}

// rankUnits is the step that ranks the units of one encoder; its result is a
// []tapUnits, in forward order.
var rankUnits = define("units", 3, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p ranking) error {
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
	all, err := memorize.ScoreUnits(ctx, o.engine, o.encoder, o.pool, o.lab.ScoreViews, r.ScoreOptions(), 1, func(done int) { bar.Set(done) })
	if err != nil {
		return err
	}
	bar.Finish("%d units", len(all))
	return w.Result(byTap(all, o.lab.Split.Candidate))
}, func(r *recipe.Recipe, p ranking) graph.Effort {
	return graph.Effort{Key: "units " + speedOf(r), Amount: poolViews(r), Trial: func(ctx context.Context) (float64, error) { return unitsTrial(ctx, r) }}
})

// byTap sums up units that are ordered by tap.
func byTap(all []memorize.RankedUnit, candidates []int) []tapUnits {
	var out []tapUnits
	for len(all) > 0 {
		n := slices.IndexFunc(all, func(u memorize.RankedUnit) bool { return u.Tap != all[0].Tap })
		if n < 0 {
			n = len(all)
		}
		t := tapUnits{Tap: all[0].Tap, Units: n}
		ranked := memorize.TopUnits(all[:n], n)
		t.TopCandidates = ownedShare(ranked[:memorize.TopCount(len(ranked))], candidates)
		t.Ranked = len(ranked)
		for _, u := range all[:n] {
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
		out, all = append(out, t), all[n:]
	}
	return out
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

// units ranks the units of the encoders, with other settings of scoring where there
// are any; with those of UnitMem in the recipe otherwise.
func (l *lab) units(of []encoder) []*graph.Step {
	var out []*graph.Step
	for _, e := range of {
		out = append(out, unitsOf(e, run.F+".safetensors"))
	}
	l.do(out...)
	return out
}

// rankUntrained plans the ranking of the units of an encoder before its training.
func rankUntrained(r *recipe.Recipe) *graph.Step {
	return rankUnits.Step(fmt.Sprintf("rank the units of an untrained encoder, %s, seed %d", describe(r), r.Seed), ranking{withRecipe(r), ""})
}

// unitsOf plans the ranking of the units of one encoder, or of an early one in a
// file of its run.
func unitsOf(e encoder, file string) *graph.Step {
	return rankUnits.Step(fmt.Sprintf("rank the units of %s, %s, seed %d", file, describe(e.recipe), e.recipe.Seed), ranking{withRecipe(e.recipe), file}, e.train)
}

// opened is an encoder of a step, ready to be looked at. The engine is to be closed.
type opened struct {
	lab     *run.Lab
	engine  *tensor.Engine
	encoder nn.Encoder
	pool    memorize.Images // candidates and as many independents
}

// openEncoder reads an encoder f from a file; "": it is untrained.
func openEncoder(r *recipe.Recipe, path string) (*opened, error) {
	l, err := run.OpenLab(r)
	if err != nil {
		return nil, err
	}
	enc, err := l.Encoder(run.F)
	if err != nil {
		return nil, err
	}
	if path != "" {
		if _, err := run.LoadEncoder(path, weights.NoPrefix, enc, run.Silent{}); err != nil {
			return nil, err
		}
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
	if err != nil {
		return nil, err
	}
	return &opened{l, e, enc, pool(l)}, nil
}

// unitsFound reads the results of units steps.
func (x *reader) unitsFound(steps []*graph.Step) ([][]tapUnits, error) {
	return resultsOf[[]tapUnits](x, steps)
}
