// Package tensor holds dense float32 tensors and reverse-mode automatic
// differentiation on an explicit tape. Images are laid out N,H,W,C: batch, row,
// column, channel, the channels of a pixel side by side.
//
// A program makes one Engine (threads, kernels, buffers), a Tape from it for
// each step, runs operations on the tape, calls Backward on the loss and then
// Release, after which the tape serves the next step:
//
//	e, err := tensor.NewEngine(tensor.Options{})
//	tp := e.NewTape(tensor.Training)
//	loss := tp.SoftmaxCrossEntropy(tp.Linear(x, w, b), labels)
//	tp.Backward(loss) // w.Grad() and b.Grad() hold the gradients
//	tp.Release()
package tensor

import (
	"fmt"
	"slices"
	"strings"
)

// Tensor is a dense array of float32 in row-major order. The zero value is not
// useful: tensors come from New, FromSlice or a tape.
type Tensor struct {
	shape []int
	data  []float32
	grad  *Tensor
	needs bool    // a gradient is wanted for it or for something it was made from
	tape  *Tape   // that made it and owns its buffer; nil for New and FromSlice
	base  *Tensor // whose buffer this is, where it is not its own
	keep  bool    // the buffer stays until Release

	frozen bool // see Freeze
	thawed bool // what needs was before it was frozen
}

// New returns a tensor of zeros that lives as long as it is referred to. It
// panics if a dimension is negative.
func New(shape ...int) *Tensor {
	return &Tensor{shape: slices.Clone(shape), data: make([]float32, size(shape))}
}

// FromSlice returns a tensor over data, which it keeps without copying. It
// panics if the shape asks for another number of elements.
func FromSlice(data []float32, shape ...int) *Tensor {
	if n := size(shape); n != len(data) {
		panic(fmt.Sprintf("tensor: FromSlice: shape %v asks for %d elements, got %d", shape, n, len(data)))
	}
	return &Tensor{shape: slices.Clone(shape), data: data}
}

// size is the number of elements of a shape.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 {
			panic(fmt.Sprintf("tensor: negative dimension in shape %v", shape))
		}
		n *= d
	}
	return n
}

// Shape returns the dimensions; do not change them.
func (t *Tensor) Shape() []int { return t.shape }

// Rank returns the number of dimensions.
func (t *Tensor) Rank() int { return len(t.shape) }

// Dim returns dimension i; negative i counts from the end.
func (t *Tensor) Dim(i int) int {
	if i < 0 {
		i += len(t.shape)
	}
	return t.shape[i]
}

// Len returns the number of elements.
func (t *Tensor) Len() int { return len(t.data) }

// Data returns the elements themselves, not a copy. It is for the borders of
// the program (filling a batch, files, tests); computing belongs to the
// operations of this package.
func (t *Tensor) Data() []float32 { return t.data }

// CopyFrom sets the elements. It panics if the number differs.
func (t *Tensor) CopyFrom(src []float32) {
	if len(src) != len(t.data) {
		panic(fmt.Sprintf("tensor: CopyFrom: shape %v has %d elements, got %d", t.shape, len(t.data), len(src)))
	}
	copy(t.data, src)
}

// CopyTo copies the elements out. It panics if the number differs.
func (t *Tensor) CopyTo(dst []float32) {
	if len(dst) != len(t.data) {
		panic(fmt.Sprintf("tensor: CopyTo: shape %v has %d elements, got room for %d", t.shape, len(t.data), len(dst)))
	}
	copy(dst, t.data)
}

// Item returns the only element. It panics if there is not exactly one.
func (t *Tensor) Item() float32 {
	if len(t.data) != 1 {
		panic(fmt.Sprintf("tensor: Item of shape %v", t.shape))
	}
	return t.data[0]
}

// RequireGrad marks a tensor of New or FromSlice as one whose gradient Backward
// computes, and returns it.
func (t *Tensor) RequireGrad() *Tensor {
	if t.tape != nil {
		panic("tensor: RequireGrad on a result of a tape")
	}
	t.needs = true
	return t
}

// Grad returns the gradient that Backward calls have added up since ZeroGrad,
// nil before the first one.
func (t *Tensor) Grad() *Tensor { return t.grad }

// ZeroGrad sets the gradient to zero, if there is one.
func (t *Tensor) ZeroGrad() {
	if t.grad != nil {
		clear(t.grad.data)
	}
}

// String shows the shape and the first elements.
func (t *Tensor) String() string {
	const most = 8
	var b strings.Builder
	fmt.Fprintf(&b, "tensor%v", t.shape)
	if len(t.data) <= most {
		fmt.Fprintf(&b, "%v", t.data)
	} else {
		fmt.Fprintf(&b, "%v...", t.data[:most])
	}
	return b.String()
}

// rows splits a shape into rows of the last dimension: len/c rows of c.
func (t *Tensor) rows() (rows, c int) {
	c = t.Dim(-1)
	if c == 0 {
		return 0, 0
	}
	return len(t.data) / c, c
}

// mustShape panics unless t has the shape; what names the operation and the
// argument.
func (t *Tensor) mustShape(what string, shape ...int) {
	if !slices.Equal(t.shape, shape) {
		panic(fmt.Sprintf("tensor: %s has shape %v, expected %v", what, t.shape, shape))
	}
}

// mustRank panics unless t has n dimensions.
func (t *Tensor) mustRank(what string, n int) {
	if len(t.shape) != n {
		panic(fmt.Sprintf("tensor: %s has shape %v, expected %d dimensions", what, t.shape, n))
	}
}
