package perturb

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/nn"
)

// Swap returns a copy of dst in which the named layers are those of src, which has
// the same architecture (Tables 21 to 24, 30, 32 and 33). A layer is its weights
// and biases, and of its norm scale, shift and the running statistics: src's
// weights with dst's statistics would be a layer that neither has. See
// nn.LayerParams for names.
func Swap(dst, src nn.Encoder, layers []string) (nn.Encoder, error) {
	if err := same(dst, src); err != nil {
		return nil, fmt.Errorf("swap: %w", err)
	}
	out, err := nn.CloneEncoder(dst)
	if err != nil {
		return nil, fmt.Errorf("swap: %w", err)
	}
	to, err := nn.LayerParams(out, layers)
	if err != nil {
		return nil, fmt.Errorf("swap: %w", err)
	}
	from, err := nn.LayerParams(src, layers)
	if err != nil {
		return nil, fmt.Errorf("swap: %w", err)
	}
	return out, nn.Copy(to, from)
}

// Reinitialise returns a copy of enc in which the named layers are as before any
// training, initialised from seed: what a layer is worth that has learned nothing,
// beside Swap, whose layers have learned something else.
func Reinitialise(enc nn.Encoder, layers []string, seed uint64) (nn.Encoder, error) {
	fresh, err := nn.Fresh(enc, seed)
	if err != nil {
		return nil, fmt.Errorf("reinitialise: %w", err)
	}
	return Swap(enc, fresh, layers)
}

// same is an error unless both encoders have the same taps and parameters.
func same(a, b nn.Encoder) error {
	taps := func(x, y nn.TapInfo) bool {
		return x.Name == y.Name && x.Kind == y.Kind && slices.Equal(x.Shape, y.Shape)
	}
	params := func(x, y *nn.Param) bool {
		return x.Name == y.Name && slices.Equal(x.Value.Shape(), y.Value.Shape())
	}
	if !slices.EqualFunc(a.Taps(), b.Taps(), taps) || !slices.EqualFunc(a.Params(), b.Params(), params) {
		return fmt.Errorf("the encoders have other layers or shapes, expected two of one architecture")
	}
	return nil
}

// Combinations returns all choices of n of the layers, in the order of the
// paper's tables: single layers (Table 30), pairs (32), triples (33). There are
// none if n is less than 1 or more than the layers.
func Combinations(layers []string, n int) (out [][]string) {
	if n < 1 {
		return nil
	}
	if n == 1 {
		for _, l := range layers {
			out = append(out, []string{l})
		}
		return out
	}
	for i := range layers {
		for _, rest := range Combinations(layers[i+1:], n-1) {
			out = append(out, append([]string{layers[i]}, rest...))
		}
	}
	return out
}
