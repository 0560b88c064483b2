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
	for _, same := range [][2]string{{"", "train.accumulate=1"}} {
		assert.Equal(t, of("seed=1", "method.name="+or(same[0], "simclr")), of(same[1], "method.name="+or(same[0], "simclr")), same)
	}
	for _, other := range [][2]string{{"", "train.accumulate=2"}} {
		assert.NotEqual(t, of("method.name="+or(other[0], "simclr")), of(other[1], "method.name="+or(other[0], "simclr")), other)
	}
	for _, c := range []struct{ method, set, want string }{
		{"", "train.accumulate=0", "train.accumulate: want a divisor of train.batch (100) that leaves parts of at least 2 images, found 0"},
		{"", "train.accumulate=3", "train.accumulate: want a divisor of train.batch (100)"},
		{"", "train.accumulate=100", "train.accumulate: want a divisor of train.batch (100)"},
	} {
		_, err := Read("", nil, []string{"method.name=" + or(c.method, "simclr"), c.set})
		assert.ErrorContains(t, err, c.want, c.set)
	}
	_, err := Read("", nil, []string{"method.name=mocov2", "train.accumulate=2", "method.bn_splits=4"})
	assert.ErrorContains(t, err, "method.bn_splits: want a divisor of the batch of 50, found 4", "parts are normalised by themselves")
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
