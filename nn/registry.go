package nn

import (
	"fmt"
	"slices"
	"sync"
)

// Architecture is what RegisterEncoder needs to know of an encoder: which options it
// takes and how it is built.
type Architecture struct {
	// Pools, Stems, Norms and Positions are the values that the options of these
	// names can have. The first is what "auto" means. Without values the option
	// takes "auto" only.
	Pools, Stems, Norms, Positions []string
	// AutoStem returns the stem that "auto" means where it depends on other options,
	// such as the size of the images; nil: the first of Stems.
	AutoStem func(o EncoderOptions) string
	// DropPath and Depth say whether the options of these names count.
	DropPath, Depth bool
	// StemGeometry says whether the options StemPad, StemStride and StemPool count.
	// Their usual values are those of the stem, one of StemCIFAR and StemImageNet.
	StemGeometry bool
	// NormEps is the usual value of the option of that name; 0: it does not count.
	NormEps float64
	// Tokens describes a vision transformer, for which the options Heads, FCNorm,
	// LayerScale, Registers and PositionsSize count; nil: they do not.
	Tokens *TokenSize
	// Assumed says for the function of that name what weights do not tell, of options
	// that Resolve returned; nil: the values of the options that count.
	Assumed func(o EncoderOptions) string
	// Groups are rows of tables that name taps of this encoder. Their field Encoder
	// is filled in.
	Groups []TapGroup
	// Build returns the layers with initial weights drawn from seed. The options are
	// checked: sizes are positive, no value is "auto", and options of Geometry that
	// count have their usual values where none were given. The layers take images
	// [H,W,C] of the options' size to features [C].
	Build func(o EncoderOptions, seed uint64) Layer

	name string // under which it is registered
}

// registry holds the encoders in the order of their registration.
var registry struct {
	sync.RWMutex
	names []string
	of    map[string]Architecture
}

// RegisterEncoder makes an encoder known to NewEncoder, and with it to recipes. Call
// it from an init function of the file that builds the encoder. It panics if the name
// is empty or taken, or if there is no Build.
func RegisterEncoder(name string, a Architecture) {
	registry.Lock()
	defer registry.Unlock()
	_, taken := registry.of[name]
	switch {
	case name == "":
		panic("nn: RegisterEncoder: found no name, expected one")
	case taken:
		panic(fmt.Sprintf("nn: RegisterEncoder: found %q twice, expected another name", name))
	case a.Build == nil:
		panic(fmt.Sprintf("nn: RegisterEncoder: %s: found no Build, expected a function", name))
	}
	if registry.of == nil {
		registry.of = map[string]Architecture{}
	}
	a.name = name
	a.Groups = slices.Clone(a.Groups)
	for i := range a.Groups {
		a.Groups[i].Encoder = name
	}
	registry.names = append(registry.names, name)
	registry.of[name] = a
}

// EncoderNames returns the names that NewEncoder knows, in the order of their
// registration.
func EncoderNames() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Clone(registry.names)
}

// ArchitectureOf returns what is registered under that name, and false if nothing is.
func ArchitectureOf(name string) (Architecture, bool) {
	registry.RLock()
	defer registry.RUnlock()
	a, ok := registry.of[name]
	return a, ok
}

// Stems returns the stems that the encoder of that name can have, none if it has
// only one of its own.
func Stems(name string) []string { return named(name).Stems }

// Pools returns the ways in which the encoder of that name can pool.
func Pools(name string) []string { return named(name).Pools }

// Norms returns the norms that can follow the convolutions of the encoder of that
// name, none if there is no choice.
func Norms(name string) []string { return named(name).Norms }

// Positions returns the kinds of positions that the encoder of that name can have,
// none if its layers have no positions.
func Positions(name string) []string { return named(name).Positions }

// TakesDropPath says whether the option DropPath counts for the encoder of that name.
func TakesDropPath(name string) bool { return named(name).DropPath }

// named returns what is registered under that name, an empty Architecture if nothing
// is.
func named(name string) Architecture {
	a, _ := ArchitectureOf(name)
	return a
}
