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

// golden is what make_resnets.py says about a file.
type golden struct {
	Encoder, Stem, Pool, Norm string
	Width                     float64
	N, H, W, Channels         int
	Images, Torch             string
	Float32                   struct{ Forward, Gradient float64 }
	Taps, Parameters, Buffers []string
}

// Tolerances against PyTorch in float64, as testutil.SummaryError defines them.
const (
	resNetForward  = 1e-5
	resNetGradient = 1e-4
)

// TestResNetsMatchPyTorch runs narrow ResNets on PyTorch's parameters and images:
// every tap, the loss and every gradient, in training and in evaluation mode, and
// the running statistics. With -v its log is the parity table of docs/encoders.md.
func TestResNetsMatchPyTorch(t *testing.T) {
	files, err := filepath.Glob("testdata/resnet[1-8]*_*.npz")
	require.NoError(t, err)
	require.Len(t, files, 10)
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			t.Logf("%-24s %-5s %9s %9s   (PyTorch's float32: %s, %s)", "network", "mode", "forward", "gradient", "forward",
				"gradient")
			for _, file := range files {
				g := testutil.OpenGolden(t, file)
				var about golden
				g.About(&about)
				for _, mode := range []string{"train", "eval"} {
					forward, gradient := checkGolden(t, e, g, &about, mode)
					t.Logf("%-24s %-5s %9.1e %9.1e   (%.1e, %.1e)", strings.TrimSuffix(filepath.Base(file), ".npz"), mode,
						forward, gradient, about.Float32.Forward, about.Float32.Gradient)
				}
			}
		})
	}
}

// rows returns a function that compares an array with its row of a golden file
// and notes the largest error.
func rows(t *testing.T, g *testutil.Golden, part string, names []string, limit float64,
	worst *float64) func(name string, got *tensor.Tensor) {
	all, shape := g.Float32(part)
	require.Equal(t, len(names), shape[0], part)
	return func(name string, got *tensor.Tensor) {
		t.Helper()
		for i, n := range names {
			if n != name {
				continue
			}
			var want []float64
			for _, v := range all[i*shape[1] : (i+1)*shape[1]] {
				want = append(want, float64(v))
			}
			err := testutil.SummaryError(part+"/"+name, got.Data(), want)
			assert.LessOrEqual(t, err, limit, "%s: %s", part, name)
			*worst = max(*worst, err)
			return
		}
		assert.Fail(t, "PyTorch has no such thing", "%s: %s", part, name)
	}
}

// checkGolden compares one pass. Evaluation comes after one pass of training, so
// that the running statistics are not those of the start.
func checkGolden(t *testing.T, e *tensor.Engine, g *testutil.Golden, about *golden, mode string) (forward,
	gradient float64) {
	enc, err := nn.NewEncoder(about.Encoder, nn.EncoderOptions{Width: about.Width, Pool: about.Pool, Stem: about.Stem,
		Norm: about.Norm,
		InH:  about.H, InW: about.W, InC: about.Channels}, 1)
	require.NoError(t, err)
	var values testutil.NetParams
	var trained, buffers []string
	for _, p := range enc.Params() {
		if p.Buffer {
			buffers = append(buffers, p.Name)
			continue
		}
		trained = append(trained, p.Name)
		p.Value.CopyFrom(values.Next(p.Name, p.Value.Shape()))
	}
	require.Equal(t, about.Parameters, trained)
	require.ElementsMatch(t, about.Buffers, buffers)

	x := tensor.FromSlice(testutil.NetImages(about.Images, about.N, about.H, about.W, about.Channels), about.N, about.H,
		about.W, about.Channels)
	head := tensor.FromSlice(testutil.Uniform("head", 5*enc.OutDim()), 5, enc.OutDim())
	targets := make([]int, about.N)
	for i := range targets {
		targets[i] = i % 5
	}
	pass := func(m tensor.Mode, taps nn.Taps, check func(tp *tensor.Tape, loss *tensor.Tensor)) {
		tp := e.NewTape(m)
		defer tp.Release()
		y := enc.Forward(&nn.Context{Tape: tp, Taps: taps}, x)
		check(tp, tp.SoftmaxCrossEntropy(tp.MatMul(y, head, false, true), targets))
	}
	if mode == "eval" {
		pass(tensor.Mode{Train: true}, nil, func(*tensor.Tape, *tensor.Tensor) {})
	}
	taps := nn.NewCapture()
	pass(tensor.Mode{Train: mode == "train", Grad: true}, taps, func(tp *tensor.Tape, loss *tensor.Tensor) {
		require.ElementsMatch(t, about.Taps, taps.Order)
		check := rows(t, g, mode, about.Taps, resNetForward, &forward)
		for i, info := range enc.Taps() {
			assert.Equal(t, about.Taps[i], info.Name, "order")
			check(info.Name, taps.Outputs[info.Name])
		}
		rows(t, g, mode+"/loss", []string{"loss"}, resNetForward, &forward)("loss", tensor.FromSlice([]float32{loss.Item()},
			1))
		tp.Backward(loss)
		check = rows(t, g, mode+"/grad", trained, resNetGradient, &gradient)
		for _, p := range nn.Trained(enc.Params()) {
			check(p.Name, p.Value.Grad())
		}
	})
	if about.Norm == nn.NormGroup {
		require.Empty(t, buffers)
		return forward, gradient
	}
	check := rows(t, g, "after", buffers, resNetForward, &forward)
	for _, p := range enc.Params() {
		if p.Buffer {
			check(p.Name, p.Value)
		}
	}
	return forward, gradient
}
