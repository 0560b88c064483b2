package tensor

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

func TestTransformerGradients(t *testing.T) {
	r := rng.New(21, "transformer")
	e := testEngine(t, 2)
	type tensors = []*Tensor
	attention := func(heads int) func(tp *Tape, in []*Tensor) *Tensor {
		return func(tp *Tape, in []*Tensor) *Tensor { return tp.Attention(in[0], heads) }
	}
	groupNorm := func(groups int, relu bool) func(tp *Tape, in []*Tensor) *Tensor {
		return func(tp *Tape, in []*Tensor) *Tensor {
			return tp.GroupNorm(in[0], in[1], in[2], groups, 1e-5, relu)
		}
	}
	layerNorm := func(tp *Tape, in []*Tensor) *Tensor { return tp.LayerNorm(in[0], in[1], in[2], 1e-6) }
	cases := []struct {
		name string
		op   func(tp *Tape, in []*Tensor) *Tensor
		in   tensors
	}{
		{"LayerNorm", layerNorm, tensors{randn(r, 3, 4, 7), randn(r, 7), randn(r, 7)}},
		{"LayerNorm of a parameter's sum with itself", func(tp *Tape, in []*Tensor) *Tensor {
			y := tp.Scale(in[0], 1)
			return tp.Add(y, tp.LayerNorm(y, in[1], in[2], 1e-6))
		}, tensors{randn(r, 5, 20), randn(r, 20), randn(r, 20)}},
		{"LayerNorm with large eps", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.LayerNorm(in[0], in[1], in[2], 0.5)
		}, tensors{randn(r, 2, 5), randn(r, 5), randn(r, 5)}},
		{"GroupNorm", groupNorm(2, false), tensors{randn(r, 3, 2, 3, 6), randn(r, 6), randn(r, 6)}},
		{"GroupNorm of one group", groupNorm(1, false), tensors{randn(r, 2, 3, 1, 5), randn(r, 5), randn(r, 5)}},
		{"GroupNorm by channel", groupNorm(4, false), tensors{randn(r, 2, 5, 2, 4), randn(r, 4), randn(r, 4)}},
		{"GELU", func(tp *Tape, in []*Tensor) *Tensor { return tp.GELU(in[0]) }, tensors{randn(r, 4, 33)}},
		{"Attention", attention(2), tensors{randn(r, 2, 5, 3*2*4)}},
		{"Attention of one token", attention(2), tensors{randn(r, 3, 1, 3*2*3)}},
		{"Attention with one number a head", attention(3), tensors{randn(r, 1, 7, 3*3)}},
		{"Attention of many tokens", attention(1), tensors{randn(r, 1, 67, 3*9)}},
		{"Attention twice on one input", func(tp *Tape, in []*Tensor) *Tensor {
			x := tp.Scale(in[0], 1)
			return tp.Add(tp.Attention(x, 1), tp.Attention(x, 2))
		}, tensors{randn(r, 2, 3, 3*4)}},
		{"Linear of tokens", func(tp *Tape, in []*Tensor) *Tensor { return tp.Linear(in[0], in[1], in[2]) },
			tensors{randn(r, 2, 3, 7), randn(r, 5, 7), randn(r, 5)}},
		{"AddTokens", func(tp *Tape, in []*Tensor) *Tensor { return tp.AddTokens(in[0], in[1]) }, tensors{randn(r, 3, 4, 5),
			randn(r, 4, 5)}},
		{"PrependToken", func(tp *Tape, in []*Tensor) *Tensor { return tp.PrependToken(in[0], in[1]) },
			tensors{randn(r, 3, 4, 5), randn(r, 5)}},
		{"TakeToken", func(tp *Tape, in []*Tensor) *Tensor {
			x := tp.Scale(in[0], 1)
			return tp.Add(tp.TakeToken(x, 0), tp.TakeToken(x, 3))
		}, tensors{randn(r, 3, 4, 5)}},
		{"MeanTokens", func(tp *Tape, in []*Tensor) *Tensor {
			x := tp.Scale(in[0], 1)
			return tp.Add(tp.MeanTokens(x, 1), tp.MeanTime(x))
		}, tensors{randn(r, 3, 4, 5)}},
		{"GatherTokens", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.GatherTokens(in[0], [][]int{{3, 0, 3}, {1, 2, 0}})
		}, tensors{randn(r, 2, 4, 5)}},
		{"ScatterTokens", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.ScatterTokens(in[0], [][]int{{3, 0}, {1, 2}}, in[1], 5)
		}, tensors{randn(r, 2, 2, 3), randn(r, 3)}},
		{"ScatterTokens without masked ones", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.ScatterTokens(in[0], [][]int{{1, 0}, {0, 1}}, in[1], 2)
		}, tensors{randn(r, 2, 2, 3), randn(r, 3)}},
		{"Patchify", func(tp *Tape, in []*Tensor) *Tensor { return tp.Patchify(in[0], 2) }, tensors{randn(r, 2, 4, 6, 3)}},
		{"ScaleChannels", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.ScaleChannels(tp.Scale(in[0], 1), in[1])
		}, tensors{randn(r, 2, 3, 5), randn(r, 5)}},
		{"DropPath", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.DropPath(in[0], []float32{0, 1.25, 1})
		}, tensors{randn(r, 3, 2, 5)}},
		{"Embedding", func(tp *Tape, in []*Tensor) *Tensor {
			return tp.Embedding(in[0], []int{4, 0, 4, 18, 2, 4}, 2, 3)
		}, tensors{randn(r, 19, 5)}},
		{"Conv1D", func(tp *Tape, in []*Tensor) *Tensor { return tp.Conv1D(in[0], in[1], in[2], 2, 1) },
			tensors{randn(r, 2, 7, 3), randn(r, 3, 3, 4), randn(r, 4)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { gradCheck(t, e, Training, c.op, c.in...) })
	}
}

// GroupNorm with the ReLU must give what the two give one after the other.
func TestFusedGroupNormIsItsParts(t *testing.T) {
	r := rng.New(22, "groupnorm")
	e := testEngine(t, 2)
	x, gamma, beta, w := randn(r, 5, 3, 4, 12), randn(r, 12), randn(r, 12), randn(r, 12, 1)
	run := func(fused bool) [][]float32 {
		for _, p := range []*Tensor{x, gamma, beta} {
			p.ZeroGrad()
		}
		tp := e.NewTape(Training)
		defer tp.Release()
		y := tp.GroupNorm(x, gamma, beta, 3, 1e-5, fused)
		if !fused {
			y = tp.ReLU(y)
		}
		tp.Keep(y)
		tp.Backward(tp.Sum(tp.MatMul(tp.Reshape(y, y.Len()/12, 12), w, false, false)))
		return [][]float32{slices.Clone(y.data), slices.Clone(x.grad.data), slices.Clone(gamma.grad.data),
			slices.Clone(beta.grad.data)}
	}
	require.Equal(t, run(false), run(true))
}

// literalAttention is the definition, in float64.
func literalAttention(qkv []float32, n, t, heads, d int) []float32 {
	c := heads * d
	out := make([]float32, n*t*c)
	for s := range n {
		for h := range heads {
			row := func(part, i int) []float32 { return qkv[((s*t+i)*3+part)*c+h*d:][:d] }
			for i := range t {
				p, sum := make([]float64, t), 0.0
				for j := range t {
					dot := 0.0
					for k, v := range row(0, i) {
						dot += float64(v) * float64(row(1, j)[k])
					}
					p[j] = math.Exp(dot / math.Sqrt(float64(d)))
					sum += p[j]
				}
				for k := range d {
					y := 0.0
					for j := range t {
						y += p[j] / sum * float64(row(2, j)[k])
					}
					out[(s*t+i)*c+h*d+k] = float32(y)
				}
			}
		}
	}
	return out
}

// More tokens than a block of keys holds: the softmax has to go along, and the
// gradients come together from several blocks.
func TestAttentionOfManyBlocks(t *testing.T) {
	e := testEngine(t, 2)
	for _, s := range []struct{ n, t, heads, d int }{{1, 513, 1, 8}, {1, 1100, 2, 5}, {2, 130, 1, 33}} {
		x := randn(rng.New(23, "blocks"), s.n, s.t, 3*s.heads*s.d)
		tp := e.NewTape(Training)
		y := tp.Keep(tp.Attention(x, s.heads))
		require.InDeltaSlice(t, literalAttention(x.data, s.n, s.t, s.heads, s.d), y.data, 2e-6)
		tp.Release()
	}
	x := randn(rng.New(24, "blocks"), 1, 1100, 3*3)
	gradCheck(t, e, Training, func(tp *Tape, in []*Tensor) *Tensor {
		return tp.GatherTokens(tp.Attention(in[0], 1), [][]int{{0, 5, 511, 512, 1099}})
	}, x)
}

// Scores whose exponentials would overflow, or all vanish, do no harm.
func TestAttentionOfLargeScores(t *testing.T) {
	e := testEngine(t, 1)
	r := rng.New(25, "large")
	x := randn(r, 1, 600, 3*4)
	for i := range x.data {
		if i%12 < 8 {
			x.data[i] *= 30
		}
	}
	tp := e.NewTape(Training)
	y := tp.Keep(tp.Attention(x, 1))
	tp.Backward(tp.Sum(y))
	assert.True(t, e.AllFinite(y))
	assert.True(t, e.AllFinite(x.grad))
	// Each result is a mean of values.
	for i, v := range y.data {
		require.LessOrEqual(t, math.Abs(float64(v)), 6.0, "element %d", i)
	}
	tp.Release()
}

// A NaN spoils what depends on it and nothing else.
func TestTransformersKeepNaN(t *testing.T) {
	e := testEngine(t, 2)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		finite := func(x []float32) bool { return e.AllFinite(&Tensor{data: x}) }
		r := rng.New(26, "nan")
		tp := e.NewTape(Inference)
		gamma, beta := randn(r, 24), randn(r, 24)

		for _, at := range []int{0, 8, 16} { // in a query, a key, a value of token 1 of sample 0
			x := randn(r, 2, 3, 24)
			x.data[24+at] = bad
			y := tp.Attention(x, 1)
			assert.False(t, finite(y.data[8:16]), "attention: %v at %d vanished", bad, at)
			assert.True(t, finite(y.data[24:]), "attention: the other sample")
			if at == 0 {
				assert.True(t, finite(y.data[:8]), "attention: the other queries")
			}
		}

		x := randn(r, 2, 3, 24)
		x.data[25] = bad
		y := tp.LayerNorm(x, gamma, beta, 1e-6)
		assert.False(t, finite(y.data[24:48]), "layer norm: %v vanished", bad)
		assert.True(t, finite(y.data[:24]) && finite(y.data[48:]), "layer norm: the other rows")

		y = tp.GroupNorm(tp.Reshape(x, 2, 3, 1, 24), gamma, beta, 3, 1e-5, true)
		assert.False(t, finite(y.data[:72]), "group norm: %v vanished", bad)
		assert.True(t, finite(y.data[72:]), "group norm: the other sample")

		y = tp.GELU(x)
		assert.False(t, finite(y.data[25:26]), "GELU: %v vanished", bad)
		assert.True(t, finite(y.data[:25]) && finite(y.data[26:]), "GELU: the others")
		tp.Release()
	}
}

// transformerStep is a small step through the operations of transformers, whose
// bits are compared below.
func transformerStep(e *Engine) []float32 {
	r := rng.New(27, "step")
	const n, c, heads = 6, 36, 3
	params := []*Tensor{
		randn(r, c, 12), randn(r, 16, c), randn(r, c), randn(r, c), randn(r, c), // patches, positions, class token, norm
		randn(r, 3*c, c), randn(r, 3*c), randn(r, c, c), randn(r, c), // attention
		randn(r, 4*c, c), randn(r, 4*c), randn(r, c, 4*c), randn(r, c), // MLP
	}
	tp := e.NewTape(Training)
	x := tp.AddTokens(tp.Linear(tp.Patchify(randn(r, n, 8, 8, 3), 2), params[0], nil), params[1])
	x = tp.GatherTokens(x, [][]int{{0, 3, 5, 15}, {1, 2, 3, 4}, {9, 8, 7, 6}, {0, 1, 14, 2}, {5, 6, 7, 8},
		{9, 10, 11, 12}})
	x = tp.PrependToken(x, params[2])
	h := tp.Attention(tp.Linear(tp.LayerNorm(x, params[3], params[4], 1e-6), params[5], params[6]), heads)
	x = tp.Add(x, tp.DropPath(tp.Linear(h, params[7], params[8]), []float32{1, 0, 2, 1, 1, 0}))
	x = tp.Add(x, tp.Linear(tp.GELU(tp.Linear(x, params[9], params[10])), params[11], params[12]))
	z := tp.Add(tp.TakeToken(x, 0), tp.MeanTokens(x, 1))
	loss := tp.SoftmaxCrossEntropy(z, []int{0, 1, 2, 3, 4, 5})
	tp.Backward(loss)
	out := []float32{loss.Item()}
	for _, p := range params {
		out = append(out, p.Grad().Data()...)
	}
	tp.Release()
	return out
}

func TestTransformersGiveTheSameBitsForAnyNumberOfThreads(t *testing.T) {
	want := transformerStep(testEngine(t, 1))
	for _, v := range want {
		require.False(t, math.IsNaN(float64(v)))
	}
	for _, threads := range []int{2, 3, 5} {
		e := testEngine(t, threads)
		transformerStep(e)
		held, peak := e.BufferBytes()
		for range 3 {
			require.Equal(t, want, transformerStep(e), "%d threads", threads)
		}
		again, peakAgain := e.BufferBytes()
		assert.Equal(t, [2]int{held, peak}, [2]int{again, peakAgain}, "a second step must not need more")
	}
}

// Patch embedding is a convolution with stride p.
func TestPatchifyIsAConvolution(t *testing.T) {
	r := rng.New(28, "patches")
	e := testEngine(t, 2)
	const p, c, o = 3, 5, 7
	x, w, b := randn(r, 2, 6, 9, c), randn(r, p, p, c, o), randn(r, o)
	tp := e.NewTape(Inference)
	defer tp.Release()
	want := tp.Conv2D(x, w, b, ConvSpec{StrideH: p, StrideW: p})
	flat := New(o, p*p*c)
	for i := range p * p * c {
		for j := range o {
			flat.data[j*p*p*c+i] = w.data[i*o+j]
		}
	}
	got := tp.Linear(tp.Patchify(x, p), flat, b)
	assert.Equal(t, []int{2, 6, o}, got.Shape())
	assert.InDeltaSlice(t, want.data, got.data, 1e-5)
}

func TestTransformerShapeMistakesAreNamed(t *testing.T) {
	e := testEngine(t, 1)
	tp := e.NewTape(Inference)
	for name, c := range map[string]struct {
		f    func()
		says []string
	}{
		"LayerNorm": {func() { tp.LayerNorm(New(2, 3), New(4), New(3), 1e-6) }, []string{"[4]", "[3]"}},
		"GroupNorm": {func() { tp.GroupNorm(New(2, 2, 2, 6), New(6), New(6), 4, 1e-5, false) },
			[]string{"[2 2 2 6]", "4 groups"}},
		"Attention":     {func() { tp.Attention(New(2, 3, 24), 5) }, []string{"[2 3 24]", "5 heads"}},
		"AddTokens":     {func() { tp.AddTokens(New(2, 3, 4), New(2, 4)) }, []string{"[2 4]", "[3 4]"}},
		"PrependToken":  {func() { tp.PrependToken(New(2, 3, 4), New(3)) }, []string{"[3]", "[4]"}},
		"TakeToken":     {func() { tp.TakeToken(New(2, 3, 4), 3) }, []string{"3", "[2 3 4]"}},
		"MeanTokens":    {func() { tp.MeanTokens(New(2, 3, 4), 3) }, []string{"3", "[2 3 4]"}},
		"GatherTokens":  {func() { tp.GatherTokens(New(2, 3, 4), [][]int{{0}, {3}}) }, []string{"index 3", "3 tokens"}},
		"GatherTokens2": {func() { tp.GatherTokens(New(2, 3, 4), [][]int{{0}, {1, 2}}) }, []string{"has 1", "has 2"}},
		"GatherTokens3": {func() { tp.GatherTokens(New(2, 3, 4), [][]int{{0}}) }, []string{"1 lists", "2 samples"}},
		"ScatterTokens": {func() { tp.ScatterTokens(New(1, 2, 4), [][]int{{1, 1}}, New(4), 3) },
			[]string{"index 1", "twice"}},
		"Patchify":   {func() { tp.Patchify(New(2, 6, 8, 3), 4) }, []string{"[2 6 8 3]", "4"}},
		"DropPath":   {func() { tp.DropPath(New(2, 3), make([]float32, 3)) }, []string{"[2 3]", "3 factors"}},
		"Embedding":  {func() { tp.Embedding(New(5, 3), []int{1, 5}, 2) }, []string{"id 5", "[5 3]"}},
		"Embedding2": {func() { tp.Embedding(New(5, 3), []int{1, 2}, 3) }, []string{"2 ids", "[3]"}},
		"Conv1D":     {func() { tp.Conv1D(New(1, 4, 3), New(3, 2, 8), nil, 1, 0) }, []string{"4 3]", "2 8]"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				msg, _ := recover().(string)
				for _, s := range c.says {
					assert.Contains(t, msg, s)
				}
			}()
			c.f()
		})
	}
}

// Sequences without samples, or empty images, are no mistake.
func TestTransformersOfNothing(t *testing.T) {
	e := testEngine(t, 2)
	tp := e.NewTape(Inference)
	for _, y := range []*Tensor{
		tp.LayerNorm(New(0, 3), New(3), New(3), 1e-6), tp.Attention(New(0, 5, 12), 2), tp.Attention(New(2, 0, 12), 2),
		tp.GELU(New(0)), tp.GroupNorm(New(0, 2, 2, 4), New(4), New(4), 2, 1e-5, true), tp.Patchify(New(0, 4, 4, 3), 2),
		tp.GatherTokens(New(0, 4, 4), nil), tp.Embedding(New(4, 3), nil, 0),
	} {
		assert.Zero(t, y.Len())
	}
	tp.Release()
}

// A sample larger than a chunk: its moments come together from several.
func TestGroupNormOfLargeSamples(t *testing.T) {
	e := testEngine(t, 2)
	const c, groups = 6, 2
	x := randn(rng.New(29, "large"), 2, 90, 70, c)
	for i := range x.data {
		x.data[i] += float32(i/c%c) + 50
	}
	gamma, beta := New(c), New(c)
	for i := range gamma.data {
		gamma.data[i] = 1
	}
	tp := e.NewTape(Inference)
	defer tp.Release()
	y := tp.GroupNorm(x, gamma, beta, groups, 0, false)
	for g := range 2 * groups {
		var n, mean, square float64
		for i, v := range y.data {
			if i/(90*70*c)*groups+i%c/(c/groups) == g {
				n++
				mean += float64(v)
				square += float64(v) * float64(v)
			}
		}
		assert.InDelta(t, 0, mean/n, 1e-5, "mean of group %d", g)
		assert.InDelta(t, 1, square/n, 1e-5, "variance of group %d", g)
	}
}
