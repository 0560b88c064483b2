package nn

import (
	"fmt"

	"github.com/locimem/locimem/tensor"
)

// PoolConfig describes pooling with a square window.
type PoolConfig struct {
	Max    bool // the largest element, else the mean
	Kernel int
	Stride int // 0 means Kernel
	Pad    int
}

// Pool2D takes the largest element or the mean of every window: [N,H,W,C] to
// [N,OH,OW,C] with OH = (H + 2 Pad - Kernel)/Stride + 1, likewise OW. In a mean
// the padding counts as zeros.
type Pool2D struct {
	name string
	c    PoolConfig
}

// NewPool2D returns a pooling layer.
func NewPool2D(name string, c PoolConfig) *Pool2D {
	if c.Stride == 0 {
		c.Stride = c.Kernel
	}
	return &Pool2D{name, c}
}

// Forward implements Module.
func (l *Pool2D) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	s := tensor.PoolSpec{
		KH: l.c.Kernel, KW: l.c.Kernel, StrideH: l.c.Stride, StrideW: l.c.Stride, PadH: l.c.Pad, PadW: l.c.Pad,
	}
	op := c.Tape.AvgPool2D
	if l.c.Max {
		op = c.Tape.MaxPool2D
	}
	y := op(x, s)
	c.Tap(l.name, y)
	return y
}

// Params implements Module: there are none.
func (l *Pool2D) Params() []*Param { return nil }

// Plan implements Layer.
func (l *Pool2D) Plan(p *Plan, in []int) ([]int, error) {
	if err := planImage(l.name, in, 0); err != nil {
		return nil, err
	}
	out, err := planWindow(l.name, in, in[2], l.c.Kernel, l.c.Stride, l.c.Pad)
	if err != nil {
		return nil, err
	}
	p.Add(l.name, KindPool, out)
	return out, nil
}

// GlobalPool takes the largest element (Max) or the mean of each whole channel:
// [N,H,W,C] to [N,C].
type GlobalPool struct {
	Name string
	Max  bool
}

// maxGlobal is the largest map that tensor.Tape.GlobalMaxPool takes.
const maxGlobal = 256

// Forward implements Module.
func (l *GlobalPool) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	op := c.Tape.GlobalAvgPool
	if l.Max {
		op = c.Tape.GlobalMaxPool
	}
	y := op(x)
	c.Tap(l.Name, y)
	return y
}

// Params implements Module: there are none.
func (l *GlobalPool) Params() []*Param { return nil }

// Plan implements Layer.
func (l *GlobalPool) Plan(p *Plan, in []int) ([]int, error) {
	if err := planImage(l.Name, in, 0); err != nil {
		return nil, err
	}
	if l.Max && in[0]*in[1] > maxGlobal {
		return nil, fmt.Errorf("layer %s: the largest element of a map of %dx%d, expected at most %d pixels: "+
			"the image is too large, or take the mean", l.Name, in[0], in[1], maxGlobal)
	}
	out := []int{in[2]}
	p.Add(l.Name, KindPool, out)
	return out, nil
}
