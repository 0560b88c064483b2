package nn_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Tolerances against PyTorch in float64, as shares of the largest element of a
// whole array, or of the size of what a summary holds. PyTorch's own float32 is
// off by up to 5e-6 in the taps of these networks and 4e-6 in the gradients.
const (
	forwardTolerance  = 2e-5
	gradientTolerance = 2e-5
)

// compare returns the error of got against the array or summary of that name.
func compare(t *testing.T, g *testutil.Golden, full bool, name string, got *tensor.Tensor) float64 {
	t.Helper()
	if full {
		want, shape := g.Float32(name)
		require.Equal(t, shape, got.Shape(), "%s", name)
		return testutil.MaxError(got.Data(), want)
	}
	return testutil.SummaryError(name, got.Data(), g.Float64(name))
}

// TestResNet9MatchesPyTorch runs the network on PyTorch's parameters and images:
// every tap in training and in evaluation mode, every gradient and every running
// statistic.
func TestResNet9MatchesPyTorch(t *testing.T) {
	files, err := filepath.Glob("testdata/resnet9*.npz")
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".npz"), func(t *testing.T) {
			g := testutil.OpenGolden(t, file)
			for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
				t.Run(isa, func(t *testing.T) {
					e, err := tensor.NewEngine(tensor.Options{ISA: isa})
					if err != nil {
						testutil.MissingISA(t, isa, err)
					}
					defer e.Close()
					checkResNet9(t, e, g)
				})
			}
		})
	}
}

func checkResNet9(t *testing.T, e *tensor.Engine, g *testutil.Golden) {
	var about struct {
		Torch, Pool string
		Width       float64
		N, H, W     int
		Full        bool
		Parameters  int
		Taps        []string
	}
	g.About(&about)
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: about.Width, Pool: about.Pool, InH: about.H,
		InW: about.W}, 1)
	require.NoError(t, err)
	var values testutil.NetParams
	for _, p := range enc.Params() {
		if !p.Buffer {
			p.Value.CopyFrom(values.Next(p.Name, p.Value.Shape()))
		}
	}
	require.Equal(t, about.Parameters, nn.Count(enc.Params()))
	if about.Width == 1 {
		require.Equal(t, 1_644_672, about.Parameters, "Table 8 of the paper adds up to this")
	}

	var worst struct{ taps, gradients, statistics float64 }
	note := func(of *float64, limit, err float64, what string) {
		t.Helper()
		assert.LessOrEqual(t, err, limit, what)
		*of = max(*of, err)
	}
	x := tensor.FromSlice(testutil.NetImages("images/a", about.N, about.H, about.W, 3), about.N, about.H, about.W, 3)
	for _, mode := range []string{"train", "eval"} {
		tp := e.NewTape(tensor.Mode{Train: mode == "train", Grad: mode == "train"})
		taps := nn.NewCapture()
		y := enc.Forward(&nn.Context{Tape: tp, Taps: taps}, x)
		assert.Equal(t, about.Taps, taps.Order)
		for _, name := range taps.Order {
			note(&worst.taps, forwardTolerance, compare(t, g, false, mode+"/"+name, taps.Outputs[name]), mode+"/"+name)
		}
		note(&worst.taps, forwardTolerance, compare(t, g, about.Full, mode+"/features", y), mode+" features")
		if mode == "train" {
			dy := tensor.FromSlice(testutil.Uniform("dy", y.Len()), y.Len(), 1)
			tp.Backward(tp.MatMul(tp.Reshape(y, 1, y.Len()), dy, false, false))
			weightGrad := 0.0 // the largest element of the last gradient
			for _, p := range enc.Params() {
				switch {
				case p.Buffer:
					note(&worst.statistics, forwardTolerance, compare(t, g, about.Full, "after/"+p.Name, p.Value), p.Name)
				case strings.HasPrefix(p.Name, "conv") && strings.HasSuffix(p.Name, "bias"):
					// The batch norm behind subtracts whatever the bias adds, so
					// its gradient is 0 but for the rounding of a sum whose
					// terms are those of the weight's gradient.
					rounding := testutil.MaxError(p.Value.Grad().Data(), make([]float32, p.Value.Len()))
					assert.Less(t, rounding, gradientTolerance*weightGrad, "%s: gradient, expected 0 but for rounding", p.Name)
				default:
					grad := p.Value.Grad()
					weightGrad = testutil.MaxError(grad.Data(), make([]float32, grad.Len()))
					note(&worst.gradients, gradientTolerance, compare(t, g, about.Full, "grad/"+p.Name, grad), "gradient of "+p.Name)
				}
			}
		}
		tp.Release()
	}
	t.Logf("PyTorch %s: largest error of taps %.1e, gradients %.1e, running statistics %.1e",
		about.Torch, worst.taps, worst.gradients, worst.statistics)
}
