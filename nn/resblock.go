package nn

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// Residual adds its input to the output of Body: y = x + Body(x). Its tap, of kind
// add, is the sum; the output of Body has a tap of its own.
type Residual struct {
	Name string
	Body Layer
}

// Forward implements Module.
func (r *Residual) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := c.Tape.Add(x, r.Body.Forward(c, x))
	c.Tap(r.Name, y)
	return y
}

// Params implements Module.
func (r *Residual) Params() []*Param { return r.Body.Params() }

// Plan implements Layer.
func (r *Residual) Plan(p *Plan, in []int) ([]int, error) {
	out, err := r.Body.Plan(p, in)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(in, out) {
		return nil, fmt.Errorf("layer %s: cannot add shapes %v and %v", r.Name, in, out)
	}
	p.Add(r.Name, KindAdd, out)
	return out, nil
}

// ForInput implements Resizer.
func (r *Residual) ForInput(p *Plan, in []int) (Layer, error) {
	body, err := forInput(r.Body, p, in)
	return &Residual{r.Name, body}, err
}

// ResBlock is a residual block with a ReLU behind the sum (He et al. 2016, Eq. 2):
//
//	out = ReLU(last(body(x)) + shortcut(x))
//
// If last is a BatchNorm, the norm, the sum and the ReLU are one pass over memory.
// Taps: those of the body, of last and of the shortcut; name.add, the sum; and name,
// the block's output. A BatchNorm in the place of last is heard together with the
// sum, after the shortcut.
type ResBlock struct {
	name                 string
	body, last, shortcut Layer
}

// NewResBlock returns a block of any layers. body ends with the last convolution,
// last is the norm behind it. shortcut is nil for the input itself; where the shape
// changes, it is usually a convolution and a norm.
func NewResBlock(name string, body, last, shortcut Layer) *ResBlock {
	if shortcut == nil {
		shortcut = Sequential(nil)
	}
	return &ResBlock{name, body, last, shortcut}
}

// BlockConfig describes a block of a ResNet.
type BlockConfig struct {
	In, Out int // channels
	// Mid is the number of channels inside a bottleneck; basic blocks have Out.
	Mid    int
	Stride int    // of one convolution and of the shortcut; 0 means 1
	Norm   string // NormBatch, also by default, or NormGroup
	// NormEps is added to variances; 0 means 1e-5.
	NormEps float64
}

// NewBasicBlock returns a block of two 3x3 convolutions, each with its norm, as in
// ResNet-18 and 34 (He et al. 2016, Fig. 5 left). Where the shape changes, the
// shortcut is a 1x1 convolution with a norm. Names are torchvision's: name.conv1,
// name.bn1, name.relu1, name.conv2, name.bn2, name.downsample.0 and 1.
func NewBasicBlock(name string, b BlockConfig, seed uint64) *ResBlock {
	return b.block(name, Sequential{
		convSame(name+".conv1", b.In, b.Out, 3, b.Stride, seed),
		NewNormReLU(b.norm(name+".bn1", b.Out), name+".relu1"),
		convSame(name+".conv2", b.Out, b.Out, 3, 1, seed),
	}, ".bn2", seed)
}

// NewBottleneck returns a block of a 1x1, a 3x3 and a 1x1 convolution, as in
// ResNet-50 (He et al. 2016, Fig. 5 right), with the stride on the 3x3 one, as in
// torchvision. Otherwise it is like NewBasicBlock.
func NewBottleneck(name string, b BlockConfig, seed uint64) *ResBlock {
	return b.block(name, Sequential{
		convSame(name+".conv1", b.In, b.Mid, 1, 1, seed),
		NewNormReLU(b.norm(name+".bn1", b.Mid), name+".relu1"),
		convSame(name+".conv2", b.Mid, b.Mid, 3, b.Stride, seed),
		NewNormReLU(b.norm(name+".bn2", b.Mid), name+".relu2"),
		convSame(name+".conv3", b.Mid, b.Out, 1, 1, seed),
	}, ".bn3", seed)
}

// block closes a block with its last norm and its shortcut.
func (b BlockConfig) block(name string, body Sequential, last string, seed uint64) *ResBlock {
	var shortcut Layer
	if b.Stride > 1 || b.In != b.Out {
		shortcut = Sequential{
			convSame(name+".downsample.0", b.In, b.Out, 1, b.Stride, seed),
			b.norm(name+".downsample.1", b.Out),
		}
	}
	return NewResBlock(name, body, b.norm(name+last, b.Out), shortcut)
}

// norm returns one of the block's norms.
func (b BlockConfig) norm(name string, channels int) Layer {
	return newNorm(name, b.Norm, channels, b.NormEps)
}

// convSame returns a convolution without bias and with padding that keeps the size of
// the map at stride 1.
func convSame(name string, in, out, kernel, stride int, seed uint64) *Conv2D {
	c := ConvConfig{In: in, Out: out, Kernel: kernel, Stride: stride, Pad: kernel / 2, NoBias: true}
	return NewConv2D(name, c, seed)
}

// Forward implements Module.
func (b *ResBlock) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	main, shortcut := b.body.Forward(c, x), b.shortcut.Forward(c, x)
	y := normAddReLU(c, b.last, main, shortcut, b.name+".add")
	c.Tap(b.name, y)
	return y
}

// Params implements Module, in PyTorch's order.
func (b *ResBlock) Params() []*Param {
	return slices.Concat(b.body.Params(), b.last.Params(), b.shortcut.Params())
}

// Plan implements Layer.
func (b *ResBlock) Plan(p *Plan, in []int) ([]int, error) {
	out, err := Sequential{b.body, b.last}.Plan(p, in)
	if err != nil {
		return nil, err
	}
	shortcut, err := b.shortcut.Plan(p, in)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(out, shortcut) {
		return nil, fmt.Errorf("layer %s: cannot add shapes %v and %v", b.name, out, shortcut)
	}
	p.Add(b.name+".add", KindAdd, out)
	p.Add(b.name, KindBlock, out)
	return out, nil
}

// ForInput implements Resizer.
func (b *ResBlock) ForInput(p *Plan, in []int) (Layer, error) {
	main, err := Sequential{b.body, b.last}.ForInput(p, in)
	if err != nil {
		return nil, err
	}
	shortcut, err := forInput(b.shortcut, p, in)
	layers := main.(Sequential)
	return &ResBlock{b.name, layers[0], layers[1], shortcut}, err
}
