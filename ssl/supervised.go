package ssl

import (
	"fmt"
	"math"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
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

// SupervisedConfig holds the settings of Supervised, which has none.
type SupervisedConfig struct {
	// Projector has no meaning. It counts in the hash of a recipe because it did so in
	// runs that there are.
	Projector []int `yaml:"projector" needs:"-"`
}

func init() {
	Register(Kind{
		Name: "supervised", Summary: "the labels, with the same encoder and loop, for comparison",
		Config:   SupervisedConfig{Projector: []int{128, 64}},
		PerImage: true,
	})
}

// Validate implements Config: nothing can be wrong.
func (c SupervisedConfig) Validate(Setup) error { return nil }

// Views implements Config: one.
func (c SupervisedConfig) Views(first, _ augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first}
}

// New implements Config. It puts a linear classifier on top of the encoder, whose layer
// is called classifier.
func (c SupervisedConfig) New(s Setup) (Method, error) {
	if s.Classes < 2 {
		return nil,
			fmt.Errorf("classes: found data of %d classes, expected at least 2: supervised training needs labelled images",
				s.Classes)
	}
	classifier := nn.NewLinear("classifier", s.Encoder.OutDim(), s.Classes, s.Seed)
	return &Supervised{encoder: s.Encoder, classifier: classifier, classes: s.Classes}, nil
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
		panic(fmt.Sprintf("ssl: supervised training takes 1 view and a label for each image, got %d views and %d labels",
			len(views), len(s.labels)))
	}
	h := s.encoder.Forward(c, views[0])
	c.Tap(ProjectionTap, h)
	return c.Tape.SoftmaxCrossEntropy(s.classifier.Forward(c, h), s.labels)
}

// Classify returns the logits [N,Classes()] of features [N,OutDim()] of the encoder.
func (s *Supervised) Classify(c *nn.Context, features *tensor.Tensor) *tensor.Tensor {
	return s.classifier.Forward(c, features)
}

// unlabeled is the class of images without a label in STL-10.
const unlabeled = "unlabeled"

// CheckLabels returns an error unless there is a label in [0, classes) for each of the training
// images, of at least two classes.
func CheckLabels(d data.Dataset, indices []int, classes int) error {
	if err := CheckLabelRange(d, indices, classes); err != nil {
		return err
	}
	for _, i := range indices {
		if d.Label(i) != d.Label(indices[0]) {
			return nil
		}
	}
	return fmt.Errorf("labels: all training images of %s are of one class, expected at least 2: there is nothing to "+
		"tell apart", d.Name())
}

// CheckLabelRange returns an error unless there is a label in [0, classes) for each of the
// images.
func CheckLabelRange(d data.Dataset, indices []int, classes int) error {
	names := d.Classes()
	for _, i := range indices {
		switch l := d.Label(i); {
		case l < 0 || l >= classes || l >= len(names):
			return fmt.Errorf("labels: image %d of %s has label %d, expected 0 to %d: labelled images are needed", i, d.Name(),
				l, classes-1)
		case names[l] == unlabeled:
			return fmt.Errorf("labels: image %d of %s is unlabeled: labelled images are needed", i, d.Name())
		}
	}
	return nil
}
