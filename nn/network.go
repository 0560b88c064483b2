package nn

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/tensor"
)

// NewNetwork returns an encoder made of any layers. It has everything that the
// encoders of NewEncoder have: taps, copies (Fresh, CloneEncoder), other sizes of
// images (ForImages), weights in files, swaps and pruning.
//
// build returns the layers with initial weights drawn from seed. NewNetwork calls it
// once, and Fresh and CloneEncoder call it again: it must make the same layers every
// time, with parameters of their own. in is the shape of one input, [H,W,C] of
// images; the layers take it to features [C].
//
// Layers of the types PatchEmbed and EmbedTokens at the beginning and TokenPool at
// the end of a Sequential, where layers may follow it in one of its own, make the encoder a TokenEncoder,
// which MAE needs.
//
// NewNetwork fails if the layers do not take the shape, if the output is not [C], if
// two taps or two parameters have the same name, or if a parameter belongs to no tap.
// A parameter belongs to the tap whose name, followed by a dot, begins its own; those
// without a dot in their name belong to the first tap of kind KindEmbed.
func NewNetwork(build func(seed uint64) Layer, in []int, seed uint64) (Encoder, error) {
	n, err := newNetwork(build, in, seed)
	if err != nil {
		return nil, fmt.Errorf("network on inputs of shape %v: %w", in, err)
	}
	return n.encoder(), nil
}

// newNetwork is NewNetwork but for the words of the error and the type.
func newNetwork(build func(seed uint64) Layer, in []int, seed uint64) (*network, error) {
	if len(in) < 1 || len(in) > 3 || slices.Min(in) < 1 {
		return nil, fmt.Errorf("input: found shape %v, expected [H,W,C], [T,C] or [C] with sizes of at least 1", in)
	}
	if build == nil {
		return nil, errors.New("layers: found no function that builds them, expected one")
	}
	layers := build(seed)
	if layers == nil {
		return nil, errors.New("layers: found none, expected at least one")
	}
	n := &network{Layer: layers, in: slices.Clone(in), build: build}
	return n, n.plan()
}

// network is a Layer planned for one shape of input.
type network struct {
	Layer
	in   []int
	taps []TapInfo
	out  int
	// build makes the layers of another network of the same kind; nil for one that
	// shares the parameters of another.
	build func(seed uint64) Layer
}

// plan sets the taps and the number of features and checks the names.
func (n *network) plan() error {
	var p Plan
	out, err := n.Plan(&p, n.in)
	if err != nil {
		return err
	}
	if len(out) != 1 {
		return fmt.Errorf("output: found shape %v, expected [C]: a pool must come last", out)
	}
	n.taps, n.out = p.Taps, out[0]
	taken := map[string]bool{}
	for _, t := range n.taps {
		if taken[t.Name] {
			return fmt.Errorf("tap %s: found twice, expected a name of its own for every layer", t.Name)
		}
		taken[t.Name] = true
	}
	clear(taken)
	for _, p := range n.Params() {
		if taken[p.Name] {
			return fmt.Errorf("parameter %s: found twice, expected a name of its own for every parameter", p.Name)
		}
		taken[p.Name] = true
		at := tapOf(n.taps, p.Name)
		if at < 0 {
			return fmt.Errorf("parameter %s: found no tap that it belongs to, expected one "+
				"whose name and a dot begin the parameter's name", p.Name)
		}
		if !p.Buffer {
			n.taps[at].Params += p.Value.Len()
		}
	}
	return nil
}

// tapOf returns the place of the tap that a parameter belongs to, as NewNetwork says;
// -1 if there is none.
func tapOf(taps []TapInfo, param string) int {
	if !strings.Contains(param, ".") {
		return slices.IndexFunc(taps, func(t TapInfo) bool { return t.Kind == KindEmbed })
	}
	at := -1 // the longest name
	for i, t := range taps {
		if strings.HasPrefix(param, t.Name+".") && (at < 0 || len(t.Name) > len(taps[at].Name)) {
			at = i
		}
	}
	return at
}

// encoder returns n as a TokenEncoder if its layers are those of one.
func (n *network) encoder() Encoder {
	s, ok := n.Layer.(Sequential)
	if !ok || len(s) < 3 {
		return n
	}
	patches, begins := s[0].(*PatchEmbed)
	embed, places := s[1].(*EmbedTokens)
	last := s[len(s)-1]
	if behind, ok := last.(Sequential); ok && len(behind) > 0 { // such as fc_norm
		last = behind[0]
	}
	_, pools := last.(*TokenPool)
	if !begins || !places || !pools {
		return n
	}
	return &tokenNetwork{n, s, patches.grid(n.in, embed.token.Value.Len())}
}

// Forward implements Encoder. It panics if the inputs are not of the shape that the
// network was planned for: the taps would not be what they are said to be.
func (n *network) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	n.checkInput(x)
	return n.Layer.Forward(c, x)
}

func (n *network) checkInput(x *tensor.Tensor) {
	if x.Rank() != 1+len(n.in) || !slices.Equal(x.Shape()[1:], n.in) {
		panic(fmt.Sprintf("nn: encoder on images of shape %v, expected [N %s]",
			x.Shape(), strings.Trim(fmt.Sprint(n.in), "[]")))
	}
}

// Taps implements Encoder.
func (n *network) Taps() []TapInfo { return n.taps }

// OutDim implements Encoder.
func (n *network) OutDim() int { return n.out }

// self is how Fresh and ForImages find the network in an Encoder.
func (n *network) self() *network { return n }

// networkOf returns the network that an encoder is. It fails for other types.
func networkOf(enc Encoder) (*network, error) {
	n, ok := enc.(interface{ self() *network })
	if !ok {
		return nil, fmt.Errorf("encoder: found a %T, expected one of NewEncoder or NewNetwork", enc)
	}
	return n.self(), nil
}

// Fresh returns another encoder with the architecture of enc and initial weights
// drawn from seed. It fails for encoders that neither NewEncoder nor NewNetwork made.
func Fresh(enc Encoder, seed uint64) (Encoder, error) {
	n, err := networkOf(enc)
	if err != nil {
		return nil, err
	}
	if n.build == nil {
		return nil, errors.New("encoder: found one of ForImages, which shares the parameters of another, " +
			"expected one of NewEncoder or NewNetwork")
	}
	return NewNetwork(n.build, n.in, seed)
}

// CloneEncoder returns a copy of enc that shares no memory with it: weights and
// running statistics alike. It fails where Fresh does, or if two calls of the
// function given to NewNetwork make different parameters.
func CloneEncoder(enc Encoder) (Encoder, error) {
	c, err := Fresh(enc, 0)
	if err != nil {
		return nil, err
	}
	return c, Copy(c.Params(), enc.Params())
}

// Resizer is a Layer with something made for one size of input, such as positions.
// Layers that take any size, as convolutions do, need not be one.
type Resizer interface {
	Layer
	// ForInput returns the layer with the very same parameters for inputs of shape
	// in. p is the plan of all layers before it for that size. The error says which
	// sizes the layer can take.
	ForInput(p *Plan, in []int) (Layer, error)
}

// forInput returns l for inputs of shape in: l itself unless it is a Resizer.
func forInput(l Layer, p *Plan, in []int) (Layer, error) {
	if r, ok := l.(Resizer); ok {
		return r.ForInput(p, in)
	}
	return l, nil
}

// ForInput implements Resizer.
func (s Sequential) ForInput(p *Plan, in []int) (Layer, error) {
	out := slices.Clone(s)
	for i, l := range s {
		var err error
		if out[i], err = forInput(l, p, in); err != nil {
			return nil, err
		}
		if in, err = out[i].Plan(p, in); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ForImages returns an encoder with the very same parameters as enc for images of
// another height and width; both may be used on one tape. Convolutions take any size
// that does not vanish on the way. A vision transformer takes any number of whole
// patches: ResizePositions brings its positions to their grid. It fails where a layer
// does not take the size, and for encoders that neither NewEncoder nor NewNetwork made.
func ForImages(enc Encoder, h, w int) (Encoder, error) {
	n, err := networkOf(enc)
	if err != nil {
		return nil, err
	}
	if len(n.in) != 3 {
		return nil, fmt.Errorf("images of %dx%d: found an encoder of inputs of shape %v, "+
			"expected one of images [H,W,C]", h, w, n.in)
	}
	other := &network{in: []int{h, w, n.in[2]}}
	if other.Layer, err = forInput(n.Layer, &Plan{}, other.in); err == nil {
		err = other.plan()
	}
	if err != nil {
		return nil, fmt.Errorf("images of %dx%d: %w", h, w, err)
	}
	if other.out != n.out {
		return nil, fmt.Errorf("images of %dx%d: found %d features, expected %d", h, w, other.out, n.out)
	}
	return other.encoder(), nil
}
