package memorize

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// ClassScore is ClassMem of one unit (Eq. 13 to 16): UnitMem with classes in the
// place of points. A unit that answers to one class only has 1, one that answers
// to all alike has 0. The paper sets it against UnitMem: a unit whose UnitMem is
// the larger one tells points apart rather than classes.
type ClassScore struct {
	Encoder string `json:"encoder" col:"encoder"` // f or g
	Tap     string `json:"tap" col:"tap"`         // layer, as the encoder names it
	Unit    int    `json:"unit" col:"unit"`       // index of the channel or neuron, from 0
	// Estimator is that of UnitMem, with "-views" where the activations are means
	// over augmented views because the images themselves were not available.
	Estimator string  `json:"estimator" col:"estimator"`
	Value     float64 `json:"value" col:"value" unit:"ratio"`          // (Max-Rest)/(Max+Rest)
	Max       float64 `json:"mu_max" col:"mu_max" unit:"activation"`   // largest mean activation over the classes
	Rest      float64 `json:"mu_rest" col:"mu_rest" unit:"activation"` // mean (or median) of those of the other classes
	Class     int     `json:"class" col:"class"`                       // index of the class that has Max, -1 if all are equal
}

// ClassMemTable is ClassMem of the units of f, then of g.
var ClassMemTable = table.Of[ClassScore]("classmem.csv", "ClassMem of every unit of f and of g; no rows without labels")

// classes gathers the mean activations of the units of one tap by class.
type classes struct {
	points []int       // of each class
	sum    [][]float64 // [class][unit], nil for a class without points
}

// add takes the unit means of a point of that class.
func (c *classes) add(class int, mu []float64) {
	if n := class + 1 - len(c.points); n > 0 {
		c.points = append(c.points, make([]int, n)...)
		c.sum = append(c.sum, make([][]float64, n)...)
	}
	if c.sum[class] == nil {
		c.sum[class] = make([]float64, len(mu))
	}
	c.points[class]++
	for u, v := range mu {
		c.sum[class][u] += v
	}
}

// scores returns ClassMem of every unit, nil if there are fewer than two classes.
func (c *classes) scores(side Side, tap, estimator string, rest Rest) []ClassScore {
	means := units{keep: rest == Median}
	var present []int
	for class, n := range c.points {
		if n == 0 {
			continue
		}
		present = append(present, class)
		mu := make([]float64, len(c.sum[class]))
		for u, v := range c.sum[class] {
			mu[u] = v / float64(n)
		}
		means.add(mu)
	}
	if len(present) < 2 {
		return nil
	}
	var out []ClassScore
	for _, u := range means.scores(tap, Set{Points: present}, estimator) {
		out = append(out, ClassScore{Encoder: side.String(), Tap: tap, Unit: u.Unit, Estimator: estimator,
			Value: u.Value, Max: u.Max, Rest: u.Rest, Class: u.Point})
	}
	return out
}

// ClassMem returns ClassMem of every unit of an encoder, by tap and unit, from
// the images that it was trained on, without augmentation (views.Original). side
// is what the scores call the encoder. Labels are those of the data set. It
// returns an error if the images are of fewer than two classes or one has none, for an activation
// that is NaN or infinite, and when ctx is cancelled.
func ClassMem(ctx context.Context, e *tensor.Engine, side Side, encoder nn.Encoder, train Images, views Viewer, o Options, progress func(done int)) ([]ClassScore, error) {
	o.Mode, o.Views = Original, 0 // rows are the images themselves
	taps, err := commonTaps(encoder, encoder, o.Taps)
	if err != nil {
		return nil, err
	}
	if err := train.check(train.Data); err != nil {
		return nil, err
	}
	if o.Batch < 1 {
		return nil, fmt.Errorf("batch: found %d, expected at least 1 image", o.Batch)
	}
	l := &classListener{e: e, o: &o, where: side.String(), hearing: hearing{taps: taps}, by: make([]classes, len(taps))}
	p := pass{e: e, o: &o, views: views, tape: e.NewTape(tensor.Inference)}
	done := 0
	for points := range slices.Chunk(train.Points, o.BatchFor(encoder, e.Threads())) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l.points, l.labels = points, l.labels[:0]
		for _, i := range points {
			label := train.Data.Label(i)
			if label < 0 || label >= maxClasses {
				return nil, fmt.Errorf("ClassMem: point %d of %s: found the class %d, expected 0 to %d", i, train.Data.Name(), label, maxClasses-1)
			}
			l.labels = append(l.labels, label)
		}
		encoder.Forward(&nn.Context{Tape: p.tape, Taps: l}, p.input(train.Data.Image, points))
		p.tape.Release()
		if l.err != nil {
			return nil, l.err
		}
		if done += len(points); progress != nil {
			progress(done)
		}
	}
	var out []ClassScore
	for t, tap := range taps {
		s := l.by[t].scores(side, tap.Name, o.unitEstimator(), o.Rest)
		if s == nil {
			return nil, errors.New("ClassMem: the training images are of fewer than two classes")
		}
		out = append(out, s...)
	}
	return out, nil
}

// classListener adds up activations by class. It implements nn.Taps.
type classListener struct {
	hearing
	e      *tensor.Engine
	o      *Options
	where  string
	by     []classes
	points []int // of the batch
	labels []int
}

// Got implements nn.Taps.
func (l *classListener) Got(name string, x *tensor.Tensor) {
	if l.err != nil {
		return
	}
	mu := l.e.UnitMeans(x, 1, 0, l.o.Absolute)
	if i := slices.IndexFunc(mu, isNotFinite); i >= 0 {
		l.err = fmt.Errorf("encoder %s, tap %s, point %d: an activation is NaN or infinite", l.where, name, l.points[i/x.Dim(-1)])
		return
	}
	t, i := l.tap(name), 0
	for of := range slices.Chunk(mu, x.Dim(-1)) {
		l.by[t].add(l.labels[i], of)
		i++
	}
}
