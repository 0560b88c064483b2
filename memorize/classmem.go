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
	// index of the class that has Max, -1 if all are equal
	Class int `json:"class" col:"class"`
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

// maxClasses keeps an absurd label from taking all memory.
const maxClasses = 1 << 16

// classMem is the metric of ClassMem.
type classMem struct {
	plan    *Plan
	labels  [][]int      // [set][position], nil without ClassMem
	classes [2][]classes // [side][tap]
	all     bool         // the encoders were trained on all sets
}

// Begin implements Metric.
func (m *classMem) Begin(p *Plan) error {
	m.plan = p
	for side := range m.classes {
		m.classes[side] = make([]classes, len(p.Taps))
	}
	return nil
}

// Add implements Metric. In mode original the first row of a point, which is the image
// itself, counts, and without it the mean over the views.
func (m *classMem) Add(a *Activations) error {
	if m.labels == nil || !m.all && !a.Side.trainedOn(m.plan.Sets[a.Set].Name) {
		return nil
	}
	o := &m.plan.Options
	var mu []float64
	if rows := o.Rows(); o.Mode == Original {
		images := a.X
		if rows > 1 {
			width := a.X.Len() / a.X.Dim(0)
			images = tensor.New(append([]int{a.X.Dim(0) / rows}, a.X.Shape()[1:]...)...)
			for p := range images.Dim(0) {
				copy(images.Data()[p*width:][:width], a.X.Data()[p*rows*width:])
			}
		}
		mu = m.plan.Engine.UnitMeans(images, 1, 0, o.Absolute)
		if i := slices.IndexFunc(mu, isNotFinite); i >= 0 {
			return a.notFinite(i / a.X.Dim(-1))
		}
	} else {
		var err error
		if mu, err = a.UnitMeans(); err != nil {
			return err
		}
	}
	i := a.First
	for of := range slices.Chunk(mu, a.X.Dim(-1)) {
		m.classes[a.Side][a.Tap].add(m.labels[a.Set][i], of)
		i++
	}
	return nil
}

// Finish implements Metric.
func (m *classMem) Finish(s *Scores) error {
	if m.labels != nil {
		for side := range m.classes {
			for t := range m.plan.Taps {
				s.Classes = append(s.Classes, m.scores(Side(side), t)...)
			}
		}
	}
	return nil
}

// scores returns ClassMem of the units of a tap, nil for fewer than two classes.
func (m *classMem) scores(side Side, tap int) []ClassScore {
	o := &m.plan.Options
	estimator := o.unitEstimator()
	if o.Mode != Original {
		estimator += "-views"
	}
	return m.classes[side][tap].scores(side, m.plan.Taps[tap].Name, estimator, o.Rest)
}

// Tables implements Metric.
func (m *classMem) Tables(s *Scores) []table.File { return []table.File{ClassMemTable.With(s.Classes)} }

// ClassMem returns ClassMem of every unit of an encoder, by tap and unit, from
// the images that it was trained on, without augmentation (views.Original). side
// is what the scores call the encoder. Labels are those of the data set. It
// returns an error if the images are of fewer than two classes or one has none, for
// an activation that is NaN or infinite, and when ctx is cancelled.
func ClassMem(ctx context.Context, e *tensor.Engine, side Side, encoder nn.Encoder, train Images, views Viewer,
	o Options, progress func(done int)) ([]ClassScore, error) {
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
	m := &classMem{all: true, labels: [][]int{make([]int, len(train.Points))}}
	for k, i := range train.Points {
		label := train.Data.Label(i)
		if label < 0 || label >= maxClasses {
			return nil, fmt.Errorf("ClassMem: point %d of %s: found the class %d, expected 0 to %d",
				i, train.Data.Name(), label, maxClasses-1)
		}
		m.labels[0][k] = label
	}
	acc, err := newAccumulator(Plan{e, o, taps, []Set{train.Set}}, []Metric{m})
	if err != nil {
		return nil, err
	}
	p := pass{e: e, o: &o, views: views, acc: acc, tape: e.NewTape(tensor.Inference)}
	done := 0
	for points := range slices.Chunk(train.Points, o.BatchFor(encoder, e.Threads())) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.forward(side, encoder, 0, p.input(train.Data.Image, points)); err != nil {
			return nil, err
		}
		if done += len(points); progress != nil {
			progress(done)
		}
	}
	var out []ClassScore
	for t := range taps {
		s := m.scores(side, t)
		if s == nil {
			return nil, errors.New("ClassMem: the training images are of fewer than two classes")
		}
		out = append(out, s...)
	}
	return out, nil
}
