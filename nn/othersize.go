package nn

import (
	"errors"
	"fmt"
	"slices"
)

// ForImages returns an encoder with the parameters of enc, the very same, for images
// of another height and width. Convolutions take any size that does not vanish on
// the way. A vision transformer has positions for one size and is refused.
func ForImages(enc Encoder, h, w int) (Encoder, error) {
	n, ok := enc.(*network)
	if !ok {
		return nil, errors.New("a vision transformer has a position for each patch of one size of images, expected a network of convolutions, such as resnet9")
	}
	other := &network{Sequential: n.Sequential, in: []int{h, w, n.in[2]}}
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
