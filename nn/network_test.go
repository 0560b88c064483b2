package nn_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
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
}

// A vision transformer for another size is the one that was made for that size, with
// resized positions, and the one for its own size computes the same bits.
func TestForImagesOfVisionTransformers(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	c := &nn.Context{Tape: tp}
	vit := func(o nn.EncoderOptions) nn.Encoder {
		o.Width, o.Depth = .1, 2
		enc, err := nn.NewEncoder("vit_tiny_patch4", o, 1)
		require.NoError(t, err)
		return enc
	}
	for _, positions := range nn.Positions("vit_tiny_patch4") {
		enc := vit(nn.EncoderOptions{Positions: positions, InH: 30, InW: 24})
		other, err := nn.ForImages(enc, 16, 12)
		require.NoError(t, err)
		made := vit(nn.EncoderOptions{Positions: positions, InH: 16, InW: 12})
		taps := slices.Clone(made.Taps())
		if positions == nn.PositionsLearned {
			taps[1].Params = 18 * (1 + 1 + 7*6) // trained are the positions of the large grid
		}
		assert.Equal(t, taps, other.Taps())
		_, err = nn.Fresh(other, 1)
		assert.ErrorContains(t, err, "expected one of NewEncoder")
		assert.Equal(t, nn.Grid{Height: 16, Width: 12, Rows: 4, Cols: 3, Side: 4, Channels: 3, Dim: 18}, other.(nn.TokenEncoder).Grid())
		pos, small := enc.Params()[3], made.Params()[3]
		require.Equal(t, "pos_embed", pos.Name)
		assert.Same(t, pos, other.Params()[3])
		resized := tp.MatMul(tensor.FromSlice(nn.ResizePositions(7, 6, 4, 3), 13, 43), tp.Reshape(pos.Value, 43, 18), false, false)
		assert.Equal(t, pos.Value.Data()[:18], resized.Data()[:18], "the class token's")
		small.Value.CopyFrom(resized.Data())
		x := tensor.FromSlice(testutil.NetImages("images/small", 2, 16, 12, 3), 2, 16, 12, 3)
		assert.Equal(t, made.Forward(c, x).Data(), other.Forward(c, x).Data(), positions)
		again, err := nn.ForImages(other, 16, 12)
		require.NoError(t, err)
		assert.Equal(t, made.Forward(c, x).Data(), again.Forward(c, x).Data(), "of the large positions, not of the small ones")

		enc = vit(nn.EncoderOptions{Positions: positions})
		same, err := nn.ForImages(enc, 32, 32)
		require.NoError(t, err)
		x = tensor.FromSlice(testutil.NetImages("images/same", 2, 32, 32, 3), 2, 32, 32, 3)
		assert.Equal(t, enc.Forward(c, x).Data(), same.Forward(c, x).Data(), positions)
	}
	for _, c := range []struct {
		side int
		h, w int
		want string
	}{
		{32, 18, 16, "images of 18x16: found patches of 4 pixels, expected a side that divides both"},
		{32, 16, 30, "images of 16x30: found patches of 4 pixels, expected a side that divides both"},
		{32, 0, 16, "images of 0x16: layer patch_embed.proj: its 4x4 window does not fit"},
		{1024, 512, 512, "images of 512x512: layer embed: found 16384 patches in place of 65536, expected a product of at most 67108864"},
	} {
		_, err := nn.ForImages(vit(nn.EncoderOptions{InH: c.side, InW: c.side}), c.h, c.w)
		assert.ErrorContains(t, err, c.want)
	}
}
