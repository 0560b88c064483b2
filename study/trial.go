package study

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/tensor"
)

// trainTrial returns the seconds that an image of a training takes, of all those
// images that the encoder goes through, with its share of the kNN tests. It trains
// for three epochs of a few batches, and tests a few images.
func trainTrial(ctx context.Context, r *recipe.Recipe, images float64) (float64, error) {
	const epochs, batches = 3, 3
	dir, err := os.MkdirTemp("", "locimem-trial-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	t := *r
	t.Train.Epochs, t.Train.CheckpointEvery, t.Train.KeepEvery = epochs, epochs, 0
	t.Train.WarmupEpochs, t.KNN.Every = 0, 0
	t.Split.Mode = "random"
	t.Split.Candidate, t.Split.Independent = min(r.Split.Candidate, r.Train.Batch), min(r.Split.Independent, r.Train.Batch)
	t.Split.Shared = min(r.Split.Shared, batches*r.Train.Batch-t.Split.Candidate)
	if _, err := run.TrainEncoder(ctx, &t, dir, run.F, run.Silent{}); err != nil {
		return 0, err
	}
	log, err := run.OpenLog(filepath.Join(dir, "log.jsonl"))
	if err != nil {
		return 0, err
	}
	anImage := 0.0
	for _, rec := range log.Records(run.F)[1:] { // the first epoch also fills caches and buffers
		anImage += 1 / rec.ImagesPerSecond / (epochs - 1)
	}
	tests, err := testTrial(ctx, r)
	return anImage + tests/images, err
}

// testTrial returns the seconds of all kNN tests of a training, from one of few
// images.
func testTrial(ctx context.Context, r *recipe.Recipe) (float64, error) {
	if r.KNN.Every == 0 {
		return 0, nil
	}
	l, e, pair, err := untrained(r)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	p := l.Probe(e, pair[0], run.F)
	all := len(p.BankIndices) + len(p.TestIndices)
	p.BankIndices = p.BankIndices[:min(2*p.Batch, len(p.BankIndices))] // whole batches
	p.TestIndices = p.TestIndices[:min(2*p.Batch, len(p.TestIndices))]
	p.K = min(p.K, len(p.BankIndices))
	seconds := 0.0
	for range 2 { // the first time also fills caches and buffers
		began := time.Now()
		if _, err := p.Accuracy(ctx); err != nil {
			return 0, err
		}
		seconds = time.Since(began).Seconds() * float64(all) / float64(len(p.BankIndices)+len(p.TestIndices))
	}
	n := 0
	for epoch := 1; epoch <= r.Train.Epochs; epoch++ {
		if r.KNN.Due(epoch, r.Train.Epochs) {
			n++
		}
	}
	return seconds * float64(n), nil
}

// untrained returns the encoders of a recipe as they are before training, which
// makes them neither faster nor slower. The engine is to be closed.
func untrained(r *recipe.Recipe) (l *run.Lab, e *tensor.Engine, pair [2]nn.Encoder, err error) {
	if l, err = run.OpenLab(r); err != nil {
		return
	}
	for i, which := range []string{run.F, run.G} {
		if pair[i], err = l.Encoder(which); err != nil {
			return
		}
	}
	e, err = tensor.NewEngine(tensor.Options{Threads: r.Train.Threads, Precision: r.Train.Precision, Winograd: r.WinogradTile()})
	return
}

// scoreTrial returns the seconds that scoring takes for each view of all those that
// the recipe wants, from scoring untrained encoders on a part of the points.
func scoreTrial(ctx context.Context, r *recipe.Recipe) (float64, error) {
	dir, err := os.MkdirTemp("", "locimem-trial-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	seconds, err := extrapolated(ctx, r, func(l *run.Lab, e *tensor.Engine, pair [2]nn.Encoder) error {
		return run.ScorePair(ctx, e, l, pair[0], pair[1], dir, run.Silent{})
	})
	return seconds / float64(scoredPoints(r)*r.Score.Views), err
}

// poolViews is the number of views of a pool that the recipe wants.
func poolViews(r *recipe.Recipe) float64 {
	return float64(2 * min(r.Split.Candidate, r.Split.Independent) * r.Score.Views)
}

// unitsTrial is the same for the units of one encoder and each view of its pool.
func unitsTrial(ctx context.Context, r *recipe.Recipe) (float64, error) {
	seconds, err := extrapolated(ctx, r, func(l *run.Lab, e *tensor.Engine, pair [2]nn.Encoder) error {
		_, err := memorize.ScoreUnits(ctx, e, pair[0], pool(l), l.ScoreViews, l.Recipe.ScoreOptions(), 1, nil)
		return err
	})
	return seconds / poolViews(r), err
}

// extrapolated returns the seconds that work takes with all images of the recipe's
// sets. It does the work with very few of them, which tells what there is besides
// images, and with an eighth, which tells what an image takes.
func extrapolated(ctx context.Context, r *recipe.Recipe, work func(l *run.Lab, e *tensor.Engine, pair [2]nn.Encoder) error) (float64, error) {
	var points, seconds [2]float64
	for i, share := range []int{1000, 8} {
		t := fewer(r, share)
		l, e, pair, err := untrained(t)
		if err != nil {
			return 0, err
		}
		defer e.Close()
		points[i], seconds[i] = float64(scoredPoints(t)), math.Inf(1)
		// The first time also fills caches and buffers, and others may be at work on
		// the machine: the shortest of three counts, as long as they are short.
		for first, n := time.Now(), 0; n < 3 && (n < 2-i || time.Since(first) < time.Second); n++ {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			began := time.Now()
			if err := work(l, e, pair); err != nil {
				return 0, err
			}
			seconds[i] = min(seconds[i], time.Since(began).Seconds())
		}
	}
	if points[1] == points[0] {
		return seconds[1], nil
	}
	aPoint := max(0, seconds[1]-seconds[0]) / (points[1] - points[0])
	return seconds[1] + aPoint*(float64(scoredPoints(r))-points[1]), nil
}

// fewer returns the recipe with that part of the images of each set, at least three
// where there are any: as few as have an interval and an owner.
func fewer(r *recipe.Recipe, part int) *recipe.Recipe {
	t := *r
	t.Split.Mode = "random"
	for _, n := range []*int{&t.Split.Shared, &t.Split.Candidate, &t.Split.Independent, &t.Split.External,
		&t.Score.Points.Shared, &t.Score.Points.Candidate, &t.Score.Points.Independent, &t.Score.Points.External} {
		*n = min(*n, max(3, *n/part))
	}
	return &t
}

// scoredPoints is the number of points that a recipe scores.
func scoredPoints(r *recipe.Recipe) int {
	points := 0
	for _, set := range [][2]int{{r.Split.Candidate, r.Score.Points.Candidate}, {r.Split.Shared, r.Score.Points.Shared},
		{r.Split.Independent, r.Score.Points.Independent}, {r.Split.External, r.Score.Points.External}} {
		if set[1] > 0 {
			set[0] = min(set[0], set[1])
		}
		points += set[0]
	}
	return points
}

// pool are the candidates of a lab and as many independents.
func pool(l *run.Lab) memorize.Images {
	n := min(len(l.Split.Candidate), len(l.Split.Independent))
	points := slices.Concat(l.Split.Candidate[:n], l.Split.Independent[:n])
	return memorize.Images{Set: memorize.Set{Name: "pool", Points: points}, Data: l.Train}
}
