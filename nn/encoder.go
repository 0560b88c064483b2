package nn

import (
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
	// max for resnet9, as in the paper, avg for the others, as in torchvision.
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
	name  string
	pool  string   // what "auto" means
	stems []string // that can be chosen from
	build func(o EncoderOptions, seed uint64) Sequential
}

// registry lists the encoders that there are.
func registry() []encoder {
	stems := []string{StemCIFAR, StemImageNet}
	return []encoder{
		{"resnet9", "max", nil, resNet9},
		{"resnet18", "avg", stems, resNet18},
		{"resnet34", "avg", stems, resNet34},
		{"resnet50", "avg", stems, resNet50},
	}
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
func Stems(name string) []string {
	for _, e := range registry() {
		if e.name == name {
			return e.stems
		}
	}
	return nil
}

// NewEncoder returns the encoder of that name with PyTorch's default
// initialisation from seed. It fails if there is none of that name, if an option
// is out of range, or if images of this size vanish on the way.
func NewEncoder(name string, o EncoderOptions, seed uint64) (Encoder, error) {
	all := registry()
	i := slices.IndexFunc(all, func(e encoder) bool { return e.name == name })
	if i < 0 {
		return nil, fmt.Errorf("encoder: found %q, expected one of: %s", name, strings.Join(EncoderNames(), ", "))
	}
	o, err := all[i].check(o)
	if err != nil {
		return nil, fmt.Errorf("encoder %s: %w", name, err)
	}
	n := &network{Sequential: all[i].build(o, seed), in: []int{o.InH, o.InW, o.InC}}
	var p Plan
	out, err := n.Plan(&p, n.in)
	if err != nil {
		return nil, fmt.Errorf("encoder %s on images of %dx%dx%d: %w", name, o.InH, o.InW, o.InC, err)
	}
	countParams(p.Taps, n.Params())
	n.taps, n.out = p.Taps, out[0]
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
	stem := StemCIFAR
	if max(o.InH, o.InW) > smallImage {
		stem = StemImageNet
	}
	for _, c := range []struct {
		name  string
		value *string
		auto  string
		known []string
	}{{"pool", &o.Pool, e.pool, []string{"max", "avg"}}, {"stem", &o.Stem, stem, e.stems},
		{"norm", &o.Norm, NormBatch, []string{NormBatch, NormGroup}}} {
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
// that have its name and one more word, as conv1.weight for conv1.
func countParams(taps []TapInfo, params []*Param) {
	count := map[string]int{}
	for _, p := range Trained(params) {
		count[p.Name[:strings.LastIndexByte(p.Name, '.')]] += p.Value.Len()
	}
	for i := range taps {
		taps[i].Params = count[taps[i].Name]
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
}

// Forward implements Encoder. It panics if the images are not of the shape that
// the network was planned for: the taps would not be what they are said to be.
func (n *network) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	if x.Rank() != 4 || !slices.Equal(x.Shape()[1:], n.in) {
		panic(fmt.Sprintf("nn: encoder on images of shape %v, expected [N %d %d %d]", x.Shape(), n.in[0], n.in[1], n.in[2]))
	}
	return n.Sequential.Forward(c, x)
}

// Taps implements Encoder.
func (n *network) Taps() []TapInfo { return n.taps }

// OutDim implements Encoder.
func (n *network) OutDim() int { return n.out }
