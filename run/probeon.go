package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/tensor"
)

// On names data that an encoder is probed on in place of those that it was trained
// on (Tables 6 and 20 to 24 of arXiv 2409.19069). Their images are brought to the
// shape that the encoder takes (data.Reshape) and normalised as its own were.
type On struct {
	Name    string // synthetic, or one of data.Sources
	Dir     string // of the files
	Variant string
	// Seed of synthetic images, which otherwise are those that the recipe
	// describes.
	Seed uint64
	// Train and Test limit the images of the two parts, drawn at random; 0: all.
	Train, Test int
}

// ProbeConfig says which encoder is probed, and on what.
type ProbeConfig struct {
	Path  string // safetensors
	Load  Loading
	Which memorize.Side // whose training images are the bank, or train the classifier
	On    *On           // other data, for which Which does not matter; nil for those of the recipe
}

// target are the images of a probe.
type target struct {
	train, test               data.Dataset
	trainIndices, testIndices []int
}

// target returns the recipe's own images, those of its kNN for the test.
func (l *Setup) target(side memorize.Side) *target {
	return &target{l.Train, l.Test, l.TrainIndices(side), l.knnImages()}
}

// set makes a probe one of these images.
func (t *target) set(p *probe.KNNProbe) {
	p.Bank, p.Test, p.BankIndices, p.TestIndices = t.train, t.test, t.trainIndices, t.testIndices
}

// ProbeOn is Probe of encoder F on other data.
func (l *Setup) ProbeOn(e *tensor.Engine, enc nn.Encoder, on *On) (*probe.KNNProbe, error) {
	t, err := l.targetOn(on)
	if err != nil {
		return nil, err
	}
	p := l.Probe(e, enc, memorize.F)
	t.set(p)
	return p, nil
}

// targetOn opens other data.
func (l *Setup) targetOn(on *On) (*target, error) {
	r := *l.Recipe
	r.Data.Name, r.Data.Dir, r.Data.Variant, r.Data.Synthetic.Seed = on.Name, on.Dir, on.Variant, on.Seed
	if on.Name != "synthetic" {
		s := data.SourceOf(on.Name)
		if s == nil {
			return nil, fmt.Errorf("probe on other data: name: found %q, expected synthetic or one of %s", on.Name,
				strings.Join(sourceNames(), ", "))
		}
		if err := s.CheckVariant(on.Variant); err != nil {
			return nil, fmt.Errorf("probe on other data: variant: %w", err)
		}
		if on.Dir == "" {
			return nil, fmt.Errorf("probe on other data: the folder with the files of %s is not given", on.Name)
		}
	}
	if on.Train < 0 || on.Test < 0 {
		return nil, fmt.Errorf("probe on other data: found limits of %d training and %d test images, expected 0 or more",
			on.Train, on.Test)
	}
	h, w, c := l.Train.Shape()
	t := &target{}
	train, test, err := OpenData(&r)
	if err == nil {
		t.train, err = data.Reshape(train, h, w, c)
	}
	if err == nil {
		t.test, err = data.Reshape(test, h, w, c)
	}
	if err != nil {
		return nil, fmt.Errorf("probe on other data: %w", err)
	}
	t.trainIndices = drawn(l.Recipe, "train", train.Len(), on.Train)
	t.testIndices = drawn(l.Recipe, "test", test.Len(), on.Test)
	return t, nil
}

// drawn returns most of n indices, rising, drawn by the seed of the split; all if
// most is 0. The first ones would be of a few classes where data are sorted.
func drawn(r *recipe.Recipe, part string, n, most int) []int {
	order := rng.New(r.SplitSeed(), "probe on "+part).Perm(n)
	if most > 0 {
		order = order[:min(most, n)]
	}
	slices.Sort(order)
	return order
}

func sourceNames() (names []string) {
	for _, s := range data.Sources() {
		names = append(names, s.Name)
	}
	return names
}
