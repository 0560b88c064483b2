package recipe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/ssl/privacy"
)

var privateMAE = []string{"method.name=mae", "encoder.name=vit_tiny_patch4", "train.private.epsilon=8"}

func TestPrivateNoiseOfARecipe(t *testing.T) {
	r, err := Read("", nil, privateMAE)
	require.NoError(t, err)
	p, err := r.Private(500)
	require.NoError(t, err)
	epsilon, _ := privacy.Epsilon(1e-5, privacy.Plan{Rate: .2, Noise: p.Noise, Steps: 200 * 5})
	assert.InDelta(t, 8, epsilon, .01)
	assert.LessOrEqual(t, epsilon, 8.)
	assert.Equal(t, .1, p.Clip)

	r, err = Read("", nil, []string{"method.name=supervised", "encoder.norm=group", "train.private.noise=1.5",
		"train.private.clip=0.3", "train.private.delta=1e-4"})
	require.NoError(t, err)
	p, err = r.Private(500)
	require.NoError(t, err)
	assert.Equal(t, [3]float64{1.5, .3, 1e-4}, [3]float64{p.Noise, p.Clip, p.Delta})

	r, err = Read("", nil, nil)
	require.NoError(t, err)
	p, err = r.Private(500)
	require.NoError(t, err)
	assert.Nil(t, p)

	r, err = Read("", nil, append(privateMAE, "train.private.epsilon=1e-9"))
	require.NoError(t, err)
	_, err = r.Private(500)
	assert.ErrorContains(t, err, "train.private: epsilon: found 1e-09, which no noise up to")
}

func TestHashOfPrivate(t *testing.T) {
	of := func(sets ...string) string { return ofProgram(t, sets).Hash() }
	assert.Equal(t, of(), of("train.private.clip=0.5", "train.private.delta=1e-6"),
		"nothing of it counts where training is not private")
	seen := map[string]bool{of(privateMAE[:2]...): true}
	for _, sets := range [][]string{nil, {"train.private.epsilon=20"}, {"train.private.clip=0.5"},
		{"train.private.delta=1e-6"}, {"train.private.epsilon=0", "train.private.noise=1"}} {
		h := of(append(privateMAE, sets...)...)
		assert.False(t, seen[h], "%v has the hash of another", sets)
		seen[h] = true
	}
}

func TestRefusedOfPrivate(t *testing.T) {
	for want, sets := range map[string][]string{
		"method.name: train.private: simclr compares each image with the others of its batch": {"method.name=simclr"},
		"method.name: train.private: byol compares":                                           {"method.name=byol"},
		"encoder.norm: train.private: batch norm mixes the images of a batch": {"method.name=supervised",
			"encoder.name=resnet18"},
		"train.private.noise: want 0 where train.private.epsilon is given": {"train.private.noise=1"},
		"train.private.epsilon: want 0 to":                                 {"train.private.epsilon=-1"},
		"train.private.clip: want a number above 0":                        {"train.private.clip=0"},
		"train.private.delta: want more than 0 and less than 1, found 0":   {"train.private.delta=0"},
		"train.private.delta: want less than 1 / 500 training images":      {"train.private.delta=0.002"},
		"train.accumulate: want 1 with train.private":                      {"train.accumulate=2"},
		"train.clip_norm: want 0 with train.private":                       {"train.clip_norm=1"},
		"train.precision: want float32 with train.private":                 {"train.precision=bf16"},
	} {
		_, err := Read("", nil, append(privateMAE, sets...))
		assert.ErrorContains(t, err, want)
	}
}
