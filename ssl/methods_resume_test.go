package ssl

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// vit is a narrow vision transformer that drops paths.
func vit(t testing.TB) nn.Encoder {
	enc, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{Width: .125, Depth: 2, DropPath: .3, InH: 16, InW: 16}, 1)
	require.NoError(t, err)
	return enc
}

func smallMAE(t testing.TB) *MAE {
	m, err := made[*MAE]("mae", MAEConfig{MaskRatio: .75, NormPix: true, DecoderDepth: 1, DecoderDim: 12, DecoderHeads: 3}, Setup{Encoder: vit(t), Seed: 2})
	require.NoError(t, err)
	return m
}

func smallSupervised(t testing.TB) *Supervised {
	s, err := made[*Supervised]("supervised", nil, Setup{Encoder: vit(t), Classes: 10, Seed: 2})
	require.NoError(t, err)
	return s
}

// oneStep is Step without what only some methods need.
func oneStep(tp *tensor.Tape, m Method, o optim.Optimizer, x *tensor.Tensor, lr float64, noise *nn.Noise) (StepResult, error) {
	return Step(StepConfig{Tape: tp, Method: m, Optimizer: o, LR: lr, Noise: noise, Steps: 1}, []*tensor.Tensor{x})
}

// others are the methods, besides SimCLR, whose trainings are stopped here.
var others = map[string]func(testing.TB) Method{
	"mae":                func(t testing.TB) Method { return smallMAE(t) },
	"supervised":         func(t testing.TB) Method { return smallSupervised(t) },
	"mae private":        func(t testing.TB) Method { return smallMAE(t) },
	"supervised private": func(t testing.TB) Method { return groupNormed(t) },
}

// groupNormed is supervised training of a ResNet without batch norm.
func groupNormed(t testing.TB) *Supervised {
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125, Norm: nn.NormGroup, InH: 16, InW: 16}, 1)
	require.NoError(t, err)
	s, err := made[*Supervised]("supervised", nil, Setup{Encoder: enc, Classes: 10, Seed: 2})
	require.NoError(t, err)
	return s
}

// otherProblem is the problem with another method and AdamW.
func otherProblem(t testing.TB, method string, o problemOptions) *problem {
	change := o.change
	o.change = func(c *TrainerConfig) {
		c.Method = others[method](t)
		var err error
		c.Optimizer, err = optim.NewAdam(c.Engine, c.Method.Params(), optim.AdamConfig{Beta2: .95, WeightDecay: .05, Decoupled: true})
		require.NoError(t, err)
		if strings.HasSuffix(method, " private") { // in parts of 3 images at most
			c.Private = &Private{Noise: .5, Clip: .1, Delta: 1e-3, most: 3}
		}
		if change != nil {
			change(c)
		}
	}
	return newProblem(t, o)
}

// problemOf is the problem with any method.
func problemOf(t testing.TB, method string, o problemOptions) *problem {
	if others[method] != nil {
		return otherProblem(t, method, o)
	}
	o.method = method
	return newProblem(t, o)
}

func TestOtherMethodsStoppedAtAnyStepAndResumed(t *testing.T) {
	const all = problemEpochs * (problemImages / problemBatch)
	for method := range others {
		t.Run(method, func(t *testing.T) {
			whole := otherProblem(t, method, problemOptions{threads: 1})
			start := nn.Hash(whole.config.Method.Params())
			require.NoError(t, whole.run(t, context.Background()))
			expected := whole.result()
			require.NotEqual(t, start, expected.weights)
			for _, r := range expected.records {
				assert.False(t, r.Collapsed, "spread %v", r.Spread)
				t.Logf("epoch %d: loss %.4f (chance %.4f), spread %.4f", r.Epoch, r.Loss, r.Chance, r.Spread)
			}
			for _, threads := range []int{2, 3} {
				p := otherProblem(t, method, problemOptions{threads: threads})
				require.NoError(t, p.run(t, context.Background()))
				require.Equal(t, expected, p.result(), "%d threads", threads)
			}
			for stop := 1; stop < all; stop++ {
				dir := t.TempDir()
				ctx, cancel := context.WithCancel(context.Background())
				first := otherProblem(t, method, problemOptions{dir: dir, threads: 1 + stop%3, change: stopAfter(stop, cancel)})
				require.ErrorIs(t, first.run(t, ctx), context.Canceled)
				second := otherProblem(t, method, problemOptions{dir: dir, threads: 1 + (stop+1)%3})
				require.NoError(t, second.run(t, context.Background()))
				got := second.result()
				got.records = append(first.result().records, got.records...)
				require.Equal(t, expected, got, "stopped after %d steps", stop)
				require.Equal(t, [2]int{stop / 4, stop % 4}, [2]int{second.start.Epoch, second.start.Step})
			}
		})
	}
}
