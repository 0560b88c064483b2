package tensor

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

// A sweep over all parameters gives each the bits that it would get alone,
// whatever its neighbours and the number of threads.
func TestOptimizerSweepsGiveTheBitsOfEachParameterAlone(t *testing.T) {
	const kinds = 2
	sizes := []int{1, 7, 0, sweep - 1, 3, 2*sweep + 5, 64, sweep}
	make1 := func(i int) (p *Tensor, moments [kinds][]*Tensor) {
		r := rng.New(31, "optimizer", uint64(i))
		p = randn(r, sizes[i])
		if i != 4 { // one has no gradient
			p.grad = randn(r, sizes[i])
		}
		for k := range moments {
			m := randn(r, sizes[i])
			for j, v := range m.data {
				m.data[j] = v * v
			}
			moments[k] = []*Tensor{m}
		}
		return p, moments
	}
	steps := map[string]func(e *Engine, s *Trained){
		"sgd":      func(e *Engine, s *Trained) { e.SGD(s, SGDParams{LR: 0.1, Momentum: 0.9}) },
		"nesterov": func(e *Engine, s *Trained) { e.SGD(s, SGDParams{LR: 0.1, Momentum: 0.9, Nesterov: true}) },
		"adam": func(e *Engine, s *Trained) {
			e.Adam(s, AdamParams{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Step: 3})
		},
		"lars": func(e *Engine, s *Trained) {
			e.LARS(s, make([]bool, len(s.params)), LARSParams{LR: 0.1, Momentum: 0.9, Trust: 0.02})
		},
		"lars, adapted": func(e *Engine, s *Trained) {
			all := make([]bool, len(s.params))
			for i := range all {
				all[i] = true
			}
			e.LARS(s, all, LARSParams{LR: 0.1, Momentum: 0.9, Trust: 0.02, Clip: true})
		},
		"adamw": func(e *Engine, s *Trained) {
			e.Adam(s, AdamParams{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Step: 3, Decoupled: true})
		},
	}
	for name, step := range steps {
		one := testEngine(t, 1)
		var want []float32
		for i := range sizes {
			p, m := make1(i)
			before := slices.Clone(p.data)
			step(one, NewTrained([]*Tensor{p}, []float64{0.01 * float64(i)}, m[:]...))
			if p.grad == nil {
				require.Equal(t, before, p.data, "%s: without a gradient", name)
			} else {
				require.False(t, sizes[i] > 0 && slices.Equal(before, p.data), "%s: parameter %d did not move", name, i)
			}
			want = append(append(append(want, p.data...), m[0][0].data...), m[1][0].data...)
		}
		for threads := 1; threads <= 3; threads++ {
			var params []*Tensor
			var decay []float64
			moments := make([][]*Tensor, kinds)
			for i := range sizes {
				p, m := make1(i)
				params, decay = append(params, p), append(decay, 0.01*float64(i))
				for k := range moments {
					moments[k] = append(moments[k], m[k][0])
				}
			}
			step(testEngine(t, threads), NewTrained(params, decay, moments...))
			var got []float32
			for i, p := range params {
				got = append(append(append(got, p.data...), moments[0][i].data...), moments[1][i].data...)
			}
			require.Equal(t, want, got, "%s, %d threads", name, threads)
		}
	}
}

func TestNewTrainedRefusesShapes(t *testing.T) {
	p := []*Tensor{New(2, 3)}
	assert.PanicsWithValue(t, "tensor: NewTrained: moment 0 of parameter 0 has shape [6], expected [2 3]",
		func() { NewTrained(p, []float64{0}, []*Tensor{New(6)}) })
	assert.Panics(t, func() { NewTrained(p, nil) })
	assert.Panics(t, func() { NewTrained(p, []float64{0}, nil) })
}

func TestAllFinite(t *testing.T) {
	e := testEngine(t, 2)
	for _, n := range []int{1, 5, 33, sweep, 3*sweep + 7} {
		x := New(n)
		for i := range x.data {
			x.data[i] = float32(i%5) * 1e30 // whose squares are infinite
		}
		x.data[n/3] = -math.MaxFloat32
		assert.True(t, e.AllFinite(x), "%d numbers", n)
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			for _, at := range []int{0, n / 2, n - 1} {
				was := x.data[at]
				x.data[at] = bad
				assert.False(t, e.AllFinite(x), "%v at %d of %d", bad, at, n)
				x.data[at] = was
			}
		}
	}
	assert.True(t, e.AllFinite(New(0)))
}

// BenchmarkOptimizer sweeps over the parameters of a ResNet-18: a few large and
// many small ones.
func BenchmarkOptimizer(b *testing.B) {
	for _, threads := range []int{1, 2} {
		e := testEngine(b, threads)
		var params []*Tensor
		moments := make([][]*Tensor, 2)
		for i := range 62 {
			c := 64 << (i / 16)
			p := New(c)
			if i%3 == 0 {
				p = New(3, 3, c, c)
			}
			p.grad = New(p.shape...)
			params = append(params, p)
			for k := range moments {
				moments[k] = append(moments[k], New(p.shape...))
			}
		}
		all := NewTrained(params, make([]float64, len(params)), moments...)
		adam := AdamParams{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Step: 3}
		b.Run(fmt.Sprintf("together/%d", threads), func(b *testing.B) {
			for b.Loop() {
				e.Adam(all, adam)
			}
		})
		var each []*Trained
		for i := range params {
			each = append(each, NewTrained(params[i:i+1], []float64{0}, moments[0][i:i+1], moments[1][i:i+1]))
		}
		b.Run(fmt.Sprintf("one by one/%d", threads), func(b *testing.B) {
			for b.Loop() {
				for _, t := range each {
					e.Adam(t, adam)
				}
			}
		})
		b.Run(fmt.Sprintf("AllFinite/%d", threads), func(b *testing.B) {
			for b.Loop() {
				for _, p := range params {
					e.AllFinite(p)
				}
			}
		})
	}
}
