package ssl

import (
	"fmt"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// TrainerConfig is all that the training of one encoder depends on.
type TrainerConfig struct {
	// Name tells encoders apart in messages, records and checkpoints: "f", "g".
	Name      string
	Engine    *tensor.Engine
	Method    Method // with the encoder in it
	Optimizer optim.Optimizer
	Schedule  optim.Schedule

	Dataset data.Dataset
	Indices []int // the training set, as indices into Dataset
	Augment *augment.Augmenter
	// Views make single views, by number, where those are not of Augment's kind.
	// Nil ones and what is beyond the end are Augment.
	Views []*augment.Augmenter

	Batch  int // images in a step, at least 2
	Epochs int
	// Accumulate is the number of parts of a batch that go through the networks
	// one after the other (StepInParts); it divides Batch, and a part has at least
	// 2 images. 0 means 1.
	Accumulate int
	// WeightsEMA is the decay of an average of the weights of Encoder over the steps
	// (Trainer.Average), less than 1; 0: none. It does not change the training.
	WeightsEMA float64
	Encoder    nn.Encoder // that of Method; needed for WeightsEMA only

	// Private makes the training differentially private; nil: it is not. An epoch is
	// then as many steps, of Batch images in the mean.
	Private *Private

	// Seed of the order of the images and of their views. Encoders that are to
	// be compared have the same.
	Seed uint64

	// CheckpointDir is where checkpoints go; "" writes none. It is made if need
	// be, and training goes on from what it holds.
	CheckpointDir   string
	CheckpointEvery int // in epochs; 0 writes only at the end and when stopped
	// RecipeHash ties checkpoints to a recipe: those of another are refused.
	RecipeHash string

	Hooks Hooks
}

// Trainer trains one encoder.
type Trainer struct {
	TrainerConfig
	steps   int // in an epoch
	batches *batches
	store   *store          // nil without CheckpointDir
	average *weightsAverage // nil without WeightsEMA
}

// NewTrainer checks the configuration; errors name the field.
func NewTrainer(c TrainerConfig) (*Trainer, error) {
	for _, part := range []struct {
		field  string
		absent bool
	}{
		{"Engine", c.Engine == nil}, {"Method", c.Method == nil}, {"Optimizer", c.Optimizer == nil},
		{"Schedule", c.Schedule == nil}, {"Dataset", c.Dataset == nil}, {"Augment", c.Augment == nil},
	} {
		if part.absent {
			return nil, fmt.Errorf("training %s: %s is not set", c.Name, part.field)
		}
	}
	c.Accumulate = max(c.Accumulate, 1)
	if err := checkNumbers(&c); err != nil {
		return nil, fmt.Errorf("training %s: %w", c.Name, err)
	}
	t := &Trainer{TrainerConfig: c, steps: len(c.Indices) / c.Batch, batches: newBatches(&c)}
	if c.WeightsEMA > 0 {
		t.average = newWeightsAverage(c.Encoder.Params(), c.WeightsEMA)
	}
	if c.CheckpointDir != "" {
		t.store = newStore(&c)
		t.store.average = t.Average()
	}
	return t, nil
}

func checkNumbers(c *TrainerConfig) error {
	switch {
	case c.Epochs < 1:
		return fmt.Errorf("epochs: found %d, expected at least 1", c.Epochs)
	case c.Batch < 2:
		return fmt.Errorf("batch: found %d, expected at least 2: the loss compares the images of a batch", c.Batch)
	case c.Batch > len(c.Indices):
		return fmt.Errorf("batch: found %d, but there are only %d training images", c.Batch, len(c.Indices))
	case c.Batch%c.Accumulate != 0 || c.Batch/c.Accumulate < 2:
		return fmt.Errorf("accumulate: found %d, expected a divisor of the batch of %d that leaves parts of at least 2 images", c.Accumulate, c.Batch)
	case c.Accumulate > 1 && kinds[c.Method.Name()].WholeBatch:
		return fmt.Errorf("accumulate: found %d, expected 1: %s takes whole batches only", c.Accumulate, c.Method.Name())
	case c.CheckpointEvery < 0:
		return fmt.Errorf("checkpoint_every: found %d, expected 0 (only at the end) or more epochs", c.CheckpointEvery)
	case c.CheckpointDir != "" && (c.Name == "" || c.RecipeHash == ""):
		return fmt.Errorf("checkpoints need the encoder's Name and RecipeHash, found %q and %q", c.Name, c.RecipeHash)
	}
	if err := first(checkAverage(c), checkPrivate(c)); err != nil {
		return err
	}
	seen := make(map[int]bool, len(c.Indices))
	for _, i := range c.Indices {
		if i < 0 || i >= c.Dataset.Len() {
			return fmt.Errorf("indices: found image %d, but %s has the images 0 to %d", i, c.Dataset.Name(), c.Dataset.Len()-1)
		}
		if seen[i] {
			return fmt.Errorf("indices: image %d is there twice", i)
		}
		seen[i] = true
	}
	if m, ok := c.Method.(Labelled); ok {
		return CheckLabels(c.Dataset, c.Indices, m.Classes())
	}
	return nil
}

// StepsPerEpoch is the number of whole batches in the training set. What is
// left over, fewer images than a batch and others in each epoch, is not used:
// NT-Xent depends on the size of the batch.
func (t *Trainer) StepsPerEpoch() int { return t.steps }
