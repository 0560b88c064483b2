package ssl

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Labelled is a Method that needs to know the classes of the images. The trainer
// refuses data that have none.
type Labelled interface {
	Method
	// Classes returns the number of classes.
	Classes() int
	// SetLabels gives the classes of the images of the next Loss, row by row, each
	// in [0, Classes()). They must not change before the step is done.
	SetLabels(labels []int)
}

// Supervised is training with labels: softmax cross-entropy of a linear
// classifier on the encoder's features. It is what methods without labels are
// compared with.
type Supervised struct {
	encoder    nn.Encoder
	classifier *nn.Linear
	classes    int
	labels     []int
}

// NewSupervised puts a linear classifier, initialised from seed, on top of the
// encoder. Its layer is called classifier.
func NewSupervised(encoder nn.Encoder, classes int, seed uint64) (*Supervised, error) {
	if classes < 2 {
		return nil, fmt.Errorf("supervised training: found data of %d classes, expected at least 2: it needs labelled images", classes)
	}
	return &Supervised{encoder: encoder, classifier: nn.NewLinear("classifier", encoder.OutDim(), classes, seed), classes: classes}, nil
}

// Name returns "supervised".
func (s *Supervised) Name() string { return "supervised" }

// Views returns 1.
func (s *Supervised) Views() int { return 1 }

// Classes implements Labelled.
func (s *Supervised) Classes() int { return s.classes }

// SetLabels implements Labelled.
func (s *Supervised) SetLabels(labels []int) { s.labels = labels }

// Encoder returns the network without its classifier.
func (s *Supervised) Encoder() nn.Encoder { return s.encoder }

// Params lists the encoder's parameters, then the classifier's.
func (s *Supervised) Params() []*nn.Param {
	return append(append([]*nn.Param{}, s.encoder.Params()...), s.classifier.Params()...)
}

// Chance is ln(classes): all classes equally likely for every image.
func (s *Supervised) Chance(int) float64 { return math.Log(float64(s.classes)) }

// Loss is the mean cross-entropy of the labels that SetLabels gave. The
// projection that it shows are the features.
func (s *Supervised) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	if len(views) != 1 || len(s.labels) != views[0].Dim(0) {
		panic(fmt.Sprintf("ssl: supervised training takes 1 view and a label for each image, got %d views and %d labels", len(views), len(s.labels)))
	}
	h := s.encoder.Forward(c, views[0])
	c.Tap(ProjectionTap, h)
	return c.Tape.SoftmaxCrossEntropy(s.classifier.Forward(c, h), s.labels)
}

// unlabeled is the class of images without a label in STL-10.
const unlabeled = "unlabeled"

// checkLabels wants a label in [0, classes) for each of the training images, of at
// least two classes.
func checkLabels(d data.Dataset, indices []int, classes int) error {
	if err := checkRange(d, indices, classes); err != nil {
		return err
	}
	for _, i := range indices {
		if d.Label(i) != d.Label(indices[0]) {
			return nil
		}
	}
	return fmt.Errorf("labels: all training images of %s are of one class, expected at least 2: there is nothing to tell apart", d.Name())
}

// checkRange wants a label in [0, classes) for each of the images.
func checkRange(d data.Dataset, indices []int, classes int) error {
	names := d.Classes()
	for _, i := range indices {
		switch l := d.Label(i); {
		case l < 0 || l >= classes || l >= len(names):
			return fmt.Errorf("labels: image %d of %s has label %d, expected 0 to %d: labelled images are needed", i, d.Name(), l, classes-1)
		case names[l] == unlabeled:
			return fmt.Errorf("labels: image %d of %s is unlabeled: labelled images are needed", i, d.Name())
		}
	}
	return nil
}
