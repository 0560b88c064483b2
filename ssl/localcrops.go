package ssl

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// localCrops is the multi-crop of DINO: small views that only the student sees.
type localCrops struct {
	crops   int
	encoder nn.Encoder // the student's, for images of their size
	of      cropRows
}

// cropRows are places among the stacked views of n images, two large ones and then
// the small ones.
type cropRows struct {
	n            int
	large, small []int
	// What the teacher says of the second and of the first large view of the image
	// of each small crop, among targets in the order of the student's large views.
	second, first []int
}

// validateLocal checks the settings of the small views.
func (c *DINOConfig) validateLocal(s Setup) error {
	if err := within("local_crops", c.LocalCrops, 0, 100); err != nil || c.LocalCrops == 0 {
		return err
	}
	var scale error
	if l := c.LocalScale; !(0 < l[0] && l[0] <= l[1] && l[1] <= 1) {
		scale = fmt.Errorf("local_scale: found %v, expected 0 < from <= to <= 1", l)
	}
	if !(c.LocalSize > 0 && c.LocalSize <= 1) {
		return errors.Join(scale, fmt.Errorf("local_size: found %v, expected more than 0 and at most 1", c.LocalSize))
	}
	if s.Encoder == nil {
		return scale
	}
	_, err := newLocalCrops(c, s)
	return errors.Join(scale, err)
}

// localSize returns height and width of the small views of images of a shape.
func (c *DINOConfig) localSize(shape [3]int) [2]int {
	side := func(n int) int { return max(1, int(math.Round(float64(n)*c.LocalSize))) }
	return [2]int{side(shape[0]), side(shape[1])}
}

// Views implements Config: the two large ones, then the small ones, which are made as
// the first but for size and crop.
func (c DINOConfig) Views(first, second augment.Config, s Setup) []augment.Config {
	views := []augment.Config{first, second}
	if c.LocalCrops < 1 {
		return views
	}
	var same *augment.Override
	small := same.Over(first) // without its preset
	small.Size, small.Crop.Scale = c.localSize(s.Shape), c.LocalScale
	if small.Crop.Ratio == [2]float64{} {
		small.Crop.Ratio = [2]float64{3. / 4, 4. / 3}
	}
	return append(views, slices.Repeat([]augment.Config{small}, c.LocalCrops)...)
}

// newLocalCrops returns nil for none. The encoder must take images of their size.
func newLocalCrops(c *DINOConfig, s Setup) (*localCrops, error) {
	if c.LocalCrops == 0 {
		return nil, nil
	}
	size := c.localSize(s.Shape)
	small, err := nn.ForImages(s.Encoder, size[0], size[1])
	if err != nil {
		return nil, fmt.Errorf("local_crops: %w: expected 0 small views, or another local_size", err)
	}
	return &localCrops{crops: c.LocalCrops, encoder: small}, nil
}

func (l *localCrops) count() int {
	if l == nil {
		return 0
	}
	return l.crops
}

// features returns what the student's encoder makes of the small views, which go
// through it as one batch after that of the large ones. Taps are those of the large
// ones.
func (l *localCrops) features(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	return l.encoder.Forward(pass(&nn.Context{Tape: c.Tape, Noise: c.Noise}, 1), c.Tape.Concat(views...))
}

// rows returns the places for n images.
func (l *localCrops) rows(n int) *cropRows {
	if r := &l.of; r.n != n {
		*r = cropRows{n: n}
		for i := range 2 * n {
			r.large = append(r.large, i)
		}
		for i := range l.crops * n {
			r.small = append(r.small, 2*n+i)
			r.second, r.first = append(r.second, i%n), append(r.first, n+i%n)
		}
	}
	return &l.of
}

// loss is the mean of H over all pairs, of which each image has 2 with both views
// large and 2 for each of its L small crops. H is linear in what the teacher says, so
// both of a crop's terms together are twice H of the mean of the two.
//
//	L = (2 mean H(large) + 2L mean H(small)) / (2 + 2L)
//
// s [(2+L)n,K] are the student's logits, targets [2n,K] those of its large views.
func (l *localCrops) loss(tp *tensor.Tape, s, targets *tensor.Tensor) *tensor.Tensor {
	r, crops := l.rows(targets.Dim(0)/2), float32(l.crops)
	both := tp.Scale(tp.Add(tp.Gather(targets, r.first), tp.Gather(targets, r.second)), 0.5)
	large := tp.SoftCrossEntropy(tp.Gather(s, r.large), targets)
	small := tp.SoftCrossEntropy(tp.Gather(s, r.small), both)
	return tp.Add(tp.Scale(large, 1/(1+crops)), tp.Scale(small, crops/(1+crops)))
}
