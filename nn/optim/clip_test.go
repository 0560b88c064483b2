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

// Gradients (3, 4) and (12), of norm 13, clipped to a norm: the step of SGD at
// rate 1 shows them.
func TestClip(t *testing.T) {
	e, err := tensor.NewEngine(tensor.Options{Threads: 2})
	require.NoError(t, err)
	defer e.Close()
	for _, c := range []struct {
		norm   float64
		factor float64
	}{{0, 1}, {20, 1}, {6.5, 6.5 / (13 + 1e-6)}, {1e-3, 1e-3 / (13 + 1e-6)}} {
		a, b := tensor.New(2).RequireGrad(), tensor.New(1).RequireGrad()
		params := []*nn.Param{{Name: "a", Value: a}, {Name: "buffer", Value: tensor.New(1), Buffer: true},
			{Name: "b", Value: b}, {Name: "idle", Value: tensor.New(1).RequireGrad()}}
		sgd, err := optim.NewSGD(e, params, optim.SGDConfig{})
		require.NoError(t, err)
		opt, err := optim.Clip(sgd, e, params, c.norm)
		require.NoError(t, err)
		tp := e.NewTape(tensor.Training)
		dot := func(x *tensor.Tensor, g ...float32) *tensor.Tensor {
			return tp.MatMul(tp.Reshape(x, 1, len(g)), tensor.FromSlice(g, len(g), 1), false, false)
		}
		tp.Backward(tp.Add(dot(a, 3, 4), dot(b, 12)))
		tp.Release()
		opt.Step(1)
		for i, want := range []float64{3, 4} {
			assert.InEpsilon(t, -c.factor*want, float64(a.Data()[i]), 1e-6)
		}
		assert.InEpsilon(t, -c.factor*12, float64(b.Data()[0]), 1e-6)
		assert.Equal(t, 1, opt.Steps())
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := optim.Clip(nil, e, nil, bad)
		assert.ErrorContains(t, err, "clipping norm: found")
	}
}
