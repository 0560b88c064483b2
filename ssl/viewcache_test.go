package ssl

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sharingPair makes f and g of pairOf on the same data.
func sharingPair(t *testing.T) (a, b *Trainer, f, g *problem) {
	f, g = pairOf(t, 1, "")
	g.config.Dataset, g.config.Augment = f.config.Dataset, f.config.Augment
	a, b = trainers(t, f, g)
	return a, b, f, g
}

// Whoever comes first makes the views of a common image, and the other has the same.
func TestViewsOfCommonImagesAreMadeOnce(t *testing.T) {
	a, b, _, _ := sharingPair(t)
	alone, alone2, _, _ := sharingPair(t)
	c := newViewCache(a, b)
	require.NotNil(t, c)
	assert.Len(t, c.common, 30)
	a.batches.shared, b.batches.shared = c, c
	common := 0
	for step := range 8 {
		first, second, other, other2 := a, b, alone, alone2
		if step%3 == 1 {
			first, second, other, other2 = b, a, alone2, alone
		}
		epoch := step / 4
		fill := func(t *Trainer) []float32 {
			var all []float32
			for _, v := range t.batches.fill(epoch, t.batches.order(epoch)[step%4*8:][:8]) {
				all = append(all, slices.Clone(v.Data())...)
			}
			return all
		}
		assert.Equal(t, fill(other), fill(first))
		assert.Equal(t, fill(other2), fill(second))
		for _, p := range a.batches.order(epoch)[step%4*8:][:8] {
			if c.common[a.Indices[p]] {
				common++
			}
		}
	}
	assert.Equal(t, common, c.taken)
	assert.Greater(t, common, 50)
	assert.Empty(t, c.made)
	assert.LessOrEqual(t, len(c.free), 8, "buffers are used again")

	// One that runs away keeps only so many, and they meet again.
	for epoch := 2; epoch < 20; epoch++ {
		a.batches.fill(epoch, a.batches.order(epoch)[:8])
		assert.LessOrEqual(t, len(c.made), cachedBatches*8)
	}
	c.taken = 0
	b.batches.fill(19, b.batches.order(19)[:8])
	assert.Greater(t, c.taken, 3)
}

func TestPairThatSharesViews(t *testing.T) {
	a, b, f, g := sharingPair(t)
	require.NoError(t, TrainPair(context.Background(), a, b, false))
	assert.Nil(t, a.batches.shared)
	a, b, f2, g2 := sharingPair(t)
	require.NoError(t, TrainPair(context.Background(), a, b, true))
	require.NotNil(t, a.batches.shared)
	t.Logf("%d of %d images were not made twice", a.batches.shared.taken, problemEpochs*30)
	assert.Equal(t, f.result(), f2.result())
	assert.Equal(t, g.result(), g2.result())
}

func TestTrainingsWithOtherViewsShareNone(t *testing.T) {
	for name, change := range map[string]func(*TrainerConfig){
		"seed":   func(c *TrainerConfig) { c.Seed++ },
		"batch":  func(c *TrainerConfig) { c.Batch = 4 },
		"images": func(c *TrainerConfig) { c.Indices = c.Indices[1:] },
		"data":   func(c *TrainerConfig) { c.Dataset = newProblem(t, problemOptions{}).config.Dataset },
		"views":  func(c *TrainerConfig) { c.Augment = newProblem(t, problemOptions{}).config.Augment },
	} {
		a, _, _, g := sharingPair(t)
		change(&g.config)
		b, err := NewTrainer(g.config)
		require.NoError(t, err)
		assert.Nil(t, newViewCache(a, b), name)
	}
}
