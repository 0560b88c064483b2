package study

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/recipe"
)

// Measured times are found again: fields of the encoder that came later do not change the
// name of older recipes, and those that are set are named by their value.
func TestSpeedOf(t *testing.T) {
	of := func(sets ...string) string {
		r, err := recipe.Load("", sets)
		require.NoError(t, err)
		return speedOf(r)
	}
	assert.Contains(t, of(), " {Name:resnet9 Width:0.5 Pool:auto Stem:auto Norm:auto Positions:auto DropPath:0} ")
	padded := []string{"encoder.name=resnet18", "encoder.stem_padding=2"}
	assert.Contains(t, of(padded...), " DropPath:0 2 0 auto 0 0 false 0 0 0} ")
	assert.Equal(t, of(padded...), of(padded...))
}
