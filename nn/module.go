// Package nn builds networks from layers: each has named parameters, as PyTorch
// names them, and reports its output under a name (a tap) to whoever listens.
// Images are [N,H,W,C].
//
//	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{}, seed)
//	features := enc.Forward(&nn.Context{Tape: tape}, images) // [N,256]
//
// A layer's name is the name of its tap and the prefix of its parameters: the
// layer "conv1" has the weight "conv1.weight" and the tap "conv1".
package nn

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// Module is a part of a network.
type Module interface {
	// Forward computes the output on the context's tape. It panics if the
	// shape of x does not fit.
	Forward(c *Context, x *tensor.Tensor) *tensor.Tensor
	// Params returns the parameters in depth-first order, under full names.
	Params() []*Param
}

// Layer is a Module that also knows, without data, what it does to shapes.
type Layer interface {
	Module
	// Plan adds the taps of the layer to p, in forward order, and returns the
	// shape of its output for one image of shape in: [H,W,C] or [C]. The error
	// says which layer cannot take the shape, and why.
	Plan(p *Plan, in []int) (out []int, err error)
}

// Plan collects the taps of a network in forward order.
type Plan struct {
	Taps []TapInfo
	// rows and cols are the patches of the last PatchEmbed.
	rows, cols int
}

// Add appends a tap.
func (p *Plan) Add(name, kind string, shape []int) {
	p.Taps = append(p.Taps, TapInfo{Name: name, Depth: len(p.Taps) + 1, Kind: kind, Shape: slices.Clone(shape)})
}

// Sequential runs layers one after another.
type Sequential []Layer

// Forward implements Module.
func (s Sequential) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	for _, l := range s {
		x = l.Forward(c, x)
	}
	return x
}

// Params implements Module.
func (s Sequential) Params() []*Param {
	var out []*Param
	for _, l := range s {
		out = append(out, l.Params()...)
	}
	return out
}

// Plan implements Layer.
func (s Sequential) Plan(p *Plan, in []int) ([]int, error) {
	for _, l := range s {
		var err error
		if in, err = l.Plan(p, in); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// planImage checks that in is [H,W,C] with c channels, any number if c is 0.
func planImage(name string, in []int, c int) error {
	if len(in) != 3 || c != 0 && in[2] != c {
		want := "[H,W,C]"
		if c != 0 {
			want = fmt.Sprintf("[H,W,%d]", c)
		}
		return fmt.Errorf("layer %s: input of shape %v, expected %s", name, in, want)
	}
	return nil
}

// planWindow returns the shape of a map after square windows stride apart, with
// padding, and c channels.
func planWindow(name string, in []int, c, kernel, stride, pad int) ([]int, error) {
	h, w := in[0]+2*pad-kernel, in[1]+2*pad-kernel
	if h < 0 || w < 0 {
		return nil, fmt.Errorf("layer %s: its %dx%d window does not fit into a map of %dx%d with padding %d: "+
			"the image is too small", name, kernel, kernel, in[0], in[1], pad)
	}
	return []int{h/stride + 1, w/stride + 1, c}, nil
}
