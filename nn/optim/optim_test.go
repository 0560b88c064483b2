package optim

import (
	"math"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const size = 37

// problem is a weight, a bias that does not decay and a buffer. Its loss has the
// given gradient with respect to the first two.
type problem struct {
	t      *testing.T
	engine *tensor.Engine
	params []*nn.Param
}

func newProblem(t *testing.T) *problem {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	param := func(name string) *nn.Param {
		return &nn.Param{Name: name, Value: tensor.FromSlice(testutil.Uniform(name, size), 1, size)}
	}
	p := &problem{t, e, []*nn.Param{param("weight"), param("bias"), param("running_mean")}}
	p.params[0].Value.RequireGrad()
	p.params[1].Value.RequireGrad()
	p.params[1].NoDecay = true
	p.params[2].Buffer = true
	return p
}

// gradient is that of parameter i at a step.
func gradient(i, step int) []float32 {
	return testutil.Uniform([]string{"weight", "bias"}[i]+"/gradient/"+string(rune('a'+step)), size)
}

func (p *problem) backward(step int) {
	tp := p.engine.NewTape(tensor.Training)
	defer tp.Release()
	term := func(i int) *tensor.Tensor {
		return tp.MatMul(p.params[i].Value, tensor.FromSlice(gradient(i, step), size, 1), false, false)
	}
	tp.Backward(tp.Add(term(0), term(1)))
}

// run makes steps of an optimiser from a step on.
func (p *problem) run(o Optimizer, from, to int) {
	for s := from; s < to; s++ {
		o.ZeroGrad()
		p.backward(s)
		o.Step(0.1 / float64(s+1))
	}
}

// expect compares the parameters with a transcription of the update rule, which
// gets one value, its gradient, the decay that it is due and memory of its own.
func (p *problem) expect(steps int, decay float64, all bool, rule func(w, g, decay, lr float64, step int,
	memory []float64) float64) {
	for i, param := range p.params[:2] {
		d := decay
		if i == 1 && !all {
			d = 0
		}
		start := testutil.Uniform(param.Name, size)
		for j := range size {
			w, memory := float64(start[j]), make([]float64, 2)
			for s := range steps {
				w = rule(w, float64(gradient(i, s)[j]), d, 0.1/float64(s+1), s+1, memory)
			}
			assert.InDelta(p.t, w, param.Value.Data()[j], 1e-5, "%s[%d]", param.Name, j)
		}
	}
	assert.Equal(p.t, testutil.Uniform("running_mean", size), p.params[2].Value.Data(), "a buffer is not trained")
}

func TestSGDFollowsItsRule(t *testing.T) {
	for name, c := range map[string]SGDConfig{
		"plain":     {},
		"momentum":  {Momentum: 0.9},
		"nesterov":  {Momentum: 0.8, Nesterov: true, WeightDecay: 0.1},
		"decay":     {WeightDecay: 0.3},
		"decay all": {Momentum: 0.5, WeightDecay: 0.3, DecayAll: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProblem(t)
			o, err := NewSGD(p.engine, p.params, c)
			require.NoError(t, err)
			p.run(o, 0, 6)
			assert.Equal(t, 6, o.Steps())
			p.expect(6, c.WeightDecay, c.DecayAll, func(w, g, decay, lr float64, _ int, memory []float64) float64 {
				g += decay * w
				memory[0] = c.Momentum*memory[0] + g
				if c.Nesterov {
					return w - lr*(g+c.Momentum*memory[0])
				}
				return w - lr*memory[0]
			})
		})
	}
}

func TestAdamFollowsItsRule(t *testing.T) {
	for name, c := range map[string]AdamConfig{
		"default":   {},
		"betas":     {Beta1: 0.5, Beta2: 0.9, Eps: 1e-3},
		"decay":     {WeightDecay: 0.3},
		"decoupled": {WeightDecay: 0.3, Decoupled: true},
		"decay all": {WeightDecay: 0.3, Decoupled: true, DecayAll: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProblem(t)
			o, err := NewAdam(p.engine, p.params, c)
			require.NoError(t, err)
			p.run(o, 0, 6)
			b1, b2, eps := 0.9, 0.999, 1e-8
			if c.Beta1 != 0 {
				b1, b2, eps = c.Beta1, c.Beta2, c.Eps
			}
			p.expect(6, c.WeightDecay, c.DecayAll, func(w, g, decay, lr float64, step int, memory []float64) float64 {
				if c.Decoupled {
					w -= lr * decay * w
				} else {
					g += decay * w
				}
				memory[0] = b1*memory[0] + (1-b1)*g
				memory[1] = b2*memory[1] + (1-b2)*g*g
				m := memory[0] / (1 - math.Pow(b1, float64(step)))
				v := memory[1] / (1 - math.Pow(b2, float64(step)))
				return w - lr*m/(math.Sqrt(v)+eps)
			})
		})
	}
}

// An optimiser that goes on from a checkpoint gives the same bits as one that
// never stopped.
func TestRestore(t *testing.T) {
	for name, make := range map[string]func(p *problem) (Optimizer, error){
		"sgd":  func(p *problem) (Optimizer, error) { return NewSGD(p.engine, p.params, SGDConfig{Momentum: 0.9}) },
		"adam": func(p *problem) (Optimizer, error) { return NewAdam(p.engine, p.params, AdamConfig{}) },
	} {
		t.Run(name, func(t *testing.T) {
			whole := newProblem(t)
			o, err := make(whole)
			require.NoError(t, err)
			whole.run(o, 0, 3)
			var state []nn.NamedTensor
			for _, s := range o.State() {
				c := tensor.New(s.Value.Shape()...)
				c.CopyFrom(s.Value.Data())
				state = append(state, nn.NamedTensor{Name: s.Name, Value: c})
			}
			params := nn.Clone(whole.params)
			whole.run(o, 3, 6)

			second := newProblem(t)
			second.params = params
			o2, err := make(second)
			require.NoError(t, err)
			require.NoError(t, o2.Restore(state, 3))
			second.run(o2, 3, 6)
			assert.Equal(t, nn.Hash(whole.params), nn.Hash(second.params))
			assert.Equal(t, 6, o2.Steps())

			second.params = nn.Clone(params)
			o3, err := make(second)
			require.NoError(t, err)
			second.run(o3, 3, 6)
			assert.NotEqual(t, nn.Hash(whole.params), nn.Hash(second.params), "the state must matter")
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	p := newProblem(t)
	o, err := NewAdam(p.engine, p.params, AdamConfig{})
	require.NoError(t, err)
	p.run(o, 0, 1)
	state := o.State()
	assert.Equal(t, "weight.exp_avg weight.exp_avg_sq bias.exp_avg bias.exp_avg_sq",
		state[0].Name+" "+state[1].Name+" "+state[2].Name+" "+state[3].Name)
	before := append([]float32(nil), state[0].Value.Data()...)

	assert.ErrorContains(t, o.Restore(state, -1), "optimiser state: found -1 steps")
	bad := []nn.NamedTensor{
		{Name: "weight.exp_avg", Value: tensor.New(1, size)},
		{Name: "bias.exp_avg", Value: tensor.New(size)},
		{Name: "bias.momentum", Value: tensor.New(1, size)},
	}
	err = o.Restore(bad, 5)
	for _, want := range []string{
		"optimiser state:", "weight.exp_avg_sq is missing", "bias.exp_avg_sq is missing",
		"bias.exp_avg has shape [37], expected [1 37]", "bias.momentum is unknown",
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.Equal(t, 1, o.Steps())
	assert.Equal(t, before, state[0].Value.Data(), "nothing may change on an error")
}

func TestSettingsAreChecked(t *testing.T) {
	p := newProblem(t)
	nan, inf := math.NaN(), math.Inf(1)
	for want, c := range map[string]SGDConfig{
		"momentum: found 1, expected 0 or more and less than 1": {Momentum: 1},
		"momentum: found NaN":                       {Momentum: nan},
		"weight decay: found -1":                    {WeightDecay: -1},
		"weight decay: found +Inf":                  {WeightDecay: inf},
		"nesterov: found momentum 0, expected more": {Nesterov: true},
	} {
		_, err := NewSGD(p.engine, p.params, c)
		assert.ErrorContains(t, err, want)
	}
	for want, c := range map[string]AdamConfig{
		"beta1: found -0.5":      {Beta1: -0.5},
		"beta2: found 1":         {Beta2: 1},
		"eps: found -1":          {Eps: -1},
		"weight decay: found -2": {WeightDecay: -2},
	} {
		_, err := NewAdam(p.engine, p.params, c)
		assert.ErrorContains(t, err, want)
	}
}

func TestGradNorm(t *testing.T) {
	p := newProblem(t)
	assert.Zero(t, GradNorm(p.engine, p.params), "no gradients yet")
	p.backward(0)
	sum := 0.0
	for i := range 2 {
		for _, g := range gradient(i, 0) {
			sum += float64(g) * float64(g)
		}
	}
	assert.InDelta(t, math.Sqrt(sum), GradNorm(p.engine, p.params), 1e-5)
	o, err := NewSGD(p.engine, p.params, SGDConfig{})
	require.NoError(t, err)
	o.ZeroGrad()
	assert.Zero(t, GradNorm(p.engine, p.params))
}

func TestCosineWarmup(t *testing.T) {
	s := CosineWarmup{Base: 2, Warmup: 4, Total: 12}
	require.NoError(t, s.Check())
	want := []float64{0.5, 1, 1.5, 2, 2, 1 + math.Cos(math.Pi/8), 1 + math.Sqrt2/2, 1 + math.Cos(3*math.Pi/8), 1,
		1 - math.Cos(3*math.Pi/8), 1 - math.Sqrt2/2, 1 - math.Cos(math.Pi/8), 0, 0}
	for step, lr := range want {
		assert.InDelta(t, lr, s.At(step), 1e-12, "step %d", step)
	}
	assert.Equal(t, 3.0, CosineWarmup{Base: 3, Total: 5}.At(0))
	assert.Equal(t, 3.0, CosineWarmup{Base: 3, Warmup: 5, Total: 5}.At(4))
	assert.Equal(t, 0.25, Constant(0.25).At(1000))

	for want, s := range map[string]CosineWarmup{
		"learning rate: found -1":                              {Base: -1, Total: 1},
		"learning rate: found NaN":                             {Base: math.NaN(), Total: 1},
		"total steps: found 0, expected at least 1":            {},
		"warm-up steps: found 6, expected 0 to the total of 5": {Warmup: 6, Total: 5},
		"warm-up steps: found -1":                              {Warmup: -1, Total: 5},
	} {
		assert.ErrorContains(t, s.Check(), want)
	}
}
