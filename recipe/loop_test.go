package recipe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Fields of the training loop that came later: recipes without them keep their
// hash, and those that change the encoders count.
func TestFieldsOfTheLoop(t *testing.T) {
	of := func(sets ...string) string {
		r, err := Read("", nil, sets)
		require.NoError(t, err, sets)
		return r.TrainHash()
	}
	assert.Equal(t, of(), of("train.accumulate=1", "train.weights_ema=0", "train.keep_every=7"))
	for _, other := range []string{"train.accumulate=2", "train.weights_ema=0.9"} {
		assert.NotEqual(t, of(), of(other), other)
	}
	for _, c := range []struct{ set, want string }{
		{"train.accumulate=0", "train.accumulate: want a divisor of train.batch (100) that leaves parts of at least 2 images, found 0"},
		{"train.accumulate=3", "train.accumulate: want a divisor of train.batch (100)"},
		{"train.accumulate=100", "train.accumulate: want a divisor of train.batch (100)"},
		{"train.weights_ema=1", "train.weights_ema: want at least 0 and less than 1, found 1"},
		{"train.keep_every=-1", "train.keep_every: want 0 to 1000000, found -1"},
	} {
		_, err := Read("", nil, []string{c.set})
		assert.ErrorContains(t, err, c.want, c.set)
	}
	_, err := Read("", nil, []string{"method.name=mocov2", "train.accumulate=2", "method.bn_splits=4"})
	assert.ErrorContains(t, err, "method.bn_splits: want a divisor of the batch of 50, found 4", "parts are normalised by themselves")
}
