package study

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/study/graph"
)

// classRanking are the parameters of a classunits step. Its need is the train step of
// an encoder f.
type classRanking struct {
	byRecipe
}

// Identity implements graph.Identifier.
func (p classRanking) Identity() string {
	return p.hash()
}

// classPool is what the units of an encoder show on the images of few classes, and on
// as many images of all classes: the largest of fewer images is smaller anyway.
type classPool struct {
	Classes []string   `json:"classes"`
	Points  int        `json:"points"`
	Few     []tapUnits `json:"few"` // units on the images of the classes
	Any     []tapUnits `json:"any"` // on as many candidates and independents of all classes
}

// rankByClass is the step that ranks the units of one encoder on three classes of the
// pool and on one; its result is a []classPool. With CIFAR-10 they are those of
// Table 34: plane, car and truck, and car.
var rankByClass = define("classunits", 2, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p classRanking) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	names := o.lab.Train.Classes()
	var out []classPool
	for i, classes := range [][]int{{0, 1, len(names) - 1}, {1}} {
		few, others := o.ofClasses(classes, rng.New(r.ScoreSeed(), "images of any class", uint64(i)).Perm)
		c := classPool{Points: len(few)}
		for _, k := range classes {
			c.Classes = append(c.Classes, names[k])
		}
		for _, of := range []struct {
			points []int
			to     *[]tapUnits
		}{{few, &c.Few}, {others, &c.Any}} {
			all, err := memorize.ScoreUnits(ctx, o.engine, o.encoder, memorize.Images{Set: memorize.Set{Name: "pool", Points: of.points}, Data: o.pool.Data}, o.lab.ScoreViews, r.ScoreOptions(), 1, nil)
			if err != nil {
				return err
			}
			*of.to = byTap(all, o.lab.Split.Candidate)
		}
		out = append(out, c)
	}
	return w.Result(out)
}, func(r *recipe.Recipe, p classRanking) graph.Effort {
	// Twice three and one of usually ten classes.
	return graph.Effort{Key: "units " + speedOf(r), Amount: 0.8 * poolViews(r), Trial: func(ctx context.Context) (float64, error) { return unitsTrial(ctx, r) }}
})

// ofClasses returns the images of the pool that are of the classes, and others in
// their place, whatever their class: as many candidates, as many independents.
func (o *opened) ofClasses(classes []int, perm func(int) []int) (few, others []int) {
	n := len(o.pool.Points) / 2
	for _, half := range [][]int{o.pool.Points[:n], o.pool.Points[n:]} {
		k := len(few)
		for _, point := range half {
			if slices.Contains(classes, o.pool.Data.Label(point)) {
				few = append(few, point)
			}
		}
		for _, i := range perm(n)[:len(few)-k] {
			others = append(others, half[i])
		}
	}
	return few, others
}

// classUnits plans the ranking of units on few classes.
func (l *lab) classUnits(of []encoder) []*graph.Step {
	var out []*graph.Step
	for _, e := range of {
		out = append(out, rankByClass.Step(fmt.Sprintf("rank the units of f on few classes, %s, seed %d", describe(e.recipe), e.recipe.Seed), classRanking{withRecipe(e.recipe)}, e.train))
	}
	l.do(out...)
	return out
}
