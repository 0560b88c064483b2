package ssl

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// Where no image sees another, the gradient of two or four parts is that of the
// whole batch. With batch norm it is not, which shows that the test can fail.
func TestPartsHaveTheGradientOfTheBatch(t *testing.T) {
	const n, side = 16, 16
	resnet := func(norm string) func() Method {
		return func() Method {
			enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125, Norm: norm, InH: side, InW: side}, 1)
			require.NoError(t, err)
			m, err := made[*Supervised]("supervised", nil, Setup{Encoder: enc, Classes: 10, Seed: 2})
			require.NoError(t, err)
			return m
		}
	}
	mae := func() Method { // without drop-path, which draws anew for each part
		enc, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{Width: .125, Depth: 2, InH: side, InW: side}, 1)
		require.NoError(t, err)
		m, err := made[*MAE]("mae", MAEConfig{MaskRatio: .75, NormPix: true, DecoderDepth: 1, DecoderDim: 12, DecoderHeads: 3}, Setup{Encoder: enc, Seed: 2})
		require.NoError(t, err)
		return m
	}
	x := testutil.NetImages("parts", n, side, side, 3)
	var labels []int
	for i := range n {
		labels = append(labels, i*7%10)
	}
	gradients := func(t *testing.T, m Method, parts int) (all []float64, r StepResult) {
		e := newEngine(t, 2)
		o, err := optim.NewSGD(e, m.Params(), optim.SGDConfig{})
		require.NoError(t, err)
		r, err = StepInParts(StepConfig{Tape: e.NewTape(tensor.Training), Method: m, Optimizer: o, LR: 0, Noise: &nn.Noise{Seed: 1}, Steps: 1}, parts, func(i int) []*tensor.Tensor {
			k := n / parts
			if s, ok := m.(Labelled); ok {
				s.SetLabels(labels[i*k : (i+1)*k])
			}
			return []*tensor.Tensor{tensor.FromSlice(x[i*len(x)/parts:(i+1)*len(x)/parts], k, side, side, 3)}
		})
		require.NoError(t, err)
		for _, p := range nn.Trained(m.Params()) {
			for _, g := range p.Value.Grad().Data() {
				all = append(all, float64(g))
			}
		}
		return all, r
	}
	far := func(a, b []float64) float64 { // distance by length
		d, s := 0., 0.
		for i := range a {
			d += (a[i] - b[i]) * (a[i] - b[i])
			s += a[i] * a[i]
		}
		return math.Sqrt(d / s)
	}
	for name, make := range map[string]func() Method{"supervised, group norm": resnet(nn.NormGroup), "mae": mae} {
		t.Run(name, func(t *testing.T) {
			whole, r := gradients(t, make(), 1)
			for _, parts := range []int{2, 4} {
				got, q := gradients(t, make(), parts)
				t.Logf("%d parts: off by %.1e of the gradient's length", parts, far(whole, got))
				assert.Less(t, far(whole, got), 1e-6)
				assert.InEpsilon(t, r.Loss, q.Loss, 1e-6)
				assert.InEpsilon(t, r.GradNorm, q.GradNorm, 1e-6)
			}
		})
	}
	t.Run("supervised, batch norm", func(t *testing.T) {
		whole, _ := gradients(t, resnet(nn.NormBatch)(), 1)
		got, _ := gradients(t, resnet(nn.NormBatch)(), 2)
		assert.Greater(t, far(whole, got), 1e-2)
	})
}

// Batches in two parts: the same bits on any number of threads and after a stop
// behind every step.
func TestPartsStoppedAfterEveryStep(t *testing.T) {
	inTwo := func(c *TrainerConfig) { c.Accumulate = 2 }
	for _, method := range []string{"simclr", "byol", "mocov2", "dino", "mae", "supervised"} {
		t.Run(method, func(t *testing.T) {
			options := func(threads int, dir string, change func(*TrainerConfig)) problemOptions {
				return problemOptions{threads: threads, dir: dir, change: change}
			}
			whole := problemOf(t, method, options(1, "", inTwo))
			require.NoError(t, whole.run(t, context.Background()))
			expected := whole.result()
			assert.NotEqual(t, uninterruptedOf(t, method).weights, expected.weights)
			dir := t.TempDir()
			for i := 0; ; i++ {
				require.Less(t, i, 20)
				ctx, cancel := context.WithCancel(context.Background())
				p := problemOf(t, method, options(1+i%3, dir, func(c *TrainerConfig) { inTwo(c); stopAfter(1, cancel)(c) }))
				if err := p.run(t, ctx); err != nil {
					require.ErrorIs(t, err, context.Canceled)
					continue
				}
				assert.Equal(t, expected.weights, p.result().weights)
				assert.Equal(t, expected.moments, p.result().moments)
				assert.Equal(t, problemEpochs*(problemImages/problemBatch)-1, i, "stops")
				break
			}
		})
	}
}

// The teacher moves once in a step, the queue takes the keys of all parts, and the
// centre goes towards the mean over all of them.
func TestPartsMoveTeacherQueueAndCentreOnce(t *testing.T) {
	const n, parts = 8, 2
	step := func(t *testing.T, method string, parts int) (*problem, []*tensor.Tensor) {
		p := newProblem(t, problemOptions{method: method})
		views := randomViews(n)
		_, err := StepInParts(StepConfig{Tape: p.config.Engine.NewTape(tensor.Training), Method: p.method, Optimizer: p.config.Optimizer, LR: 1e-2, Noise: &nn.Noise{Step: 9}, Steps: 12}, parts, func(i int) []*tensor.Tensor {
			var part []*tensor.Tensor
			for _, v := range views {
				k := v.Len() / parts
				part = append(part, tensor.FromSlice(v.Data()[i*k:(i+1)*k], n/parts, 16, 16, 3))
			}
			return part
		})
		require.NoError(t, err)
		return p, views
	}
	t.Run("teacher", func(t *testing.T) {
		before := newProblem(t, problemOptions{method: "byol"}).method.(*BYOL)
		p, _ := step(t, "byol", parts)
		m := p.method.(*BYOL)
		tau := m.momentum(9, 12)
		for i, q := range m.networks.Params() {
			if !q.Buffer {
				was, is, student := before.target.Params()[i].Value.Data()[0], m.target.Params()[i].Value.Data()[0], q.Value.Data()[0]
				assert.InDelta(t, tau*float64(was)+(1-tau)*float64(student), float64(is), 1e-6, q.Name)
			}
		}
	})
	t.Run("queue", func(t *testing.T) {
		before := newProblem(t, problemOptions{method: "mocov2"}).method.(*MoCoV2)
		p, _ := step(t, "mocov2", parts)
		m := p.method.(*MoCoV2)
		assert.Equal(t, float32(2*n), m.at.Value.Data()[0], "keys of both views of all images")
		was, is := rowsOf(before.queue.Value), rowsOf(m.queue.Value)
		seen := map[float64]bool{}
		for i := range is {
			assert.Equal(t, i >= 2*n, was[i][0] == is[i][0], "row %d", i)
			assert.False(t, seen[is[i][0]], "row %d is there twice", i)
			seen[is[i][0]] = true
		}
	})
	t.Run("centre", func(t *testing.T) {
		// The teacher's batch norm sees a part at a time, so the two halves by
		// themselves are what the step is compared with.
		p, views := step(t, "dino", parts)
		mean := make([]float64, tinySettings.Prototypes)
		for i := range parts {
			q := newProblem(t, problemOptions{method: "dino"})
			var half []*tensor.Tensor
			for _, v := range views {
				k := v.Len() / parts
				half = append(half, tensor.FromSlice(v.Data()[i*k:(i+1)*k], n/parts, 16, 16, 3))
			}
			_, err := Step(StepConfig{Tape: q.config.Engine.NewTape(tensor.Training), Method: q.method, Optimizer: q.config.Optimizer, LR: 1e-2, Noise: &nn.Noise{Step: 9}, Steps: 12}, half)
			require.NoError(t, err)
			for j, c := range q.method.(*DINO).centre.Value.Data() {
				mean[j] += float64(c) / parts
			}
		}
		for j, c := range p.method.(*DINO).centre.Value.Data() {
			assert.InDelta(t, mean[j], float64(c), 1e-6)
		}
	})
}

func TestPartsThatDoNotFitAreRefused(t *testing.T) {
	for _, n := range []int{3, 8, 16} {
		_, err := NewTrainer(newProblem(t, problemOptions{change: func(c *TrainerConfig) { c.Accumulate = n }}).config)
		assert.ErrorContains(t, err, "accumulate: found")
	}
}
