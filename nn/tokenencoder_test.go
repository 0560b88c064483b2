package nn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

func TestTokenEncoder(t *testing.T) {
	resnet, err := nn.NewEncoder("resnet18", nn.EncoderOptions{Width: 1. / 16}, 1)
	require.NoError(t, err)
	_, ok := resnet.(nn.TokenEncoder)
	assert.False(t, ok, "a ResNet has no tokens")

	enc, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{Width: 1. / 8, Depth: 2, InH: 8, InW: 14}, 1)
	require.NoError(t, err)
	vit, ok := enc.(nn.TokenEncoder)
	require.True(t, ok)
	g := vit.Grid()
	assert.Equal(t, nn.Grid{Height: 8, Width: 14, Rows: 2, Cols: 3, Side: 4, Channels: 3, Dim: 24}, g)
	assert.Equal(t, 6, g.Patches())

	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	c := &nn.Context{Tape: tp}
	x := tensor.FromSlice(testutil.NetImages("images/a", 2, 8, 14, 3), 2, 8, 14, 3)
	tokens := vit.Embed(c, x)
	assert.Equal(t, []int{2, 7, 24}, tokens.Shape())
	assert.Equal(t, enc.Forward(c, x).Data(), vit.Pool(c, vit.Encode(c, tokens)).Data())

	// The order of tokens does not matter to a token, but for rounding.
	some := vit.Encode(c, tp.GatherTokens(tokens, [][]int{{0, 5, 2}, {0, 1, 6}}))
	assert.Equal(t, []int{2, 3, 24}, some.Shape())
	turned := vit.Encode(c, tp.GatherTokens(tokens, [][]int{{0, 2, 5}, {0, 6, 1}}))
	assert.LessOrEqual(t, testutil.MaxError(tp.TakeToken(some, 1).Data(), tp.TakeToken(turned, 2).Data()), 1e-5)

	assert.PanicsWithValue(t, "nn: encoder on tokens of shape [2 3 25], expected [N T 24]",
		func() { vit.Encode(c, tensor.New(2, 3, 25)) })
	assert.PanicsWithValue(t, "nn: encoder on images of shape [2 8 8 3], expected [N 8 14 3]",
		func() { vit.Embed(c, tensor.New(2, 8, 8, 3)) })
}
