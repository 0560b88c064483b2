package probe

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// A linear probe and that of its features give the same bits.
func TestProbeFeaturesIsLinearProbe(t *testing.T) {
	ctx := context.Background()
	p := newProblem(t, 2)
	linear := LinearProbe{
		Engine: p.engine, Augment: p.augment, Train: p.images, Test: p.images,
		TrainIndices: upTo(0, 40), TestIndices: upTo(40, 64), Batch: 7, Config: LinearConfig{WeightDecay: 1e-3},
	}
	other, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125, InH: 16, InW: 16}, 5)
	require.NoError(t, err)
	var accuracies []float64
	for _, enc := range []nn.Encoder{p.encoder, other} {
		for _, tap := range []string{"", "relu3"} {
			linear.Encoder, linear.Tap = enc, tap
			want, err := linear.Run(ctx)
			require.NoError(t, err)
			accuracies = append(accuracies, want.Loss)

			train, err := tapFeatures(ctx, linear.Engine, enc, tap, linear.Train, linear.TrainIndices, linear.Augment, 7)
			require.NoError(t, err)
			test, err := tapFeatures(ctx, linear.Engine, enc, tap, linear.Test, linear.TestIndices, linear.Augment, 7)
			require.NoError(t, err)
			before := train.Data()[0]
			got, err := ProbeFeatures(ctx, linear.Engine, train, Labels(linear.Train, linear.TrainIndices), test, Labels(linear.Test, linear.TestIndices), 10, linear.Config)
			require.NoError(t, err)
			assert.Equal(t, before, train.Data()[0], "the features stay")
			got.Tap, got.EncoderHash = want.Tap, want.EncoderHash
			assert.Equal(t, want, got)
		}
	}
	assert.NotEqual(t, accuracies[0], accuracies[2], "encoders are told apart")
}

func TestProbeFeaturesErrors(t *testing.T) {
	e := newEngine(t, 1)
	x := tensor.FromSlice([]float32{0, 1, 1, 0}, 2, 2)
	nan := tensor.FromSlice([]float32{0, float32(math.NaN()), 1, 0}, 2, 2)
	for says, c := range map[string]struct {
		test   *tensor.Tensor
		labels []int
		config LinearConfig
	}{
		"found labels from 0 to 2, expected 0 to 1": {x, []int{0, 2}, LinearConfig{}},
		"not a finite number":                       {nan, []int{0, 1}, LinearConfig{}},
		"weight decay: found -1":                    {x, []int{0, 1}, LinearConfig{WeightDecay: -1}},
	} {
		_, err := ProbeFeatures(context.Background(), e, x, []int{0, 1}, c.test, c.labels, 2, c.config)
		assert.ErrorContains(t, err, says)
	}
}

// Points on the unit circle: 0, 10 and 20 degrees are a, but for the one at 10,
// which is b; 90 and 100 are b. A last point is the same as the first.
func TestDisagreementByHand(t *testing.T) {
	e := newEngine(t, 2)
	var x []float32
	for i, degrees := range []float64{0, 10, 20, 90, 100, 0} {
		s, c := math.Sincos(degrees * math.Pi / 180)
		r := float64(i + 1) // lengths do not count
		x = append(x, float32(r*c), float32(r*s))
	}
	features := tensor.FromSlice(x, 6, 2)
	labels := []int{0, 1, 0, 1, 1, 0}
	for k, want := range map[int][]float64{
		1: {0, 1, 1, 0, 0, 0},
		2: {.5, 1, .5, .5, .5, .5},
		5: {.6, .6, .6, .6, .6, .6},
	} {
		got, err := Disagreement(e, features, labels, k)
		require.NoError(t, err)
		assert.Equal(t, want, got, "k %d", k)
	}
	_, err := Disagreement(e, features, labels, 6)
	assert.ErrorContains(t, err, "k: found 6, expected 1 to 5")
}

// All points in one place: none is its own neighbour, wherever it comes.
func TestDisagreementOfTies(t *testing.T) {
	e := newEngine(t, 1)
	x := tensor.FromSlice([]float32{1, 0, 1, 0, 1, 0, 1, 0}, 4, 2)
	got, err := Disagreement(e, x, []int{0, 1, 2, 3}, 2)
	require.NoError(t, err)
	assert.Equal(t, []float64{1, 1, 1, 1}, got)
}
