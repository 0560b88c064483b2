package study

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
	"github.com/locimem/locimem/tensor"
)

// trainSeconds returns the seconds per image of a training of that many images, counted
// every time the encoder sees one, with the kNN tests spread over them. It trains for
// three epochs of a few batches, and tests a few images.
func trainSeconds(ctx context.Context, r *recipe.Recipe, images float64) (float64, error) {
	const epochs, batches = 3, 3
	dir, err := os.MkdirTemp("", "locimem-estimate-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	t := *r
	t.Train.Epochs, t.Train.CheckpointEvery, t.Train.KeepEvery = epochs, epochs, 0
	t.Train.WarmupEpochs, t.KNN.Every = 0, 0
	t.Split.Mode = "random"
	t.Split.Candidate = min(r.Split.Candidate, r.Train.Batch)
	t.Split.Independent = min(r.Split.Independent, r.Train.Batch)
	t.Split.Shared = min(r.Split.Shared, batches*r.Train.Batch-t.Split.Candidate)
	if _, err := run.TrainEncoder(ctx, &t, dir, memorize.F, run.Silent{}); err != nil {
		return 0, err
	}
	log, err := run.OpenLog(filepath.Join(dir, "log.jsonl"))
	if err != nil {
		return 0, err
	}
	anImage := 0.0
	for _, rec := range log.Records(memorize.F)[1:] { // the first epoch also fills caches and buffers
		anImage += 1 / rec.ImagesPerSecond / (epochs - 1)
	}
	tests, err := testSeconds(ctx, r)
	return anImage + tests/images, err
}

// testSeconds returns the seconds of all kNN tests of a training, estimated from a test
// of few images.
func testSeconds(ctx context.Context, r *recipe.Recipe) (float64, error) {
	if r.KNN.Every == 0 {
		return 0, nil
	}
	l, e, pair, err := untrained(r)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	p := l.Probe(e, pair[0], memorize.F)
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

// untrained returns the encoders of a recipe as they are before training, which takes as
// long to score. Close the engine.
func untrained(r *recipe.Recipe) (l *run.Setup, e *tensor.Engine, pair [2]nn.Encoder, err error) {
	if l, err = run.Open(r); err != nil {
		return
	}
	for i, side := range memorize.Sides {
		if pair[i], err = l.Encoder(side); err != nil {
			return
		}
	}
	e, err = tensor.NewEngine(tensor.Options{
		Threads: r.Train.Threads, Precision: r.Train.Precision, Winograd: r.WinogradTile(),
	})
	return
}

// scoreSeconds returns the seconds per view of scoring by a recipe. It scores untrained
// encoders on a part of the points.
func scoreSeconds(ctx context.Context, r *recipe.Recipe) (float64, error) {
	dir, err := os.MkdirTemp("", "locimem-estimate-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	seconds, err := extrapolated(ctx, r, func(l *run.Setup, e *tensor.Engine, pair [2]nn.Encoder) error {
		return run.ScorePair(ctx, e, l, pair[0], pair[1], dir, run.Silent{})
	})
	return seconds / float64(scoredPoints(r)*r.Score.Views), err
}

// poolViews is the number of views in which the pool of a recipe is looked at.
func poolViews(r *recipe.Recipe) float64 {
	return float64(2 * min(r.Split.Candidate, r.Split.Independent) * r.Score.Views)
}

// unitsSeconds returns the seconds per view of ranking the units of one encoder on its
// pool.
func unitsSeconds(ctx context.Context, r *recipe.Recipe) (float64, error) {
	seconds, err := extrapolated(ctx, r, func(l *run.Setup, e *tensor.Engine, pair [2]nn.Encoder) error {
		_, err := memorize.ScoreUnits(ctx, e, pair[0], poolOf(l), l.ScoreViews, l.Recipe.ScoreOptions(), 1, nil)
		return err
	})
	return seconds / poolViews(r), err
}

// extrapolated returns the seconds that work takes with all images of the recipe's sets.
// It does the work with very few of them, for the time that does not depend on images, and
// with an eighth of them, for the time per image.
func extrapolated(
	ctx context.Context, r *recipe.Recipe, work func(l *run.Setup, e *tensor.Engine, pair [2]nn.Encoder) error,
) (float64, error) {
	var points, seconds [2]float64
	for i, share := range []int{1000, 8} {
		t := fewer(r, share)
		l, e, pair, err := untrained(t)
		if err != nil {
			return 0, err
		}
		defer e.Close()
		points[i], seconds[i] = float64(scoredPoints(t)), math.Inf(1)
		// The first time also fills caches and buffers, and other programs may slow the
		// machine down: the shortest of up to three counts, within about a second.
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

// fewer returns the recipe with one part-th of the images of each set. A set that is not
// empty keeps at least three, the fewest that have an interval and an owner.
func fewer(r *recipe.Recipe, part int) *recipe.Recipe {
	t := *r
	t.Split.Mode = "random"
	for _, n := range []*int{
		&t.Split.Shared, &t.Split.Candidate, &t.Split.Independent, &t.Split.External,
		&t.Score.Points.Shared, &t.Score.Points.Candidate, &t.Score.Points.Independent, &t.Score.Points.External,
	} {
		*n = min(*n, max(3, *n/part))
	}
	return &t
}

// scoredPoints is the number of points that a recipe scores.
func scoredPoints(r *recipe.Recipe) int {
	points := 0
	for _, set := range [][2]int{
		{r.Split.Candidate, r.Score.Points.Candidate}, {r.Split.Shared, r.Score.Points.Shared},
		{r.Split.Independent, r.Score.Points.Independent}, {r.Split.External, r.Score.Points.External},
	} {
		if set[1] > 0 {
			set[0] = min(set[0], set[1])
		}
		points += set[0]
	}
	return points
}

// probeEffort is what testing n encoders costs, on their own and on other data.
func probeEffort(kind string, r *recipe.Recipe, on run.On, n int) graph.Effort {
	return graph.Effort{Key: kind + " " + speedOf(r), Amount: float64(n),
		Measure: func(ctx context.Context) (float64, error) { return probeSeconds(ctx, r, on) }}
}

// probeSeconds returns the seconds of testing one encoder on both data.
func probeSeconds(ctx context.Context, r *recipe.Recipe, on run.On) (float64, error) {
	one := *r
	one.Train.Epochs, one.KNN.Every, one.KNN.Train, one.KNN.Test = 1, 1, bankMost, min(testMost, r.KNN.Test)
	s, err := testSeconds(ctx, &one)
	own := min(bankMost, r.Split.Shared+r.Split.Candidate) + one.KNN.Test
	bank, test := otherImages(r, on)
	return s * float64(own+bank+test) / float64(own), err
}

// otherImages is the number of images of other data in the bank of a kNN test, or in a
// fine-tuning, and the number of images that are classified. It is the largest possible
// unless the other data are synthetic.
func otherImages(r *recipe.Recipe, on run.On) (bank, test int) {
	if on.Name != "synthetic" {
		return bankMost, testMost
	}
	return min(bankMost, r.Data.Synthetic.Train), min(testMost, r.Data.Synthetic.Test)
}
