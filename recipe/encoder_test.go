package recipe_test

import (
	"testing"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An encoder that a program registers can be named in a recipe, with the options that
// it declares and no others.
func TestRegisteredEncoderInRecipe(t *testing.T) {
	nn.RegisterEncoder("test-recipe", nn.Architecture{
		Pools: []string{"avg"}, DropPath: true,
		Build: func(o nn.EncoderOptions, seed uint64) nn.Layer {
			return nn.Sequential{
				nn.NewConv2D("conv", nn.ConvConfig{In: o.InC, Out: o.Channels(8), Kernel: 3}, seed),
				nn.NewBNReLU("bn", "relu", o.Channels(8)),
				&nn.GlobalPool{Name: "pool"},
			}
		},
	})
	load := func(sets ...string) (*recipe.Recipe, error) {
		return recipe.Load("", append([]string{"encoder.name=test-recipe"}, sets...))
	}
	r, err := load("encoder.pool=avg", "encoder.drop_path=0.1")
	require.NoError(t, err)
	enc, err := nn.NewEncoder(r.Encoder.Name, r.Encoder.Options(r.ImageShape()), 1)
	require.NoError(t, err)
	assert.Equal(t, []string{"conv", "bn", "relu", "pool"}, []string{
		enc.Taps()[0].Name, enc.Taps()[1].Name, enc.Taps()[2].Name, enc.Taps()[3].Name})
	for field, set := range map[string]string{
		"encoder.pool": "max", "encoder.stem": "cifar", "encoder.norm": "group", "encoder.positions": "sine",
	} {
		_, err = load(field + "=" + set)
		assert.ErrorContains(t, err, field)
	}
	_, err = recipe.Load("", []string{"encoder.drop_path=0.1"})
	assert.ErrorContains(t, err, "encoder.drop_path: want 0: resnet9 has no drop path")
}
