package ssl

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl/privacy"
	"github.com/locimem/locimem/tensor"
)

// Private makes a training differentially private, by DP-SGD (Abadi et al. 2016,
// arXiv 1607.00133, Algorithm 1): every step takes each image with probability
// Batch/images on its own, shortens the gradient of each to Clip, adds them up, adds
// normal noise, divides by Batch, and leaves the rest to the optimiser. What is
// promised, and what is not, says docs/private.md.
type Private struct {
	Noise float64 // the noise multiplier: its standard deviation, divided by Clip
	Clip  float64 // longest gradient of one image, l2 norm over all parameters
	Delta float64 // of the epsilon that records have

	most int // for tests: in place of privatePart, where not 0
}

// atOnce is the largest number of images that go through the networks at once.
func (p *Private) atOnce() int { return cmp.Or(p.most, privatePart) }

// privatePart is what atOnce is. It changes the result by rounding only.
const privatePart = 64

// Spent is what a private training has spent up to an epoch.
type Spent struct {
	// Epsilon and Delta are the guarantee so far: (epsilon, delta)-differential privacy.
	Epsilon float64 `json:"epsilon"`
	Delta   float64 `json:"delta"`
	Noise   float64 `json:"noise"`   // multiplier
	Clipped float64 `json:"clipped"` // share of the images whose gradients were shortened; itself not private
}

// checkPrivateMethod is an error that says why a method cannot be trained privately,
// if it cannot.
func checkPrivateMethod(m Method) error {
	if why := NotPrivate(m.Name()); why != "" {
		return fmt.Errorf("private: %s", why)
	}
	for _, p := range m.Params() {
		if strings.HasSuffix(p.Name, ".running_mean") {
			return fmt.Errorf("private: %s", BatchNormNotPrivate)
		}
	}
	return nil
}

// NotPrivate says why the method of that name cannot be trained privately, "" if it
// can.
func NotPrivate(method string) string {
	if k, _ := Lookup(method); k.PerImage {
		return ""
	}
	return fmt.Sprintf("%s compares each image with the others of its batch, so that leaving out one of them changes the gradient of every other: "+
		"shortening gradients image by image would bound nothing; take %s", method, namesOf(func(k Kind) bool { return k.PerImage }))
}

// BatchNormNotPrivate is the reason.
const BatchNormNotPrivate = "batch norm mixes the images of a batch, so that none has a gradient of its own that could be bounded, " +
	"and its running statistics would be published without noise; take group norm (encoder.norm=group) or a vision transformer"

// checkPrivate checks what private training needs.
func checkPrivate(c *TrainerConfig) error {
	p := c.Private
	if p == nil {
		return nil
	}
	switch {
	case !(p.Noise > 0) || math.IsInf(p.Noise, 0):
		return fmt.Errorf("private noise: found %v, expected a number above 0: without noise nothing is promised", p.Noise)
	case !(p.Clip > 0) || math.IsInf(p.Clip, 0):
		return fmt.Errorf("private clip: found %v, expected a number above 0", p.Clip)
	case !(p.Delta > 0 && p.Delta < 1):
		return fmt.Errorf("private delta: found %v, expected more than 0 and less than 1", p.Delta)
	case c.Accumulate > 1:
		return fmt.Errorf("accumulate: found %d, expected 1: private training takes parts of at most %d images anyway", c.Accumulate, privatePart)
	case c.Engine.Precision() != tensor.Float32:
		return fmt.Errorf("private: found precision %s, expected %s: gradients are to be measured as they are added", c.Engine.Precision(), tensor.Float32)
	}
	return checkPrivateMethod(c.Method)
}

// spentUpTo returns what the training has spent at the end of the epoch that at is in.
func (t *Trainer) spentUpTo(at *place) *Spent {
	s := &Spent{Delta: t.Private.Delta, Noise: t.Private.Noise, Clipped: float64(at.Clipped) / float64(max(1, at.Images))}
	s.Epsilon, _ = privacy.Epsilon(s.Delta, privacy.Plan{Rate: t.rate(), Noise: s.Noise, Steps: (at.Epoch + 1) * t.steps})
	return s
}

// count adds what a private step saw.
func (s *sums) count(images, clipped int) {
	s.Images += images
	s.Clipped += clipped
	if images == 0 {
		s.Empty++
	}
}

// rate is the probability with which a private step takes an image.
func (t *Trainer) rate() float64 { return float64(t.Batch) / float64(len(t.Indices)) }

// draw returns the positions in the training set that a private step takes, counted
// from the start of the training: each on its own with probability rate (Poisson
// sampling). f and g of the same seed draw the same positions.
func (b *batches) draw(step int, rate float64) []int {
	r := rng.New(b.seed, "poisson", uint64(step))
	b.drawn = b.drawn[:0]
	for i := range b.indices {
		if r.Float64() < rate {
			b.drawn = append(b.drawn, i)
		}
	}
	return b.drawn
}

// privateBatch is the batch of a step of a private training.
type privateBatch struct {
	*Private
	images   int                                 // drawn
	expected float64                             // mean number of them
	part     func(from, to int) []*tensor.Tensor // the views of some of them
}

// privateStep is StepInParts of a private training, whose Noise is not nil.
func privateStep(c StepConfig, b privateBatch) (StepResult, error) {
	c.Optimizer.ZeroGrad()
	var r StepResult
	parts := (b.images + b.atOnce() - 1) / b.atOnce() // about equal ones
	for i := range parts {
		from, to := b.images*i/parts, b.images*(i+1)/parts
		own := *c.Noise
		own.Row = uint64(from)
		if err := c.addShortened(&b, b.part(from, to), &own, &r); err != nil {
			return r, err
		}
	}
	for _, param := range nn.Trained(c.Method.Params()) {
		if param.Value.Frozen() {
			continue
		}
		name := fnv.New64a()
		name.Write([]byte(param.Name))
		key := name.Sum64()
		c.Tape.Engine().AddGradNoise(param.Value, b.Noise*b.Clip/b.expected, func(source *rand.PCG, block uint64) {
			rng.Reset(source, c.Noise.Seed, "private noise", c.Noise.Step, key, block)
		})
	}
	err := c.finish(&r)
	return r, err
}

// addShortened adds the shortened gradients of some of the images of a step, divided
// by the expected number.
func (c *StepConfig) addShortened(b *privateBatch, views []*tensor.Tensor, noise *nn.Noise, r *StepResult) error {
	tp := c.Tape
	defer tp.Release()
	n := views[0].Dim(0)
	tp.PerSample(n)
	loss, err := c.forward(views, noise, float64(b.images)/float64(n), r)
	if err != nil {
		return err
	}
	tp.Backward(loss)
	weights := tp.SampleNorms()
	for i, norm := range weights {
		norm *= float64(n) // the loss is the mean over the part
		if !finite(norm) {
			return fmt.Errorf("the gradient of image %d of a step is not finite (the loss is %v): %w", int(noise.Row)+i, r.Loss, ErrNotFinite)
		}
		if norm > b.Clip {
			r.Clipped++
		}
		weights[i] = float64(n) / b.expected * min(1, b.Clip/norm)
	}
	tp.AddSampleGrads(weights)
	return nil
}
