package tensor

import (
	"fmt"
	"slices"
)

// Mode says how the operations of a tape behave.
type Mode struct {
	// Train makes batch norm use the statistics of the batch and update its
	// running ones; without it the running ones are used.
	Train bool
	// Grad records operations for Backward.
	Grad bool
}

// The two usual modes.
var (
	Training  = Mode{Train: true, Grad: true}
	Inference = Mode{}
)

// Tape records the operations of one step and owns the buffers of their
// results. Tapes of one engine must not be used at the same time.
type Tape struct {
	e     *Engine
	mode  Mode
	nodes []node
	owned []*Tensor   // every tensor of the tape with a buffer of its own
	saved [][]float32 // buffers that operations hold for Backward

	samplesOf *bySample // see PerSample; nil: gradients of all samples together
}

// node is one recorded operation: back reads out.grad and adds to the
// gradients of the inputs.
type node struct {
	out  *Tensor
	back func()
}

// NewTape returns an empty tape.
func (e *Engine) NewTape(m Mode) *Tape { return &Tape{e: e, mode: m} }

// Train reports whether batch norm uses batch statistics.
func (tp *Tape) Train() bool { return tp.mode.Train }

// Grad reports whether the tape records for Backward.
func (tp *Tape) Grad() bool { return tp.mode.Grad }

// Engine returns the engine of the tape.
func (tp *Tape) Engine() *Engine { return tp.e }

// Buffer returns a tensor of the tape whose elements are not set: fill all of
// them. It is for the inputs of a step.
func (tp *Tape) Buffer(shape ...int) *Tensor {
	t := &Tensor{shape: slices.Clone(shape), data: tp.e.arena.Get(size(shape)), tape: tp}
	tp.owned = append(tp.owned, t)
	return t
}

// result returns a buffer for the output of an operation on the inputs.
func (tp *Tape) result(inputs []*Tensor, shape ...int) *Tensor {
	t := tp.Buffer(shape...)
	t.needs = tp.needs(inputs...)
	return t
}

// view returns a tensor that shares the buffer of t under another shape.
func (tp *Tape) view(t *Tensor, shape ...int) *Tensor {
	base := t
	if t.base != nil {
		base = t.base
	}
	return &Tensor{shape: slices.Clone(shape), data: t.data, tape: tp, base: base, needs: tp.needs(t)}
}

// needs reports whether a gradient must flow into one of the inputs.
func (tp *Tape) needs(inputs ...*Tensor) bool {
	if !tp.mode.Grad {
		return false
	}
	for _, t := range inputs {
		if t != nil && t.needs {
			return true
		}
	}
	return false
}

// record appends an operation if its output needs a gradient.
func (tp *Tape) record(out *Tensor, back func()) {
	if out.needs {
		tp.nodes = append(tp.nodes, node{out, back})
	}
}

// scratch returns a buffer that lives until Release; for what an operation
// saves for its way back.
func (tp *Tape) scratch(n int) []float32 {
	b := tp.e.arena.Get(n)
	tp.saved = append(tp.saved, b)
	return b
}

// gradOf returns where the gradient of t is to be added up, and whether it holds
// values already; if not the caller must set every element. Parameters' gradients
// outlive the tape and always hold values.
func (tp *Tape) gradOf(t *Tensor) (g []float32, holds bool) {
	if tp.samplesOf != nil && t.tape == nil {
		panic(fmt.Sprintf("tensor: PerSample: a parameter of shape %v is in an operation that does not know samples apart",
			t.shape))
	}
	if t.grad != nil {
		return t.grad.data, true
	}
	if t.tape == nil {
		t.grad = New(t.shape...)
		return t.grad.data, true
	}
	t.grad = &Tensor{shape: t.shape, data: tp.e.arena.Get(len(t.data)), tape: tp}
	return t.grad.data, false
}

// passGrad adds the whole gradient of out to that of t. Where t has none yet it
// takes the buffer over, since out is done with it.
func (tp *Tape) passGrad(t, out *Tensor) {
	if !t.needs {
		return
	}
	if t.grad == nil && t.tape != nil && out.grad.base == nil {
		t.grad = &Tensor{shape: t.shape, data: out.grad.data, tape: tp}
		out.grad.base = t.grad // no longer its own to free
		return
	}
	tp.addGrad(t, out.grad.data)
}

// addGrad adds values to the gradient of t.
func (tp *Tape) addGrad(t *Tensor, v []float32) {
	g, holds := tp.gradOf(t)
	tp.e.chunks(len(g), sweep, func(lo, hi int) {
		if holds {
			tp.e.k.Acc(g[lo:hi], v[lo:hi])
		} else {
			copy(g[lo:hi], v[lo:hi])
		}
	})
}

// addGradFrom adds to the gradient of t what fill writes. Where there are
// values already, fill writes to a buffer that is then added.
func (tp *Tape) addGradFrom(t *Tensor, fill func(dst []float32)) {
	g, holds := tp.gradOf(t)
	if !holds {
		fill(g)
		return
	}
	b := tp.e.arena.Get(len(g))
	fill(b)
	tp.addGrad(t, b)
	tp.e.arena.Put(b)
}

// Keep makes the value of t outlive Backward, until Release. Without it the
// buffers of intermediate results go back to the arena as soon as Backward has
// passed them. It returns t.
func (tp *Tape) Keep(t *Tensor) *Tensor {
	t.keep = true
	if t.base != nil {
		t.base.keep = true
	}
	return t
}

// Backward computes the gradient of loss, which must have one element, for
// every tensor that asked for one by RequireGrad, and adds it to what is there.
// Afterwards only the values of loss, of the inputs made by Buffer and of what
// Keep named are still defined. It can be called once before Release.
func (tp *Tape) Backward(loss *Tensor) {
	if !tp.mode.Grad {
		panic("tensor: Backward on a tape that does not record")
	}
	if len(loss.data) != 1 || loss.tape != tp {
		panic(fmt.Sprintf("tensor: Backward of shape %v, expected one element made on this tape", loss.shape))
	}
	if !loss.needs {
		panic("tensor: Backward of a loss that depends on no parameter")
	}
	tp.Keep(loss)
	g, _ := tp.gradOf(loss)
	g[0] = 1
	for i := len(tp.nodes) - 1; i >= 0; i-- {
		n := &tp.nodes[i]
		if n.out.grad != nil {
			n.back()
			tp.freeGrad(n.out)
		}
		// Every later reader of this value has been passed.
		if !n.out.keep && n.out.base == nil {
			tp.freeData(n.out)
		}
	}
	tp.nodes = tp.nodes[:0]
}

// freeGrad gives back the buffer of an intermediate gradient.
func (tp *Tape) freeGrad(t *Tensor) {
	if t.grad != nil && t.grad.tape == tp && t.grad.base == nil {
		tp.e.arena.Put(t.grad.data)
	}
	t.grad = nil
}

// freeData gives back the buffer of a value.
func (tp *Tape) freeData(t *Tensor) {
	if t.data != nil {
		tp.e.arena.Put(t.data)
		t.data = nil
	}
}

// Release gives all buffers of the tape back to the arena. Tensors that the
// tape made must not be used any more; the tape is as new.
func (tp *Tape) Release() {
	for _, t := range tp.owned {
		tp.freeGrad(t)
		tp.freeData(t)
	}
	for _, b := range tp.saved {
		tp.e.arena.Put(b)
	}
	tp.samplesOf = nil
	clear(tp.owned)
	clear(tp.saved)
	clear(tp.nodes)
	tp.owned, tp.saved, tp.nodes = tp.owned[:0], tp.saved[:0], tp.nodes[:0]
}
