package nn

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/locimem/locimem/tensor"
)

// Taps listens to the outputs of layers during a forward pass.
type Taps interface {
	// Wants says whether Got is to be called for the tap of that name. Layers
	// ask before they compute, and fuse what nobody wants to see.
	Wants(name string) bool
	// Got hands over the output of the layer of that name: [N,H,W,C] or [N,C].
	// The tensor belongs to the tape: on a recording tape it lasts until
	// Backward unless it is kept (tensor.Tape.Keep), on any tape until Release.
	// It must not be written to.
	Got(name string, t *tensor.Tensor)
}

// Context is what a forward pass runs in.
type Context struct {
	// Tape records the pass and owns its buffers and its mode.
	Tape *tensor.Tape
	// Taps hears the outputs of layers; nil when nobody listens.
	Taps Taps
}

// Listening says whether somebody wants the tap of that name.
func (c *Context) Listening(name string) bool {
	return c.Taps != nil && c.Taps.Wants(name)
}

// Tap hands t to whoever wants the tap of that name.
func (c *Context) Tap(name string, t *tensor.Tensor) {
	if c.Listening(name) {
		c.Taps.Got(name, t)
	}
}

// The kinds of taps: what kind of layer put the value out.
const (
	KindConv  = "conv" // convolution with its bias, before any norm
	KindBN    = "bn"   // batch norm, before the ReLU
	KindGN    = "gn"   // group norm, before the ReLU
	KindReLU  = "relu"
	KindPool  = "pool"
	KindAdd   = "add"   // sum of a residual block, before its ReLU if it has one
	KindBlock = "block" // output of a residual block, after the ReLU
	KindFC    = "fc"    // fully connected
)

// TapInfo describes one tap of a network.
type TapInfo struct {
	// Name says what the value is: conv4_2 is the convolution's output, bn4_2
	// and relu4_2 what follows it, res4 the sum after the residual add.
	Name string
	// Depth is the place of the tap in forward order, from 1.
	Depth int
	// Kind is one of the Kind constants.
	Kind string
	// Shape is that of one image: [H,W,C], or [C].
	Shape []int
	// Params is the number of trained values of the layer itself; 0 for those
	// that have none, such as relu, add and block.
	Params int
}

// Capture is a Taps that stores the outputs of one forward pass by name.
type Capture struct {
	// Got of each name heard, in the life time that Taps describes.
	Outputs map[string]*tensor.Tensor
	// Order of names as they were heard.
	Order []string
	wants map[string]bool
}

// NewCapture returns a Capture of the given taps, or of every tap if none is
// given.
func NewCapture(names ...string) *Capture {
	c := &Capture{Outputs: map[string]*tensor.Tensor{}}
	for _, n := range names {
		if c.wants == nil {
			c.wants = map[string]bool{}
		}
		c.wants[n] = true
	}
	return c
}

// Wants implements Taps.
func (c *Capture) Wants(name string) bool { return c.wants == nil || c.wants[name] }

// Got implements Taps.
func (c *Capture) Got(name string, t *tensor.Tensor) {
	if c.Outputs[name] == nil {
		c.Order = append(c.Order, name)
	}
	c.Outputs[name] = t
}

// SelectTaps returns the taps of all that match any of the patterns, in forward
// order. A pattern is a name, or a shell pattern such as "conv*" (path.Match).
// A pattern that is malformed or matches nothing is an error that lists the
// names there are.
func SelectTaps(all []TapInfo, patterns []string) ([]TapInfo, error) {
	chosen := make([]bool, len(all))
	for _, pat := range patterns {
		found := false
		for i, t := range all {
			ok, err := path.Match(pat, t.Name)
			if err != nil {
				return nil, fmt.Errorf("tap pattern %q: %w", pat, err)
			}
			if ok {
				chosen[i], found = true, true
			}
		}
		if !found {
			names := make([]string, len(all))
			for i, t := range all {
				names[i] = t.Name
			}
			return nil, fmt.Errorf("no tap matches %q; there are %s", pat, strings.Join(names, ", "))
		}
	}
	var out []TapInfo
	for i, t := range all {
		if chosen[i] {
			out = append(out, t)
		}
	}
	return slices.Clip(out), nil
}
