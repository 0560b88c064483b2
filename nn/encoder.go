package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/locimem/locimem/tensor"
)

// Encoder turns images into features.
type Encoder interface {
	// Module's Forward takes images [N,InH,InW,InC] to features [N,OutDim].
	Module
	// Taps lists all taps in forward order; do not change it.
	Taps() []TapInfo
	// OutDim returns the number of features.
	OutDim() int
}

// EncoderOptions sets the size of an encoder. Zero values mean the defaults.
type EncoderOptions struct {
	// Width scales the number of channels of every layer (rounded, at least 1):
	// more than 0, at most 16, default 1.
	Width float64
	// Pool is what the head does with the last map: "max" or "avg", or "auto":
	// max for resnet9, as in the paper, avg for the other ResNets, as in
	// torchvision. Vision transformers have "token" (the class token, auto) or
	// "avg" (the mean of the patches' tokens), behind the final norm.
	Pool string
	// Stem is how resnet18, 34 and 50 begin: StemCIFAR, a 3x3 convolution of
	// stride 1; StemImageNet, a 7x7 convolution of stride 2 and a 3x3 max pool
	// of stride 2; or "auto": StemCIFAR for images of at most 64 pixels in
	// height and width. resnet9 has a stem of its own and takes "auto" only.
	Stem string
	// Norm is what stands behind every convolution: NormBatch, also by default,
	// or NormGroup, with the largest number of groups up to 32 that divides the
	// channels and leaves two or more in a group.
	Norm string
	// Positions of vision transformers: PositionsLearned (also "auto") or
	// PositionsSine.
	Positions string
	// DropPath is the share of samples for which the last block of a vision
	// transformer is left out in training; it rises from 0 in the first. At
	// least 0, below 1.
	DropPath float64
	// Depth is the number of blocks of a vision transformer, 0 for its usual one.
	Depth int
	// Geometry holds facts that a file of weights does not tell.
	Geometry
	// InH, InW and InC are the shape of an image, by default 32, 32 and 3.
	InH, InW, InC int
}

// The stems of resnet18, 34 and 50.
const (
	StemCIFAR    = "cifar"
	StemImageNet = "imagenet"
)

// The norms of encoders.
const (
	NormBatch = "batch"
	NormGroup = "group"
)

// smallImage is the largest side of an image for which "auto" takes StemCIFAR.
const smallImage = 64

// encoder is one entry of the registry: layers for checked options.
type encoder struct {
	name string
	// What can be chosen from; the first is what "auto" means, but for stems.
	pools, stems, norms, positions []string
	build                          func(o EncoderOptions, seed uint64) Sequential
	// patch is the side of a vision transformer's patches, 0 for other encoders;
	// dim and heads are the width of its tokens and its heads at width 1.
	patch      int
	dim, heads int
	bottleneck bool // a ResNet of blocks of three convolutions
}

// registry lists the encoders that there are.
func registry() []encoder {
	avg, stems, norms := []string{"avg", "max"}, []string{StemCIFAR, StemImageNet}, []string{NormBatch, NormGroup}
	return append([]encoder{
		{name: "resnet9", pools: []string{"max", "avg"}, norms: norms, build: resNet9},
		{name: "resnet18", pools: avg, stems: stems, norms: norms, build: resNet18},
		{name: "resnet34", pools: avg, stems: stems, norms: norms, build: resNet34},
		{name: "resnet50", pools: avg, stems: stems, norms: norms, build: resNet50, bottleneck: true},
	}, vits()...)
}

// EncoderNames returns the names that NewEncoder knows.
func EncoderNames() []string {
	var names []string
	for _, e := range registry() {
		names = append(names, e.name)
	}
	return names
}

// Stems returns the stems that the encoder of that name can have; none if it has
// one of its own only.
func Stems(name string) []string { return named(name).stems }

// Pools returns the ways in which the encoder of that name can pool.
func Pools(name string) []string { return named(name).pools }

// Norms returns the norms that can stand behind the convolutions of the encoder of
// that name; none if it has no convolutions of that kind.
func Norms(name string) []string { return named(name).norms }

// Positions returns the kinds of positions that the encoder of that name can
// have; none if it is no transformer.
func Positions(name string) []string { return named(name).positions }

// named returns the entry of the registry, an empty one if there is none.
func named(name string) encoder {
	for _, e := range registry() {
		if e.name == name {
			return e
		}
	}
	return encoder{}
}

// NewEncoder returns the encoder of that name with PyTorch's default
// initialisation from seed. It fails if there is none of that name, if an option
// is out of range, or if images of this size vanish on the way. A vision
// transformer is a TokenEncoder too.
func NewEncoder(name string, o EncoderOptions, seed uint64) (Encoder, error) {
	all := registry()
	i := slices.IndexFunc(all, func(e encoder) bool { return e.name == name })
	if i < 0 {
		return nil, fmt.Errorf("encoder: found %q, expected one of: %s", name, strings.Join(EncoderNames(), ", "))
	}
	given := o
	o, err := all[i].check(o)
	if err != nil {
		return nil, fmt.Errorf("encoder %s: %w", name, err)
	}
	if side := all[i].patch; side > 0 && o.PositionsSize > 0 && (o.PositionsSize/side)*(o.PositionsSize/side)*(o.InH/side)*(o.InW/side) > maxResize {
		return nil, fmt.Errorf("encoder %s: positions size: found %d for images of %dx%d, expected less: a matrix makes positions of positions",
			name, o.PositionsSize, o.InH, o.InW)
	}
	n := &network{Sequential: all[i].build(o, seed), in: []int{o.InH, o.InW, o.InC}}
	var p Plan
	out, err := n.Plan(&p, n.in)
	if err != nil {
		return nil, fmt.Errorf("encoder %s on images of %dx%dx%d: %w", name, o.InH, o.InW, o.InC, err)
	}
	countParams(p.Taps, n.Params())
	n.taps, n.out = p.Taps, out[0]
	n.another = func(seed uint64) (Encoder, error) { return NewEncoder(name, given, seed) }
	if patch := all[i].patch; patch > 0 {
		return newTokenNetwork(n, patch), nil
	}
	return n, nil
}

// check fills in the defaults and checks the ranges.
func (e *encoder) check(o EncoderOptions) (EncoderOptions, error) {
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
	if e.positions == nil && (o.DropPath > 0 || o.Depth > 0) {
		return o, fmt.Errorf("drop path and depth: found %v and %d, expected none: they are for vision transformers", o.DropPath, o.Depth)
	}
	if err := e.checkGeometry(&o); err != nil {
		return o, err
	}
	if o.Depth < 0 || o.Depth > 1000 {
		return o, fmt.Errorf("depth: found %d, expected 1 to 1000, or 0 for the usual", o.Depth)
	}
	auto := func(known []string) string { return append(known, "")[0] }
	stem := StemCIFAR
	if max(o.InH, o.InW) > smallImage {
		stem = StemImageNet
	}
	for _, c := range []struct {
		name  string
		value *string
		auto  string
		known []string
	}{{"pool", &o.Pool, auto(e.pools), e.pools}, {"stem", &o.Stem, stem, e.stems}, {"norm", &o.Norm, auto(e.norms), e.norms},
		{"positions", &o.Positions, auto(e.positions), e.positions}} {
		switch {
		case *c.value == "" || *c.value == "auto":
			*c.value = c.auto
		case !slices.Contains(c.known, *c.value):
			return o, fmt.Errorf("%s: found %q, expected %s", c.name, *c.value, strings.Join(append([]string{"auto"}, c.known...), ", "))
		}
	}
	return o, nil
}

// countParams sets the number of trained values of each tap: of the parameters
// that have its name and more words, as conv1.weight for conv1. Names of one word
// are the class token and the positions of a vision transformer.
func countParams(taps []TapInfo, params []*Param) {
	at := map[string]int{}
	for i, t := range taps {
		at[t.Name] = i
	}
	for _, p := range Trained(params) {
		name, found := p.Name, false
		for dot := strings.LastIndexByte(name, '.'); dot >= 0 && !found; dot = strings.LastIndexByte(name, '.') {
			name = name[:dot]
			_, found = at[name]
		}
		if !found {
			name = embedTap
		}
		if i, ok := at[name]; ok {
			taps[i].Params += p.Value.Len()
		}
	}
}

// channels scales a number of channels by the width factor.
func (o EncoderOptions) channels(n int) int {
	return max(1, int(math.Round(float64(n)*o.Width)))
}

// network is a planned sequence of layers.
type network struct {
	Sequential
	in   []int
	taps []TapInfo
	out  int
	// another makes an encoder of the same kind, initialised from seed.
	another func(seed uint64) (Encoder, error)
}

// fresh is how Fresh asks for an encoder.
func (n *network) fresh(seed uint64) (Encoder, error) {
	if n.another == nil {
		return nil, errors.New("encoder: found one of ForImages, which shares the parameters of another, expected one of NewEncoder")
	}
	return n.another(seed)
}

// Forward implements Encoder. It panics if the images are not of the shape that
// the network was planned for: the taps would not be what they are said to be.
func (n *network) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	n.checkImages(x)
	return n.Sequential.Forward(c, x)
}

func (n *network) checkImages(x *tensor.Tensor) {
	if x.Rank() != 4 || !slices.Equal(x.Shape()[1:], n.in) {
		panic(fmt.Sprintf("nn: encoder on images of shape %v, expected [N %d %d %d]", x.Shape(), n.in[0], n.in[1], n.in[2]))
	}
}

// Taps implements Encoder.
func (n *network) Taps() []TapInfo { return n.taps }

// OutDim implements Encoder.
func (n *network) OutDim() int { return n.out }
