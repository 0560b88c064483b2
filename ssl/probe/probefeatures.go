package probe

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// ProbeFeatures is the linear evaluation of features that are at hand, train [N,D]
// and test [M,D], which stay as they are; labels are in [0, classes). Tap and
// EncoderHash of the result are for the caller to fill in.
func ProbeFeatures(ctx context.Context, e *tensor.Engine, train *tensor.Tensor, trainLabels []int, test *tensor.Tensor, testLabels []int, classes int, config LinearConfig) (*LinearResult, error) {
	if train.Rank() != 2 || test.Rank() != 2 || train.Dim(1) != test.Dim(1) || train.Dim(0) != len(trainLabels) || test.Dim(0) != len(testLabels) {
		panic(fmt.Sprintf("probe: ProbeFeatures of features %v with %d labels and %v with %d labels, expected [N,D], N, [M,D], M",
			train.Shape(), len(trainLabels), test.Shape(), len(testLabels)))
	}
	c, err := config.filled()
	if err != nil {
		return nil, fmt.Errorf("linear probe: %w", err)
	}
	if len(trainLabels) == 0 || len(testLabels) == 0 {
		return nil, fmt.Errorf("linear probe: found %d training and %d test points, expected some of each", len(trainLabels), len(testLabels))
	}
	for _, labels := range [][]int{trainLabels, testLabels} {
		if lo, hi := slices.Min(labels), slices.Max(labels); lo < 0 || hi >= classes {
			return nil, fmt.Errorf("linear probe: found labels from %d to %d, expected 0 to %d", lo, hi, classes-1)
		}
	}
	for _, x := range []*tensor.Tensor{train, test} {
		if !e.AllFinite(x) {
			return nil, fmt.Errorf("linear probe: the features: %w", ssl.ErrNotFinite)
		}
	}
	clone := func(x *tensor.Tensor) *tensor.Tensor {
		return tensor.FromSlice(slices.Clone(x.Data()), x.Shape()...)
	}
	r := newLinearResult(c, train, test, classes)
	return r, r.fit(ctx, e, clone(train), trainLabels, clone(test), testLabels)
}

// Pixels returns the unaugmented images, normalised as encoders see them:
// [len(indices),H,W,C].
func Pixels(e *tensor.Engine, d data.Dataset, indices []int, a *augment.Augmenter) *tensor.Tensor {
	h, w, c := a.Shape()
	x := tensor.New(len(indices), h, w, c)
	originals(e, x.Data(), d, indices, a)
	return x
}
