package ssl

import (
	"fmt"

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

// newLocalCrops returns nil for none. The encoder must take images of their size.
func newLocalCrops(enc nn.Encoder, o *Options) (*localCrops, error) {
	if o.LocalCrops == 0 {
		return nil, nil
	}
	small, err := nn.ForImages(enc, o.LocalSize[0], o.LocalSize[1])
	if err != nil {
		return nil, fmt.Errorf("local_crops: %w", err)
	}
	return &localCrops{crops: o.LocalCrops, encoder: small}, nil
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
