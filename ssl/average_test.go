package ssl

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
)

// averaged gives a training an average of its weights.
func averaged(p *problem, change func(*TrainerConfig)) *problem {
	p.config.WeightsEMA, p.config.Encoder = .8, p.encoder
	if change != nil {
		change(&p.config)
	}
	return p
}

// The average is what its formula says, of weights and of running statistics, and
// changes nothing of the training.
func TestAverageOfWeights(t *testing.T) {
	p := newProblem(t, problemOptions{})
	var want []float64
	values := func() (all []float64) {
		for _, q := range p.encoder.Params() {
			for _, v := range q.Value.Data() {
				all = append(all, float64(v))
			}
		}
		return all
	}
	want = values()
	steps := 0
	averaged(p, func(c *TrainerConfig) {
		c.Hooks.OnStep = func(Progress) {
			steps++
			k := float64(steps)
			d := min(.8, (1+k)/(10+k))
			for i, v := range values() {
				want[i] = d*want[i] + (1-d)*v
			}
		}
	})
	trainer, err := NewTrainer(p.config)
	require.NoError(t, err)
	require.NoError(t, trainer.Run(context.Background()))
	require.Equal(t, problemEpochs*(problemImages/problemBatch), steps)
	i := 0
	for k, q := range trainer.Average() {
		assert.Equal(t, p.encoder.Params()[k].Name, q.Name)
		for _, v := range q.Value.Data() {
			require.InDelta(t, want[i], float64(v), 1e-5, q.Name)
			i++
		}
	}
	assert.Len(t, want, i)
	assert.NotEqual(t, nn.Hash(p.encoder.Params()), nn.Hash(trainer.Average()))
	assert.Equal(t, uninterrupted(t).weights, p.result().weights)
}

// It goes on after a stop with the bits that it had, for any number of threads.
func TestAverageStoppedAfterEveryStep(t *testing.T) {
	run := func(dir string, threads int, change func(*TrainerConfig)) (string, error) {
		p := averaged(newProblem(t, problemOptions{dir: dir, threads: threads}), change)
		trainer, err := NewTrainer(p.config)
		require.NoError(t, err)
		err = trainer.Run(context.Background())
		return nn.Hash(trainer.Average()), err
	}
	want, err := run("", 1, nil)
	require.NoError(t, err)
	dir := t.TempDir()
	for i := 0; ; i++ {
		require.Less(t, i, 20)
		ctx, cancel := context.WithCancel(context.Background())
		p := averaged(newProblem(t, problemOptions{dir: dir, threads: 1 + i%3}), stopAfter(1, cancel))
		trainer, err := NewTrainer(p.config)
		require.NoError(t, err)
		if err := trainer.Run(ctx); err == nil {
			assert.Equal(t, want, nn.Hash(trainer.Average()))
			break
		}
	}
	got, err := run(dir, 2, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got, "a training that is done is only loaded")

	// A checkpoint without it, of the same recipe by mistake, is refused.
	dir = t.TempDir()
	require.NoError(t, newProblem(t, problemOptions{dir: dir}).run(t, context.Background()))
	_, err = run(dir, 1, nil)
	assert.ErrorContains(t, err, "average of the weights")
}

func TestAveragesThatAreRefused(t *testing.T) {
	for _, decay := range []float64{-.1, 1, 2} {
		_, err := NewTrainer(averaged(newProblem(t, problemOptions{}),
			func(c *TrainerConfig) { c.WeightsEMA = decay }).config)
		assert.ErrorContains(t, err, "weights_ema: found")
	}
	_, err := NewTrainer(averaged(newProblem(t, problemOptions{}), func(c *TrainerConfig) { c.Encoder = nil }).config)
	assert.ErrorContains(t, err, "Encoder is not set")
}
