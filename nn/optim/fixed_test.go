package optim

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
)

// The bias keeps its learning rate while that of the weight falls, and state and
// steps of both are restored as one.
func TestFixedRate(t *testing.T) {
	const lr = .03
	make := func(p *problem) Optimizer {
		o, err := NewSGD(p.engine, p.params[:1], SGDConfig{Momentum: .9})
		require.NoError(t, err)
		fixed, err := NewSGD(p.engine, p.params[1:], SGDConfig{Momentum: .9})
		require.NoError(t, err)
		o, err = FixedRate(o, fixed, lr)
		require.NoError(t, err)
		return o
	}
	p, plain, constant := newProblem(t), newProblem(t), newProblem(t)
	o := make(p)
	assert.Equal(t, []string{"weight.momentum", "bias.momentum"}, []string{o.State()[0].Name, o.State()[1].Name})
	p.run(o, 0, 3)
	second := newProblem(t) // goes on as a new process would
	second.params = nn.Clone(p.params)
	q := make(second)
	require.NoError(t, q.Restore(o.State(), o.Steps()))
	second.run(q, 3, 6)
	p.run(o, 3, 6)
	assert.Equal(t, nn.Hash(p.params), nn.Hash(second.params))
	assert.Equal(t, 6, q.Steps())

	s, err := NewSGD(plain.engine, plain.params, SGDConfig{Momentum: .9})
	require.NoError(t, err)
	plain.run(s, 0, 6)
	c, err := NewSGD(constant.engine, constant.params, SGDConfig{Momentum: .9})
	require.NoError(t, err)
	for step := range 6 {
		c.ZeroGrad()
		constant.backward(step)
		c.Step(lr)
	}
	assert.Equal(t, plain.params[0].Value.Data(), p.params[0].Value.Data())
	assert.Equal(t, constant.params[1].Value.Data(), p.params[1].Value.Data())
	assert.NotEqual(t, plain.params[1].Value.Data(), p.params[1].Value.Data())

	before := nn.Hash(p.params)
	err = o.Restore(o.State()[:1], 9)
	assert.ErrorContains(t, err, "bias.momentum is missing")
	assert.Equal(t, 6, o.Steps())
	assert.Equal(t, before, nn.Hash(p.params))
	_, err = FixedRate(s, s, lr)
	assert.ErrorContains(t, err, "weight.momentum belongs to both")
	_, err = FixedRate(o, s, -1)
	assert.ErrorContains(t, err, "fixed learning rate: found -1")
}
