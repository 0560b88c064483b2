package nn

import (
	"fmt"

	"github.com/locimem/locimem/tensor"
)

// TokenEncoder is an Encoder that works on tokens, every one of which stands for
// a patch of the image: a vision transformer. Its Forward is Pool of Encode of
// Embed; between Embed and Encode tokens can be left out, as a masked autoencoder
// does, and what is left costs only what it weighs.
type TokenEncoder interface {
	Encoder
	// Grid returns what the tokens stand for.
	Grid() Grid
	// Embed takes images [N,H,W,C] to tokens with their positions added,
	// [N,1+Rows*Cols,Dim]: the class token, then registers if there are some, which
	// add to their number, then the patches row by row.
	Embed(c *Context, x *tensor.Tensor) *tensor.Tensor
	// Encode runs the blocks and the final norm on any number of tokens:
	// [N,T,Dim] to the same shape.
	Encode(c *Context, tokens *tensor.Tensor) *tensor.Tensor
	// Pool makes features of encoded tokens, the class token the first of them:
	// [N,T,Dim] to [N,OutDim].
	Pool(c *Context, tokens *tensor.Tensor) *tensor.Tensor
}

// Grid says how an image is cut into patches.
type Grid struct {
	Height, Width int // of the image, in pixels
	Rows, Cols    int // patches
	Side          int // height and width of a patch in pixels
	Channels      int // of a pixel
	Dim           int // numbers of a token
}

// Patches returns the number of patches of an image.
func (g Grid) Patches() int { return g.Rows * g.Cols }

// tokenNetwork is the network of a vision transformer: patches and positions,
// blocks and final norm, pool.
type tokenNetwork struct {
	*network
	layers Sequential // the network's
	grid   Grid
}

// Grid implements TokenEncoder.
func (n *tokenNetwork) Grid() Grid { return n.grid }

// Embed implements TokenEncoder.
func (n *tokenNetwork) Embed(c *Context, x *tensor.Tensor) *tensor.Tensor {
	n.checkInput(x)
	return n.layers[:2].Forward(c, x)
}

// Encode implements TokenEncoder. It panics if there is no token, or one of
// another width.
func (n *tokenNetwork) Encode(c *Context, tokens *tensor.Tensor) *tensor.Tensor {
	if tokens.Rank() != 3 || tokens.Dim(1) < 1 || tokens.Dim(2) != n.grid.Dim {
		panic(fmt.Sprintf("nn: encoder on tokens of shape %v, expected [N T %d]", tokens.Shape(), n.grid.Dim))
	}
	return n.layers[2:len(n.layers)-1].Forward(c, tokens)
}

// Pool implements TokenEncoder.
func (n *tokenNetwork) Pool(c *Context, tokens *tensor.Tensor) *tensor.Tensor {
	return n.layers[len(n.layers)-1].Forward(c, tokens)
}
