package nn

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every parameter is in exactly one layer, and the names are those of the paper.
func TestLayerNames(t *testing.T) {
	for name, c := range map[string]struct {
		o    EncoderOptions
		want []string
	}{
		"resnet9": {EncoderOptions{Width: .125}, []string{"conv1", "conv2_0", "conv2_1", "conv2_2", "conv3", "conv4_0",
			"conv4_1", "conv4_2"}},
		"resnet18": {EncoderOptions{Width: .125}, []string{"conv1", "layer1.0", "layer1.1", "layer2.0", "layer2.1",
			"layer3.0", "layer3.1", "layer4.0", "layer4.1"}},
		"vit_tiny_patch4": {EncoderOptions{Width: .125, Depth: 2}, []string{"patch_embed", "embed", "blocks.0", "blocks.1",
			"norm"}},
	} {
		enc, err := NewEncoder(name, c.o, 1)
		require.NoError(t, err)
		assert.Equal(t, c.want, LayerNames(enc))
		total := 0
		for _, l := range c.want {
			p, err := LayerParams(enc, []string{l})
			require.NoError(t, err)
			total += len(p)
		}
		assert.Equal(t, len(enc.Params()), total)
	}
	enc, err := NewEncoder("resnet18", EncoderOptions{Width: .125}, 1)
	require.NoError(t, err)
	p, err := LayerParams(enc, []string{"layer2.0.downsample.0", "layer2.0.conv2"})
	require.NoError(t, err)
	var names []string
	for _, x := range p {
		names = append(names, x.Name)
	}
	const b = "layer2.0."
	assert.Equal(t, []string{b + "conv2.weight", b + "bn2.weight", b + "bn2.bias", b + "bn2.running_mean", b +
		"bn2.running_var",
		b + "downsample.0.weight", b + "downsample.1.weight", b + "downsample.1.bias", b + "downsample.1.running_mean", b +
			"downsample.1.running_var"}, names)
	_, err = LayerParams(enc, []string{"layer5"})
	assert.ErrorContains(t, err, `found "layer5"`)
}

func TestCloneEncoder(t *testing.T) {
	enc, err := NewEncoder("resnet9", EncoderOptions{Width: .125, Norm: NormGroup}, 1)
	require.NoError(t, err)
	c, err := CloneEncoder(enc)
	require.NoError(t, err)
	before := Hash(enc.Params())
	assert.Equal(t, before, Hash(c.Params()))
	assert.Equal(t, enc.Taps(), c.Taps())
	c.Params()[0].Value.ClearAt(3, 0)
	assert.Equal(t, before, Hash(enc.Params()))
	assert.NotEqual(t, before, Hash(c.Params()))
	vit, err := NewEncoder("vit_tiny_patch4", EncoderOptions{Width: .125, Depth: 1}, 1)
	require.NoError(t, err)
	c, err = CloneEncoder(vit)
	require.NoError(t, err)
	assert.Implements(t, (*TokenEncoder)(nil), c)
}
