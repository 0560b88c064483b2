package memorize

import (
	"errors"
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// Set names the points of one set by their indices in a data set.
type Set struct {
	Name   string
	Points []int
}

// Accumulator shows the activations of two encoders to metrics and turns them into
// scores. It takes them in pieces, and the metrics keep, for each tap, side and point,
// one number a distance; and for UnitMem a few numbers a unit (for the median one
// number a unit and point).
//
// Pieces of one side, tap and set must come in the order of the points; between
// different ones any order will do. How they are cut does not change the result.
type Accumulator struct {
	plan    Plan
	metrics []Metric
	classes *classMem
	extra   []Metric     // those of metrics that are not of this package
	shown   [2][][]shown // [side][set][tap]
}

// shown is what was shown of one side, set and tap.
type shown struct {
	shape []int // of the activation of one image
	n     int   // points
}

// NewAccumulator returns an accumulator for the given taps, in forward order,
// and sets. The metrics are those of this package, the registered ones and the given
// ones. It returns an error for options that are not valid and for sets that are
// empty, too small for UnitMem, unnamed or named twice.
func NewAccumulator(e *tensor.Engine, o Options, taps []Tap, sets []Set, metrics ...Metric) (*Accumulator, error) {
	errs := []error{o.Validate()}
	if len(taps) == 0 {
		errs = append(errs, errors.New("taps: found none, expected at least one"))
	}
	if len(sets) == 0 {
		errs = append(errs, errors.New("sets: found none, expected at least one"))
	}
	names := map[string]bool{"": true, Controlled: true}
	for i, s := range sets {
		if names[s.Name] {
			errs = append(errs, fmt.Errorf("sets[%d]: name %q is empty, taken or reserved", i, s.Name))
		}
		names[s.Name] = true
		if len(s.Points) == 0 || o.Units && len(s.Points) == 1 {
			errs = append(errs, fmt.Errorf("set %s: found %d points, expected at least 1, and 2 to score units",
				s.Name, len(s.Points)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	all, classes := builtIn()
	extra := append(created(), metrics...)
	a, err := newAccumulator(Plan{e, o, slices.Clone(taps), slices.Clone(sets)}, append(all, extra...))
	if err != nil {
		return nil, err
	}
	a.classes, a.extra = classes, extra
	return a, nil
}

// newAccumulator shows what is in the plan, which is valid, to these metrics.
func newAccumulator(p Plan, metrics []Metric) (*Accumulator, error) {
	a := &Accumulator{plan: p, metrics: metrics}
	for side := range a.shown {
		a.shown[side] = perSetAndTap(&p, func(int) shown { return shown{} })
	}
	for _, m := range metrics {
		if err := m.Begin(&a.plan); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// WithLabels turns ClassMem on: labels[set][i] is the class, from 0, of point i of
// a set. The classes' means of an encoder are over the sets that it was trained
// on: shared and candidate for f, shared and independent for g. In mode original
// they are of the images themselves, else over the augmented views. Call it
// before Add, with Options.Units on. It returns an error for labels that do not
// fit to the sets or are negative.
func (a *Accumulator) WithLabels(labels [][]int) error {
	if !a.plan.Options.Units {
		return errors.New("labels: ClassMem needs units to be scored")
	}
	if len(labels) != len(a.plan.Sets) {
		return fmt.Errorf("labels: found those of %d sets, expected %d", len(labels), len(a.plan.Sets))
	}
	for s, set := range a.plan.Sets {
		if len(labels[s]) != len(set.Points) {
			return fmt.Errorf("labels: set %s: found %d, expected one for each of the %d points",
				set.Name, len(labels[s]), len(set.Points))
		}
		for i, l := range labels[s] {
			if l < 0 || l >= maxClasses {
				return fmt.Errorf("labels: set %s, point %d: found %d, expected 0 to %d", set.Name, set.Points[i], l, maxClasses-1)
			}
		}
	}
	a.classes.labels = labels
	return nil
}

// Add takes the activations of the next points of a set in one tap of one
// encoder; set and tap are indices into what NewAccumulator was given. x is
// [points*rows, ..., units], for instance [points*rows, H, W, C], where rows is
// Options.Rows: the views of a point are consecutive and, in mode original,
// follow the image itself. It returns an error if the shape does not fit, if
// there are more points than the set has, and if an activation is NaN or
// infinite, with the names of tap, set and point.
func (a *Accumulator) Add(side Side, set, tap int, x *tensor.Tensor) error {
	c := &a.shown[side][set][tap]
	piece := &Activations{Side: side, Set: set, Tap: tap, First: c.n, X: x, plan: &a.plan}
	rows := a.plan.Options.Rows()
	if x.Rank() < 2 || x.Len() == 0 || x.Dim(0)%rows != 0 {
		return fmt.Errorf("%s: found activations of shape %v, expected [points*%d, ..., units]", piece.where(), x.Shape(),
			rows)
	}
	if c.n == 0 {
		c.shape = slices.Clone(x.Shape()[1:])
	} else if !slices.Equal(c.shape, x.Shape()[1:]) {
		return fmt.Errorf("%s: found activations of shape %v, before it was %v", piece.where(), x.Shape()[1:], c.shape)
	}
	n := x.Dim(0) / rows
	if all := len(a.plan.Sets[set].Points); c.n+n > all {
		return fmt.Errorf("%s: found activations of %d points, the set has %d", piece.where(), c.n+n, all)
	}
	for _, m := range a.metrics {
		if err := m.Add(piece); err != nil {
			return err
		}
	}
	c.n += n
	return nil
}

// Scores computes the scores of all that was added. It returns an error if a
// point is missing somewhere, and if f and g have activations of different
// shapes.
func (a *Accumulator) Scores() (*Scores, error) {
	for s, set := range a.plan.Sets {
		for t, tap := range a.plan.Taps {
			for side := range a.shown {
				if n := a.shown[side][s][t].n; n != len(set.Points) {
					return nil, fmt.Errorf("encoder %s, tap %s, set %s: found activations of %d points, the set has %d",
						Side(side), tap.Name, set.Name, n, len(set.Points))
				}
			}
			if f, g := a.shown[F][s][t].shape, a.shown[G][s][t].shape; !slices.Equal(f, g) {
				return nil, fmt.Errorf("tap %s, set %s: activations of f have shape %v, those of g %v", tap.Name, set.Name, f, g)
			}
		}
	}
	out := &Scores{Provenance: provenance(&a.plan), sets: a.plan.Sets, extra: a.extra}
	for _, m := range a.metrics {
		if err := m.Finish(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// provenance fills in what the plan knows.
func provenance(p *Plan) Provenance {
	c := Provenance{Options: p.Options, Taps: p.Taps, ISA: p.Engine.ISA(), Encoders: 1, Covers: covers}
	c.Interval = fmt.Sprintf("percentile bootstrap, level %v, %d resamples of the points of each set",
		p.Options.Level, p.Options.Resamples)
	for _, s := range p.Sets {
		c.Sets = append(c.Sets, SetInfo{s.Name, len(s.Points)})
	}
	return c
}
