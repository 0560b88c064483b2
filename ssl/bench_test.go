package ssl

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// full is SimCLR on the paper's ResNet-9 with batches of 256 images of 32x32.
func full(b *testing.B, o tensor.Options) *TrainerConfig {
	e, err := tensor.NewEngine(o)
	require.NoError(b, err)
	b.Cleanup(e.Close)
	set, err := data.NewSynthetic(data.SyntheticOptions{N: 256, Classes: 10, Size: 32, Seed: 1})
	require.NoError(b, err)
	views, err := augment.New(augment.SimCLR(), 32, 32, 3)
	require.NoError(b, err)
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{}, 1)
	require.NoError(b, err)
	method, err := made[*SimCLR]("simclr", SimCLRConfig{Temperature: .5, Projector: []int{256, 64}}, Setup{Encoder: enc, Seed: 2})
	require.NoError(b, err)
	adam, err := optim.NewAdam(e, method.Params(), optim.AdamConfig{})
	require.NoError(b, err)
	return &TrainerConfig{Engine: e, Method: method, Optimizer: adam, Dataset: set, Augment: views, Indices: upTo(0, 256), Batch: 256}
}

// BenchmarkStep is a training step without its views.
func BenchmarkStep(b *testing.B) {
	for _, precision := range tensor.Precisions() {
		b.Run(precision, func(b *testing.B) {
			c := full(b, tensor.Options{Precision: precision})
			views := newBatches(c).fill(0, c.Indices)
			tp := c.Engine.NewTape(tensor.Training)
			b.ReportAllocs()
			for b.Loop() {
				_, err := Step(StepConfig{Tape: tp, Method: c.Method, Optimizer: c.Optimizer, LR: 1e-3, Steps: 1}, views)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(c.Batch*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// BenchmarkPrivateStep is a step of 64 images without their views, as it is and
// private: mae of ViT-Ti/4 with the decoder of recipes/mae-mini.yaml, and supervised
// training of ResNet-9 with group norm.
func BenchmarkPrivateStep(b *testing.B) {
	const images = 64
	e, err := tensor.NewEngine(tensor.Options{})
	require.NoError(b, err)
	b.Cleanup(e.Close)
	vit, err := nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{}, 1)
	require.NoError(b, err)
	mae, err := made[*MAE]("mae", MAEConfig{MaskRatio: .75, DecoderDepth: 4, DecoderDim: 192, DecoderHeads: 3}, Setup{Encoder: vit, Seed: 2})
	require.NoError(b, err)
	resnet, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Norm: nn.NormGroup}, 1)
	require.NoError(b, err)
	supervised, err := made[*Supervised]("supervised", nil, Setup{Encoder: resnet, Classes: 10, Seed: 2})
	require.NoError(b, err)
	supervised.SetLabels(make([]int, images))
	x := tensor.FromSlice(testutil.NetImages("images/a", images, 32, 32, 3), images, 32, 32, 3)
	noise := &nn.Noise{}
	part := func(from, to int) []*tensor.Tensor { return []*tensor.Tensor{x} }
	for _, m := range []Method{mae, supervised} {
		adam, err := optim.NewAdam(e, m.Params(), optim.AdamConfig{})
		require.NoError(b, err)
		for _, private := range []bool{false, true} {
			b.Run(m.Name()+map[bool]string{true: " private"}[private], func(b *testing.B) {
				tp := e.NewTape(tensor.Training)
				for b.Loop() {
					if private {
						_, err = privateStep(StepConfig{Tape: tp, Method: m, Optimizer: adam, LR: 1e-5, Noise: noise, Steps: 1}, privateBatch{&Private{Noise: 1, Clip: .1}, images, images, part})
					} else {
						_, err = oneStep(tp, m, adam, x, 1e-5, noise)
					}
					require.NoError(b, err)
					noise.Step++
				}
				b.ReportMetric(float64(images*b.N)/b.Elapsed().Seconds(), "images/s")
			})
		}
	}
}

// BenchmarkViews makes the views of a step.
func BenchmarkViews(b *testing.B) {
	c := full(b, tensor.Options{})
	batches := newBatches(c)
	b.ReportAllocs()
	epoch := 0
	for b.Loop() {
		batches.fill(epoch, c.Indices)
		epoch++
	}
	b.ReportMetric(float64(c.Batch*b.N)/b.Elapsed().Seconds(), "images/s")
}

// BenchmarkNTXent is the loss alone, forward and back, on 512 projections.
func BenchmarkNTXent(b *testing.B) {
	c := full(b, tensor.Options{})
	z1, z2 := toTensor(randomRows("z1", 256, 64)).RequireGrad(), toTensor(randomRows("z2", 256, 64)).RequireGrad()
	tp := c.Engine.NewTape(tensor.Training)
	b.ReportAllocs()
	for b.Loop() {
		tp.Backward(NTXent(tp, z1, z2, .5))
		tp.Release()
	}
}
