package optim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// config is one optimiser of make_optim.py.
type config struct {
	Name, Kind                    string
	Momentum, WeightDecay         float64
	Beta1, Beta2, Eps             float64
	Nesterov, Decoupled, DecayAll bool
}

func (c config) new(e *tensor.Engine, params []*nn.Param) (optim.Optimizer, error) {
	if c.Kind == "sgd" {
		return optim.NewSGD(e, params, optim.SGDConfig{
			Momentum: c.Momentum, Nesterov: c.Nesterov, WeightDecay: c.WeightDecay, DecayAll: c.DecayAll,
		})
	}
	return optim.NewAdam(e, params, optim.AdamConfig{
		Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps,
		WeightDecay: c.WeightDecay, Decoupled: c.Decoupled, DecayAll: c.DecayAll,
	})
}

// about is what make_optim.py says of its file.
type about struct {
	Torch     string
	Configs   []config
	Schedules []struct {
		Base          float64
		Warmup, Total int
	}
	Steps int
}

// TestOptimisersMatchPyTorch follows the weights over ten steps with changing
// learning rates. A weight may be off by 2e-6 of the way that it has gone, there
// and back counted twice, on top of its own rounding in every step.
func TestOptimisersMatchPyTorch(t *testing.T) {
	const tolerance = 2e-6
	g := testutil.OpenGolden(t, "testdata/optim.npz")
	var a about
	g.About(&a)
	require.NotEmpty(t, a.Configs)
	rates := g.Float64("rates/0.05_3_12")
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa, Threads: 2})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			worst, at := 0.0, ""
			for _, c := range a.Configs {
				params := parameters(g, c.Name)
				opt, err := c.new(e, params)
				require.NoError(t, err)
				last := map[string][]float64{} // by parameter: where it was
				way := map[string][]float64{}  // and how far it has gone since the start
				for _, p := range params {
					way[p.Name] = make([]float64, p.Value.Len())
					for _, v := range p.Value.Data() {
						last[p.Name] = append(last[p.Name], float64(v))
					}
				}
				for step := range a.Steps {
					opt.ZeroGrad()
					setGradients(e, params, step)
					opt.Step(rates[step])
					for _, p := range params {
						n := p.Value.Len()
						want := g.Float64(c.Name + "/" + p.Name)[step*n : (step+1)*n]
						for j, w := range want {
							way[p.Name][j] += math.Abs(w - last[p.Name][j])
							got := float64(p.Value.Data()[j])
							rounding := float64(step+1) * 0x1p-24 * (math.Abs(w) + way[p.Name][j])
							over := math.Abs(got-w) - rounding
							what := fmt.Sprintf("%s: %s[%d] after step %d", c.Name, p.Name, j, step+1)
							if !assert.LessOrEqual(t, over, tolerance*way[p.Name][j], "%s: %v, expected %v", what, got, w) {
								return
							}
							if way[p.Name][j] > 0 && over/way[p.Name][j] > worst {
								worst, at = over/way[p.Name][j], what
							}
						}
						last[p.Name] = want
					}
				}
			}
			t.Logf("PyTorch %s: largest error beyond rounding %.1e of the way gone (%s)", a.Torch, worst, at)
		})
	}
}

// parameters returns the weights where make_optim.py starts.
func parameters(g *testutil.Golden, of string) []*nn.Param {
	var params []*nn.Param
	for _, name := range []string{"weight", "bias", "single"} {
		shape := g.Shape(of + "/" + name)[1:] // behind the steps
		v := tensor.New(shape...).RequireGrad()
		for i, u := range testutil.Uniform(name, v.Len()) {
			v.Data()[i] = u / 8
		}
		params = append(params, &nn.Param{Name: name, Value: v, NoDecay: name == "bias"})
	}
	return params
}

// setGradients gives the parameters the gradients of a step, as make_optim.py
// does, by way of a loss that is their inner product.
func setGradients(e *tensor.Engine, params []*nn.Param, step int) {
	tp := e.NewTape(tensor.Training)
	defer tp.Release()
	var loss *tensor.Tensor
	for _, p := range params {
		n := p.Value.Len()
		g := testutil.Uniform(fmt.Sprintf("grad/%d/%s", step, p.Name), n)
		for i := range g {
			g[i] *= [4]float32{1, 1e-3, 100, 1e-9}[i%4]
		}
		if p.Name == "weight" {
			g[4] = 0
		}
		dot := tp.MatMul(tp.Reshape(p.Value, 1, n), tensor.FromSlice(g, n, 1), false, false)
		if loss == nil {
			loss = dot
		} else {
			loss = tp.Add(loss, dot)
		}
	}
	tp.Backward(loss)
}

// TestCosineWarmupMatchesPyTorch compares with LinearLR followed by
// CosineAnnealingLR, up to the step behind the last, where the rate is 0.
func TestCosineWarmupMatchesPyTorch(t *testing.T) {
	g := testutil.OpenGolden(t, "testdata/optim.npz")
	var a about
	g.About(&a)
	require.Len(t, a.Schedules, 4)
	for _, s := range a.Schedules {
		want := g.Float64(fmt.Sprintf("rates/%g_%d_%d", s.Base, s.Warmup, s.Total))
		schedule := optim.CosineWarmup{Base: s.Base, Warmup: s.Warmup, Total: s.Total}
		for step, rate := range want {
			assert.InDelta(t, rate, schedule.At(step), 1e-12*s.Base, "%+v at step %d", s, step)
		}
	}
}
