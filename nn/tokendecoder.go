package nn

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// DecoderConfig is the size of a TokenDecoder.
type DecoderConfig struct {
	Depth int // blocks, 0 or more
	Dim   int // numbers of a token, a multiple of Heads and, for the positions, of 4
	Heads int
}

// TokenDecoder is the decoder of a masked autoencoder (He et al. 2022, section 3):
// it takes the encoded tokens of some patches of an image and predicts the pixels
// of others. Names are those of the authors' code (facebookresearch/mae):
//
//	decoder_embed        from the encoder's width to the decoder's
//	mask_token           in the place of every patch that is not there
//	decoder_pos_embed    fixed sines and cosines
//	decoder_blocks.N     as the encoder's
//	decoder_norm
//	decoder_pred         the pixels of a patch
//
// Weights start as those of vision transformers do here (normal, 0.02); the
// authors' code takes Xavier's.
type TokenDecoder struct {
	embed           *Linear
	mask, positions *Param
	blocks          Sequential
	norm            *LayerNorm
	pred            *Linear
}

// NewTokenDecoder returns a decoder for images cut like that. The error names
// the field that is wrong.
func NewTokenDecoder(g Grid, c DecoderConfig, seed uint64) (*TokenDecoder, error) {
	switch {
	case c.Depth < 0 || c.Depth > 1000:
		return nil, fmt.Errorf("decoder depth: found %d, expected 0 to 1000", c.Depth)
	case c.Heads < 1:
		return nil, fmt.Errorf("decoder heads: found %d, expected at least 1", c.Heads)
	case c.Dim < 4 || c.Dim%4 != 0 || c.Dim%c.Heads != 0:
		return nil, fmt.Errorf("decoder dim: found %d, expected a multiple of 4 and of its %d heads", c.Dim, c.Heads)
	}
	const mask = "mask_token"
	positions := tensor.FromSlice(SinePositions(g.Rows, g.Cols, c.Dim), 1, 1+g.Patches(), c.Dim)
	d := &TokenDecoder{
		embed:     newLinearNormal("decoder_embed", g.Dim, c.Dim, seed),
		mask:      &Param{Name: mask, Value: normal(tensor.New(1, 1, c.Dim), 0.02, seed, mask).RequireGrad(), NoDecay: true},
		positions: &Param{Name: "decoder_pos_embed", Value: positions, Buffer: true},
		norm:      NewLayerNorm("decoder_norm", c.Dim, vitEps),
		pred:      newLinearNormal("decoder_pred", c.Dim, g.Side*g.Side*g.Channels, seed),
	}
	for i := range c.Depth {
		d.blocks = append(d.blocks, NewViTBlock(fmt.Sprintf("decoder_blocks.%d", i), c.Dim, c.Heads, 0, seed))
	}
	return d, nil
}

// Predict takes encoded tokens [N,T,D] that stand at the places kept[n] of image
// n (0 is the class token, 1 the first patch) to the pixels of the patches at the
// places wanted[n]: [N,len(wanted[n]),Side*Side*Channels], in the order of
// tensor.Tape.Patchify. What is not wanted is computed only as far as the wanted
// patches look at it.
func (d *TokenDecoder) Predict(c *Context, tokens *tensor.Tensor, kept, wanted [][]int) *tensor.Tensor {
	places, dim := d.positions.Value.Dim(1), d.positions.Value.Dim(2)
	x := d.embed.Forward(c, tokens)
	x = c.Tape.ScatterTokens(x, kept, c.Tape.Reshape(d.mask.Value, dim), places)
	x = c.Tape.AddTokens(x, c.Tape.Reshape(d.positions.Value, places, dim))
	x = c.Tape.GatherTokens(d.blocks.Forward(c, x), wanted)
	return d.pred.Forward(c, d.norm.Forward(c, x))
}

// Params lists the parameters in the order above.
func (d *TokenDecoder) Params() []*Param {
	return slices.Concat(d.embed.Params(), []*Param{d.mask, d.positions},
		d.blocks.Params(), d.norm.Params(), d.pred.Params())
}
