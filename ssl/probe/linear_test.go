package probe

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// linearPoints are those of make_linear.py.
func linearPoints(part string, n, d, k int, spread float64) (*tensor.Tensor, []int) {
	x, u, centre := tensor.New(n, d), testutil.Uniform(part, n*d), testutil.Uniform("centre", k*d)
	labels := make([]int, n)
	for i := range n {
		labels[i] = i % k
		for j := range d {
			x.Data()[i*d+j] = float32(float64(u[i*d+j])*float64(1+j) + float64(j) + spread*float64(centre[i%k*d+j]))
		}
	}
	return x, labels
}

// TestLogisticMatchesPyTorch fits the regressions of make_linear.py by both
// solvers. The weights by L-BFGS differ by what the tolerance leaves in the
// directions of little curvature; SGD has not come as far.
func TestLogisticMatchesPyTorch(t *testing.T) {
	g := testutil.OpenGolden(t, "testdata/linear.npz")
	var about struct {
		Cases []struct {
			Name                          string
			N, D, K                       int
			Spread, Decay, Loss, Accuracy float64
		}
	}
	g.About(&about)
	require.Len(t, about.Cases, 3)
	for _, isa := range []string{"generic", "avx2", "avx512", "neon"} {
		t.Run(isa, func(t *testing.T) {
			e, err := tensor.NewEngine(tensor.Options{ISA: isa})
			if err != nil {
				testutil.MissingISA(t, isa, err)
			}
			defer e.Close()
			for _, c := range about.Cases {
				train, labels := linearPoints("train", c.N, c.D, c.K, c.Spread)
				test, _ := linearPoints("test", c.N, c.D, c.K, c.Spread)
				s := newStandardizer(train)
				s.apply(train)
				s.apply(test)
				l := newLogistic(e, train, labels, c.K, c.Decay)
				f, err := l.lbfgs(context.Background(), 1e-6, 1000)
				require.NoError(t, err)
				assert.LessOrEqual(t, f.gradient, 1e-6, c.Name)
				assert.InEpsilon(t, c.Loss, f.loss, 1e-6, c.Name)
				assert.Equal(t, c.Accuracy, l.accuracy(test, labels), c.Name)
				offW, offB := offWeights(g, c.Name, l)
				assert.LessOrEqual(t, max(offW, offB), 5e-4, c.Name)

				config, err := LinearConfig{Solver: SolverSGD, Epochs: 400, Batch: 20, LR: .1}.filled()
				require.NoError(t, err)
				sgd := newLogistic(e, train, labels, c.K, c.Decay)
				fs, err := sgd.sgd(context.Background(), &config)
				require.NoError(t, err)
				assert.InEpsilon(t, c.Loss, fs.loss, 1e-3, c.Name)
				assert.GreaterOrEqual(t, fs.loss, c.Loss*(1-1e-6), "%s: nothing is below the minimum", c.Name)
				t.Logf("%s: %d iterations, loss off by %.1e, weights %.1e, biases %.1e of the largest; by SGD the loss is off by %.1e",
					c.Name, f.iterations, math.Abs(f.loss/c.Loss-1), offW, offB, fs.loss/c.Loss-1)
			}
		})
	}
}

// offWeights compares weights and biases, these less their mean, as shares of the
// largest weight.
func offWeights(g *testutil.Golden, name string, l *logistic) (w, b float64) {
	want := g.Float64(name + "/weight")
	largest := maxAbs(want)
	for i, v := range l.weight.Data() {
		w = max(w, math.Abs(float64(v)-want[i])/largest)
	}
	mean, biases := 0.0, l.bias.Data()
	for _, v := range biases {
		mean += float64(v) / float64(len(biases))
	}
	for i, v := range g.Float64(name + "/bias") {
		b = max(b, math.Abs(float64(biases[i])-mean-v)/largest)
	}
	return w, b
}

// Two points, one a class: with weights -a and a the objective is ln(1+e^(-2a)) +
// decay*a^2, whose minimum is where 1/(1+e^(2a)) = decay*a.
func TestLogisticOfTwoPoints(t *testing.T) {
	const decay = .1
	lo, hi := 0.0, 10.0
	for range 100 {
		if mid := (lo + hi) / 2; 1/(1+math.Exp(2*mid)) > decay*mid {
			lo = mid
		} else {
			hi = mid
		}
	}
	l := newLogistic(newEngine(t, 1), tensor.FromSlice([]float32{-1, 1}, 2, 1), []int{0, 1}, 2, decay)
	f, err := l.lbfgs(context.Background(), 1e-6, 100)
	require.NoError(t, err)
	assert.InDelta(t, math.Log(1+math.Exp(-2*lo))+decay*lo*lo, f.loss, 1e-6)
	assert.InDeltaSlice(t, []float64{-lo, lo}, []float64{float64(l.weight.Data()[0]), float64(l.weight.Data()[1])}, 1e-5)
}

// Units that say nothing: the best is the share of every class.
func TestLogisticOfConstantFeatures(t *testing.T) {
	labels := []int{0, 2, 2, 1, 2, 0, 2, 2}
	x := tensor.New(8, 3)
	for i := range x.Data() {
		x.Data()[i] = 1234.567
	}
	newStandardizer(x).apply(x)
	for _, v := range x.Data() {
		require.Less(t, math.Abs(float64(v)), 1e-3)
	}
	l := newLogistic(newEngine(t, 1), x, labels, 3, 1e-4)
	f, err := l.lbfgs(context.Background(), 1e-6, 100)
	require.NoError(t, err)
	assert.InDelta(t, -(.25*math.Log(.25) + .125*math.Log(.125) + .625*math.Log(.625)), f.loss, 1e-6)
	assert.Equal(t, 5./8, l.accuracy(x, labels))
}

func TestStandardizer(t *testing.T) {
	train := tensor.FromSlice([]float32{1, 5, 3, 5, 5, 5}, 3, 2)
	s := newStandardizer(train)
	assert.InDeltaSlice(t, []float64{3, 5}, s.mean, 1e-12)
	assert.InDeltaSlice(t, []float64{math.Sqrt(8. / 3), 1}, s.deviation, 1e-12)
	other := tensor.FromSlice([]float32{3, 7}, 1, 2)
	s.apply(other)
	assert.Equal(t, []float32{0, 2}, other.Data(), "other points are measured by the training points")
}

// A function whose values are all the same number but for its slopes, as rounding
// makes them near a minimum.
func TestLBFGSGoesOnWhereValuesDoNotTell(t *testing.T) {
	curvature := []float64{1, 10, 100, 1000}
	o := lbfgs{tolerance: 1e-9, most: 200, f: func(x, g []float64) float64 {
		for i, c := range curvature {
			g[i] = c * (x[i] - float64(i))
		}
		return 1e9
	}}
	x := make([]float64, 4)
	value, largest, iterations := o.minimize(x)
	assert.Equal(t, 1e9, value)
	assert.LessOrEqual(t, largest, 1e-9)
	assert.Less(t, iterations, 100)
	assert.InDeltaSlice(t, []float64{0, 1, 2, 3}, x, 1e-8)

	nan := lbfgs{tolerance: 1e-9, most: 20, f: func(_, g []float64) float64 { g[0] = math.NaN(); return math.NaN() }}
	value, largest, _ = nan.minimize(make([]float64, 1))
	assert.True(t, math.IsNaN(value) && math.IsNaN(largest))
}

func linearProbe(t testing.TB, c LinearConfig, threads int) *LinearProbe {
	p := newProblem(t, threads)
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125, InH: 16, InW: 16}, 1)
	require.NoError(t, err)
	return &LinearProbe{
		Engine: p.engine, Encoder: enc, Augment: p.augment, Train: p.images, Test: p.images,
		TrainIndices: upTo(0, 40), TestIndices: upTo(40, 64), Batch: 7, Config: c,
	}
}

func TestLinearProbe(t *testing.T) {
	for _, c := range []LinearConfig{{WeightDecay: 1e-2}, {Solver: SolverSGD, WeightDecay: 1e-2, Batch: 8, LR: .1, Seed: 4}} {
		p := linearProbe(t, c, 1)
		hash := nn.Hash(p.Encoder.Params())
		r, err := p.Run(context.Background())
		require.NoError(t, err)
		assert.Equal(t, hash, r.EncoderHash)
		assert.Equal(t, hash, nn.Hash(p.Encoder.Params()))
		assert.Equal(t, []any{"head", 32, 40, 24, 10}, []any{r.Tap, r.Features, r.Train, r.Test, r.Classes})
		assert.Equal(t, c.Solver != SolverSGD, r.Converged)
		assert.Greater(t, r.TrainAccuracy, .8)
		if c.Solver == SolverSGD {
			assert.Equal(t, LinearConfig{Solver: SolverSGD, WeightDecay: 1e-2, Epochs: 100, Batch: 8, LR: .1, Momentum: .9, Seed: 4}, r.LinearConfig)
		} else {
			assert.Equal(t, LinearConfig{Solver: SolverLBFGS, WeightDecay: 1e-2, Tolerance: 1e-5, Iterations: 1000}, r.LinearConfig)
		}
		for threads := 2; threads <= 3; threads++ {
			again, err := linearProbe(t, c, threads).Run(context.Background())
			require.NoError(t, err)
			assert.Equal(t, r, again, "%d threads", threads)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = p.Run(ctx)
		assert.ErrorIs(t, err, context.Canceled)
	}
}

// Of another tap the features are the means over its positions.
func TestLinearProbeOfATap(t *testing.T) {
	p := linearProbe(t, LinearConfig{WeightDecay: 1e-2}, 2)
	p.Tap = "relu2_2"
	r, err := p.Run(context.Background())
	require.NoError(t, err)
	assert.Equal(t, []any{"relu2_2", 8}, []any{r.Tap, r.Features})
	x, err := tapFeatures(context.Background(), p.Engine, p.Encoder, "relu2_2", p.Train, []int{3, 1}, p.Augment, 1)
	require.NoError(t, err)
	tp := p.Engine.NewTape(tensor.Inference)
	defer tp.Release()
	image := tensor.New(1, 16, 16, 3)
	p.Augment.Original(image.Data(), p.Train.Image(1))
	taps := nn.NewCapture("relu2_2")
	p.Encoder.Forward(&nn.Context{Tape: tp, Taps: taps}, image)
	out := taps.Outputs["relu2_2"]
	for u := range 8 {
		mean := 0.0
		for i := u; i < out.Len(); i += 8 {
			mean += float64(out.Data()[i]) / float64(out.Len()/8)
		}
		assert.InDelta(t, mean, x.Data()[8+u], 1e-6)
	}
	for tap, says := range map[string]string{"relu9": "relu9", "relu*": "expected the name of one tap"} {
		p.Tap = tap
		_, err = p.Run(context.Background())
		assert.ErrorContains(t, err, says)
	}
}

// leaky is an encoder that changes when it is used.
type leaky struct{ nn.Encoder }

func (l leaky) Forward(c *nn.Context, x *tensor.Tensor) *tensor.Tensor {
	l.Params()[3].Value.Data()[0] += 1e-3
	return l.Encoder.Forward(c, x)
}

func TestLinearProbeSeesAnEncoderThatIsNotFrozen(t *testing.T) {
	p := linearProbe(t, LinearConfig{WeightDecay: 1e-2}, 1)
	p.Encoder = leaky{p.Encoder}
	_, err := p.Run(context.Background())
	assert.ErrorIs(t, err, errThawed)
}

func TestLinearProbeErrors(t *testing.T) {
	for says, c := range map[string]LinearConfig{
		`solver: found "newton", expected lbfgs or sgd`: {Solver: "newton"},
		"weight decay: found -1":                        {WeightDecay: -1},
		"tolerance: found -1":                           {Tolerance: -1},
		"iterations: found -1":                          {Iterations: -1},
		"epochs and batch: found -1 and 256":            {Solver: SolverSGD, Epochs: -1},
		"learning rate: found -1":                       {Solver: SolverSGD, LR: -1},
		"momentum: found 1":                             {Solver: SolverSGD, Momentum: 1},
		"a lower learning rate may help":                {Solver: SolverSGD, LR: 1e38, Epochs: 5},
	} {
		_, err := linearProbe(t, c, 1).Run(context.Background())
		assert.ErrorContains(t, err, says)
	}
	for says, change := range map[string]func(p *LinearProbe){
		"found 0 training and 24 test points": func(p *LinearProbe) { p.TrainIndices = nil },
		"have other classes":                  func(p *LinearProbe) { p.Test = relabelled{Dataset: p.Test, label: p.Test.Label} },
		"image 0 of": func(p *LinearProbe) {
			p.Train = relabelled{p.Train, p.Train.Classes(), func(int) int { return -1 }}
		},
		"image 40 of": func(p *LinearProbe) {
			p.Test = relabelled{p.Test, p.Test.Classes(), func(int) int { return 10 }}
		},
	} {
		p := linearProbe(t, LinearConfig{}, 1)
		change(p)
		_, err := p.Run(context.Background())
		assert.ErrorContains(t, err, says)
	}
}
