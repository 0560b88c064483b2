package perturb

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
)

// own is an encoder that this program does not have: a stem and two residual blocks,
// one of them put together here.
func own(seed uint64) nn.Layer {
	conv := func(name string, in, out int) nn.Layer {
		return nn.NewConv2D(name, nn.ConvConfig{In: in, Out: out, Kernel: 3, Pad: 1}, seed)
	}
	return nn.Sequential{
		conv("stem", 3, 6), nn.NewBNReLU("stem_bn", "stem_relu", 6),
		nn.NewBasicBlock("first", nn.BlockConfig{In: 6, Out: 8, Stride: 2}, seed),
		nn.NewResBlock("second", nn.Sequential{conv("second.conv", 8, 8)}, nn.NewNorm("second.gn", nn.NormGroup, 8), nil),
		&nn.GlobalPool{Name: "pool"},
	}
}

func ownEncoder(t *testing.T, seed uint64) nn.Encoder {
	enc, err := nn.NewNetwork(own, []int{8, 8, 3}, seed)
	require.NoError(t, err)
	return trained(enc, seed)
}

// Layers of an encoder from outside are swapped, initialised and pruned as those of
// the registry are.
func TestPerturbOwnEncoder(t *testing.T) {
	e := newEngine(t)
	a, b := ownEncoder(t, 1), ownEncoder(t, 2)
	before := nn.Hash(a.Params())
	assert.Equal(t, []string{"stem", "first", "second"}, nn.LayerNames(a))
	s, err := Swap(a, b, []string{"second"})
	require.NoError(t, err)
	was, is := outputs(e, a, 8, 3), outputs(e, s, 8, 3)
	assert.Equal(t, was["first"], is["first"])
	assert.NotEqual(t, was["second"], is["second"])
	all, err := Swap(a, b, nn.LayerNames(a))
	require.NoError(t, err)
	assert.Equal(t, outputs(e, b, 8, 3), outputs(e, all, 8, 3))

	r, err := Reinitialise(a, nn.LayerNames(a), 5)
	require.NoError(t, err)
	fresh, err := nn.Fresh(a, 5)
	require.NoError(t, err)
	assert.Equal(t, nn.Hash(fresh.Params()), nn.Hash(r.Params()))

	for layer, norm := range map[string]string{"stem": "stem_relu", "second.conv": "second.gn"} {
		p, err := Prune(a, []Units{{Layer: layer, Index: []int{1, 4}}})
		require.NoError(t, err)
		out := outputs(e, p, 8, 3)[norm]
		zeros, channels := map[int]bool{1: true, 4: true}, map[string]int{"stem": 6, "second.conv": 8}[layer]
		alive := 0
		for i, v := range out {
			if zeros[i%channels] {
				require.Zero(t, v, layer)
			} else if v != 0 {
				alive++
			}
		}
		assert.NotZero(t, alive, layer)
	}
	assert.Equal(t, before, nn.Hash(a.Params()))

	other, err := nn.NewEncoder("resnet9", small9, 1)
	require.NoError(t, err)
	_, err = Swap(a, other, []string{"stem"})
	assert.ErrorContains(t, err, "expected two of one architecture")
}
