package run

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
)

// A set that was drawn is found again, the oldest is forgotten, and what is found is
// what data.NewSynthetic draws.
func TestSyntheticIsDrawnOnce(t *testing.T) {
	open := func(seed uint64) data.Dataset {
		d, err := synthetic(data.SyntheticOptions{N: 3, Size: 16, Seed: 1000 + seed})
		require.NoError(t, err)
		return d
	}
	first := open(0)
	assert.Same(t, first, open(0))
	for seed := range uint64(maxDrawn) {
		assert.NotSame(t, first, open(seed+1))
	}
	again := open(0)
	assert.NotSame(t, first, again)
	for i := range 3 {
		assert.Equal(t, first.Image(i), again.Image(i))
	}
	_, err := synthetic(data.SyntheticOptions{Classes: 1})
	assert.ErrorContains(t, err, "classes: found 1")
}
