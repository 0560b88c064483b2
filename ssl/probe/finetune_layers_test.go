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

// Layers that are not named keep every bit, their running statistics too; those
// that are named and the classifier do not.
func TestFineTuneOfSomeLayers(t *testing.T) {
	for _, layers := range [][]string{{"conv3"}, {"conv2_0", "conv4_1"}, {}} {
		p := fineTune(t, FineTuneConfig{Epochs: 2, Batch: 8, LR: 3e-3, WeightDecay: .05, Seed: 4, Layers: layers}, 2)
		p.Encoder = tinyEncoder(t)
		var first, last float64
		p.OnStep = func(s ssl.Progress) {
			if last = s.Loss; first == 0 {
				first = s.Loss
			}
		}
		before := nn.Clone(p.Encoder.Params())
		r, err := p.Run(context.Background())
		require.NoError(t, err)
		assert.NotEqual(t, first, last)
		free, err := nn.LayerParams(p.Encoder, layers)
		require.NoError(t, err)
		trained := map[string]bool{}
		for _, x := range free {
			trained[x.Name] = true
		}
		for i, x := range p.Encoder.Params() {
			same := nn.Hash(before[i:i+1]) == nn.Hash([]*nn.Param{x})
			assert.Equal(t, !trained[x.Name], same, "layers %v: %s", layers, x.Name)
			assert.False(t, x.Value.Frozen(), "thawed")
		}
		assert.Equal(t, layers, r.Layers)
		assert.NotEmpty(t, r.FrozenHash)
		assert.Equal(t, len(layers) == 0, r.HashBefore == r.HashAfter)
	}
	p := fineTune(t, FineTuneConfig{Epochs: 1, Batch: 8, Layers: []string{"conv9"}}, 1)
	_, err := p.Run(context.Background())
	assert.ErrorContains(t, err, `fine-tuning: layer: found "conv9"`)
}

// A classifier alone learns its training images from frozen features.
func TestFineTuneOfTheHeadLearns(t *testing.T) {
	p := fineTune(t, FineTuneConfig{Epochs: 250, Batch: 8, LR: .05, Seed: 4, Layers: []string{}}, 2)
	p.Encoder = tinyEncoder(t)
	p.TestIndices = p.TrainIndices
	var err error
	p.Augment, err = augment.New(augment.None(), 16, 16, 3)
	require.NoError(t, err)
	r, err := p.Run(context.Background())
	require.NoError(t, err)
	assert.Greater(t, r.Accuracy, .5)
	assert.Equal(t, r.HashBefore, r.HashAfter)
}

// The hash tells when something frozen was changed.
func TestFrozenIsChecked(t *testing.T) {
	enc := tinyEncoder(t)
	f, err := freezeAllBut(enc, []string{"conv1"})
	require.NoError(t, err)
	require.NoError(t, f.check())
	enc.Params()[0].Value.ClearAt(3, 0) // conv1, free
	require.NoError(t, f.check())
	enc.Params()[6].Value.ClearAt(3, 0) // conv2_0
	assert.ErrorIs(t, f.check(), errMelted)
}
