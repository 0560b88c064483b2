package probe

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
)

func fineTune(t testing.TB, c FineTuneConfig, threads int) *FineTune {
	p := newProblem(t, threads)
	return &FineTune{
		Engine: p.engine, Encoder: vit(t), Augment: p.augment, Train: p.images, Test: p.images,
		TrainIndices: upTo(0, 40), TestIndices: upTo(40, 64), Config: c,
	}
}

func TestFineTune(t *testing.T) {
	c := FineTuneConfig{Epochs: 3, Batch: 8, LR: 3e-3, WeightDecay: .05, Seed: 4}
	p := fineTune(t, c, 1)
	before := nn.Hash(p.Encoder.Params())
	steps := 0
	p.OnStep = func(ssl.Progress) { steps++ }
	r, err := p.Run(context.Background())
	require.NoError(t, err)
	assert.Equal(t, 15, steps)
	assert.Equal(t, c, r.FineTuneConfig)
	assert.Equal(t, []int{40, 24, 10}, []int{r.Train, r.Test, r.Classes})
	assert.Equal(t, before, r.HashBefore)
	assert.Equal(t, nn.Hash(p.Encoder.Params()), r.HashAfter)
	assert.NotEqual(t, before, r.HashAfter, "fine-tuning trains the encoder")
	again, err := fineTune(t, c, 3).Run(context.Background())
	require.NoError(t, err)
	assert.Equal(t, r, again)

	// It learns its training images, if they are always the same.
	p = fineTune(t, FineTuneConfig{Epochs: 80, Batch: 8, LR: 3e-3, Seed: 4}, 1)
	p.TestIndices = p.TrainIndices
	p.Augment, err = augment.New(augment.None(), 16, 16, 3)
	require.NoError(t, err)
	r, err = p.Run(context.Background())
	require.NoError(t, err)
	assert.Greater(t, r.Accuracy, .7)
}

func TestFineTuneErrors(t *testing.T) {
	for says, c := range map[string]FineTuneConfig{
		"epochs: found -1":         {Epochs: -1},
		"batch: found 128, but":    {},
		"learning rate: found -1":  {LR: -1},
		"weight decay":             {WeightDecay: -1},
		"training fine-tuned stop": {Batch: 8, LR: 1e30},
	} {
		_, err := fineTune(t, c, 1).Run(context.Background())
		assert.ErrorContains(t, err, says)
	}
	p := fineTune(t, FineTuneConfig{Batch: 8}, 1)
	p.Train = relabelled{p.Train, p.Train.Classes(), func(int) int { return -1 }}
	_, err := p.Run(context.Background())
	assert.ErrorContains(t, err, "labelled images are needed")
	p = fineTune(t, FineTuneConfig{}, 1)
	p.TestIndices = nil
	_, err = p.Run(context.Background())
	assert.ErrorContains(t, err, "there are no test points")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = fineTune(t, FineTuneConfig{Batch: 8}, 1).Run(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}
