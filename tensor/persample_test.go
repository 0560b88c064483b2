package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/internal/testutil"
)

// sampledNet has every operation with parameters of a private training, some of whose
// linear layers take either way to a norm.
type sampledNet struct {
	params                                                 map[string]*Tensor
	names                                                  []string
	width, tokens, classes, side, channels, groups, hidden int
}

func newSampledNet() *sampledNet {
	s := &sampledNet{params: map[string]*Tensor{}, width: 12, tokens: 17, classes: 5, side: 8, channels: 3, groups: 3,
		hidden: 200}
	c := s.width
	for _, p := range []struct {
		name  string
		shape []int
	}{
		{"conv", []int{3, 3, s.channels, c}}, {"convbias", []int{c}}, {"gnscale", []int{c}}, {"gnshift", []int{c}},
		{"patch", []int{2, 2, c, c}}, {"token", []int{1, 1, c}}, {"positions", []int{1, s.tokens, c}},
		{"lnscale", []int{c}}, {"lnshift", []int{c}}, {"qkv", []int{3 * c, c}}, {"qkvbias", []int{3 * c}},
		{"proj", []int{c, c}}, {"scale", []int{c}}, {"mask", []int{1, 1, c}}, {"wide", []int{s.hidden, c}},
		{"wider", []int{s.hidden, s.hidden}}, {"widerbias", []int{s.hidden}},
		{"classes", []int{s.classes, s.hidden}},
	} {
		t := New(p.shape...).RequireGrad()
		for i, u := range testutil.Uniform("persample/"+p.name, t.Len()) {
			t.Data()[i] = u / float32(math.Sqrt(float64(p.shape[len(p.shape)-1]))) // no softmax is saturated
		}
		s.params[p.name], s.names = t, append(s.names, p.name)
	}
	return s
}

// loss is the mean cross-entropy of images x whose tokens are kept as kept says.
func (s *sampledNet) loss(tp *Tape, x *Tensor, kept [][]int, labels []int) *Tensor {
	p, n, c := s.params, x.Dim(0), s.width
	y := tp.Conv2D(x, p["conv"], p["convbias"], ConvSpec{PadH: 1, PadW: 1})
	y = tp.GroupNorm(y, p["gnscale"], p["gnshift"], s.groups, 1e-5, true)
	y = tp.Conv2D(y, p["patch"], nil, ConvSpec{StrideH: 2, StrideW: 2})
	z := tp.PrependToken(tp.Reshape(y, n, s.tokens-1, c), tp.Reshape(p["token"], c))
	z = tp.AddTokens(z, tp.Reshape(p["positions"], s.tokens, c))
	a := tp.Attention(tp.Linear(tp.LayerNorm(z, p["lnscale"], p["lnshift"], 1e-6), p["qkv"], p["qkvbias"]), 3)
	z = tp.LinearAdd(tp.ScaleChannels(a, p["scale"]), p["proj"], nil, z)
	z = tp.ScatterTokens(tp.GatherTokens(z, kept), kept, tp.Reshape(p["mask"], c), s.tokens)
	z = tp.Linear(tp.GELU(tp.Linear(z, p["wide"], nil)), p["wider"], p["widerbias"])
	return tp.SoftmaxCrossEntropy(tp.Linear(tp.MeanTokens(z, 1), p["classes"], nil), labels)
}

// The gradients of one image after the other, in passes of their own, say what norms
// and weighted sums are to be.
func TestPerSampleIsOneSampleAfterTheOther(t *testing.T) {
	OnEveryISA(t, Options{Threads: 2, Winograd: 4}, func(t *testing.T, e *Engine) {
		const n = 5
		s := newSampledNet()
		x := FromSlice(testutil.Uniform("persample/x", n*s.side*s.side*s.channels), n, s.side, s.side, s.channels)
		labels, kept := []int{0, 3, 1, 4, 2}, [][]int{{0, 3, 5}, {0, 1, 16}, {0, 8, 9}, {0, 2, 7}, {0, 10, 15}}
		weights := []float64{.5, 2, 0, 1, .125}

		tp := e.NewTape(Training)
		size, norms, want := x.Len()/n, make([]float64, n), map[string][]float64{}
		for i := range n {
			one := FromSlice(x.Data()[i*size:(i+1)*size], 1, s.side, s.side, s.channels)
			tp.Backward(s.loss(tp, one, kept[i:i+1], labels[i:i+1]))
			tp.Release()
			for _, name := range s.names {
				p := s.params[name]
				norms[i] += e.SumSquares(p.Grad())
				if want[name] == nil {
					want[name] = make([]float64, p.Len())
				}
				for j, g := range p.Grad().Data() {
					want[name][j] += weights[i] / n * float64(g)
				}
				p.ZeroGrad()
			}
		}

		tp.PerSample(n)
		tp.Backward(s.loss(tp, x, kept, labels))
		for _, name := range s.names {
			assert.Zero(t, e.SumSquares(s.params[name].Grad()), "Backward leaves %s alone", name)
		}
		for i, got := range tp.SampleNorms() {
			assert.InEpsilon(t, math.Sqrt(norms[i]), n*got, 1e-5, "norm of sample %d", i)
		}
		tp.AddSampleGrads(weights)
		tp.Release()
		for _, name := range s.names {
			expected := make([]float32, len(want[name]))
			for j, v := range want[name] {
				expected[j] = float32(v)
			}
			assert.LessOrEqual(t, testutil.MaxError(s.params[name].Grad().Data(), expected), 1e-5, name)
		}
	})
}

func TestBothWaysToANorm(t *testing.T) {
	assert.False(t, ghostIsCheaper(17, 12, 200))
	assert.True(t, ghostIsCheaper(17, 200, 200))
	assert.True(t, ghostIsCheaper(65, 192, 768))
	assert.False(t, ghostIsCheaper(257, 192, 768))
}

func TestPerSampleRefusesBatchNorm(t *testing.T) {
	e := testEngine(t, 1)
	tp := e.NewTape(Training)
	defer tp.Release()
	tp.PerSample(2)
	x := FromSlice(testutil.Uniform("persample/bn", 16), 2, 2, 2, 2)
	scale, shift := New(2).RequireGrad(), New(2).RequireGrad()
	loss := tp.Mean(tp.BatchNorm(x, scale, shift, &BNStats{Mean: New(2), Var: New(2), Momentum: .1, Eps: 1e-5}, false))
	assert.PanicsWithValue(t,
		"tensor: PerSample: a parameter of shape [2] is in an operation that does not know samples apart",
		func() { tp.Backward(loss) })
}

func TestPerSampleRefusesAParameterTwice(t *testing.T) {
	e := testEngine(t, 1)
	tp := e.NewTape(Training)
	defer tp.Release()
	tp.PerSample(2)
	w := FromSlice(testutil.Uniform("persample/w", 9), 3, 3).RequireGrad()
	loss := tp.Mean(tp.Linear(tp.Linear(FromSlice(testutil.Uniform("persample/x", 6), 2, 3), w, nil), w, nil))
	assert.PanicsWithValue(t,
		"tensor: PerSample: a parameter of shape [3 3] is in two operations, whose norms do not add up",
		func() { tp.Backward(loss) })
}

// The noise has its standard deviation, is normal, and is the same on any number of
// threads.
func TestAddGradNoise(t *testing.T) {
	const n, std = 100_000, .25
	var first []float32
	for _, threads := range []int{1, 3} {
		e := testEngine(t, threads)
		p := New(n).RequireGrad()
		e.AddGradNoise(p, std, func(s *rand.PCG, block uint64) { s.Seed(7, block) })
		g := p.Grad().Data()
		if first == nil {
			first = g
		}
		assert.Equal(t, first, g, fmt.Sprint(threads, " threads"))
	}
	var sum, squares, fourth float64
	for _, v := range first {
		z := float64(v) / std
		sum, squares, fourth = sum+z, squares+z*z, fourth+z*z*z*z
	}
	// Five standard errors of each moment.
	assert.InDelta(t, 0, sum/n, 5/math.Sqrt(n))
	assert.InDelta(t, 1, squares/n, 5*math.Sqrt(2./n))
	assert.InDelta(t, 3, fourth/n, 5*math.Sqrt(96./n))
}
