package tensor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

// step is a small training step through most operations, whose bits are
// compared below: loss and all gradients.
func step(e *Engine) []float32 {
	r := rng.New(5, "step")
	x := FromSlice(make([]float32, 64*9*8*3), 64, 9, 8, 3)
	for i := range x.data {
		x.data[i] = float32(r.NormFloat64())
	}
	w1, b1, gamma, beta := randn(r, 3, 3, 3, 20), randn(r, 20), randn(r, 20), randn(r, 20)
	w2, w3 := randn(r, 3, 3, 20, 40), randn(r, 10, 40)
	tp := e.NewTape(Training)
	h := tp.Conv2D(x, w1, b1, ConvSpec{PadH: 1, PadW: 1})
	h = tp.MaxPool2D(tp.BatchNorm(h, gamma, beta, stats(20), true), PoolSpec{KH: 2, KW: 2})
	h = tp.Conv2D(h, w2, nil, ConvSpec{StrideH: 2, StrideW: 2, PadH: 1, PadW: 1})
	z := tp.L2Normalize(tp.GlobalAvgPool(tp.ReLU(h)), 1e-12)
	targets := make([]int, 64)
	for i := range targets {
		targets[i] = i % 10
	}
	loss := tp.SoftmaxCrossEntropy(tp.Linear(z, w3, nil), targets)
	tp.Backward(loss)
	out := []float32{loss.Item()}
	for _, p := range []*Tensor{w1, b1, gamma, beta, w2, w3} {
		out = append(out, p.Grad().Data()...)
	}
	tp.Release()
	return out
}

func TestSameBitsForAnyNumberOfThreads(t *testing.T) {
	want := step(testEngine(t, 1))
	for _, v := range want {
		require.False(t, math.IsNaN(float64(v)))
	}
	for _, threads := range []int{2, 3, 5} {
		e := testEngine(t, threads)
		for range 3 {
			require.Equal(t, want, step(e), "%d threads", threads)
		}
	}
}

func TestStepsReuseTheirBuffers(t *testing.T) {
	e := testEngine(t, 2)
	step(e)
	_, first := e.BufferBytes()
	for range 3 {
		step(e)
	}
	held, peak := e.BufferBytes()
	assert.Equal(t, first, peak, "a second step must not need more")
	assert.Equal(t, held, peak)
	e.Trim()
	held, _ = e.BufferBytes()
	assert.Zero(t, held, "every buffer must have come back")
}

func TestGradientsAddUpUntilZeroGrad(t *testing.T) {
	e := testEngine(t, 1)
	x := FromSlice([]float32{1, 2, 3}, 3).RequireGrad()
	tp := e.NewTape(Training)
	for n := 1; n <= 3; n++ {
		tp.Backward(tp.Sum(tp.Scale(x, 2)))
		tp.Release()
		assert.Equal(t, float32(2*n), x.Grad().Data()[1])
	}
	x.ZeroGrad()
	assert.Equal(t, []float32{0, 0, 0}, x.Grad().Data())
}

func TestKeptValuesSurviveBackward(t *testing.T) {
	e := testEngine(t, 1)
	x := FromSlice([]float32{1, -2, 3, 4}, 4).RequireGrad()
	tp := e.NewTape(Training)
	a := tp.Keep(tp.Reshape(tp.Scale(x, 3), 2, 2)) // a view: its base must stay, too
	tp.Backward(tp.Sum(tp.Scale(a, 2)))
	assert.Equal(t, []float32{3, -6, 9, 12}, a.Data())
	tp.Release()
}

func TestInferenceRecordsNothing(t *testing.T) {
	e := testEngine(t, 1)
	x := FromSlice([]float32{1}, 1).RequireGrad()
	tp := e.NewTape(Inference)
	y := tp.Sum(tp.Scale(x, 2))
	assert.Equal(t, float32(2), y.Item())
	assert.Panics(t, func() { tp.Backward(y) })
	assert.Nil(t, x.Grad())
	tp.Release()
}

// A diverged step must be seen in the loss, whatever operations lie between.
func TestNaNReachesTheLoss(t *testing.T) {
	e := testEngine(t, 2)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		x := New(2, 4, 4, 3)
		x.data[17] = bad
		tp := e.NewTape(Training)
		w := New(3, 3, 3, 8).RequireGrad()
		for i := range w.data {
			w.data[i] = float32(i%7) - 3
		}
		h := tp.Conv2D(x, w, nil, ConvSpec{PadH: 1, PadW: 1})
		gamma := New(8)
		for i := range gamma.data {
			gamma.data[i] = 1
		}
		h = tp.MaxPool2D(tp.BatchNorm(h, gamma, New(8), stats(8), true), PoolSpec{KH: 2, KW: 2})
		loss := tp.SoftmaxCrossEntropy(tp.L2Normalize(tp.GlobalMaxPool(h), 1e-12), []int{0, 1})
		assert.False(t, e.AllFinite(loss), "%v vanished: loss %v", bad, loss.Item())
		tp.Release()
	}
}

func TestShapeMistakesNameBothShapes(t *testing.T) {
	e := testEngine(t, 1)
	tp := e.NewTape(Inference)
	for name, c := range map[string]struct {
		f    func()
		says []string
	}{
		"MatMul": {func() { tp.MatMul(New(2, 3), New(4, 5), false, false) }, []string{"[2 3]", "[4 5]"}},
		"Add":    {func() { tp.Add(New(2, 3), New(3, 2)) }, []string{"[2 3]", "[3 2]"}},
		"Conv2D": {func() { tp.Conv2D(New(1, 4, 4, 3), New(3, 3, 2, 8), nil, ConvSpec{}) },
			[]string{"[1 4 4 3]", "[3 3 2 8]"}},
		"LinearAdd": {func() { tp.LinearAdd(New(2, 3, 4), New(5, 4), nil, New(6, 5)) }, []string{"[6 5]", "[2 3 5]"}},
		"Linear":    {func() { tp.Linear(New(2, 3), New(5, 4), nil) }, []string{"[2 3]", "[2 4]"}},
		"BatchNorm": {func() { tp.BatchNorm(New(2, 3), New(4), New(3), stats(3), false) }, []string{"[4]", "[3]"}},
		"FromSlice": {func() { FromSlice(make([]float32, 5), 2, 3) }, []string{"[2 3]", "5"}},
		"MaxPool2D": {func() { tp.MaxPool2D(New(1, 2, 2, 1), PoolSpec{KH: 3, KW: 3}) }, []string{"[1 2 2 1]", "KH:3"}},
		"Concat":    {func() { tp.Concat(New(1, 2), New(1, 3)) }, []string{"[1 3]", "[1 2]"}},
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

func TestEngineRefusesWhatIsNotThere(t *testing.T) {
	_, err := NewEngine(Options{ISA: "mmx"})
	require.ErrorContains(t, err, "mmx")
	require.ErrorContains(t, err, "generic")
	_, err = NewEngine(Options{Threads: -1})
	require.ErrorContains(t, err, "-1")
	t.Setenv("LOCIMEM_ISA", "sse9")
	_, err = NewEngine(Options{})
	require.ErrorContains(t, err, "LOCIMEM_ISA")
}
