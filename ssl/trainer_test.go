package ssl

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

func TestSameBitsForAnyNumberOfThreads(t *testing.T) {
	one := uninterrupted(t)
	for _, threads := range []int{2, 3} {
		p := newProblem(t, problemOptions{threads: threads})
		require.NoError(t, p.run(t, context.Background()))
		assert.Equal(t, one, p.result(), "%d threads", threads)
	}
}

func TestTrainingTellsWhatItDoes(t *testing.T) {
	var steps []Progress
	p := newProblem(t, problemOptions{change: func(c *TrainerConfig) {
		c.Hooks.OnStep = func(p Progress) { steps = append(steps, p) }
		c.Hooks.Evaluate = func(_ context.Context, epoch int) (float64, bool, error) {
			return .25, epoch == 2, nil
		}
	}})
	before := nn.Hash(p.method.Params())
	require.NoError(t, p.run(t, context.Background()))
	assert.NotEqual(t, before, nn.Hash(p.method.Params()))

	require.Len(t, steps, 12, "3 epochs of 4 whole batches")
	chance := math.Log(2*problemBatch - 1)
	for i, s := range steps {
		assert.Equal(t, [4]int{i/4 + 1, 3, i%4 + 1, 4}, [4]int{s.Epoch, s.Epochs, s.Step, s.Steps})
		assert.Equal(t, p.config.Schedule.At(i), s.LearningRate)
		assert.InDelta(t, chance, s.Chance, 1e-12)
		assert.Positive(t, s.ImagesPerSecond)
	}
	require.Len(t, p.records, 3)
	for i, r := range p.records {
		assert.Equal(t, i+1, r.Epoch)
		assert.Equal(t, "f", r.Encoder)
		mean := 0.0
		for _, s := range steps[4*i : 4*i+4] {
			mean += s.Loss / 4
		}
		assert.InDelta(t, mean, r.Loss, 1e-9)
		assert.Equal(t, i == 1, r.KNN != nil, "evaluated after epoch 2 only")
		assert.Positive(t, r.GradNorm)
		assert.False(t, r.Collapsed, "spread %v", r.Spread)
		assert.True(t, r.ViewsShare > 0 && r.ViewsShare < 1)
	}
	assert.Less(t, p.records[2].Loss, p.records[0].Loss)
	assert.Equal(t, Start{Encoder: "f"}, p.start)
}

func TestNewTrainerErrors(t *testing.T) {
	for _, c := range []struct {
		says   string
		change func(*TrainerConfig)
	}{
		{"training f: epochs: found 0, expected at least 1", func(c *TrainerConfig) { c.Epochs = 0 }},
		{"epochs: found -1", func(c *TrainerConfig) { c.Epochs = -1 }},
		{"batch: found 1, expected at least 2", func(c *TrainerConfig) { c.Batch = 1 }},
		{"batch: found 36, but there are only 35 training images", func(c *TrainerConfig) { c.Batch = 36 }},
		{"batch: found 8, but there are only 0 training images", func(c *TrainerConfig) { c.Indices = nil }},
		{"checkpoint_every: found -1", func(c *TrainerConfig) { c.CheckpointEvery = -1 }},
		{"indices: found image 64, but", func(c *TrainerConfig) { c.Indices = append(upTo(0, 20), 64) }},
		{"indices: found image -1", func(c *TrainerConfig) { c.Indices = append(upTo(0, 20), -1) }},
		{"indices: image 3 is there twice", func(c *TrainerConfig) { c.Indices = append(upTo(0, 20), 3) }},
		{"RecipeHash", func(c *TrainerConfig) { c.CheckpointDir, c.RecipeHash = t.TempDir(), "" }},
		{"Engine is not set", func(c *TrainerConfig) { c.Engine = nil }},
		{"Schedule is not set", func(c *TrainerConfig) { c.Schedule = nil }},
	} {
		p := newProblem(t, problemOptions{change: c.change})
		_, err := NewTrainer(p.config)
		assert.ErrorContains(t, err, c.says)
	}
}

// seen notes which images are asked for.
type seen struct {
	data.Dataset
	mu     sync.Mutex
	images []int
}

func (s *seen) Image(i int) []uint8 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images = append(s.images, i)
	return s.Dataset.Image(i)
}

// Every epoch goes once through whole batches of an order of its own.
func TestEpochsGoThroughTheData(t *testing.T) {
	var set *seen
	var epochs [][]int
	p := newProblem(t, problemOptions{change: func(c *TrainerConfig) {
		set = &seen{Dataset: c.Dataset}
		c.Dataset = set
		c.Indices = upTo(10, 10+problemImages)
		c.Hooks.OnEpoch = func(Record) error {
			epochs, set.images = append(epochs, set.images), nil
			return nil
		}
	}})
	require.NoError(t, p.run(t, context.Background()))
	require.Len(t, epochs, 3)
	for i, images := range epochs {
		for lo := 0; lo < len(images); lo += problemBatch {
			slices.Sort(images[lo : lo+problemBatch]) // workers take them in any order
		}
		for _, other := range epochs[:i] {
			assert.NotEqual(t, other, images, "epochs in the same order")
		}
		images = slices.Sorted(slices.Values(images))
		assert.Len(t, slices.Compact(images), 32)
		assert.Subset(t, upTo(10, 10+problemImages), images)
	}
}

// What a step allocates must not grow with the batch: buffers belong to the
// arena, which must not grow from step to step.
func TestStepsDoNotAllocate(t *testing.T) {
	for _, method := range append(twoViewed(), multiCrop, multiCropViT) {
		t.Run(method, func(t *testing.T) { stepsDoNotAllocate(t, method) })
	}
}

func stepsDoNotAllocate(t *testing.T, method string) {
	measure := func(batch int) (heap uint64) {
		p := newProblem(t, problemOptions{indices: upTo(0, 64), threads: 1, method: method, options: func(o *allSettings) { o.Queue = 130 }, change: func(c *TrainerConfig) { c.Batch = batch }})
		views := newBatches(&p.config).fill(0, upTo(0, batch))
		tape := p.config.Engine.NewTape(tensor.Training)
		steps := func(n int) {
			for range n {
				_, err := Step(StepConfig{Tape: tape, Method: p.method, Optimizer: p.config.Optimizer, LR: 1e-3, Steps: 1}, views)
				require.NoError(t, err)
			}
		}
		steps(3)
		held, _ := p.config.Engine.BufferBytes()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		steps(20)
		runtime.ReadMemStats(&after)
		now, _ := p.config.Engine.BufferBytes()
		assert.Equal(t, held, now, "the arena grows")
		return (after.TotalAlloc - before.TotalAlloc) / 20
	}
	small, large := measure(4), measure(64)
	assert.InDelta(t, small, large, float64(small)/4, "bytes a step for batches of 4 and 64")
}

// The lists of f and g differ in their last places only: so must their batches,
// and of shared images they must see the same views.
func TestFAndGSeeTheSameViews(t *testing.T) {
	shared := upTo(0, 30)
	f := newProblem(t, problemOptions{indices: append(slices.Clone(shared), 40, 41, 42, 43, 44)})
	g := newProblem(t, problemOptions{indices: append(slices.Clone(shared), 50, 51, 52, 53, 54), threads: 1})
	bf, bg := newBatches(&f.config), newBatches(&g.config)
	for epoch := range 2 {
		require.Equal(t, bf.order(epoch), bg.order(epoch))
		order := bf.order(epoch)
		sameViews, otherViews := 0, 0
		for lo := 0; lo+problemBatch <= len(order); lo += problemBatch {
			positions := order[lo : lo+problemBatch]
			vf, vg := bf.fill(epoch, positions), bg.fill(epoch, positions)
			for v := range vf {
				n := vf[v].Len() / problemBatch
				for row, at := range positions {
					same := slices.Equal(vf[v].Data()[row*n:(row+1)*n], vg[v].Data()[row*n:(row+1)*n])
					require.Equal(t, at < 30, same, "position %d", at)
					if same {
						sameViews++
					} else {
						otherViews++
					}
				}
			}
		}
		assert.Positive(t, sameViews)
		assert.Positive(t, otherViews)
	}
	assert.NotEqual(t, bf.order(0), bf.order(1))
}

// A view belongs to the image, whatever its place in the list or in the batch,
// and another epoch or view number gives another.
func TestViewsBelongToImages(t *testing.T) {
	a := newProblem(t, problemOptions{})
	b := newProblem(t, problemOptions{indices: upTo(5, 20)})
	ba, bb := newBatches(&a.config), newBatches(&b.config)
	n := ba.views[0].Len() / problemBatch
	view := func(b *batches, epoch, v, row int, positions ...int) []float32 {
		return slices.Clone(b.fill(epoch, positions)[v].Data()[row*n : (row+1)*n])
	}
	// image 7 is at position 7 of a and 2 of b
	expected := view(ba, 1, 0, 3, 0, 1, 2, 7)
	assert.Equal(t, expected, view(bb, 1, 0, 0, 2, 9))
	assert.NotEqual(t, expected, view(ba, 2, 0, 0, 7))
	assert.NotEqual(t, expected, view(ba, 1, 1, 0, 7))
	assert.NotEqual(t, expected, view(ba, 1, 0, 0, 8))
}

func TestNaNStopsAndKeepsTheLastGoodCheckpoint(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  int // the step whose learning rate ruins the weights
		says string
	}{
		{"in the middle of an epoch", 5, "training f stopped in epoch 2, step 3 of 4"},
		{"in the last step before a checkpoint", 7, "after epoch 2, step 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p := newProblem(t, problemOptions{dir: dir, change: func(cfg *TrainerConfig) {
				good := cfg.Schedule
				cfg.Schedule = scheduleFunc(func(step int) float64 {
					if step == c.bad {
						return math.Inf(1)
					}
					return good.At(step)
				})
			}})
			err := p.run(t, context.Background())
			require.ErrorIs(t, err, ErrNotFinite)
			assert.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, "f-00000004.safetensors")

			// With a sane schedule training goes on from there.
			q := newProblem(t, problemOptions{dir: dir})
			require.NoError(t, q.run(t, context.Background()))
			assert.Equal(t, 1, q.start.Epoch)
			assert.Equal(t, uninterrupted(t).weights, q.result().weights)
		})
	}
}

func TestNaNWithoutACheckpointSaysSo(t *testing.T) {
	p := newProblem(t, problemOptions{change: func(c *TrainerConfig) {
		c.Schedule = scheduleFunc(func(int) float64 { return math.NaN() })
	}})
	err := p.run(t, context.Background())
	require.ErrorIs(t, err, ErrNotFinite)
	assert.ErrorContains(t, err, "step 2 of 4, at learning rate NaN: the loss is NaN")
	assert.ErrorContains(t, err, "no checkpoint directory")
	assert.Empty(t, p.records)
}

func TestStepLeavesTheWeightsWhenTheLossIsNaN(t *testing.T) {
	p := newProblem(t, problemOptions{})
	h, w, c := p.config.Augment.Shape()
	views := []*tensor.Tensor{tensor.New(4, h, w, c), tensor.New(4, h, w, c)}
	views[1].Data()[5] = float32(math.NaN())
	before := nn.Hash(nn.Trained(p.method.Params()))
	_, err := Step(StepConfig{Tape: p.config.Engine.NewTape(tensor.Training), Method: p.method, Optimizer: p.config.Optimizer, LR: .1, Steps: 1}, views)
	assert.ErrorIs(t, err, ErrNotFinite)
	assert.Equal(t, before, nn.Hash(nn.Trained(p.method.Params())))
	assert.Zero(t, p.config.Optimizer.Steps())
}

// scripted is a method whose projections are given: z [2N,D]. Its loss is the
// sum of z times the factors.
type scripted struct {
	Method
	z       *tensor.Tensor
	factors []float32
}

func (s scripted) Loss(c *nn.Context, _ []*tensor.Tensor) *tensor.Tensor {
	c.Tap(ProjectionTap, s.z)
	y := s.z
	for _, f := range s.factors {
		y = c.Tape.Scale(y, f)
	}
	return c.Tape.Sum(y)
}

func (s scripted) Params() []*nn.Param { return []*nn.Param{{Name: "z", Value: s.z}} }

// The product of the factors is too large for a float32, the loss is not.
func TestStepRefusesAnInfiniteGradient(t *testing.T) {
	p := newProblem(t, problemOptions{})
	m := scripted{p.method, tensor.FromSlice([]float32{1e-30, 1e-30}, 2, 1).RequireGrad(), []float32{1e30, 1e30}}
	r, err := Step(StepConfig{Tape: p.config.Engine.NewTape(tensor.Training), Method: m, Optimizer: p.config.Optimizer, LR: .1, Steps: 1}, nil)
	require.ErrorIs(t, err, ErrNotFinite)
	assert.ErrorContains(t, err, "the gradient of z has a NaN or an infinity")
	assert.InEpsilon(t, 2e30, r.Loss, 1e-5)
	assert.Zero(t, p.config.Optimizer.Steps())
}

// silent is a method that does not show its projections.
type silent struct{ scripted }

func (s silent) Loss(c *nn.Context, _ []*tensor.Tensor) *tensor.Tensor { return c.Tape.Sum(s.z) }

func TestStepNeedsProjections(t *testing.T) {
	p := newProblem(t, problemOptions{})
	m := silent{scripted{p.method, tensor.New(2, 2).RequireGrad(), nil}}
	assert.PanicsWithValue(t, "ssl: the method simclr showed no projection", func() {
		_, _ = Step(StepConfig{Tape: p.config.Engine.NewTape(tensor.Training), Method: m, Optimizer: p.config.Optimizer, LR: 0, Steps: 1}, nil)
	})
}

func TestSpread(t *testing.T) {
	p := newProblem(t, problemOptions{})
	for _, c := range []struct {
		name string
		z    []float32
		want float64
	}{
		{"collapsed", []float32{1, 2, 2, 4, .5, 1, 1, 2}, 0},
		{"collapsed to nothing", make([]float32, 8), 0},
		{"evenly spread", []float32{1, 0, 0, 3, -1, 0, 0, -1}, 1},
		{"two directions", []float32{1, 0, 0, 1, 2, 0, 0, 2}, .5},
	} {
		m := scripted{p.method, tensor.FromSlice(c.z, 4, 2).RequireGrad(), nil}
		r, err := Step(StepConfig{Tape: p.config.Engine.NewTape(tensor.Training), Method: m, Optimizer: p.config.Optimizer, LR: 0, Steps: 1}, nil)
		require.NoError(t, err)
		assert.InDelta(t, c.want, r.Spread, 1e-6, c.name)
		assert.InDelta(t, math.Sqrt(8), r.GradNorm, 1e-6)
	}
}

func TestHookErrorsEndTheTraining(t *testing.T) {
	broken := errors.New("broken")
	p := newProblem(t, problemOptions{change: func(c *TrainerConfig) {
		c.Hooks.OnEpoch = func(Record) error { return broken }
	}})
	assert.ErrorIs(t, p.run(t, context.Background()), broken)
	p = newProblem(t, problemOptions{change: func(c *TrainerConfig) {
		c.Hooks.Evaluate = func(context.Context, int) (float64, bool, error) { return 0, false, broken }
	}})
	assert.ErrorIs(t, p.run(t, context.Background()), broken)
}
