package nn

import (
	"fmt"

	"github.com/locimem/locimem/tensor"
)

// Conv1DConfig describes a convolution over time.
type Conv1DConfig struct {
	In, Out int // channels
	Kernel  int
	Stride  int // 0 means 1
	Pad     int // zeros before and after
}

// Conv1D is a convolution over time: [N,T,In] to [N,OT,Out] with OT = (T + 2 Pad -
// Kernel)/Stride + 1, as for speech. Its parameters are weight and bias [Out]. The
// weight is that of an image one pixel high, [1,Kernel,In,Out], and is saved as
// such, [Out,In,1,Kernel].
type Conv1D struct {
	name         string
	c            Conv1DConfig
	weight, bias *Param
}

// NewConv1D returns a convolution with PyTorch's default initialisation.
func NewConv1D(name string, c Conv1DConfig, seed uint64) *Conv1D {
	c.Stride = max(c.Stride, 1)
	fanIn := c.Kernel * c.In
	return &Conv1D{name, c, newWeight(name, fanIn, seed, 1, c.Kernel, c.In, c.Out), newBias(name, fanIn, seed, c.Out)}
}

// Forward implements Module.
func (l *Conv1D) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	w := c.Tape.Reshape(l.weight.Value, l.c.Kernel, l.c.In, l.c.Out)
	y := c.Tape.Conv1D(x, w, l.bias.Value, l.c.Stride, l.c.Pad)
	c.Tap(l.name, y)
	return y
}

// Params implements Module.
func (l *Conv1D) Params() []*Param { return []*Param{l.weight, l.bias} }

// Plan implements Layer.
func (l *Conv1D) Plan(p *Plan, in []int) ([]int, error) {
	if len(in) != 2 || in[1] != l.c.In {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected [T,%d]", l.name, in, l.c.In)
	}
	room := in[0] + 2*l.c.Pad - l.c.Kernel
	if room < 0 {
		return nil, fmt.Errorf("layer %s: its window of %d does not fit into %d steps with padding %d",
			l.name, l.c.Kernel, in[0], l.c.Pad)
	}
	out := []int{room/l.c.Stride + 1, l.c.Out}
	p.Add(l.name, KindConv, out)
	return out, nil
}

// MeanTime is the mean over time: [N,T,C] to [N,C].
type MeanTime struct{ Name string }

// Forward implements Module.
func (l *MeanTime) Forward(c *Context, x *tensor.Tensor) *tensor.Tensor {
	y := c.Tape.MeanTime(x)
	c.Tap(l.Name, y)
	return y
}

// Params implements Module: there are none.
func (l *MeanTime) Params() []*Param { return nil }

// Plan implements Layer.
func (l *MeanTime) Plan(p *Plan, in []int) ([]int, error) {
	if len(in) != 2 || in[0] < 1 {
		return nil, fmt.Errorf("layer %s: input of shape %v, expected [T,C]", l.Name, in)
	}
	p.Add(l.Name, KindPool, in[1:])
	return in[1:], nil
}

// Embedding holds a vector for each of a number of ids, such as the words of a
// vocabulary. Its parameter is weight [ids,dim]. It is no Module: what goes in are
// no activations.
type Embedding struct {
	name   string
	weight *Param
}

// NewEmbedding returns an embedding of normally distributed numbers, as PyTorch's,
// but for those beyond two standard deviations, which are drawn again.
func NewEmbedding(name string, ids, dim int, seed uint64) *Embedding {
	w := name + ".weight"
	return &Embedding{name, &Param{Name: w, Value: normal(tensor.New(ids, dim), 1, seed, w).RequireGrad(), NoDecay: true}}
}

// Forward returns the vectors of n sequences of ids, one after another, of equal
// length: [n,T,dim]. It panics if an id is not there or n does not divide them.
func (l *Embedding) Forward(c *Context, ids []int, n int) *tensor.Tensor {
	if n < 1 || len(ids)%n != 0 {
		panic(fmt.Sprintf("nn: %s: %d ids in %d sequences", l.name, len(ids), n))
	}
	y := c.Tape.Embedding(l.weight.Value, ids, n, len(ids)/n)
	c.Tap(l.name, y)
	return y
}

// Params returns the weight.
func (l *Embedding) Params() []*Param { return []*Param{l.weight} }
