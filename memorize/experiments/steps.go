package experiments

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/locimem/locimem/memorize"
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
	return r.TrainHash() + " " + p.Which
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
		Trial: func(ctx context.Context) (float64, error) { return trialOf(ctx, r, nil) }}
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
		Split: w.Need(0, "run", "split.json"), Out: w.Path("scores"),
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
		Trial: func(ctx context.Context) (float64, error) { return trialOf(ctx, r, &points) }}
})

// speedOf names what the time for an image depends on.
func speedOf(r *recipe.Recipe) string {
	return fmt.Sprintf("%s %d %+v %s %v %d %s %s %d threads", r.Data.Name, r.Data.Synthetic.Size, r.Encoder, r.Method.Name, r.Method.Projector, r.Train.Batch, r.Train.Precision, r.Train.Winograd, r.Train.Threads)
}

// trialOf trains for two epochs in a temporary directory and returns the seconds
// that an image of the second takes; with points, the seconds of an image of
// scoring so many points of encoders trained in this way.
func trialOf(ctx context.Context, r *recipe.Recipe, points *int) (float64, error) {
	dir, err := os.MkdirTemp("", "locimem-trial-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	t := *r
	t.Train.Epochs, t.Train.WarmupEpochs, t.KNN.Every, t.Train.CheckpointEvery, t.Method.FreezePrototypes = 2, 0, 0, 2, 0
	sides := []string{study.F}
	if points != nil {
		sides = append(sides, study.G)
	}
	for _, which := range sides {
		if _, err := study.TrainEncoder(ctx, &t, dir, which, study.Silent{}); err != nil {
			return 0, err
		}
	}
	if points == nil {
		log, err := study.OpenLog(filepath.Join(dir, "log.jsonl"))
		if err != nil {
			return 0, err
		}
		records := log.Records(study.F)
		return 1 / records[len(records)-1].ImagesPerSecond, nil
	}
	// What a view costs, and what is there besides: at two numbers of views.
	seconds := map[int]float64{}
	few := []int{2, 4}
	for _, views := range few {
		t.Score.Views = views
		began := time.Now()
		_, err = study.Score(ctx, &t, study.ScoreConfig{F: filepath.Join(dir, "f.safetensors"), G: filepath.Join(dir, "g.safetensors"), Out: filepath.Join(dir, "scores")}, study.Silent{})
		if err != nil {
			return 0, err
		}
		seconds[views] = time.Since(began).Seconds()
	}
	aView := max(0, seconds[few[1]]-seconds[few[0]]) / float64(few[1]-few[0])
	return (seconds[few[0]] + aView*float64(r.Score.Views-few[0])) / float64(*points*r.Score.Views), nil
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
	p := pair{recipe: r}
	p.f = train.Step(fmt.Sprintf("train f, %s, seed %d", describe(r), r.Seed), training{textOf(r), study.F})
	p.g = train.Step(fmt.Sprintf("train g, %s, seed %d", describe(r), r.Seed), training{textOf(r), study.G})
	p.score = score.Step(fmt.Sprintf("score f and g, %s, seed %d", describe(r), r.Seed), scoring{textOf(r), [2]string{study.F, study.G}}, p.f, p.g)
	return p
}

func describe(r *recipe.Recipe) string {
	return fmt.Sprintf("%s, %s, %s", r.Data.Name, r.Encoder.Name, r.Method.Name)
}

// points holds the score of every point by tap and set, by Eq. 2 with the l2
// distance, and which points they are by set.
type points struct {
	value map[string]map[string][]float64
	index map[string][]int
	taps  []string // in forward order
}

// readPoints reads points.csv of a score step.
func readPoints(path string) (*points, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p := &points{value: map[string]map[string][]float64{}, index: map[string][]int{}}
	for n, row := range rows {
		if n == 0 || len(row) != 6 || row[3] != string(memorize.L2) {
			continue
		}
		tap, set := row[0], row[1]
		point, err1 := strconv.Atoi(row[2])
		f, err2 := strconv.ParseFloat(row[4], 64)
		g, err3 := strconv.ParseFloat(row[5], 64)
		if err1 != nil || err2 != nil || err3 != nil {
			return nil, fmt.Errorf("%s, line %d: expected tap, set, point, distance and two numbers, found %v", path, n+1, row)
		}
		if p.value[tap] == nil {
			p.value[tap] = map[string][]float64{}
			p.taps = append(p.taps, tap)
		}
		p.value[tap][set] = append(p.value[tap][set], memorize.Paper.Points([]float64{f}, []float64{g})[0])
		if tap == p.taps[0] {
			p.index[set] = append(p.index[set], point)
		}
	}
	if len(p.taps) == 0 {
		return nil, fmt.Errorf("%s: found no point with distance l2", path)
	}
	return p, nil
}
