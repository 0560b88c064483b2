package nn

import (
	"github.com/locimem/locimem/tensor"
)

// ConvConfig describes a convolution with a square window.
type ConvConfig struct {
	In, Out int // channels
	Kernel  int
	Stride  int // 0 means 1
	Pad     int
	NoBias  bool
}

// Conv2D is a convolution: [N,H,W,In] to [N,OH,OW,Out] with
// OH = (H + 2 Pad - Kernel)/Stride + 1, likewise OW. Its parameters are weight
// [KH,KW,In,Out] and bias [Out].
type Conv2D struct {
	name   string
	c      ConvConfig
	weight *Param
	bias   *Param // nil without
}

// NewConv2D returns a convolution with PyTorch's default initialisation.
func NewConv2D(name string, c ConvConfig, seed uint64) *Conv2D {
	c.Stride = max(c.Stride, 1)
	fanIn := c.Kernel * c.Kernel * c.In
	l := &Conv2D{name: name, c: c}
	l.weight = newWeight(name, fanIn, seed, c.Kernel, c.Kernel, c.In, c.Out)
	if !c.NoBias {
		l.bias = newBias(name, fanIn, seed, c.Out)
	}
	return l
}

// Forward implements Module.
func (l *Conv2D) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := l.apply(c, x)
	c.Tap(l.name, y)
	return y
}

// apply is Forward without the tap.
func (l *Conv2D) apply(c *Context, x *tensor.Tensor) *tensor.Tensor {
	return c.Tape.Conv2D(x, l.weight.Value, valueOf(l.bias), tensor.ConvSpec{
		StrideH: l.c.Stride, StrideW: l.c.Stride, PadH: l.c.Pad, PadW: l.c.Pad,
	})
}

// Params implements Module.
func (l *Conv2D) Params() []*Param { return present(l.weight, l.bias) }

// Plan implements Layer.
func (l *Conv2D) Plan(p *Plan, in []int) ([]int, error) {
	if err := planImage(l.name, in, l.c.In); err != nil {
		return nil, err
	}
	out, err := planWindow(l.name, in, l.c.Out, l.c.Kernel, l.c.Stride, l.c.Pad)
	if err != nil {
		return nil, err
	}
	p.Add(l.name, KindConv, out)
	return out, nil
}

func newWeight(layer string, fanIn int, seed uint64, shape ...int) *Param {
	name := layer + ".weight"
	return &Param{Name: name, Value: uniform(tensor.New(shape...), fanIn, seed, name).RequireGrad()}
}

func newBias(layer string, fanIn int, seed uint64, n int) *Param {
	name := layer + ".bias"
	return &Param{Name: name, Value: uniform(tensor.New(n), fanIn, seed, name).RequireGrad(), NoDecay: true}
}

func valueOf(p *Param) *tensor.Tensor {
	if p == nil {
		return nil
	}
	return p.Value
}

func present(params ...*Param) []*Param {
	out := params[:0]
	for _, p := range params {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}
