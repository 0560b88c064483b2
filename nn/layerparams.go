package nn

import (
	"fmt"
	"slices"
	"strings"
)

// LayerNames cuts an encoder into the layers that the paper's tables count, in
// forward order: a convolution with the norm behind it (Tables 5, 23, 30, 32 and
// 33 of arXiv 2409.19069), a block of a deeper ResNet or of a transformer (Table
// 24), and what else has parameters. Every parameter is in exactly one of them.
func LayerNames(enc Encoder) []string {
	var names []string
	for _, p := range enc.Params() {
		if n := layerOf(enc.Taps(), p.Name); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// layerOf returns the layer of LayerNames that a parameter belongs to.
func layerOf(taps []TapInfo, param string) string {
	for _, t := range taps {
		if t.Kind == KindBlock && strings.HasPrefix(param, t.Name+".") {
			return t.Name
		}
	}
	at := tapOf(taps, param)
	if at < 0 { // of an Encoder that NewNetwork did not make
		return param
	}
	if at > 0 && isNorm(taps[at]) && taps[at-1].Kind == KindConv {
		at--
	}
	return taps[at].Name
}

// LayerParams returns the parameters, running statistics included, of the layers
// of these names, in the encoder's order, each once. A name is that of a tap: of a
// convolution, with which goes the norm behind it; of a block, with all that is in
// it; of any other layer that has parameters. The error says which there are.
func LayerParams(enc Encoder, layers []string) ([]*Param, error) {
	chosen := map[*Param]bool{}
	for _, name := range layers {
		some := layerParams(enc, name)
		if len(some) == 0 {
			return nil, fmt.Errorf("layer: found %q, expected one with parameters, such as %s",
				name, strings.Join(LayerNames(enc), ", "))
		}
		for _, p := range some {
			chosen[p] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(enc.Params()), func(p *Param) bool { return !chosen[p] }), nil
}

func layerParams(enc Encoder, name string) (out []*Param) {
	taps := enc.Taps()
	at := slices.IndexFunc(taps, func(t TapInfo) bool { return t.Name == name })
	if at < 0 {
		return nil
	}
	norm := NormBehind(taps, name)
	embeds := taps[at].Kind == KindEmbed
	for _, p := range enc.Params() {
		if strings.HasPrefix(p.Name, name+".") || norm != "" && strings.HasPrefix(p.Name, norm+".") ||
			embeds && !strings.Contains(p.Name, ".") {
			out = append(out, p)
		}
	}
	return out
}

// NormBehind returns the name of the norm that a convolution's output goes
// through, "" if there is none.
func NormBehind(taps []TapInfo, conv string) string {
	at := slices.IndexFunc(taps, func(t TapInfo) bool { return t.Name == conv })
	if at < 0 || at+1 == len(taps) || taps[at].Kind != KindConv || !isNorm(taps[at+1]) {
		return ""
	}
	return taps[at+1].Name
}

func isNorm(t TapInfo) bool { return t.Kind == KindBN || t.Kind == KindGN }
