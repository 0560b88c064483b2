package run

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
)

// Synthetic sets are kept as long as somebody holds them and no longer.
func TestHoldSynthetic(t *testing.T) {
	o := data.SyntheticOptions{N: 4, Classes: 2, Size: 16, Seed: 987, Part: data.Train}
	draw := func() data.Dataset {
		d, err := synthetic(o)
		require.NoError(t, err)
		return d
	}
	assert.NotSame(t, draw(), draw())
	first, second := HoldSynthetic(), HoldSynthetic()
	kept := draw()
	first()
	first()
	assert.Same(t, kept, draw(), "another still holds them")
	second()
	assert.NotSame(t, kept, draw())
	assert.Empty(t, held.sets)
}
