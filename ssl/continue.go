package ssl

import (
	"fmt"

	"github.com/locimem/locimem/data"
)

// ContinueOn returns c for training on a few points only, over and over: how a unit
// comes to answer to one point (Tables 13 and 14 of arXiv 2409.19069). Every epoch
// has each point times over, each time with other views, so that a batch, and with
// it the statistics of batch norm, can be made of one image alone. The method of c
// holds the encoder to go on with; c.Indices, which must be empty, becomes the
// points, which are indices into c.Dataset, and c.Batch 0 becomes all of them in
// one batch.
//
// Methods that push the images of a batch apart have nothing to learn from an image
// that must be like itself and unlike itself: contrastive ones (Kind) are refused
// where times is above 1. The paper takes SimSiam. Hooks, checkpoints and the rest are
// those of a Trainer.
func ContinueOn(c TrainerConfig, points []int, times int) (TrainerConfig, error) {
	fail := func(format string, args ...any) (TrainerConfig, error) {
		return c, fmt.Errorf("training %s on a few points: %w", c.Name, fmt.Errorf(format, args...))
	}
	if c.Method == nil {
		return fail("Method is not set")
	}
	if k, _ := Lookup(c.Method.Name()); k.Contrastive && times > 1 {
		return fail("times: found %d, expected 1: %s takes the other images of a batch for negatives, which would be the same image; "+
			"use a method without negatives (the paper takes simsiam)", times, c.Method.Name())
	}
	switch {
	case c.Dataset == nil:
		return fail("Dataset is not set")
	case len(c.Indices) > 0:
		return fail("Indices: found %d, expected none beside the points", len(c.Indices))
	case times < 1:
		return fail("times: found %d, expected at least 1", times)
	case len(points) == 0:
		return fail("points: found none, expected at least 1")
	}
	seen := map[int]bool{}
	for _, p := range points {
		if p < 0 || p >= c.Dataset.Len() {
			return fail("points: found image %d, but %s has the images 0 to %d", p, c.Dataset.Name(), c.Dataset.Len()-1)
		}
		if seen[p] {
			return fail("points: image %d is there twice", p)
		}
		seen[p] = true
	}
	c.Dataset = data.Repeat(c.Dataset, points, times)
	c.Indices = upTo(0, c.Dataset.Len())
	if c.Batch == 0 {
		c.Batch = len(c.Indices)
	}
	return c, nil
}
