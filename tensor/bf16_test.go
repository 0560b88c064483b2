package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/tensor/internal/kernel"
)

// roundBF16 rounds the elements to bf16.
func roundBF16(x *Tensor) *Tensor {
	pair := []float32{0}
	for i, v := range x.data {
		kernel.AllBF16()[len(kernel.AllBF16())-1].Convert(pair, []float32{v})
		x.data[i] = math.Float32frombits(math.Float32bits(pair[0]) << 16)
	}
	return x
}

// layer is a layer's output and gradients for the sum of squares of the output.
func layer(e *Engine, op func(tp *Tape, in []*Tensor) *Tensor, in []*Tensor) [][]float32 {
	tp := e.NewTape(Training)
	defer tp.Release()
	for _, t := range in {
		t.ZeroGrad()
	}
	y := op(tp, in)
	out := [][]float32{slices.Clone(y.data)}
	n := len(y.data)
	flat := tp.Reshape(y, 1, n)
	tp.Backward(tp.Reshape(tp.MatMul(flat, flat, false, true), 1))
	for _, t := range in {
		out = append(out, slices.Clone(t.grad.data))
	}
	return out
}

// relative returns |got - want| / |want|.
func relative(got, want []float32) float64 {
	var d, w float64
	for i := range want {
		d += math.Pow(float64(got[i])-float64(want[i]), 2)
		w += math.Pow(float64(want[i]), 2)
	}
	return math.Sqrt(d / w)
}

// With inputs that are bf16 numbers the output is that of float32 to its
// precision, and the gradients differ by the rounding of the output's gradient
// alone: at most 2^-9 of each number, on average about 2^-10.
func TestBF16Layers(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	conv := func(tp *Tape, in []*Tensor) *Tensor {
		return tp.Conv2D(in[0], in[1], in[2], ConvSpec{PadH: 1, PadW: 1})
	}
	strided := func(tp *Tape, in []*Tensor) *Tensor {
		return tp.Conv2D(in[0], in[1], nil, ConvSpec{StrideH: 2, StrideW: 2, PadH: 1, PadW: 1})
	}
	linear := func(tp *Tape, in []*Tensor) *Tensor { return tp.Linear(in[0], in[1], in[2]) }
	linearAdd := func(tp *Tape, in []*Tensor) *Tensor { return tp.LinearAdd(in[0], in[1], in[2], in[3]) }
	for _, c := range []struct {
		name  string
		op    func(tp *Tape, in []*Tensor) *Tensor
		in    []*Tensor
		exact bool // too small to be worth it: stays in float32
	}{
		{"conv", conv, []*Tensor{randn(r, 6, 5, 5, 16), randn(r, 3, 3, 16, 24), randn(r, 24)}, false},
		{"conv, odd", conv, []*Tensor{randn(r, 5, 5, 5, 9), randn(r, 3, 3, 9, 11), randn(r, 11)}, false},
		{"conv, stride 2", strided, []*Tensor{randn(r, 4, 9, 9, 8), randn(r, 3, 3, 8, 8)}, false},
		{"linear", linear, []*Tensor{randn(r, 33, 20), randn(r, 17, 20), randn(r, 17)}, false},
		{"linear, added", linearAdd, []*Tensor{randn(r, 33, 20), randn(r, 17, 20), randn(r, 17), randn(r, 33, 17)}, false},
		{"conv of images", conv, []*Tensor{randn(r, 2, 8, 8, 3), randn(r, 3, 3, 3, 16), randn(r, 16)}, true},
		{"linear of few", linear, []*Tensor{randn(r, 7, 20), randn(r, 17, 20), randn(r, 17)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i := range c.in {
				roundBF16(c.in[i])
			}
			want := layer(testEngine(t, 1), c.op, c.in)
			var first [][]float32
			for threads := 1; threads <= 3; threads++ {
				got := layer(bf16Engine(t, threads), c.op, c.in)
				if first == nil {
					first = got
				}
				assert.Equal(t, first, got, "%d threads", threads)
			}
			if c.exact {
				assert.Equal(t, want, first)
				return
			}
			assert.Less(t, relative(first[0], want[0]), 1e-6)
			for i := range c.in {
				d := relative(first[1+i], want[1+i])
				assert.Less(t, d, 4e-3, "input %d", i)
				if i < 2 {
					assert.Greater(t, d, 1e-6, "input %d: the gradient should have been rounded", i)
				}
			}
		})
	}
}

// Losses multiply in float32, and so does all inference.
func TestBF16IsForLayersInTraining(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 9))
	e, f := bf16Engine(t, 2), testEngine(t, 2)
	assert.Equal(t, []string{BF16, Float32}, []string{e.Precision(), f.Precision()})
	a, b := randn(r, 20, 30), randn(r, 20, 30)
	x, w := randn(r, 8, 6, 6, 16), randn(r, 3, 3, 16, 16)
	of := func(e *Engine, m Mode) (product, linear, conv []float32) {
		tp := e.NewTape(m)
		defer tp.Release()
		return slices.Clone(tp.MatMul(a, b, false, true).data), slices.Clone(tp.Linear(a, b, nil).data), slices.Clone(tp.Conv2D(x, w, nil, ConvSpec{}).data)
	}
	product, linear, conv := of(f, Training)
	p, l, c := of(e, Training)
	assert.Equal(t, product, p)
	assert.NotEqual(t, linear, l)
	assert.NotEqual(t, conv, c)
	p, l, c = of(e, Inference)
	assert.Equal(t, [][]float32{product, linear, conv}, [][]float32{p, l, c})
}

func TestPrecisionIsChecked(t *testing.T) {
	_, err := NewEngine(Options{Precision: "fp8"})
	assert.EqualError(t, err, `precision: found "fp8", expected float32 or bf16`)
	for _, p := range append(Precisions(), "") {
		e := engineOf(t, Options{Threads: 1, Precision: p})
		assert.False(t, p != BF16 && e.EmulatesBF16())
	}
}

// Every instruction set gives the bits of every other in the layers themselves.
func TestBF16EmulatedOrNot(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 9))
	x, w, b := randn(r, 6, 4, 4, 16), randn(r, 3, 3, 16, 10), randn(r, 10)
	var first [][]float32
	var name string
	OnEveryISA(t, Options{Threads: 2, Precision: BF16}, func(t *testing.T, e *Engine) {
		tp := e.NewTape(Training)
		y := tp.Conv2D(x, w, b, ConvSpec{PadH: 1, PadW: 1})
		got := [][]float32{slices.Clone(y.data)}
		// The output is as good a gradient as any.
		y.grad = &Tensor{shape: y.shape, data: slices.Clone(y.data), tape: nil}
		tp.nodes[0].back()
		got = append(got, slices.Clone(x.grad.data), slices.Clone(w.grad.data))
		x.ZeroGrad()
		w.ZeroGrad()
		b.ZeroGrad()
		if first == nil {
			first, name = got, e.ISA()
		}
		assert.Equal(t, first, got, "%s and %s", name, e.ISA())
	})
}
