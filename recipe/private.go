package recipe

import (
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/ssl/privacy"
	"github.com/locimem/locimem/tensor"
)

// Private makes the training of each encoder differentially private (ssl.Private,
// docs/private.md), if Epsilon or Noise is not 0. Otherwise nothing of it counts.
type Private struct {
	// Epsilon is what the whole training may spend; the noise follows from it.
	Epsilon float64 `yaml:"epsilon" hash:"train.private.epsilon!=0"`
	// Noise is the noise multiplier, given in the place of Epsilon.
	Noise float64 `yaml:"noise" hash:"train.private.noise!=0"`
	// Clip is the norm that the gradient of an image is shortened to.
	Clip float64 `yaml:"clip" hash:"train.private.clip!=0"`
	// Delta is the probability that the promise of Epsilon may fail with.
	Delta float64 `yaml:"delta" hash:"train.private.delta!=0"`
}

// On tells whether training is private.
func (p Private) On() bool { return p.Epsilon != 0 || p.Noise != 0 }

// Private returns how an encoder with that many training images is trained
// privately, nil if it is not. The error says that no noise is enough.
func (r *Recipe) Private(images int) (*ssl.Private, error) {
	t := r.Train
	p := t.Private
	if !p.On() {
		return nil, nil
	}
	noise := p.Noise
	if p.Epsilon != 0 {
		var err error
		if noise, err = privacy.NoiseFor(p.Epsilon, p.Delta, float64(t.Batch)/float64(images),
			t.Epochs*(images/t.Batch)); err != nil {
			return nil, fmt.Errorf("train.private: %w", err)
		}
	}
	return &ssl.Private{Noise: noise, Clip: p.Clip, Delta: p.Delta}, nil
}

// private checks train.private and what cannot go with it.
func (r *Recipe) private(c *checker) {
	p, t := r.Train.Private, r.Train
	if !p.On() {
		return
	}
	within(c, "train.private.epsilon", p.Epsilon, 0, 1e6)
	if p.Noise != 0 {
		within(c, "train.private.noise", p.Noise, privacy.MinNoise, 1e6)
	}
	c.positive("train.private.clip", p.Clip, 1e6)
	if p.Epsilon != 0 && p.Noise != 0 {
		c.problem("train.private.noise",
			"want 0 where train.private.epsilon is given, or the other way round: each follows from "+
				"the other, found %v and %v", p.Noise, p.Epsilon)
	}
	images := r.Split.Shared + max(r.Split.Candidate, r.Split.Independent)
	switch {
	case !(p.Delta > 0 && p.Delta < 1):
		c.problem("train.private.delta", "want more than 0 and less than 1, found %v", p.Delta)
	case p.Delta*float64(images) >= 1:
		c.problem("train.private.delta",
			"want less than 1 / %d training images: to publish one of them, drawn at random, would keep the promise "+
				"otherwise; found %v", images, p.Delta)
	}
	if why := ssl.NotPrivate(r.Method.Name); why != "" {
		c.problem("method.name", "train.private: %s", why)
	}
	if len(nn.Norms(r.Encoder.Name)) > 0 && r.Encoder.Norm != nn.NormGroup {
		c.problem("encoder.norm", "train.private: %s", ssl.BatchNormNotPrivate)
	}
	if t.Accumulate != 1 {
		c.problem("train.accumulate", "want 1 with train.private, which takes a batch in small parts anyway, found %d",
			t.Accumulate)
	}
	if t.ClipNorm != 0 {
		c.problem("train.clip_norm",
			"want 0 with train.private, which shortens the gradient of every image (train.private.clip); shortening their "+
				"noisy sum again would hide how much noise there is; found %v", t.ClipNorm)
	}
	if t.Precision != tensor.Float32 {
		c.problem("train.precision", "want %s with train.private: gradients are to be measured as they are added, found %s",
			tensor.Float32, t.Precision)
	}
}
