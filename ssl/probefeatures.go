package ssl

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// ProbeFeatures is the linear evaluation of features that are at hand, train [N,D]
// and test [M,D], which stay as they are; labels are in [0, classes). Tap and
// EncoderHash of the result are for the caller to fill in.
func ProbeFeatures(ctx context.Context, e *tensor.Engine, train *tensor.Tensor, trainLabels []int, test *tensor.Tensor, testLabels []int, classes int, config LinearConfig) (*LinearResult, error) {
	if train.Rank() != 2 || test.Rank() != 2 || train.Dim(1) != test.Dim(1) || train.Dim(0) != len(trainLabels) || test.Dim(0) != len(testLabels) {
		panic(fmt.Sprintf("ssl: ProbeFeatures of features %v with %d labels and %v with %d labels, expected [N,D], N, [M,D], M",
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
			return nil, fmt.Errorf("linear probe: the features: %w", ErrNotFinite)
		}
	}
	clone := func(x *tensor.Tensor) *tensor.Tensor {
		return tensor.FromSlice(slices.Clone(x.Data()), x.Shape()...)
	}
	r := newLinearResult(c, train, test, classes)
	return r, r.fit(ctx, e, clone(train), trainLabels, clone(test), testLabels)
}

// ProbeSet is a linear probe of many encoders on the same images, whose pixels are
// made once: for studies that perturb an encoder in a hundred ways. Its results are
// those of LinearProbe, bit for bit.
type ProbeSet struct {
	probe       LinearProbe
	train, test *tensor.Tensor // pixels [N,H,W,C]
}

// NewProbeSet makes the pixels of the points of p, whose Encoder and Tap are not
// used. It keeps 4 bytes for each of their values. Errors are those of
// LinearProbe.Run that do not depend on an encoder.
func NewProbeSet(p LinearProbe) (*ProbeSet, error) {
	if _, _, err := p.check(); err != nil {
		return nil, err
	}
	return &ProbeSet{p, Pixels(p.Engine, p.Train, p.TrainIndices, p.Augment), Pixels(p.Engine, p.Test, p.TestIndices, p.Augment)}, nil
}

// Run probes an encoder; tap is as in LinearProbe.
func (s *ProbeSet) Run(ctx context.Context, enc nn.Encoder, tap string) (*LinearResult, error) {
	p := s.probe
	p.Encoder, p.Tap = enc, tap
	pixels := s.train
	return p.run(ctx, func(d data.Dataset, indices []int) (*tensor.Tensor, error) {
		// First the training points, then the test points.
		x := pixels
		pixels = s.test
		size := x.Len() / x.Dim(0)
		return inputFeatures(ctx, p.Engine, enc, tap, inputs{d.Name(), x.Dim(0), p.Batch, func(_ *tensor.Tape, lo, hi int) *tensor.Tensor {
			return tensor.FromSlice(x.Data()[lo*size:hi*size], append([]int{hi - lo}, x.Shape()[1:]...)...)
		}})
	})
}

// Pixels returns the unaugmented images, normalised as encoders see them:
// [len(indices),H,W,C].
func Pixels(e *tensor.Engine, d data.Dataset, indices []int, a *augment.Augmenter) *tensor.Tensor {
	h, w, c := a.Shape()
	x := tensor.New(len(indices), h, w, c)
	originals(e, x.Data(), d, indices, a)
	return x
}
