package perturb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/nn"
)

// Units are some units of one layer: channels of a convolution, neurons of a fully
// connected layer.
type Units struct {
	Layer string `json:"layer"` // tap of the convolution or of the fc
	Index []int  `json:"index"` // from 0
}

// Prune returns a copy of enc in which the given units put out exactly 0 for every
// image, behind norm and activation (Table 6). Of a channel everything goes
// together: its filter and bias, scale, shift and running mean of its batch norm.
// (The program released with the paper draws other channels for each of these, and
// so damages several times as many as it says.) Of a channel with group norm the
// filter stays and scale and shift go: zeros in place of its values would change
// the statistics of its whole group.
//
// Where a sum follows (a residual block), 0 is what the unit adds to it. The error
// says which layer cannot be pruned, or which unit is not there.
func Prune(enc nn.Encoder, units []Units) (nn.Encoder, error) {
	out, err := nn.CloneEncoder(enc)
	if err != nil {
		return nil, fmt.Errorf("prune: %w", err)
	}
	for _, u := range units {
		if err := prune(out, u); err != nil {
			return nil, fmt.Errorf("prune: %w", err)
		}
	}
	return out, nil
}

// prune is Prune of one layer, in place.
func prune(enc nn.Encoder, u Units) error {
	n, err := unitsOf(enc, u.Layer)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(u.Index, func(i int) bool { return i < 0 || i >= n }); i >= 0 {
		return fmt.Errorf("layer %s: found unit %d, expected 0 to %d", u.Layer, u.Index[i], n-1)
	}
	params, err := nn.LayerParams(enc, []string{u.Layer})
	if err != nil {
		return err
	}
	norm := nn.NormBehind(enc.Taps(), u.Layer)
	grouped := norm != "" && tapOf(enc, norm).Kind == nn.KindGN
	for _, p := range params {
		ofNorm := norm != "" && strings.HasPrefix(p.Name, norm+".")
		switch dim := 0; {
		case grouped && !ofNorm, strings.HasSuffix(p.Name, ".running_var"):
		default:
			if p.Value.Rank() == 4 { // HWIO
				dim = 3
			}
			p.Value.ClearAt(dim, u.Index...)
		}
	}
	return nil
}

// tapOf returns the tap of that name, an empty one if there is none.
func tapOf(enc nn.Encoder, name string) nn.TapInfo {
	for _, t := range enc.Taps() {
		if t.Name == name {
			return t
		}
	}
	return nn.TapInfo{}
}

// unitsOf returns the number of units of a layer that can be pruned.
func unitsOf(enc nn.Encoder, layer string) (int, error) {
	t := tapOf(enc, layer)
	if t.Kind != nn.KindConv && t.Kind != nn.KindFC {
		return 0, fmt.Errorf("layer: found %q, expected one of %s", layer, strings.Join(PrunableLayers(enc), ", "))
	}
	return t.Shape[len(t.Shape)-1], nil
}

// PrunableLayers returns the layers whose units Prune takes: convolutions and fully
// connected layers, in forward order.
func PrunableLayers(enc nn.Encoder) (names []string) {
	for _, t := range enc.Taps() {
		if t.Kind == nn.KindConv || t.Kind == nn.KindFC {
			names = append(names, t.Name)
		}
	}
	return names
}

// OutputTap returns the tap of what the units of a layer put out, behind the norm
// and the activation that follow it: where UnitMem of them is bounded, and where
// pruned ones are 0. It is layer itself where neither follows.
func OutputTap(enc nn.Encoder, layer string) string {
	taps := enc.Taps()
	i := slices.IndexFunc(taps, func(t nn.TapInfo) bool { return t.Name == layer })
	if i < 0 {
		return layer
	}
	if nn.NormBehind(taps, layer) != "" {
		i++
	}
	if i+1 < len(taps) && (taps[i+1].Kind == nn.KindReLU || taps[i+1].Kind == nn.KindGELU) {
		i++
	}
	return taps[i].Name
}
