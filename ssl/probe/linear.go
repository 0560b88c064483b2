package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// The solvers of linear probes.
const (
	SolverLBFGS = "lbfgs" // full batches, to the minimum
	SolverSGD   = "sgd"   // with momentum, for a number of epochs
)

// LinearConfig sets how the classifier of a linear probe is trained. Zero values
// mean the defaults in brackets.
type LinearConfig struct {
	Solver string `json:"solver"` // (SolverLBFGS)
	// WeightDecay times half the sum of the squared weights is added to the mean
	// cross-entropy; biases are free. 0 is none.
	WeightDecay float64 `json:"weight_decay"`
	// Of SolverLBFGS: it ends where no derivative is larger than Tolerance (1e-5),
	// or after Iterations (1000).
	Tolerance  float64 `json:"tolerance,omitempty"`
	Iterations int     `json:"iterations,omitempty"`
	// Of SolverSGD: Epochs (100), Batch (256), the first learning rate, which falls
	// to 0 (0.01), and the momentum (0.9).
	Epochs   int     `json:"epochs,omitempty"`
	Batch    int     `json:"batch,omitempty"`
	LR       float64 `json:"lr,omitempty"`
	Momentum float64 `json:"momentum,omitempty"`
	Seed     uint64  `json:"seed"` // of the order of the points; lbfgs has no use for it
}

// LinearProbe is the linear evaluation of a frozen encoder: a linear classifier,
// and nothing else, is trained on features that are computed once, in evaluation
// mode and without augmentation. It is not fine-tuning: the encoder stays as it is
// to the last bit, which Run checks.
type LinearProbe struct {
	Engine  *tensor.Engine
	Encoder nn.Encoder
	Augment *augment.Augmenter // its Original is used
	// Tap names the layer whose features are taken, the mean over positions where it
	// has any; "" is the encoder's output.
	Tap string
	// Train and Test are data sets, and the indices of the points into them.
	Train, Test               data.Dataset
	TrainIndices, TestIndices []int
	Batch                     int // images in a forward pass
	Config                    LinearConfig
}

// LinearResult is the accuracy of a linear probe with all that it depends on.
type LinearResult struct {
	Accuracy      float64 `json:"accuracy"` // on the test points
	TrainAccuracy float64 `json:"train_accuracy"`
	LinearConfig
	Tap           string  `json:"tap"`
	Features      int     `json:"features"`      // units of the tap
	Normalisation string  `json:"normalisation"` // of the features
	Train         int     `json:"train"`         // points
	Test          int     `json:"test"`
	Classes       int     `json:"classes"` // 1/Classes is the accuracy of guessing
	Loss          float64 `json:"loss"`    // at the end, with the decay's part
	Gradient      float64 `json:"gradient"`
	Steps         int     `json:"steps"` // iterations of lbfgs, epochs of sgd
	// Converged is true where lbfgs came down to its tolerance.
	Converged bool `json:"converged"`
	// EncoderHash is nn.Hash of the encoder, the same before and after.
	EncoderHash string `json:"encoder_hash"`
}

// normalisation is how the features of linear probes are normalised.
const normalisation = "each unit standardised by its mean and deviation over the training points"

// errThawed says that an encoder was not frozen.
var errThawed = errors.New("linear probe: the encoder has changed, this is no linear probe")

// Run does the probe. Errors name the field that is wrong, images without labels,
// a tap that there is not.
func (p *LinearProbe) Run(ctx context.Context) (*LinearResult, error) {
	c, classes, err := p.check()
	if err != nil {
		return nil, err
	}
	before := nn.Hash(p.Encoder.Params())
	train, err := p.features(ctx, p.Train, p.TrainIndices)
	if err != nil {
		return nil, err
	}
	test, err := p.features(ctx, p.Test, p.TestIndices)
	if err != nil {
		return nil, err
	}
	r := newLinearResult(c, train, test, classes)
	r.Tap, r.EncoderHash = p.Tap, before
	if taps := p.Encoder.Taps(); r.Tap == "" {
		r.Tap = taps[len(taps)-1].Name
	}
	if err := r.fit(ctx, p.Engine, train, Labels(p.Train, p.TrainIndices), test, Labels(p.Test, p.TestIndices)); err != nil {
		return nil, err
	}
	if nn.Hash(p.Encoder.Params()) != before {
		return nil, errThawed
	}
	return r, nil
}

// features returns those of some images, [len(indices),units].
func (p *LinearProbe) features(ctx context.Context, d data.Dataset, indices []int) (*tensor.Tensor, error) {
	return tapFeatures(ctx, p.Engine, p.Encoder, p.Tap, d, indices, p.Augment, p.Batch)
}

// check checks what does not depend on the encoder. It returns the configuration
// with its defaults and the number of classes.
func (p *LinearProbe) check() (LinearConfig, int, error) {
	c, err := p.Config.filled()
	classes := len(p.Train.Classes())
	switch {
	case err != nil:
	case !slices.Equal(p.Train.Classes(), p.Test.Classes()):
		err = fmt.Errorf("%s and %s have other classes", p.Train.Name(), p.Test.Name())
	case len(p.TrainIndices) == 0 || len(p.TestIndices) == 0:
		err = fmt.Errorf("found %d training and %d test points, expected some of each", len(p.TrainIndices), len(p.TestIndices))
	default:
		if err = ssl.CheckLabels(p.Train, p.TrainIndices, classes); err == nil {
			err = ssl.CheckLabelRange(p.Test, p.TestIndices, classes)
		}
	}
	if err != nil {
		return c, 0, fmt.Errorf("linear probe: %w", err)
	}
	return c, classes, nil
}

// newLinearResult returns a result with what is known before the fit.
func newLinearResult(c LinearConfig, train, test *tensor.Tensor, classes int) *LinearResult {
	return &LinearResult{
		LinearConfig: c, Features: train.Dim(1), Normalisation: normalisation,
		Train: train.Dim(0), Test: test.Dim(0), Classes: classes,
	}
}

// fit standardises the features, which it changes, and trains the classifier.
func (r *LinearResult) fit(ctx context.Context, e *tensor.Engine, train *tensor.Tensor, labels []int, test *tensor.Tensor, testLabels []int) error {
	s := newStandardizer(train)
	s.apply(train)
	s.apply(test)
	l := newLogistic(e, train, labels, r.Classes, r.WeightDecay)
	var f fitted
	var err error
	if r.Solver == SolverSGD {
		f, err = l.sgd(ctx, &r.LinearConfig)
	} else {
		f, err = l.lbfgs(ctx, r.Tolerance, r.Iterations)
		r.Converged = f.gradient <= r.Tolerance
	}
	if err != nil {
		return err
	}
	r.Loss, r.Gradient, r.Steps = f.loss, f.gradient, f.iterations
	r.TrainAccuracy, r.Accuracy = l.accuracy(train, labels), l.accuracy(test, testLabels)
	return nil
}

// filled fills in the defaults of the solver, leaves out what is the other's, and
// checks the ranges.
func (c LinearConfig) filled() (LinearConfig, error) {
	or := func(v *float64, standard float64) {
		if *v == 0 {
			*v = standard
		}
	}
	orInt := func(v *int, standard int) {
		if *v == 0 {
			*v = standard
		}
	}
	switch c.Solver {
	case "", SolverLBFGS:
		c.Solver = SolverLBFGS
		or(&c.Tolerance, 1e-5)
		orInt(&c.Iterations, 1000)
		c.Epochs, c.Batch, c.LR, c.Momentum = 0, 0, 0, 0
	case SolverSGD:
		orInt(&c.Epochs, 100)
		orInt(&c.Batch, 256)
		or(&c.LR, 0.01)
		or(&c.Momentum, 0.9)
		c.Tolerance, c.Iterations = 0, 0
	default:
		return c, fmt.Errorf("solver: found %q, expected %s or %s", c.Solver, SolverLBFGS, SolverSGD)
	}
	switch sgd := c.Solver == SolverSGD; {
	case !(c.WeightDecay >= 0) || math.IsInf(c.WeightDecay, 0):
		return c, fmt.Errorf("weight decay: found %v, expected 0 or more", c.WeightDecay)
	case !sgd && !(c.Tolerance > 0):
		return c, fmt.Errorf("tolerance: found %v, expected more than 0", c.Tolerance)
	case !sgd && c.Iterations < 1:
		return c, fmt.Errorf("iterations: found %d, expected at least 1", c.Iterations)
	case sgd && (c.Epochs < 1 || c.Batch < 1):
		return c, fmt.Errorf("epochs and batch: found %d and %d, expected at least 1", c.Epochs, c.Batch)
	case sgd && (!(c.LR > 0) || math.IsInf(c.LR, 0)):
		return c, fmt.Errorf("learning rate: found %v, expected more than 0", c.LR)
	case sgd && !(c.Momentum >= 0 && c.Momentum < 1):
		return c, fmt.Errorf("momentum: found %v, expected at least 0 and less than 1", c.Momentum)
	}
	return c, nil
}
