package study

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// recipeText is a recipe as YAML, a part of a step's parameters.
type recipeText string

func (t recipeText) parse() (*recipe.Recipe, error) {
	return recipe.Request{File: "the step's recipe", Src: []byte(t), Stored: true}.Read()
}

// recipeParams is what the parameters of all steps begin with.
type recipeParams struct {
	Recipe recipeText `json:"recipe"`
	parsed *recipe.Recipe
}

// withRecipe returns the parameters for a recipe. They keep it, so that the steps of a
// plan do not read their own text again: a step that comes from a store has only the text.
func withRecipe(r *recipe.Recipe) recipeParams {
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		panic(err) // a buffer takes everything
	}
	own := *r
	return recipeParams{recipeText(b.String()), &own}
}

// recipe returns a copy of the recipe.
func (p recipeParams) recipe() (*recipe.Recipe, error) {
	if p.parsed != nil {
		own := *p.parsed
		return &own, nil
	}
	return p.Recipe.parse()
}

// hash is that of the recipe, for the identity of a step.
func (p recipeParams) hash() string { return p.identity((*recipe.Recipe).Hash) }

// trainHash is that of what the recipe says about training.
func (p recipeParams) trainHash() string { return p.identity((*recipe.Recipe).TrainHash) }

// identity is a hash of the recipe and the place of its data. If the text is not a
// recipe it is the error: the step fails when it is done.
func (p recipeParams) identity(hash func(*recipe.Recipe) string) string {
	r, err := p.recipe()
	if err != nil {
		return err.Error()
	}
	return hash(r) + placeOf(r.Data.Name, r.Data.Variant, r.Data.Dir)
}

// placeOf is the place of data that only its files define, such as a folder of images:
// two folders are two results. It is "" for official files, whose place does not count.
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

// otherDataParams are the parameters of a step that needs a recipe and other data.
type otherDataParams struct {
	recipeParams
	On run.On `json:"on"`
}

// Identity implements graph.Identifier.
func (p otherDataParams) Identity() string {
	on := p.On
	on.Dir = placeOf(on.Name, on.Variant, on.Dir)
	return fmt.Sprintf("%s %+v", p.hash(), on)
}

// define is graph.Define for a kind whose parameters have a recipe.
func define[P interface {
	recipe() (*recipe.Recipe, error)
}](
	name string, version int,
	run func(context.Context, *graph.Work, *recipe.Recipe, P) error,
	effort func(*recipe.Recipe, P) graph.Effort,
) graph.Kind[P] {
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

// trainParams are the parameters of a train step.
type trainParams struct {
	recipeParams
	Which memorize.Side `json:"which"`
}

// Identity implements graph.Identifier. Only what the recipe says about training counts.
func (p trainParams) Identity() string {
	return p.identity(func(r *recipe.Recipe) string {
		id := r.TrainHash() + " " + p.Which.String()
		if k := r.Train.KeepEvery; k > 0 { // the weights are the same, but the early ones must be there
			id += fmt.Sprintf(" keep %d", k)
		}
		return id
	})
}

// train is the step that trains one encoder. It leaves run/f.safetensors or
// run/g.safetensors.
var train = define("train", 1, trainEncoder, func(r *recipe.Recipe, p trainParams) graph.Effort {
	own := r.Split.Candidate
	if p.Which == memorize.G {
		own = r.Split.Independent
	}
	images := float64((r.Split.Shared + own) / r.Train.Batch * r.Train.Batch * r.Train.Epochs)
	return graph.Effort{Key: "train " + speedOf(r), Amount: images,
		Measure: func(ctx context.Context) (float64, error) { return trainSeconds(ctx, r, images) }}
})

func trainEncoder(ctx context.Context, w *graph.Work, r *recipe.Recipe, p trainParams) error {
	if _, err := os.Stat(w.Path("run", p.Which.String()+".safetensors")); err == nil {
		w.Found() // put there by hand, or a kill came between the file and the end of the step
	}
	_, err := run.TrainEncoder(ctx, r, w.Path("run"), p.Which, reporterOf(ctx))
	return err
}

// scoreParams are the parameters of a score step. It needs two train steps: the encoders
// that are scored as f and as g.
type scoreParams struct {
	recipeParams
	As [2]memorize.Side `json:"as"` // what the two were trained as
}

// Identity implements graph.Identifier.
func (p scoreParams) Identity() string {
	return p.hash() + " " + p.As[0].String() + p.As[1].String()
}

// score is the step that scores two encoders. It leaves the folder scores.
var score = define("score", 2, scoreEncoders, func(r *recipe.Recipe, p scoreParams) graph.Effort {
	return graph.Effort{
		Key:     fmt.Sprintf("score %s %v %d", speedOf(r), r.Score.Taps, r.Score.Resamples),
		Amount:  float64(scoredPoints(r) * r.Score.Views),
		Measure: func(ctx context.Context) (float64, error) { return scoreSeconds(ctx, r) },
	}
})

func scoreEncoders(ctx context.Context, w *graph.Work, r *recipe.Recipe, p scoreParams) error {
	_, err := run.Score(ctx, r, run.ScoreConfig{
		F:     w.Need(0, "run", p.As[0].String()+".safetensors"),
		G:     w.Need(1, "run", p.As[1].String()+".safetensors"),
		Split: w.Need(0, "run", "split.json"), Out: w.Path("scores"), TablesOnly: true,
	}, reporterOf(ctx))
	return err
}

// speedOf names what the time for an image depends on. Measured times are stored under
// it: fields of the encoder that came later are named only where one of them is set.
func speedOf(r *recipe.Recipe) string {
	t, e := r.Train, r.Encoder
	encoder := fmt.Sprintf("Name:%s Width:%v Pool:%s Stem:%s Norm:%s Positions:%s DropPath:%v",
		e.Name, e.Width, e.Pool, e.Stem, e.Norm, e.Positions, e.DropPath)
	padding := "null"
	if e.StemPadding != nil {
		padding = fmt.Sprint(*e.StemPadding)
	}
	facts := fmt.Sprintln(padding, e.StemStride, e.StemPool, e.NormEps,
		e.Heads, e.FCNorm, e.LayerScale, e.Registers, e.PositionsSize)
	if facts = strings.TrimSpace(facts); facts != "null 0 auto 0 0 false 0 0 0" {
		encoder += " " + facts
	}
	return fmt.Sprintf("%s %d {%s} %s %+v %d %s %s %d threads", r.Data.Name, r.Data.Synthetic.Size, encoder,
		r.Method.Name, r.Method.Config, t.Batch, t.Precision, t.Winograd, t.Threads)
}

// reporterKey is where a context holds the reporter of its steps.
type reporterKey struct{}

// WithReporter returns a context whose steps report their progress to rep.
func WithReporter(ctx context.Context, rep run.Reporter) context.Context {
	return context.WithValue(ctx, reporterKey{}, rep)
}

func reporterOf(ctx context.Context) run.Reporter {
	if rep, ok := ctx.Value(reporterKey{}).(run.Reporter); ok {
		return rep
	}
	return run.Silent{}
}

// newPair plans the training and the scoring of a pair.
func newPair(r *recipe.Recipe) Pair {
	p := Pair{Recipe: r, F: trainStep(r, memorize.F), G: trainStep(r, memorize.G)}
	p.Score = score.Step("score f and g, "+describeSeed(r), scoreParams{withRecipe(r), memorize.Sides}, p.F, p.G)
	return p
}

// trainStep plans the training of one encoder.
func trainStep(r *recipe.Recipe, side memorize.Side) *graph.Step {
	return train.Step(fmt.Sprintf("train %s, %s", side, describeSeed(r)), trainParams{withRecipe(r), side})
}

// describeSeed is describe with the seed.
func describeSeed(r *recipe.Recipe) string { return fmt.Sprintf("%s, seed %d", describe(r), r.Seed) }

// describe says how the encoders of a recipe differ from others, except for the seed.
func describe(r *recipe.Recipe) string {
	name := r.Data.Name
	if name == "synthetic" && r.Data.Synthetic.Seed != 1 { // the other data of a study
		name = fmt.Sprintf("synthetic of seed %d", r.Data.Synthetic.Seed)
	}
	t, measured := r.Train, ""
	if r.Score.Augment != nil {
		measured = r.Score.Augment.Preset
	}
	out := fmt.Sprintf("%s, %s, %s, %d epochs of %d images (%d shared)", name, r.Encoder.Name, r.Method.Name,
		t.Epochs, r.Split.Shared+r.Split.Candidate, r.Split.Shared)
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
