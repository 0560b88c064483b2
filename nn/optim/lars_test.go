package optim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// TestLARSMatchesPyTorch follows the weights over ten steps. The tolerance is that
// of TestOptimisersMatchPyTorch plus the rounding of the trust ratio.
func TestLARSMatchesPyTorch(t *testing.T) {
	const tolerance = 3e-6
	g := testutil.OpenGolden(t, "testdata/lars.npz")
	var a struct {
		Configs []struct {
			Name                         string
			Momentum, Trust, WeightDecay float64
			Clip                         bool
		}
		Steps int
	}
	g.About(&a)
	require.Len(t, a.Configs, 4)
	rates := g.Float64("rates")
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa, Threads: 2})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			worst := 0.0
			for _, c := range a.Configs {
				params := append(parameters(g, c.Name), &nn.Param{Name: "zero", Value: tensor.New(3).RequireGrad()})
				opt, err := optim.NewLARS(e, params, optim.LARSConfig{Momentum: c.Momentum, Trust: c.Trust,
					WeightDecay: c.WeightDecay, Clip: c.Clip})
				require.NoError(t, err)
				for step := range a.Steps {
					opt.ZeroGrad()
					setGradients(e, params, step)
					opt.Step(rates[step])
				}
				require.Equal(t, a.Steps, opt.Steps())
				for _, p := range params {
					n := p.Value.Len()
					way := g.Float64(c.Name + "/" + p.Name)
					for j, got := range p.Value.Data() {
						gone := 0.0
						for k := 1; k < a.Steps; k++ {
							gone += math.Abs(way[k*n+j] - way[(k-1)*n+j])
						}
						want := way[(a.Steps-1)*n+j]
						off := math.Abs(float64(got)-want) - float64(a.Steps)*0x1p-24*(math.Abs(want)+gone)
						if !assert.LessOrEqual(t, off, tolerance*gone, "%s: %s[%d]: %v, expected %v", c.Name, p.Name, j, got, want) {
							return
						}
						worst = max(worst, off/max(gone, 1e-30))
					}
				}
			}
			t.Logf("largest error beyond rounding %.1e of the way gone", worst)
		})
	}
}

// Biases and norms take the step of SGD without weight decay, whatever the trust
// coefficient: a bug of several programs.
func TestLARSExclusions(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	head := nn.NewHead("head", []int{3, 4, 2}, nn.HeadOptions{BN: true}, 1)
	opt, err := optim.NewLARS(e, head.Params(), optim.LARSConfig{Trust: 1e-3, WeightDecay: 100})
	require.NoError(t, err)
	before := nn.Clone(head.Params())
	tp := e.NewTape(tensor.Training)
	x := tensor.FromSlice(testutil.Uniform("x", 15), 5, 3)
	y := head.Forward(&nn.Context{Tape: tp}, x)
	tp.Backward(tp.Sum(tp.MatMul(y, tensor.FromSlice(testutil.Uniform("w", 2), 2, 1), false, false)))
	grads := map[string][]float32{}
	for _, p := range nn.Trained(head.Params()) {
		grads[p.Name] = append([]float32{}, p.Value.Grad().Data()...)
	}
	opt.Step(.1)
	excluded := 0
	for i, p := range head.Params() {
		if p.Buffer {
			continue
		}
		sgd := true
		for j, w := range before[i].Value.Data() {
			sgd = sgd && math.Abs(float64(p.Value.Data()[j]-(w-.1*grads[p.Name][j]))) < 1e-6
		}
		assert.Equal(t, p.NoDecay, sgd, fmt.Sprint(p.Name))
		if p.NoDecay {
			excluded++
		}
	}
	assert.Equal(t, 4, excluded, "two biases, weight and bias of the norm")
}

func TestNewLARSErrors(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	for says, c := range map[string]optim.LARSConfig{
		"momentum: found 1":           {Momentum: 1},
		"weight decay: found -1":      {WeightDecay: -1},
		"trust coefficient: found -1": {Trust: -1},
	} {
		_, err := optim.NewLARS(e, nil, c)
		assert.ErrorContains(t, err, says)
	}
}
