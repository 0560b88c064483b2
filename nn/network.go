package nn

import (
	"fmt"
	"slices"
)

// ForImages returns an encoder with the parameters of enc, the very same, for images
// of another height and width; both may be used on one tape. Convolutions take any
// size that does not vanish on the way, a vision transformer any of whole patches: its
// positions are brought to their grid by ResizePositions.
func ForImages(enc Encoder, h, w int) (Encoder, error) {
	switch n := enc.(type) {
	case *network:
		return n.forImages(n.Sequential, h, w)
	case *tokenNetwork:
		side := n.grid.Side
		if h%side != 0 || w%side != 0 {
			return nil, fmt.Errorf("images of %dx%d: found patches of %d pixels, expected a side that divides both", h, w, side)
		}
		embed, err := n.Sequential[1].(*EmbedTokens).forGrid(h/side, w/side)
		if err != nil {
			return nil, fmt.Errorf("images of %dx%d: %w", h, w, err)
		}
		layers := slices.Clone(n.Sequential)
		layers[1] = embed
		other, err := n.forImages(layers, h, w)
		if err != nil {
			return nil, err
		}
		return newTokenNetwork(other, side), nil
	}
	return nil, fmt.Errorf("encoder: found a %T, expected one of NewEncoder", enc)
}

// forImages plans layers with the parameters of n for images of that size.
func (n *network) forImages(layers Sequential, h, w int) (*network, error) {
	other := &network{Sequential: layers, in: []int{h, w, n.in[2]}}
	var p Plan
	out, err := other.Plan(&p, other.in)
	if err != nil {
		return nil, fmt.Errorf("images of %dx%d: %w", h, w, err)
	}
	if !slices.Equal(out, []int{n.out}) {
		return nil, fmt.Errorf("images of %dx%d give features of shape %v, expected [%d]", h, w, out, n.out)
	}
	countParams(p.Taps, other.Params())
	other.taps, other.out = p.Taps, n.out
	return other, nil
}
