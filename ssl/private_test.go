package ssl

import (
	"context"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/ssl/privacy"
	"github.com/locimem/locimem/tensor"
)

// Every image comes with the same probability, whatever came with it, in batches whose
// sizes vary as those of independent draws do.
func TestPoissonSampling(t *testing.T) {
	const images, rate, steps = 50, .2, 20000
	b := &batches{indices: upTo(0, images), seed: 5}
	var sizes, squares float64
	counts, together := make([]float64, images), 0.0
	for s := range steps {
		drawn := b.draw(s, rate)
		sizes += float64(len(drawn))
		squares += float64(len(drawn) * len(drawn))
		for _, i := range drawn {
			counts[i]++
		}
		if slices.Contains(drawn, 3) && slices.Contains(drawn, 4) {
			together++
		}
	}
	within := func(expected, got, p float64, what string) { // five standard errors of a count
		assert.InDelta(t, expected, got, 5*math.Sqrt(steps*p*(1-p)), what)
	}
	for _, c := range counts {
		within(steps*rate, c, rate, "draws of an image")
	}
	within(steps*rate*rate, together, rate*rate, "draws of two images together")
	mean := sizes / steps
	assert.InEpsilon(t, images*rate*(1-rate), squares/steps-mean*mean, .05, "variance of the sizes")
	assert.Equal(t, slices.Clone(b.draw(7, rate)), (&batches{indices: upTo(100, 100+images), seed: 5}).draw(7, rate), "f and g draw the same positions")
}

// A step without images moves along the noise alone, which has its standard deviation
// in every parameter, is another one in every step and the same in a repeated one.
func TestNoiseOfAnEmptyStep(t *testing.T) {
	e := newEngine(t, 2)
	m := smallMAE(t)
	sgd, err := optim.NewSGD(e, m.Params(), optim.SGDConfig{})
	require.NoError(t, err)
	gradient := func(step uint64) []float32 {
		r, err := privateStep(StepConfig{Tape: e.NewTape(tensor.Training), Method: m, Optimizer: sgd, LR: 0, Noise: &nn.Noise{Seed: 9, Step: step}, Steps: 1}, privateBatch{&Private{Noise: 3, Clip: .5}, 0, 20, nil})
		require.NoError(t, err)
		assert.Zero(t, r.Loss)
		var all []float32
		for _, p := range nn.Trained(m.Params()) {
			all = append(all, p.Value.Grad().Data()...)
		}
		return all
	}
	first, second := gradient(1), gradient(2)
	assert.Equal(t, first, gradient(1))
	var squares, cross float64
	for i, v := range first {
		squares += float64(v) * float64(v)
		cross += float64(v) * float64(second[i])
	}
	const std = 3 * .5 / 20.
	n := float64(len(first))
	assert.InEpsilon(t, std*std, squares/n, 5*math.Sqrt(2/n))
	assert.InDelta(t, 0, cross/n/(std*std), 5/math.Sqrt(n))
}

func TestPrivateRecordsSayWhatIsSpent(t *testing.T) {
	p := otherProblem(t, "mae private", problemOptions{})
	require.NoError(t, p.run(t, t.Context()))
	last := 0.
	for i, r := range p.records {
		require.NotNil(t, r.Private)
		want, _ := privacy.Epsilon(1e-3, privacy.Plan{Rate: 8. / 35, Noise: .5, Steps: 4 * (i + 1)})
		assert.Equal(t, want, r.Private.Epsilon)
		assert.Equal(t, 1e-3, r.Private.Delta)
		assert.Greater(t, want, last)
		assert.True(t, r.Private.Clipped > 0 && r.Private.Clipped <= 1)
		last = want
	}
}

// One more image, or other images, change a step by no more than the clip, whatever
// they are.
func TestOneImageMovesAStepByAtMostTheClip(t *testing.T) {
	const clip = .01
	step := func(images int) []float32 {
		e, m := newEngine(t, 2), groupNormed(t)
		sgd, err := optim.NewSGD(e, m.Params(), optim.SGDConfig{})
		require.NoError(t, err)
		_, err = privateStep(StepConfig{Tape: e.NewTape(tensor.Training), Method: m, Optimizer: sgd, LR: 0, Noise: &nn.Noise{}, Steps: 1}, privateBatch{&Private{Clip: clip, most: 2}, images, 1, func(from, to int) []*tensor.Tensor {
			x := tensor.New(to-from, 16, 16, 3)
			for i := range x.Data() {
				x.Data()[i] = float32((1 + from + i/(16*16*3)) * (i*i%7 - 3) * 10) // large
			}
			m.SetLabels(make([]int, to-from))
			return []*tensor.Tensor{x}
		}})
		require.NoError(t, err)
		var all []float32
		for _, p := range nn.Trained(m.Params()) {
			all = append(all, p.Value.Grad().Data()...)
		}
		return all
	}
	three, four := step(3), step(4)
	distance := 0.
	for i, v := range three {
		distance += math.Pow(float64(v-four[i]), 2)
	}
	assert.InEpsilon(t, clip, math.Sqrt(distance), 1e-4)
}

func TestPrivateSideBySide(t *testing.T) {
	make2 := func() (f, g *problem) {
		shared := upTo(0, 30)
		f = otherProblem(t, "mae private", problemOptions{name: "f", threads: 1, indices: append(slices.Clone(shared), 40, 41, 42)})
		g = otherProblem(t, "mae private", problemOptions{name: "g", threads: 1, indices: append(slices.Clone(shared), 50, 51, 52)})
		g.config.Augment, g.config.Dataset = f.config.Augment, f.config.Dataset
		return f, g
	}
	f, g := make2()
	a, b := trainers(t, f, g)
	require.NoError(t, TrainPair(context.Background(), a, b, false))
	f2, g2 := make2()
	a, b = trainers(t, f2, g2)
	require.NoError(t, TrainPair(context.Background(), a, b, true))
	assert.Equal(t, f.result(), f2.result())
	assert.Equal(t, g.result(), g2.result())
	require.NotEqual(t, f.result().weights, g.result().weights)
}

func TestPrivateWithAnAverageOfTheWeights(t *testing.T) {
	plain := otherProblem(t, "mae private", problemOptions{})
	require.NoError(t, plain.run(t, t.Context()))
	p := otherProblem(t, "mae private", problemOptions{change: func(c *TrainerConfig) { c.WeightsEMA, c.Encoder = .9, c.Method.(*MAE).Encoder() }})
	trainer, err := NewTrainer(p.config)
	require.NoError(t, err)
	require.NoError(t, trainer.Run(t.Context()))
	assert.Equal(t, plain.result(), p.result(), "it does not change the training")
	assert.NotEqual(t, nn.Hash(p.config.Encoder.Params()), nn.Hash(trainer.Average()))
}

func TestWhatCannotBePrivate(t *testing.T) {
	good := Private{Noise: 1, Clip: 1, Delta: 1e-5}
	for says, change := range map[string]func(*TrainerConfig, *Private){
		"simclr compares each image with the others": func(c *TrainerConfig, _ *Private) { c.Method = newProblem(t, problemOptions{}).method },
		"batch norm mixes the images": func(c *TrainerConfig, _ *Private) {
			s, err := made[*Supervised]("supervised", nil, Setup{Encoder: tinyEncoder(t), Classes: 10, Seed: 1})
			require.NoError(t, err)
			c.Method = s
		},
		"private noise: found 0":          func(_ *TrainerConfig, p *Private) { p.Noise = 0 },
		"private clip: found -1":          func(_ *TrainerConfig, p *Private) { p.Clip = -1 },
		"private delta: found 1,":         func(_ *TrainerConfig, p *Private) { p.Delta = 1 },
		"accumulate: found 2, expected 1": func(c *TrainerConfig, _ *Private) { c.Accumulate = 2 },
		"found precision bf16": func(c *TrainerConfig, _ *Private) {
			e, err := tensor.NewEngine(tensor.Options{Precision: tensor.BF16, Threads: 1})
			require.NoError(t, err)
			t.Cleanup(e.Close)
			c.Engine = e
		},
	} {
		p := good
		problem := otherProblem(t, "mae", problemOptions{change: func(c *TrainerConfig) {
			c.Private = &p
			change(c, &p)
		}})
		_, err := NewTrainer(problem.config)
		assert.ErrorContains(t, err, says)
	}
}

// A private step keeps its memory from step to step.
func TestPrivateStepsKeepTheHeap(t *testing.T) {
	e, m := newEngine(t, 1), groupNormed(t)
	adam, err := optim.NewAdam(e, m.Params(), optim.AdamConfig{})
	require.NoError(t, err)
	x, noise, tape := tensor.FromSlice(testutil.NetImages("images/a", 9, 16, 16, 3), 9, 16, 16, 3), &nn.Noise{}, e.NewTape(tensor.Training)
	m.SetLabels(upTo(0, 9))
	steps := func(n int) {
		for range n {
			_, err := privateStep(StepConfig{Tape: tape, Method: m, Optimizer: adam, LR: 1e-3, Noise: noise, Steps: 1}, privateBatch{&Private{Noise: 1, Clip: 1}, 9, 9, func(int, int) []*tensor.Tensor { return []*tensor.Tensor{x} }})
			require.NoError(t, err)
			noise.Step++
		}
	}
	steps(2)
	held, _ := e.BufferBytes()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	steps(5)
	runtime.GC()
	runtime.ReadMemStats(&after)
	now, _ := e.BufferBytes()
	assert.Equal(t, held, now, "the arena grows")
	assert.Less(t, int(after.HeapAlloc)-int(before.HeapAlloc), 64<<10)
}
