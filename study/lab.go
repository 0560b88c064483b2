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

// lab is where a study plans. It turns changes of the scale's recipe into steps,
// and keeps the first error.
type lab struct {
	Setting     // with the number of pairs filled in
	asked   int // the number of pairs that the user asked for; 0: the scale's
	scale   *scale
	steps   []*graph.Step // of the study, in the order in which they are done
	err     error
}

// do makes steps a part of the study.
func (l *lab) do(steps ...*graph.Step) { l.steps = append(l.steps, steps...) }

// fail keeps the first error.
func (l *lab) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// recipe returns the scale's recipe for the i-th pair, changed by sets; the recipe
// as it is after an error.
func (l *lab) recipe(i int, sets ...string) *recipe.Recipe {
	r, err := l.Setting.recipe(l.scale, i, sets)
	if err != nil {
		l.fail(err)
		if r, err = l.Setting.recipe(l.scale, i, nil); err != nil {
			r = &recipe.Recipe{}
		}
	}
	return r
}

// vit returns the changes for a study of vision transformers, and sets.
func (l *lab) vit(sets ...string) []string { return slices.Concat(l.scale.vit, sets) }

// otherSeed is that of the synthetic images of which the other data are made.
const otherSeed = 7

// other returns the changes that train encoders on the other data.
func (l *lab) other() []string {
	r := l.recipe(0)
	if l.Other != "" {
		own := [3]int{r.Data.Synthetic.Size, r.Data.Synthetic.Size, 3}
		if s := data.SourceOf(r.Data.Name); s != nil {
			own = s.Shape
		}
		if s := data.SourceOf(l.Other); s != nil && s.Name != "folder" && s.Shape != own {
			l.fail(fmt.Errorf("other data: found images of shape %v in %s, expected %v, that of the scale's own, as encoders are trained on them: take a folder of images, which are resized", s.Shape, l.Other, own))
		}
		return []string{"split.mode=random", "data.name=" + l.Other, "data.dir=" + l.OtherDir, fmt.Sprintf("data.folder.size=[%d,%d]", own[0], own[1])}
	}
	return []string{"split.mode=random", "data.name=synthetic", fmt.Sprintf("data.synthetic.seed=%d", otherSeed), fmt.Sprintf("data.synthetic.train=%d", r.Split.Shared+r.Split.Candidate+r.Split.Independent),
		fmt.Sprintf("data.synthetic.test=%d", max(r.Data.Synthetic.Test, r.KNN.Test, r.Split.External))}
}

// on returns the other data for probes of encoders.
func (l *lab) on() *run.On {
	if l.Other != "" {
		return &run.On{Name: l.Other, Dir: l.OtherDir}
	}
	return &run.On{Name: "synthetic", Seed: otherSeed}
}

// group are pairs of encoders that are trained alike and differ in their seed.
type group struct {
	pairs []pair
	same  *graph.Step // scores the same-data pair; nil without one
}

// pairs trains and scores pairs of encoders by the scale's recipe, changed by sets.
func (l *lab) pairs(sets ...string) *group {
	g := &group{}
	for i := range l.Pairs {
		g.pairs = append(g.pairs, newPair(l.recipe(i, sets...)))
		l.do(g.pairs[i].score)
	}
	return g
}

// withRaw scores by raw l2 too, which the claims about bias compare with the default.
const withRaw = `score.distances=["unit-l2","l2"]`

// crossed trains and scores crossed pairs of encoders by the scale's recipe, changed by
// sets: across them every image of a universe is a candidate as often as an
// independent (data.SplitOptions.Pair).
func (l *lab) crossed(sets ...string) *group {
	n := l.asked
	if n == 0 {
		n = l.scale.crossedPairs
	}
	g := &group{}
	for i := range n {
		own := []string{"split.mode=crossed", fmt.Sprintf("split.pair=%d", l.first()+i), withRaw}
		g.pairs = append(g.pairs, newPair(l.recipe(i, slices.Concat(l.scale.crossed, own, sets)...)))
		l.do(g.pairs[i].score)
	}
	return g
}

// sameData also scores two encoders of the group that saw the same images and differ
// in their seed: in them there is nothing to memorize apart.
func (l *lab) sameData(g *group) {
	if len(g.pairs) < 2 {
		return
	}
	r := g.pairs[0].recipe
	g.same = score.Step("score the same-data pair, "+describe(r), scoring{withRecipe(r), [2]string{run.F, run.F}}, g.pairs[0].f, g.pairs[1].f)
	l.do(g.same)
}

// encoder is the step that trains one encoder, with its recipe.
type encoder struct {
	recipe *recipe.Recipe
	train  *graph.Step
}

// encoders trains f of every pair by the scale's recipe, changed by sets, and no g.
func (l *lab) encoders(sets ...string) []encoder {
	var out []encoder
	for i := range l.Pairs {
		r := l.recipe(i, sets...)
		out = append(out, encoder{r, trainStep(r, run.F)})
		l.do(out[i].train)
	}
	return out
}

// reseeded returns, for each of all encoders that encoders or f of a group returned,
// one that is trained alike with another seed: the next of them, and of a single one a
// further one.
func (l *lab) reseeded(all []encoder, sets ...string) []encoder {
	if len(all) > 1 {
		return append(slices.Clone(all[1:]), all[0])
	}
	r := l.recipe(len(all), sets...)
	return []encoder{{r, trainStep(r, run.F)}}
}

// ruleRing says what comparing neighbours costs.
const ruleRing = "Each encoder is compared with that of the next seed, the last with the first: each is in two comparisons, so the interval is too narrow. "

// f are the encoders f of a group.
func (g *group) f() []encoder {
	var out []encoder
	for _, p := range g.pairs {
		out = append(out, encoder{p.recipe, p.f})
	}
	return out
}

// reader gives the results of finished steps to the one who writes the report.
type reader struct {
	Setting
	store   *graph.Store
	command string // that makes the study
}

// results reads the scores of a group.
func (x *reader) results(g *group) (*results, error) { return x.resultsBy(g, x.distance()) }

// distance is that of the setting.
func (s Setting) distance() memorize.Distance {
	if s.Distance == "" {
		return memorize.UnitL2
	}
	return s.Distance
}

// resultsBy reads the scores of a group by a distance.
func (x *reader) resultsBy(g *group, by memorize.Distance) (*results, error) {
	r := &results{reader: x, by: by, pairs: g.pairs}
	for _, q := range g.pairs {
		p, err := readScores(x.store, q.score, by)
		if err != nil {
			return nil, err
		}
		r.scores = append(r.scores, p)
	}
	if g.same != nil {
		p, err := readScores(x.store, g.same, by)
		if err != nil {
			return nil, err
		}
		r.sameData = []scores{p}
	}
	return r, nil
}

// resultsOf reads what finished steps of one kind found.
func resultsOf[T any](x *reader, steps []*graph.Step) ([]T, error) {
	out := make([]T, len(steps))
	for i, s := range steps {
		if err := x.store.Result(s, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// written is the report of a study that reads one group only.
func written(g *group, write func(*results) (*report.Document, error)) writer {
	return func(x *reader) (*report.Document, error) {
		r, err := x.results(g)
		if err != nil {
			return nil, err
		}
		return write(r)
	}
}

// readScores reads the alignments of one pair's points by a distance.
func readScores(st *graph.Store, s *graph.Step, by memorize.Distance) (scores, error) {
	p, err := memorize.ReadPoints(st.Path(s, "scores"), by)
	return scores{p}, err
}
