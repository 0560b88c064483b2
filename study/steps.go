package study

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// text is a recipe as a part of a step's parameters.
type text string

func textOf(r *recipe.Recipe) text {
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		panic(err) // a buffer takes everything
	}
	return text(b.String())
}

// parsed holds the recipes of texts: a study asks for each many times.
var parsed sync.Map

func (t text) recipe() (*recipe.Recipe, error) {
	if r, ok := parsed.Load(t); ok {
		own := *r.(*recipe.Recipe)
		return &own, nil
	}
	r, err := recipe.Read("the step's recipe", []byte(t), nil)
	if err != nil {
		return nil, err
	}
	own := *r
	parsed.Store(t, &own)
	return r, nil
}

// byRecipe is what the parameters of all steps begin with.
type byRecipe struct {
	Recipe text `json:"recipe"`
}

func withRecipe(r *recipe.Recipe) byRecipe { return byRecipe{textOf(r)} }

func (b byRecipe) recipe() (*recipe.Recipe, error) { return b.Recipe.recipe() }

// hash and trainHash are those of the recipe, for the identity of a step. Of a text
// that is no recipe it is what is wrong with it: the step fails when it is done.
func (b byRecipe) hash() string { return b.identity((*recipe.Recipe).Hash) }

func (b byRecipe) trainHash() string { return b.identity((*recipe.Recipe).TrainHash) }

func (b byRecipe) identity(of func(*recipe.Recipe) string) string {
	r, err := b.recipe()
	if err != nil {
		return err.Error()
	}
	return of(r) + placeOf(r.Data.Name, r.Data.Variant, r.Data.Dir)
}

// placeOf is the place of data of which only the files tell what they are, such as a
// folder of images: two folders are two results. Of official files the place does not
// count, and it is "".
func placeOf(name, variant, dir string) string {
	s := data.SourceOf(name)
	if s == nil {
		return ""
	}
	if train, _ := s.Images(variant); train > 0 {
		return ""
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return " " + dir
}

// define is graph.Define of a kind whose parameters have a recipe.
func define[P interface {
	recipe() (*recipe.Recipe, error)
}](name string, version int, run func(context.Context, *graph.Work, *recipe.Recipe, P) error, effort func(*recipe.Recipe, P) graph.Effort) graph.Kind[P] {
	return graph.Define(name, version, func(ctx context.Context, w *graph.Work, p P) error {
		r, err := p.recipe()
		if err != nil {
			return err
		}
		return run(ctx, w, r, p)
	}, func(p P) graph.Effort {
		r, err := p.recipe()
		if err != nil {
			return graph.Effort{} // the step fails when it is done
		}
		return effort(r, p)
	})
}

// training are the parameters of a train step.
type training struct {
	byRecipe
	Which string `json:"which"` // run.F or run.G
}

// Identity implements graph.Identifier: what is not about training does not count.
func (p training) Identity() string {
	return p.identity(func(r *recipe.Recipe) string {
		id := r.TrainHash() + " " + p.Which
		if k := r.Train.KeepEvery; k > 0 { // the weights are the same, but the early ones must be there
			id += fmt.Sprintf(" keep %d", k)
		}
		return id
	})
}

// train is the step that trains one encoder; it leaves run/f.safetensors or
// run/g.safetensors.
var train = define("train", 1, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p training) error {
	if _, err := os.Stat(w.Path("run", p.Which+".safetensors")); err == nil {
		w.Found() // put there by hand, or a kill came between the file and the end of the step
	}
	_, err := run.TrainEncoder(ctx, r, w.Path("run"), p.Which, reporterOf(ctx))
	return err
}, func(r *recipe.Recipe, p training) graph.Effort {
	own := r.Split.Candidate
	if p.Which == run.G {
		own = r.Split.Independent
	}
	images := float64((r.Split.Shared + own) / r.Train.Batch * r.Train.Batch * r.Train.Epochs)
	return graph.Effort{Key: "train " + speedOf(r), Amount: images,
		Trial: func(ctx context.Context) (float64, error) { return trainTrial(ctx, r, images) }}
})

// scoring are the parameters of a score step. Its needs are two train steps: the
// encoders that are scored as f and as g.
type scoring struct {
	byRecipe
	As [2]string `json:"as"` // what the two were trained as
}

// Identity implements graph.Identifier.
func (p scoring) Identity() string {
	return p.hash() + " " + p.As[0] + p.As[1]
}

// score is the step that scores two encoders; it leaves the folder scores.
var score = define("score", 2, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p scoring) error {
	_, err := run.Score(ctx, r, run.ScoreConfig{
		F: w.Need(0, "run", p.As[0]+".safetensors"), G: w.Need(1, "run", p.As[1]+".safetensors"),
		Split: w.Need(0, "run", "split.json"), Out: w.Path("scores"), TablesOnly: true,
	}, reporterOf(ctx))
	return err
}, func(r *recipe.Recipe, p scoring) graph.Effort {
	return graph.Effort{Key: fmt.Sprintf("score %s %v %d", speedOf(r), r.Score.Taps, r.Score.Resamples), Amount: float64(scoredPoints(r) * r.Score.Views),
		Trial: func(ctx context.Context) (float64, error) { return scoreTrial(ctx, r) }}
})

// speedOf names what the time for an image depends on.
func speedOf(r *recipe.Recipe) string {
	return fmt.Sprintf("%s %d %+v %s %+v %d %s %s %d threads", r.Data.Name, r.Data.Synthetic.Size, r.Encoder, r.Method.Name, r.Method.Config, r.Train.Batch, r.Train.Precision, r.Train.Winograd, r.Train.Threads)
}

// reporterKey is where a context holds the reporter of its steps.
type reporterKey struct{}

// WithReporter returns a context whose steps tell rep how they go.
func WithReporter(ctx context.Context, rep run.Reporter) context.Context {
	return context.WithValue(ctx, reporterKey{}, rep)
}

func reporterOf(ctx context.Context) run.Reporter {
	if rep, ok := ctx.Value(reporterKey{}).(run.Reporter); ok {
		return rep
	}
	return run.Silent{}
}

// pair are the steps of one pair of encoders.
type pair struct {
	recipe      *recipe.Recipe
	f, g, score *graph.Step
}

// newPair plans the training and the scoring of a pair.
func newPair(r *recipe.Recipe) pair {
	p := pair{recipe: r, f: trainStep(r, run.F), g: trainStep(r, run.G)}
	p.score = score.Step(fmt.Sprintf("score f and g, %s, seed %d", describe(r), r.Seed), scoring{withRecipe(r), [2]string{run.F, run.G}}, p.f, p.g)
	return p
}

// trainStep plans the training of one encoder.
func trainStep(r *recipe.Recipe, which string) *graph.Step {
	return train.Step(fmt.Sprintf("train %s, %s, seed %d", which, describe(r), r.Seed), training{withRecipe(r), which})
}

// describe says what tells the encoders of a recipe from those of others, but the seed.
func describe(r *recipe.Recipe) string {
	name := r.Data.Name
	if name == "synthetic" && r.Data.Synthetic.Seed != 1 { // the lab's other data
		name = fmt.Sprintf("synthetic of seed %d", r.Data.Synthetic.Seed)
	}
	t, measured := r.Train, ""
	if r.Score.Augment != nil {
		measured = r.Score.Augment.Preset
	}
	out := fmt.Sprintf("%s, %s, %s, %d epochs of %d images (%d shared)", name, r.Encoder.Name, r.Method.Name, t.Epochs, r.Split.Shared+r.Split.Candidate, r.Split.Shared)
	for _, part := range []struct {
		there bool
		text  string
	}{
		{t.WeightDecay != 0, fmt.Sprintf("weight decay %g", t.WeightDecay)},
		{t.Private.Epsilon != 0, fmt.Sprintf("epsilon %g", t.Private.Epsilon)},
		{t.KeepEvery != 0, fmt.Sprintf("kept every %d epochs", t.KeepEvery)},
		{r.Augment.Preset != "", r.Augment.Preset + " views"},
		{measured != "", "measured on " + measured + " views"},
	} {
		if part.there {
			out += ", " + part.text
		}
	}
	return out
}
