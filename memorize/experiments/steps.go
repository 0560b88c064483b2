package experiments

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/recipe"
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

func (t text) recipe() (*recipe.Recipe, error) {
	return recipe.Read("the step's recipe", []byte(t), nil)
}

// training are the parameters of a train step.
type training struct {
	Recipe text   `json:"recipe"`
	Which  string `json:"which"` // study.F or study.G
}

// Identity implements graph.Identifier: what is not about training does not count.
func (p training) Identity() string {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err.Error()
	}
	id := r.TrainHash() + " " + p.Which
	if k := r.Train.KeepEvery; k > 0 { // the weights are the same, but the early ones must be there
		id += fmt.Sprintf(" keep %d", k)
	}
	return id
}

// train is the step that trains one encoder; it leaves run/f.safetensors or
// run/g.safetensors.
var train = graph.Define("train", 1, func(ctx context.Context, w *graph.Work, p training) error {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err
	}
	if _, err := os.Stat(w.Path("run", p.Which+".safetensors")); err == nil {
		w.Found() // put there by hand, or a kill came between the file and the end of the step
	}
	_, err = study.TrainEncoder(ctx, r, w.Path("run"), p.Which, reporterOf(ctx))
	return err
}, func(p training) graph.Effort {
	r, err := p.Recipe.recipe()
	if err != nil {
		return graph.Effort{}
	}
	own := r.Split.Candidate
	if p.Which == study.G {
		own = r.Split.Independent
	}
	return graph.Effort{Key: "train " + speedOf(r), Amount: float64((r.Split.Shared + own) / r.Train.Batch * r.Train.Batch * r.Train.Epochs),
		Trial: func(ctx context.Context) (float64, error) { return trainTrial(ctx, r) }}
})

// scoring are the parameters of a score step. Its needs are two train steps: the
// encoders that are scored as f and as g.
type scoring struct {
	Recipe text      `json:"recipe"`
	As     [2]string `json:"as"` // what the two were trained as
}

// Identity implements graph.Identifier.
func (p scoring) Identity() string {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err.Error()
	}
	return r.Hash() + " " + p.As[0] + p.As[1]
}

// score is the step that scores two encoders; it leaves the folder scores.
var score = graph.Define("score", 1, func(ctx context.Context, w *graph.Work, p scoring) error {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err
	}
	_, err = study.Score(ctx, r, study.ScoreConfig{
		F: w.Need(0, "run", p.As[0]+".safetensors"), G: w.Need(1, "run", p.As[1]+".safetensors"),
		Split: w.Need(0, "run", "split.json"), Out: w.Path("scores"), TablesOnly: true,
	}, reporterOf(ctx))
	return err
}, func(p scoring) graph.Effort {
	r, err := p.Recipe.recipe()
	if err != nil {
		return graph.Effort{}
	}
	points := 0
	for _, set := range [][2]int{{r.Split.Candidate, r.Score.Points.Candidate}, {r.Split.Shared, r.Score.Points.Shared},
		{r.Split.Independent, r.Score.Points.Independent}, {r.Split.External, r.Score.Points.External}} {
		if set[1] > 0 {
			set[0] = min(set[0], set[1])
		}
		points += set[0]
	}
	return graph.Effort{Key: fmt.Sprintf("score %s %v %d", speedOf(r), r.Score.Taps, r.Score.Resamples), Amount: float64(points * r.Score.Views),
		Trial: func(ctx context.Context) (float64, error) { return scoreTrial(ctx, r, points*r.Score.Views) }}
})

// speedOf names what the time for an image depends on.
func speedOf(r *recipe.Recipe) string {
	return fmt.Sprintf("%s %d %+v %s %v %d %s %s %d threads", r.Data.Name, r.Data.Synthetic.Size, r.Encoder, r.Method.Name, r.Method.Projector, r.Train.Batch, r.Train.Precision, r.Train.Winograd, r.Train.Threads)
}

// trainTrial trains for two epochs and returns the seconds that an image of the
// second takes.
func trainTrial(ctx context.Context, r *recipe.Recipe) (float64, error) {
	return trial(ctx, r, []string{study.F}, func(_ *recipe.Recipe, dir string) (float64, error) {
		log, err := study.OpenLog(filepath.Join(dir, "log.jsonl"))
		if err != nil {
			return 0, err
		}
		records := log.Records(study.F)
		return 1 / records[len(records)-1].ImagesPerSecond, nil
	})
}

// scoreTrial scores barely trained encoders with two numbers of views, which tells
// what a view costs and what there is besides, and returns the seconds that a view
// takes of all those that the recipe wants.
func scoreTrial(ctx context.Context, r *recipe.Recipe, views int) (float64, error) {
	return trial(ctx, r, []string{study.F, study.G}, func(t *recipe.Recipe, dir string) (float64, error) {
		few := [2]int{2, 4}
		var seconds [2]float64
		for i, n := range few {
			t.Score.Views = n
			began := time.Now()
			_, err := study.Score(ctx, t, study.ScoreConfig{F: filepath.Join(dir, "f.safetensors"), G: filepath.Join(dir, "g.safetensors"),
				Out: filepath.Join(dir, "scores"), TablesOnly: true}, study.Silent{})
			if err != nil {
				return 0, err
			}
			seconds[i] = time.Since(began).Seconds()
		}
		aView := max(0, seconds[1]-seconds[0]) / float64(few[1]-few[0])
		return (seconds[0] + aView*float64(r.Score.Views-few[0])) / float64(views), nil
	})
}

// trial trains encoders for two epochs in a temporary directory and returns what
// measure finds there.
func trial(ctx context.Context, r *recipe.Recipe, sides []string, measure func(t *recipe.Recipe, dir string) (float64, error)) (float64, error) {
	dir, err := os.MkdirTemp("", "locimem-trial-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	t := *r
	t.Train.Epochs, t.Train.CheckpointEvery = 2, 2
	t.Train.WarmupEpochs, t.KNN.Every, t.Method.FreezePrototypes = 0, 0, 0
	for _, which := range sides {
		if _, err := study.TrainEncoder(ctx, &t, dir, which, study.Silent{}); err != nil {
			return 0, err
		}
	}
	return measure(&t, dir)
}

// reporterKey is where a context holds the reporter of its steps.
type reporterKey struct{}

// WithReporter returns a context whose steps tell rep how they go.
func WithReporter(ctx context.Context, rep study.Reporter) context.Context {
	return context.WithValue(ctx, reporterKey{}, rep)
}

func reporterOf(ctx context.Context) study.Reporter {
	if rep, ok := ctx.Value(reporterKey{}).(study.Reporter); ok {
		return rep
	}
	return study.Silent{}
}

// pair are the steps of one pair of encoders.
type pair struct {
	recipe      *recipe.Recipe
	f, g, score *graph.Step
}

// newPair plans the training and the scoring of a pair.
func newPair(r *recipe.Recipe) pair {
	p := pair{recipe: r, f: trainStep(r, study.F), g: trainStep(r, study.G)}
	p.score = score.Step(fmt.Sprintf("score f and g, %s, seed %d", describe(r), r.Seed), scoring{textOf(r), [2]string{study.F, study.G}}, p.f, p.g)
	return p
}

// trainStep plans the training of one encoder.
func trainStep(r *recipe.Recipe, which string) *graph.Step {
	return train.Step(fmt.Sprintf("train %s, %s, seed %d", which, describe(r), r.Seed), training{textOf(r), which})
}

func describe(r *recipe.Recipe) string {
	return fmt.Sprintf("%s, %s, %s", r.Data.Name, r.Encoder.Name, r.Method.Name)
}
