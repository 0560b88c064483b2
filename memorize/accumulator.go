package memorize

import (
	"errors"
	"fmt"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// Side is one of the two encoders of a pair.
type Side int

// The two encoders.
const (
	F Side = iota // trained on shared and candidates
	G             // trained on shared and independents
)

// String returns f or g.
func (s Side) String() string { return [...]string{"f", "g"}[s] }

// Set names the points of one set by their indices in a data set.
type Set struct {
	Name   string
	Points []int
}

// Accumulator turns the activations of two encoders into scores. It takes them
// in pieces and keeps, for each tap, side and point, one number a distance; and
// for UnitMem a few numbers a unit (for the median one number a unit and point).
//
// Pieces of one side, tap and set must come in the order of the points; between
// different ones any order will do. How they are cut does not change the result.
type Accumulator struct {
	e     *tensor.Engine
	o     Options
	taps  []Tap
	sets  []Set
	cells [2][][]cell // [side][set][tap]

	changes [][]change // [set][tap]
	pool    int        // the first points of candidates and independents (HeldOut)

	labels  [][]int      // [set][position], nil without ClassMem
	classes [2][]classes // [side][tap]
}

// cell is what is known of one side, set and tap.
type cell struct {
	shape     []int // of the activation of one image
	n         int   // points so far
	alignment [][]float64
	units     units
	moments   moments
	first     *units // the same of the points in the pool, if not of all
}

// inPool returns the units over the points that belong to the pool of HeldOut.
func (c *cell) inPool() *units {
	if c.first != nil {
		return c.first
	}
	return &c.units
}

// NewAccumulator returns an accumulator for the given taps, in forward order,
// and sets. It returns an error for options that are not valid and for sets
// that are empty, too small for UnitMem, unnamed or named twice.
func NewAccumulator(e *tensor.Engine, o Options, taps []Tap, sets []Set) (*Accumulator, error) {
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
			errs = append(errs, fmt.Errorf("set %s: found %d points, expected at least 1, and 2 to score units", s.Name, len(s.Points)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	a := &Accumulator{e: e, o: o, taps: slices.Clone(taps), sets: slices.Clone(sets), pool: pooled(sets)}
	for range sets {
		a.changes = append(a.changes, make([]change, len(taps)))
	}
	for side := range a.cells {
		a.cells[side] = make([][]cell, len(sets))
		for s := range sets {
			a.cells[side][s] = make([]cell, len(taps))
			for t := range taps {
				c := &a.cells[side][s][t]
				c.alignment = make([][]float64, len(o.Distances))
				c.units.keep = o.Rest == Median
				if name := sets[s].Name; (name == Candidate || name == Independent) && len(sets[s].Points) > a.pool {
					c.first = &units{keep: c.units.keep}
				}
			}
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
	if !a.o.Units {
		return errors.New("labels: ClassMem needs units to be scored")
	}
	if len(labels) != len(a.sets) {
		return fmt.Errorf("labels: found those of %d sets, expected %d", len(labels), len(a.sets))
	}
	for s, set := range a.sets {
		if len(labels[s]) != len(set.Points) {
			return fmt.Errorf("labels: set %s: found %d, expected one for each of the %d points", set.Name, len(labels[s]), len(set.Points))
		}
		for i, l := range labels[s] {
			if l < 0 || l >= maxClasses {
				return fmt.Errorf("labels: set %s, point %d: found %d, expected 0 to %d", set.Name, set.Points[i], l, maxClasses-1)
			}
		}
	}
	a.labels = labels
	for side := range a.classes {
		a.classes[side] = make([]classes, len(a.taps))
	}
	return nil
}

// maxClasses keeps an absurd label from taking all memory.
const maxClasses = 1 << 16

// trainedOn tells whether an encoder was trained on the points of that set.
func (s Side) trainedOn(set string) bool {
	return set == Shared || s == F && set == Candidate || s == G && set == Independent
}

// Add takes the activations of the next points of a set in one tap of one
// encoder; set and tap are indices into what NewAccumulator was given. x is
// [points*rows, ..., units], for instance [points*rows, H, W, C], where rows is
// Options.Rows: the views of a point are consecutive and, in mode original,
// follow the image itself. It returns an error if the shape does not fit, if
// there are more points than the set has, and if an activation is NaN or
// infinite, with the names of tap, set and point.
func (a *Accumulator) Add(side Side, set, tap int, x *tensor.Tensor) error {
	c := &a.cells[side][set][tap]
	where := fmt.Sprintf("encoder %s, tap %s, set %s", side, a.taps[tap].Name, a.sets[set].Name)
	rows := a.o.Rows()
	if x.Rank() < 2 || x.Len() == 0 || x.Dim(0)%rows != 0 {
		return fmt.Errorf("%s: found activations of shape %v, expected [points*%d, ..., units]", where, x.Shape(), rows)
	}
	if c.n == 0 {
		c.shape = slices.Clone(x.Shape()[1:])
	} else if !slices.Equal(c.shape, x.Shape()[1:]) {
		return fmt.Errorf("%s: found activations of shape %v, before it was %v", where, x.Shape()[1:], c.shape)
	}
	points := a.sets[set].Points[c.n:]
	n := x.Dim(0) / rows
	if n > len(points) {
		return fmt.Errorf("%s: found activations of %d points, the set has %d", where, c.n+n, len(a.sets[set].Points))
	}
	notFinite := func(p int) error {
		return fmt.Errorf("%s, point %d: an activation is NaN or infinite", where, points[p])
	}
	for d, dist := range a.o.Distances {
		means := a.e.ViewDistances(dist.kind(), x, rows, a.o.Mode == Original)
		if p := slices.IndexFunc(means, isNotFinite); p >= 0 {
			return notFinite(p)
		}
		c.alignment[d] = append(c.alignment[d], means...)
	}
	if a.o.Units {
		mu := a.e.UnitMeans(x, rows, rows-a.o.Views, a.o.Absolute)
		if i := slices.IndexFunc(mu, isNotFinite); i >= 0 {
			return notFinite(i / x.Dim(-1))
		}
		for of := range slices.Chunk(mu, x.Dim(-1)) {
			c.units.add(of)
			c.moments.add(of)
			if c.first != nil && c.first.n < a.pool {
				c.first.add(of)
			}
		}
		a.changes[set][tap].add(side, mu, x.Dim(-1))
		if a.labels != nil && side.trainedOn(a.sets[set].Name) {
			a.addClasses(&a.classes[side][tap], a.labels[set][c.n:], x, mu)
		}
	}
	c.n += n
	return nil
}

// addClasses adds the points of x, whose unit means over their views are mu.
func (a *Accumulator) addClasses(c *classes, labels []int, x *tensor.Tensor, mu []float64) {
	if rows := a.o.Rows(); a.o.Mode == Original { // the first row of a point is the image itself
		width := x.Len() / x.Dim(0)
		images := tensor.New(append([]int{x.Dim(0) / rows}, x.Shape()[1:]...)...)
		for p := range images.Dim(0) {
			copy(images.Data()[p*width:][:width], x.Data()[p*rows*width:])
		}
		mu = a.e.UnitMeans(images, 1, 0, a.o.Absolute)
	}
	i := 0
	for of := range slices.Chunk(mu, x.Dim(-1)) {
		c.add(labels[i], of)
		i++
	}
}

func isNotFinite(v float64) bool { return v-v != 0 }

// Scores computes the scores of all that was added. It returns an error if a
// point is missing somewhere, and if f and g have activations of different
// shapes.
func (a *Accumulator) Scores() (*Scores, error) {
	points := make([][]alignments, len(a.sets))
	for s, set := range a.sets {
		points[s] = make([]alignments, len(a.taps))
		for t, tap := range a.taps {
			f, g := &a.cells[F][s][t], &a.cells[G][s][t]
			for side, c := range []*cell{f, g} {
				if c.n != len(set.Points) {
					return nil, fmt.Errorf("encoder %s, tap %s, set %s: found activations of %d points, the set has %d",
						Side(side), tap.Name, set.Name, c.n, len(set.Points))
				}
			}
			if !slices.Equal(f.shape, g.shape) {
				return nil, fmt.Errorf("tap %s, set %s: activations of f have shape %v, those of g %v", tap.Name, set.Name, f.shape, g.shape)
			}
			points[s][t] = alignments{f.alignment, g.alignment}
		}
	}
	out := &Scores{Provenance: provenance(a), sets: a.sets, points: points}
	out.Layers, out.Deltas = layerMem(a.e, &a.o, a.taps, a.sets, points)
	if a.o.Units {
		out.UnitsF, out.UnitsG = a.unitScores(F), a.unitScores(G)
		out.SummaryF, out.SummaryG = summarize(out.UnitsF, a.taps), summarize(out.UnitsG, a.taps)
		out.NumMemUnits, out.Owners = out.memUnits(&a.cells)
		out.Preferences = a.preferences()
		out.TapChanges, out.UnitChanges = changes(a.e, &a.o, a.taps, a.sets, a.changes)
	}
	var err error
	if a.o.Units && a.pool > 0 {
		out.HeldOut, err = heldOut(a.e, &a.o, a.taps, a.pool, func(side Side, set string, tap int) *units {
			return a.cells[side][indexOf(a.sets, set)][tap].inPool()
		})
		if err != nil {
			return nil, fmt.Errorf("held-out null: %w", err)
		}
	}
	if out.Separations, err = out.separations(a.e); err != nil {
		return nil, fmt.Errorf("candidates against independents: %w", err)
	}
	if out.Swap, err = out.SwapSymmetry(); err != nil {
		return nil, err
	}
	out.ConvDeltas = out.convDeltas(a.e)
	out.TopScores, out.RankedPoints = out.topScores()
	if a.labels != nil {
		estimator := a.o.unitEstimator()
		if a.o.Mode != Original {
			estimator += "-views"
		}
		for side := range a.classes {
			for t, tap := range a.taps {
				out.Classes = append(out.Classes, a.classes[side][t].scores(Side(side), tap.Name, estimator, a.o.Rest)...)
			}
		}
	}
	return out, nil
}

// unitScores returns UnitMem of all units of one encoder, by set, tap and unit.
func (a *Accumulator) unitScores(side Side) []UnitScore {
	parts := make([][]UnitScore, len(a.sets)*len(a.taps))
	a.e.Parallel(len(parts), func(i, _ int) {
		s, t := i/len(a.taps), i%len(a.taps)
		parts[i] = a.cells[side][s][t].units.scores(a.taps[t].Name, a.sets[s], a.o.unitEstimator())
	})
	return slices.Concat(parts...)
}

// circumstances fills in what the accumulator knows.
func provenance(a *Accumulator) Provenance {
	c := Provenance{Options: a.o, Taps: a.taps, ISA: a.e.ISA(), Encoders: 1, Covers: covers}
	c.Interval = fmt.Sprintf("percentile bootstrap, level %v, %d resamples of the points of each set", a.o.Level, a.o.Resamples)
	for _, s := range a.sets {
		c.Sets = append(c.Sets, SetInfo{s.Name, len(s.Points)})
	}
	return c
}
