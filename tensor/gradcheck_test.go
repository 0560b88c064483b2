package tensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

// randn returns a tensor of normal numbers that wants a gradient.
func randn(r *rand.Rand, shape ...int) *Tensor {
	t := New(shape...)
	for i := range t.data {
		t.data[i] = float32(r.NormFloat64())
	}
	return t.RequireGrad()
}

// gradCheck compares the gradients of op for every input with central
// differences. The scalar that is differentiated is the sum of the outputs times
// fixed random weights, added up in float64, so that the only rounding is that
// of the operation itself. A few elements of each input are tried.
//
// With step h the difference has an error of about h^2 from curvature and of
// eps/h from rounding, eps = 6e-8: h = 1e-2 gives some 1e-4, which is what tol
// allows relative to the largest gradient; an error of a formula is far larger.
func gradCheck(t *testing.T, e *Engine, mode Mode, op func(tp *Tape, in []*Tensor) *Tensor, in ...*Tensor) {
	t.Helper()
	const h, tol = 1e-2, 5e-3
	r := rng.New(1, "gradcheck")
	tp := e.NewTape(mode)
	var weights []float64
	value := func() float64 {
		y := op(tp, in)
		if weights == nil {
			for range y.data {
				weights = append(weights, r.NormFloat64())
			}
		}
		s := 0.0
		for i, v := range y.data {
			s += weights[i] * float64(v)
		}
		tp.Release()
		return s
	}
	value()
	for _, x := range in {
		x.ZeroGrad()
	}
	y := op(tp, in)
	w := FromSlice(make([]float32, len(weights)), len(weights), 1)
	for i, v := range weights {
		w.data[i] = float32(v)
	}
	tp.Backward(tp.Sum(tp.MatMul(tp.Reshape(y, 1, len(y.data)), w, false, false)))
	tp.Release()
	for n, x := range in {
		if !x.needs {
			continue
		}
		require.NotNil(t, x.Grad(), "input %d has no gradient", n)
		scale := 0.0
		for _, g := range x.grad.data {
			scale = max(scale, math.Abs(float64(g)))
		}
		for try := range min(24, len(x.data)) {
			i := try
			if len(x.data) > 24 {
				i = r.IntN(len(x.data))
			}
			was := x.data[i]
			x.data[i] = was + h
			hi := value()
			x.data[i] = was - h
			lo := value()
			x.data[i] = was
			require.InDelta(t, (hi-lo)/(2*h), float64(x.grad.data[i]), tol*max(scale, 0.1),
				"input %d of shape %v, element %d", n, x.shape, i)
		}
	}
}

// away moves elements that lie near 0 away from it, and spreads equal ones, so
// that a step of the differences crosses no kink.
func away(t *Tensor) *Tensor {
	for i, v := range t.data {
		if v >= 0 && v < 0.05 {
			t.data[i] = 0.05
		} else if v < 0 && v > -0.05 {
			t.data[i] = -0.05
		}
	}
	return t
}

// spread returns the numbers 0, 0.1, 0.2, ... in random order: no two are so
// near that a difference step changes which is the largest.
func spread(r *rand.Rand, shape ...int) *Tensor {
	t := New(shape...)
	for i, p := range r.Perm(len(t.data)) {
		t.data[i] = 0.1*float32(p) - 0.05*float32(len(t.data))
	}
	return t.RequireGrad()
}

func TestGradients(t *testing.T) {
	r := rng.New(2, "inputs")
	e := testEngine(t, 2)
	type tensors = []*Tensor
	cases := []struct {
		name string
		op   func(tp *Tape, in []*Tensor) *Tensor
		in   tensors
	}{
		{"MatMul", func(tp *Tape, in []*Tensor) *Tensor { return tp.MatMul(in[0], in[1], false, false) }, tensors{randn(r, 5, 7), randn(r, 7, 3)}},
		{"MatMul ta", func(tp *Tape, in []*Tensor) *Tensor { return tp.MatMul(in[0], in[1], true, false) }, tensors{randn(r, 7, 5), randn(r, 7, 3)}},
		{"MatMul tb", func(tp *Tape, in []*Tensor) *Tensor { return tp.MatMul(in[0], in[1], false, true) }, tensors{randn(r, 5, 7), randn(r, 3, 7)}},
		{"MatMul ta tb", func(tp *Tape, in []*Tensor) *Tensor { return tp.MatMul(in[0], in[1], true, true) }, tensors{randn(r, 7, 5), randn(r, 3, 7)}},
		{"MatMul with itself", func(tp *Tape, in []*Tensor) *Tensor { return tp.MatMul(in[0], in[0], false, true) }, tensors{randn(r, 4, 6)}},
		{"Linear", func(tp *Tape, in []*Tensor) *Tensor { return tp.Linear(in[0], in[1], in[2]) }, tensors{randn(r, 5, 7), randn(r, 3, 7), randn(r, 3)}},
		{"Linear without bias", func(tp *Tape, in []*Tensor) *Tensor { return tp.Linear(in[0], in[1], nil) }, tensors{randn(r, 1, 7), randn(r, 3, 7)}},
		{"LinearAdd", func(tp *Tape, in []*Tensor) *Tensor { return tp.LinearAdd(in[0], in[1], in[2], in[3]) },
			tensors{randn(r, 2, 3, 7), randn(r, 5, 7), randn(r, 5), randn(r, 2, 3, 5)}},
		{"LinearAdd to what else is used, before and after", func(tp *Tape, in []*Tensor) *Tensor {
			x := tp.Scale(in[0], 2)
			return tp.Add(tp.LinearAdd(tp.LinearAdd(x, in[1], in[2], x), in[1], nil, x), x)
		}, tensors{randn(r, 4, 5), randn(r, 5, 5), randn(r, 5)}},
		{"Conv2D 3x3", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.Conv2D(in[0], in[1], in[2], ConvSpec{PadH: 1, PadW: 1})
		}, tensors{randn(r, 2, 5, 6, 3), randn(r, 3, 3, 3, 4), randn(r, 4)}},
		{"Conv2D stride 2 odd", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.Conv2D(in[0], in[1], nil, ConvSpec{StrideH: 2, StrideW: 3, PadH: 2, PadW: 1})
		}, tensors{randn(r, 1, 7, 9, 2), randn(r, 5, 3, 2, 3)}},
		{"Conv2D same input twice", func(tp *Tape, in []*Tensor) *Tensor {
			c := ConvSpec{PadH: 1, PadW: 1}
			return tp.Add(tp.Conv2D(in[0], in[1], nil, c), tp.Conv2D(in[0], in[1], nil, c))
		}, tensors{randn(r, 2, 4, 4, 2), randn(r, 3, 3, 2, 2)}},
		{"BatchNorm", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.BatchNorm(in[0], in[1], in[2], stats(5), false)
		}, tensors{randn(r, 3, 2, 4, 5), randn(r, 5), randn(r, 5)}},
		{"ReLU", func(tp *Tape, in []*Tensor) *Tensor { return tp.ReLU(in[0]) }, tensors{away(randn(r, 4, 9))}},
		{"Add", func(tp *Tape, in []*Tensor) *Tensor { return tp.Add(in[0], in[1]) }, tensors{randn(r, 4, 9), randn(r, 4, 9)}},
		{"Add to itself", func(tp *Tape, in []*Tensor) *Tensor { y := tp.Scale(in[0], 1.5); return tp.Add(y, y) }, tensors{randn(r, 4, 9)}},
		{"residual", func(tp *Tape, in []*Tensor) *Tensor {
			y := tp.Scale(in[0], 2)
			return tp.Add(y, tp.MatMul(y, in[1], false, false))
		}, tensors{randn(r, 4, 5), randn(r, 5, 5)}},
		{"MaxPool2D", func(tp *Tape, in []*Tensor) *Tensor { return tp.MaxPool2D(in[0], PoolSpec{KH: 2, KW: 2}) }, tensors{spread(r, 2, 5, 6, 3)}},
		{"MaxPool2D overlapping", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.MaxPool2D(in[0], PoolSpec{KH: 3, KW: 3, StrideH: 2, StrideW: 1, PadH: 1, PadW: 1})
		}, tensors{spread(r, 2, 5, 6, 3)}},
		{"AvgPool2D", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.AvgPool2D(in[0], PoolSpec{KH: 3, KW: 2, StrideH: 2, StrideW: 2, PadH: 1})
		}, tensors{randn(r, 2, 5, 6, 3)}},
		{"GlobalAvgPool", func(tp *Tape, in []*Tensor) *Tensor { return tp.GlobalAvgPool(in[0]) }, tensors{randn(r, 2, 3, 2, 5)}},
		{"GlobalMaxPool", func(tp *Tape, in []*Tensor) *Tensor { return tp.GlobalMaxPool(in[0]) }, tensors{spread(r, 2, 3, 2, 5)}},
		{"L2Normalize", func(tp *Tape, in []*Tensor) *Tensor { return tp.L2Normalize(in[0], 1e-12) }, tensors{randn(r, 4, 9)}},
		{"SoftmaxCrossEntropy", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.SoftmaxCrossEntropy(in[0], []int{2, 0, 6, 2})
		}, tensors{randn(r, 4, 7)}},
		{"MaskDiagonal", func(tp *Tape, in []*Tensor) *Tensor { return tp.MaskDiagonal(in[0], -3) }, tensors{randn(r, 5, 5)}},
		{"Sum", func(tp *Tape, in []*Tensor) *Tensor { return tp.Sum(in[0]) }, tensors{randn(r, 3, 5)}},
		{"Mean", func(tp *Tape, in []*Tensor) *Tensor { return tp.Mean(in[0]) }, tensors{randn(r, 3, 5)}},
		{"MeanAxis0", func(tp *Tape, in []*Tensor) *Tensor { return tp.MeanAxis0(in[0]) }, tensors{randn(r, 3, 5)}},
		{"Gather", func(tp *Tape, in []*Tensor) *Tensor { return tp.Gather(in[0], []int{3, 0, 3}) }, tensors{randn(r, 4, 2, 3)}},
		{"Concat", func(tp *Tape, in []*Tensor) *Tensor { return tp.Concat(in[0], in[1], in[0]) }, tensors{randn(r, 2, 3), randn(r, 1, 3)}},
		{"Reshape", func(tp *Tape, in []*Tensor) *Tensor { return tp.Reshape(tp.Reshape(in[0], 6), 3, 2) }, tensors{randn(r, 2, 3)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { gradCheck(t, e, Training, c.op, c.in...) })
	}
}

// The fused passes must give what their operations give one after the other;
// differences cannot tell at the kinks of ReLU and maximum.
func TestFusedBatchNormIsItsParts(t *testing.T) {
	r := rng.New(3, "bnrelu")
	e := testEngine(t, 2)
	pool := PoolSpec{KH: 2, KW: 2}
	for name, c := range map[string]struct {
		fused, parts func(tp *Tape, x, g, b *Tensor, s *BNStats) *Tensor
	}{
		"relu": {
			func(tp *Tape, x, g, b *Tensor, s *BNStats) *Tensor { return tp.BatchNorm(x, g, b, s, true) },
			func(tp *Tape, x, g, b *Tensor, s *BNStats) *Tensor { return tp.ReLU(tp.BatchNorm(x, g, b, s, false)) },
		},
		"pool": {
			func(tp *Tape, x, g, b *Tensor, s *BNStats) *Tensor {
				return tp.BatchNormMaxPool(x, g, b, s, false, nil)
			},
			func(tp *Tape, x, g, b *Tensor, s *BNStats) *Tensor {
				return tp.MaxPool2D(tp.BatchNorm(x, g, b, s, false), pool)
			},
		},
		"relu and pool": {
			func(tp *Tape, x, g, b *Tensor, s *BNStats) *Tensor { return tp.BatchNormMaxPool(x, g, b, s, true, nil) },
			func(tp *Tape, x, g, b *Tensor, s *BNStats) *Tensor {
				return tp.MaxPool2D(tp.ReLU(tp.BatchNorm(x, g, b, s, false)), pool)
			},
		},
	} {
		for _, mode := range []Mode{Training, {Grad: true}} {
			for _, ch := range []int{1, 5, 32} {
				x, gamma, beta, w := randn(r, 7, 4, 6, ch), randn(r, ch), randn(r, ch), randn(r, ch, 1)
				run := func(op func(tp *Tape, x, g, b *Tensor, s *BNStats) *Tensor) [][]float32 {
					for _, p := range []*Tensor{x, gamma, beta} {
						p.ZeroGrad()
					}
					tp := e.NewTape(mode)
					defer tp.Release()
					s := stats(ch)
					s.Mean.data[0] = 0.3
					out := tp.Keep(op(tp, x, gamma, beta, s))
					tp.Backward(tp.Sum(tp.MatMul(tp.Reshape(out, out.Len()/ch, ch), w, false, false)))
					return [][]float32{slices.Clone(out.data), s.Mean.data, s.Var.data,
						slices.Clone(x.grad.data), slices.Clone(gamma.grad.data), slices.Clone(beta.grad.data)}
				}
				fused, parts := run(c.fused), run(c.parts)
				for i := range 3 {
					require.Equal(t, parts[i], fused[i], "%s, %d channels, value %d", name, ch, i)
				}
				for i := 3; i < 6; i++ {
					require.InDeltaSlice(t, parts[i], fused[i], 2e-4, "%s, %d channels, gradient %d", name, ch, i)
				}
			}
		}
	}
}

// stats returns fresh running statistics of c channels.
func stats(c int) *BNStats {
	s := &BNStats{Mean: New(c), Var: New(c), Momentum: 0.1, Eps: 1e-5}
	for i := range s.Var.data {
		s.Var.data[i] = 1
	}
	return s
}
