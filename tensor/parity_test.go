package tensor_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// opCase describes one case of testdata/ops_*.npz; make_ops.py writes it.
type opCase struct {
	Name, Op       string
	Inputs         []string
	Constant       []string // inputs without a gradient
	Exact          bool     // every result must be equal bit for bit
	Kernel         [2]int
	Stride, Pad    [2]int
	TransA, TransB bool
	Train, Relu    bool
	Eps, Value     float64
	Targets, Rows  []int
	Shape          []int

	// of make_transformer.py
	Heads, Groups int
	Index         int // of a token, or what else is counted
	Tokens        [][]int
	Keep          []float32
}

func (c *opCase) pool() tensor.PoolSpec {
	return tensor.PoolSpec{KH: c.Kernel[0], KW: c.Kernel[1], StrideH: c.Stride[0], StrideW: c.Stride[1], PadH: c.Pad[0], PadW: c.Pad[1]}
}

// ops runs an operation of a case on its inputs, in the order of the file; a
// missing input is nil.
var ops = map[string]func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor{
	"conv": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.Conv2D(in[0], in[1], in[2], tensor.ConvSpec{StrideH: c.Stride[0], StrideW: c.Stride[1], PadH: c.Pad[0], PadW: c.Pad[1]})
	},
	"matmul": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.MatMul(in[0], in[1], c.TransA, c.TransB)
	},
	"matmul_self": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.MatMul(in[0], in[0], c.TransA, c.TransB)
	},
	"linear": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.Linear(in[0], in[1], in[2])
	},
	"l2normalize": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.L2Normalize(in[0], float32(c.Eps))
	},
	"maxpool": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.MaxPool2D(in[0], c.pool())
	},
	"avgpool": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.AvgPool2D(in[0], c.pool())
	},
	"globalavg": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.GlobalAvgPool(in[0]) },
	"globalmax": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.GlobalMaxPool(in[0]) },
	"crossentropy": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.SoftmaxCrossEntropy(in[0], c.Targets)
	},
	"maskdiagonal": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.MaskDiagonal(in[0], float32(c.Value))
	},
	"sum":  func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.Sum(in[0]) },
	"mean": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.Mean(in[0]) },
	"relu": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.ReLU(in[0]) },
	"scale": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.Scale(in[0], float32(c.Value))
	},
	"add":       func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.Add(in[0], in[1]) },
	"add_self":  func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.Add(in[0], in[0]) },
	"meanaxis0": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.MeanAxis0(in[0]) },
	"gather": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.Gather(in[0], c.Rows)
	},
	"concat": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.Concat(in[:len(c.Inputs)]...)
	},
	"concat_self": func(tp *tensor.Tape, _ *opCase, in []*tensor.Tensor) *tensor.Tensor { return tp.Concat(in[0], in[0]) },
	"reshape": func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
		return tp.Reshape(in[0], c.Shape...)
	},
}

// Tolerances of cases that are not exact, as shares of the largest element.
// PyTorch computed them in float64, so this is our own float32 rounding.
const (
	forwardTolerance  = 1e-5
	gradientTolerance = 1e-4
)

// TestOpsMatchPyTorch compares the value and all gradients of every operation
// with PyTorch's. An input comes as a parameter or as an intermediate result,
// and the operation runs once or twice on it, because the tape adds up
// gradients differently in each of the four.
func TestOpsMatchPyTorch(t *testing.T) {
	files, err := filepath.Glob("testdata/ops_*.npz")
	require.NoError(t, err)
	require.Len(t, files, 7)
	for _, file := range files {
		g := testutil.OpenGolden(t, file)
		var about struct {
			Torch string
			Cases []opCase
		}
		g.About(&about)
		require.NotEmpty(t, about.Cases)
		t.Run(filepath.Base(file), func(t *testing.T) {
			tensor.OnEveryISA(t, tensor.Options{}, func(t *testing.T, e *tensor.Engine) {
				var w worst
				for i := range about.Cases {
					c := &about.Cases[i]
					for _, intermediate := range []bool{false, true} {
						for _, times := range []int{1, 2} {
							w.checkOp(t, e, g, c, intermediate, times)
						}
					}
				}
				t.Logf("PyTorch %s: largest error %s", about.Torch, w)
			})
		})
	}
}

// worst is the largest error seen, and where.
type worst struct {
	forward, gradient     float64
	forwardAt, gradientAt string
}

func (w worst) String() string {
	return fmt.Sprintf("forward %.1e (%s), gradients %.1e (%s)", w.forward, w.forwardAt, w.gradient, w.gradientAt)
}

func (w *worst) check(t *testing.T, c *opCase, what string, got *tensor.Tensor, want []float32, shape []int, gradient bool) {
	t.Helper()
	if !assert.Equal(t, shape, got.Shape(), "%s: shape of %s", c.Name, what) {
		return
	}
	err := testutil.MaxError(got.Data(), want)
	limit := forwardTolerance
	if gradient {
		limit = gradientTolerance
	}
	if c.Exact {
		limit = 0
	}
	assert.LessOrEqual(t, err, limit, "%s: %s (share of the largest element)", c.Name, what)
	if gradient && err > w.gradient {
		w.gradient, w.gradientAt = err, c.Name+" "+what
	} else if !gradient && err > w.forward {
		w.forward, w.forwardAt = err, c.Name+" "+what
	}
}

func (w *worst) checkOp(t *testing.T, e *tensor.Engine, g *testutil.Golden, c *opCase, intermediate bool, times int) {
	t.Helper()
	norm := strings.HasPrefix(c.Op, "batchnorm")
	if norm && times > 1 {
		return // would move the running statistics twice
	}
	tp := e.NewTape(tensor.Mode{Train: c.Train, Grad: true})
	defer tp.Release()
	params := make([]*tensor.Tensor, len(c.Inputs))
	in := make([]*tensor.Tensor, max(4, len(c.Inputs)))
	for i, name := range c.Inputs {
		data, shape := g.Float32(c.Name + "." + name)
		params[i] = tensor.FromSlice(data, shape...)
		if !slices.Contains(c.Constant, name) {
			params[i].RequireGrad()
		}
		in[i] = params[i]
		if intermediate {
			in[i] = tp.Scale(params[i], 1)
		}
	}
	run := ops[c.Op]
	var stats *tensor.BNStats
	if norm {
		mean, shape := g.Float32(c.Name + ".mean")
		variance, _ := g.Float32(c.Name + ".var")
		stats = &tensor.BNStats{Mean: tensor.FromSlice(mean, shape...), Var: tensor.FromSlice(variance, shape...), Momentum: 0.1, Eps: 1e-5}
		run = func(tp *tensor.Tape, c *opCase, in []*tensor.Tensor) *tensor.Tensor {
			if c.Op == "batchnorm_add" {
				return tp.BatchNormAdd(in[0], in[1], in[2], stats, in[3], c.Relu, nil)
			}
			return tp.BatchNorm(in[0], in[1], in[2], stats, c.Relu)
		}
	}
	require.NotNil(t, run, "make_ops.py has an operation %q that this test does not know", c.Op)

	want, shape := g.Float32(c.Name + ".y")
	dy, _ := g.Float32(c.Name + ".dy")
	up := tensor.FromSlice(dy, len(dy), 1)
	var loss *tensor.Tensor
	for range times {
		y := run(tp, c, in)
		w.check(t, c, "y", y, want, shape, false)
		// the inner product of y and dy: its gradient is dy
		l := tp.MatMul(tp.Reshape(y, 1, y.Len()), up, false, false)
		if loss == nil {
			loss = l
		} else {
			loss = tp.Add(loss, l)
		}
	}
	tp.Backward(loss)
	for i, name := range c.Inputs {
		if slices.Contains(c.Constant, name) {
			assert.Nil(t, params[i].Grad(), "%s: gradient of the constant %s", c.Name, name)
			continue
		}
		want, shape := g.Float32(c.Name + "." + name + ".grad")
		for j := range want {
			want[j] *= float32(times)
		}
		if grad := params[i].Grad(); assert.NotNil(t, grad, "%s: gradient of %s", c.Name, name) {
			w.check(t, c, name+".grad", grad, want, shape, true)
		}
	}
	if stats != nil {
		for name, got := range map[string]*tensor.Tensor{"mean": stats.Mean, "var": stats.Var} {
			want, shape := g.Float32(c.Name + "." + name + ".after")
			w.check(t, c, "running "+name, got, want, shape, false)
		}
	}
}

// TestConvGradientsOneByOne asks a convolution for the gradient of one input
// alone, as the first layer of a network does, whose images have none.
func TestConvGradientsOneByOne(t *testing.T) {
	g := testutil.OpenGolden(t, "testdata/ops_conv.npz")
	var about struct{ Cases []opCase }
	g.About(&about)
	tensor.OnEveryISA(t, tensor.Options{}, func(t *testing.T, e *tensor.Engine) {
		var w worst
		for _, c := range about.Cases {
			for _, name := range c.Inputs {
				c.Constant = slices.DeleteFunc(slices.Clone(c.Inputs), func(s string) bool { return s == name })
				w.checkOp(t, e, g, &c, false, 1)
			}
		}
	})
}
