package study

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// Planner collects the steps of a study. It turns changes to the scale's recipe into
// steps, and keeps the first error.
type Planner struct {
	Setting     // with the number of pairs filled in
	asked   int // the number of pairs that the user asked for; 0: the scale's
	scale   *scale
	steps   []*graph.Step // in the order in which they are done
	err     error
}

// Add makes steps a part of the study.
func (p *Planner) Add(steps ...*graph.Step) { p.steps = append(p.steps, steps...) }

// fail keeps the first error.
func (p *Planner) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// Recipe returns the scale's recipe for a pair, counted from 0, changed by sets of the
// form "field=value", as --set takes them. A set that is wrong makes Plan fail; the
// recipe is then the scale's own.
func (p *Planner) Recipe(pair int, sets ...string) *recipe.Recipe {
	r, err := p.Setting.recipe(p.scale, pair, sets)
	if err != nil {
		p.fail(err)
		if r, err = p.Setting.recipe(p.scale, pair, nil); err != nil {
			r = &recipe.Recipe{}
		}
	}
	return r
}

// vit returns the changes for a study of vision transformers, and sets.
func (p *Planner) vit(sets ...string) []string { return slices.Concat(p.scale.vit, sets) }

// Group is several pairs of encoders that are trained alike and differ in their seed.
type Group struct {
	Pairs []Pair
	// sameData scores two encoders that were trained on the same images; nil: none.
	sameData *graph.Step
}

// Pair is the steps of one pair of encoders: F and G train them, Score scores them.
type Pair struct {
	Recipe      *recipe.Recipe
	F, G, Score *graph.Step
}

// Encoder is the step that trains one encoder, with its recipe.
type Encoder struct {
	Recipe *recipe.Recipe
	Train  *graph.Step
}

// TrainPairs trains and scores pairs of encoders by the scale's recipe, changed by sets.
func (p *Planner) TrainPairs(sets ...string) *Group {
	g := &Group{}
	for i := range p.Pairs {
		g.Pairs = append(g.Pairs, newPair(p.Recipe(i, sets...)))
		p.Add(g.Pairs[i].Score)
	}
	return g
}

// withRaw scores by raw l2 too, which the claims about bias compare with the default.
const withRaw = `score.distances=["unit-l2","l2"]`

// crossedPairs trains and scores crossed pairs of encoders by the scale's recipe,
// changed by sets: across them every image of a universe is a candidate as often as an
// independent (data.SplitOptions.Pair).
func (p *Planner) crossedPairs(sets ...string) *Group {
	n := p.asked
	if n == 0 {
		n = p.scale.crossedPairs
	}
	g := &Group{}
	for i := range n {
		own := []string{"split.mode=crossed", fmt.Sprintf("split.pair=%d", p.first()+i), withRaw}
		g.Pairs = append(g.Pairs, newPair(p.Recipe(i, slices.Concat(p.scale.crossed, own, sets)...)))
		p.Add(g.Pairs[i].Score)
	}
	return g
}

// addSameData also scores two encoders of crossed pairs that were trained on the same
// images and differ in their seed: in a couple, f of the first pair and g of the second.
// They cannot have memorized different images.
func (p *Planner) addSameData(g *Group) {
	if len(g.Pairs) < 2 || p.first()%2 == 0 {
		return
	}
	r := g.Pairs[0].Recipe
	g.sameData = score.Step("score the same-data pair, "+describe(r),
		scoreParams{withRecipe(r), memorize.Sides}, g.Pairs[0].F, g.Pairs[1].G)
	p.Add(g.sameData)
}

// TrainEncoders trains only f of each pair by the scale's recipe, changed by sets.
func (p *Planner) TrainEncoders(sets ...string) []Encoder {
	var out []Encoder
	for i := range p.Pairs {
		r := p.Recipe(i, sets...)
		out = append(out, Encoder{r, trainStep(r, memorize.F)})
		p.Add(out[i].Train)
	}
	return out
}

// reseeded returns, for each encoder, one that is trained alike with another seed: the
// next of them, the first for the last. A single one gets a further encoder.
func (p *Planner) reseeded(all []Encoder, sets ...string) []Encoder {
	if len(all) > 1 {
		return append(slices.Clone(all[1:]), all[0])
	}
	r := p.Recipe(len(all), sets...)
	return []Encoder{{r, trainStep(r, memorize.F)}}
}

// f returns the encoders f of a group.
func (g *Group) f() []Encoder {
	var out []Encoder
	for _, p := range g.Pairs {
		out = append(out, Encoder{p.Recipe, p.F})
	}
	return out
}

// scoreSteps returns the steps that score the pairs.
func (g *Group) scoreSteps() []*graph.Step {
	var out []*graph.Step
	for _, p := range g.Pairs {
		out = append(out, p.Score)
	}
	return out
}

// otherSeed is the seed of the synthetic images that serve as other data.
const otherSeed = 7

// other returns the changes that train encoders on the other data.
func (p *Planner) other() []string {
	r := p.Recipe(0)
	if p.Other == "" {
		return []string{
			"split.mode=random", "data.name=synthetic", fmt.Sprintf("data.synthetic.seed=%d", otherSeed),
			fmt.Sprintf("data.synthetic.train=%d", r.Split.Shared+r.Split.Candidate+r.Split.Independent),
			fmt.Sprintf("data.synthetic.test=%d", max(r.Data.Synthetic.Test, r.KNN.Test, r.Split.External)),
		}
	}
	own := [3]int{r.Data.Synthetic.Size, r.Data.Synthetic.Size, 3}
	if s := data.SourceOf(r.Data.Name); s != nil {
		own = s.Shape
	}
	if s := data.SourceOf(p.Other); s != nil && s.Name != "folder" && s.Shape != own {
		p.fail(fmt.Errorf("other data: found images of shape %v in %s, expected %v, that of the scale's own, "+
			"as encoders are trained on them: take a folder of images, which are resized", s.Shape, p.Other, own))
	}
	return []string{
		"split.mode=random", "data.name=" + p.Other, "data.dir=" + p.OtherDir,
		fmt.Sprintf("data.folder.size=[%d,%d]", own[0], own[1]),
	}
}

// probeData returns the other data for probes of encoders.
func (p *Planner) probeData() run.On {
	if p.Other != "" {
		return run.On{Name: p.Other, Dir: p.OtherDir}
	}
	return run.On{Name: "synthetic", Seed: otherSeed}
}

// Reader gives the results of finished steps to a Writer.
type Reader struct {
	Setting
	store   *graph.Store
	command string // command line of the study
}

// Results reads the scores of a group, by the distance of the setting.
func (x *Reader) Results(g *Group) (*Results, error) { return x.resultsBy(g, x.distance()) }

// resultsBy reads the scores of a group by a distance.
func (x *Reader) resultsBy(g *Group, by memorize.Distance) (*Results, error) {
	r := &Results{Reader: x, by: by, pairs: g.Pairs}
	for _, s := range g.scoreSteps() {
		one, err := readScores(x.store, s, by)
		if err != nil {
			return nil, err
		}
		r.scores = append(r.scores, one)
	}
	if g.sameData != nil {
		one, err := readScores(x.store, g.sameData, by)
		if err != nil {
			return nil, err
		}
		r.sameData = []scores{one}
	}
	return r, nil
}

// Result reads what one finished step found into v, a pointer to plain data.
func (x *Reader) Result(s *graph.Step, v any) error { return x.store.Result(s, v) }

// resultsOf reads what finished steps of one kind found.
func resultsOf[T any](x *Reader, steps []*graph.Step) ([]T, error) {
	out := make([]T, len(steps))
	for i, s := range steps {
		if err := x.Result(s, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readScores reads the alignments of one pair's points by a distance.
func readScores(st *graph.Store, s *graph.Step, by memorize.Distance) (scores, error) {
	p, err := memorize.ReadPoints(st.Path(s, "scores"), by)
	return scores{p}, err
}

// reportOn is the report of a study that reads one group only.
func reportOn(g *Group, write func(*Results) (*report.Document, error)) Writer {
	return func(x *Reader) (*report.Document, error) {
		r, err := x.Results(g)
		if err != nil {
			return nil, err
		}
		return write(r)
	}
}
