package optim_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// With a gradient of 0 AdamW only decays: w *= 1 - lr*decay. Restored steps go on
// in the schedule.
func TestCosineDecay(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	const from, to, total, lr = .04, .4, 6, .5
	w := tensor.FromSlice([]float32{3}, 1).RequireGrad()
	params := []*nn.Param{{Name: "w", Value: w}}
	newOptimizer := func() optim.Optimizer {
		adam, err := optim.NewAdam(e, params, optim.AdamConfig{WeightDecay: from, Decoupled: true})
		require.NoError(t, err)
		o, err := optim.CosineDecay(adam, from, to, total)
		require.NoError(t, err)
		return o
	}
	tp := e.NewTape(tensor.Training)
	tp.Backward(tp.Scale(w, 0))
	o := newOptimizer()
	want := 3.
	for k := range total + 1 {
		if k == 3 {
			next := newOptimizer()
			require.NoError(t, next.Restore(o.State(), o.Steps()))
			o = next
		}
		o.Step(lr)
		want *= 1 - lr*(to+(from-to)*(1+math.Cos(math.Pi*float64(k)/total))/2)
		assert.InEpsilon(t, want, float64(w.Data()[0]), 1e-6, "step %d", k)
	}

	adam, err := optim.NewAdam(e, params, optim.AdamConfig{})
	require.NoError(t, err)
	for says, c := range map[string]struct {
		from, to float64
		total    int
	}{
		"weight decay: found 0":             {0, 1, 5},
		"weight decay at the end: found -1": {1, -1, 5},
		"total steps: found 0":              {1, 1, 0},
	} {
		_, err := optim.CosineDecay(adam, c.from, c.to, c.total)
		assert.ErrorContains(t, err, says)
	}
}
