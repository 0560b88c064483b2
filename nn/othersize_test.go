package nn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// An encoder for another size is the encoder that was made for that size, if it had
// the same parameters, and it has them for good.
func TestForImages(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	for _, name := range []string{"resnet9", "resnet18", "resnet50"} {
		o := nn.EncoderOptions{Width: .125, Stem: "auto", InH: 32, InW: 32}
		enc := resNet(t, name, o)
		other, err := nn.ForImages(enc, 24, 17)
		require.NoError(t, err)
		o.InH, o.InW = 24, 17
		made := resNet(t, name, o)
		assert.Equal(t, made.Taps(), other.Taps())
		require.Equal(t, enc.OutDim(), other.OutDim())
		assert.Same(t, enc.Params()[0], other.Params()[0])
		enc.Params()[0].Value.Data()[0] += 1
		require.NoError(t, nn.Copy(made.Params(), enc.Params()))
		x := tensor.New(2, 24, 17, 3)
		for i := range x.Data() {
			x.Data()[i] = float32(i%13) / 13
		}
		tp := e.NewTape(tensor.Inference)
		assert.Equal(t, made.Forward(&nn.Context{Tape: tp}, x).Data(), other.Forward(&nn.Context{Tape: tp}, x).Data(), name)
		tp.Release()
	}
	_, err = nn.ForImages(resNet(t, "resnet9", nn.EncoderOptions{}), 15, 40)
	assert.ErrorContains(t, err, "images of 15x40: layer pool4_0")
	vit, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{Width: .1, Depth: 1}, 1)
	require.NoError(t, err)
	_, err = nn.ForImages(vit, 16, 16)
	assert.ErrorContains(t, err, "a vision transformer has a position for each patch")
}
