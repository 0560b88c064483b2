package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Encoder turns images into features. NewEncoder makes one by name, NewNetwork one
// of any layers.
type Encoder interface {
	// Module's Forward takes images [N,InH,InW,InC] to features [N,OutDim].
	Module
	// Taps lists all taps in forward order; do not change it.
	Taps() []TapInfo
	// OutDim returns the number of features.
	OutDim() int
}

// EncoderOptions sets the size of an encoder and chooses among its variants. Zero
// values mean the defaults. The Architecture says which options an encoder takes.
type EncoderOptions struct {
	// Width scales the number of channels of every layer (rounded, at least 1):
	// more than 0, at most 16, default 1.
	Width float64
	// Pool is what makes features of the last map or tokens: one of Pools, or
	// "auto", the first of them.
	Pool string
	// Stem is how the network begins: one of Stems, or "auto", which may depend on
	// the size of the images.
	Stem string
	// Norm is what follows every convolution: one of Norms, or "auto", the first of
	// them.
	Norm string
	// Positions of the tokens: one of Positions, or "auto", the first of them.
	Positions string
	// DropPath is the share of samples for which the last block is left out in
	// training; it rises from 0 in the first block. At least 0, below 1.
	DropPath float64
	// Depth is the number of blocks, 0 for the usual one.
	Depth int
	// Geometry holds facts that a file of weights does not tell.
	Geometry
	// InH, InW and InC are the shape of an image, by default 32, 32 and 3.
	InH, InW, InC int
}

// Channels returns n channels times Width, rounded, at least 1.
func (o EncoderOptions) Channels(n int) int {
	return max(1, int(math.Round(float64(n)*o.Width)))
}

// auto is the value of an option that leaves the choice to the architecture.
const auto = "auto"

// NewEncoder returns the encoder of that name with its initial weights drawn from
// seed. It fails if no encoder of that name is registered, if an option is out of
// range, or if images of this size vanish on the way. It is a TokenEncoder too where
// NewNetwork makes one of its layers.
func NewEncoder(name string, o EncoderOptions, seed uint64) (Encoder, error) {
	a, ok := ArchitectureOf(name)
	if !ok {
		return nil, fmt.Errorf("encoder: found %q, expected one of: %s", name, strings.Join(EncoderNames(), ", "))
	}
	o, err := a.check(o)
	if err != nil {
		return nil, fmt.Errorf("encoder %s: %w", name, err)
	}
	if err := a.checkPositions(o); err != nil {
		return nil, fmt.Errorf("encoder %s: %w", name, err)
	}
	n, err := newNetwork(func(seed uint64) Layer { return a.Build(o, seed) }, []int{o.InH, o.InW, o.InC}, seed)
	if err != nil {
		return nil, fmt.Errorf("encoder %s on images of %dx%dx%d: %w", name, o.InH, o.InW, o.InC, err)
	}
	return n.encoder(), nil
}

// check fills in the defaults and checks the ranges.
func (a *Architecture) check(o EncoderOptions) (EncoderOptions, error) {
	for _, d := range []struct {
		name     string
		value    *int
		standard int
	}{{"height", &o.InH, 32}, {"width", &o.InW, 32}, {"channels", &o.InC, 3}} {
		if *d.value == 0 {
			*d.value = d.standard
		}
		if *d.value < 1 || *d.value > 4096 {
			return o, fmt.Errorf("image %s: found %d, expected 1 to 4096", d.name, *d.value)
		}
	}
	if o.Width == 0 {
		o.Width = 1
	}
	if !(o.Width > 0 && o.Width <= 16) {
		return o, fmt.Errorf("width factor: found %v, expected more than 0 and at most 16", o.Width)
	}
	if !(o.DropPath >= 0 && o.DropPath < 1) {
		return o, fmt.Errorf("drop path: found %v, expected at least 0 and less than 1", o.DropPath)
	}
	if o.DropPath > 0 && !a.DropPath {
		return o, fmt.Errorf("drop path: found %v, expected 0: this encoder drops no paths, "+
			"they are for vision transformers and others that declare them", o.DropPath)
	}
	if o.Depth > 0 && !a.Depth {
		return o, fmt.Errorf("depth: found %d, expected 0: this encoder has one depth only", o.Depth)
	}
	if o.Depth < 0 || o.Depth > 1000 {
		return o, fmt.Errorf("depth: found %d, expected 1 to 1000, or 0 for the usual", o.Depth)
	}
	for _, c := range []struct {
		name  string
		value *string
		known []string
		auto  func(o EncoderOptions) string
	}{{"pool", &o.Pool, a.Pools, nil}, {"stem", &o.Stem, a.Stems, a.AutoStem},
		{"norm", &o.Norm, a.Norms, nil}, {"positions", &o.Positions, a.Positions, nil}} {
		switch {
		case *c.value != "" && *c.value != auto:
			if !slices.Contains(c.known, *c.value) {
				return o, fmt.Errorf("%s: found %q, expected %s",
					c.name, *c.value, strings.Join(append([]string{auto}, c.known...), ", "))
			}
		case c.auto != nil:
			*c.value = c.auto(o)
		case len(c.known) > 0:
			*c.value = c.known[0]
		default:
			*c.value = ""
		}
	}
	return a.checkGeometry(o)
}
