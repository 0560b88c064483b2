package ssl

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn/optim"
)

// Settings that no single range forbids may round every step to nothing. That is an
// error, not a trained encoder, and leaves no checkpoint that a later run would take for
// one.
func TestTrainingThatChangesNothingIsAnError(t *testing.T) {
	dir := t.TempDir()
	p := newProblem(t, problemOptions{change: func(c *TrainerConfig) {
		c.Schedule = optim.CosineWarmup{Base: 1e-30, Total: 12}
		c.CheckpointDir, c.CheckpointEvery, c.RecipeHash = dir, 1, "x"
	}})
	err := p.run(t, context.Background())
	assert.ErrorIs(t, err, ErrNothingTrained)
	assert.ErrorContains(t, err, "training f: no weight changed in the first epoch, of 4 steps")
	assert.Empty(t, p.records)
	again := newProblem(t, problemOptions{change: func(c *TrainerConfig) {
		c.CheckpointDir, c.CheckpointEvery, c.RecipeHash = dir, 1, "x"
	}})
	require.NoError(t, again.run(t, context.Background()))
	assert.Len(t, again.records, 3, "from the start")
}

// A private training whose gradients and noise are all rounded to zero changes weights by
// their decay alone.
func TestPrivateTrainingOfNothingIsAnError(t *testing.T) {
	p := newProblem(t, problemOptions{})
	c := p.config
	e := newEngine(t, 1)
	m := smallMAE(t)
	adam, err := optim.NewAdam(e, m.Params(), optim.AdamConfig{Beta1: .9, Beta2: .999, WeightDecay: .1, Decoupled: true})
	require.NoError(t, err)
	c.Engine, c.Method, c.Optimizer, c.CheckpointDir = e, m, adam, ""
	c.Private = &Private{Noise: 1, Clip: 1e-320, Delta: 1e-5}
	tr, err := NewTrainer(c)
	require.NoError(t, err)
	err = tr.Run(context.Background())
	assert.ErrorIs(t, err, ErrNothingTrained)
	assert.ErrorContains(t, err, "all gradients were zero")
}
