package memorize

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// RankedUnit is UnitMem of one unit of a single encoder with the points that it
// answers most to.
type RankedUnit struct {
	UnitScore
	Depth int `json:"depth"` // place of the tap in forward order, from 1
	// Bounded says that no point has a negative mean activation, so that Value
	// lies in [0, 1]. Other units are not ranked.
	Bounded bool `json:"bounded"`
	// Top are the points of the largest mean activations, falling; the first is
	// the owner.
	Top []PointMean `json:"top"`
}

// For is UnitMem of the unit with the activation for a point in the place of the largest
// one (Eq. 8), how far it stands out for that point, whoever owns it: UnitMem itself
// for the owner, negative for a point below the others. Top has to hold all points;
// false if the point is not there, or no other one.
func (u *RankedUnit) For(point int) (float64, bool) {
	var mu float64
	var others []float64
	found := false
	for _, p := range u.Top {
		if p.Point == point {
			mu, found = p.Mu, true
		} else {
			others = append(others, p.Mu)
		}
	}
	if !found || len(others) == 0 {
		return 0, false
	}
	if m := len(others); strings.HasPrefix(u.Estimator, string(Median)) { // Top is sorted
		return unitRatio(mu, (others[(m-1)/2]+others[m/2])/2), true
	}
	sum := 0.0
	for _, v := range others {
		sum += v
	}
	return unitRatio(mu, sum/float64(len(others))), true
}

// PointMean is the mean activation mu_u(x) of a unit for a point (Eq. 5).
type PointMean struct {
	Point int     `json:"point"` // index in its data set
	Mu    float64 `json:"mu"`    // mean activation of the unit for the point
}

// ScoreUnits returns UnitMem of every unit of one encoder, in evaluation mode, on
// the images of one set, each with the images points that it answers most to, by
// tap and unit. Views are those of Score. It needs memory for a few numbers and
// these points for each unit, whatever the number of images. It returns an error
// for what Score refuses.
func ScoreUnits(ctx context.Context, e *tensor.Engine, encoder nn.Encoder, set Images, views Viewer, o Options, images int, progress func(done int)) ([]RankedUnit, error) {
	if len(set.Points) < 2 || images < 1 {
		return nil, fmt.Errorf("UnitMem: found %d points and %d to name for each unit, expected at least 2 and 1", len(set.Points), images)
	}
	o.Units = true
	if o.Mode == Pair && o.Views == 1 {
		// One view has no pair, but a mean: mode pair is about alignments.
		o.Mode, o.Views = Original, 1
	}
	taps, err := commonTaps(encoder, encoder, o.Taps)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(o.Validate(), set.check(set.Data)); err != nil {
		return nil, err
	}
	l := &unitListener{e: e, o: &o, hearing: hearing{taps: taps}, points: set.Points, images: images, by: make([]rankedTap, len(taps))}
	for t := range l.by {
		l.by[t].keep = o.Rest == Median
	}
	p := pass{e: e, o: &o, views: views, tape: e.NewTape(tensor.Inference)}
	done := 0
	for points := range slices.Chunk(set.Points, max(1, o.BatchFor(encoder, e.Threads())/o.Rows())) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		encoder.Forward(&nn.Context{Tape: p.tape, Taps: l}, p.input(set.Data.Image, points))
		p.tape.Release()
		if l.err != nil {
			return nil, l.err
		}
		if done += len(points); progress != nil {
			progress(done)
		}
	}
	var out []RankedUnit
	for t, tap := range taps {
		for i, u := range l.by[t].scores(tap.Name, set.Set, o.unitEstimator()) {
			out = append(out, RankedUnit{UnitScore: u, Depth: tap.Depth, Bounded: l.by[t].min[i] >= 0, Top: l.by[t].top[i]})
		}
	}
	return out, nil
}

// rankedTap is what is known of the units of one tap.
type rankedTap struct {
	units
	top [][]PointMean // of each unit, falling
}

// add takes the unit means of the next point.
func (r *rankedTap) add(point int, mu []float64, images int) {
	if r.top == nil {
		r.top = make([][]PointMean, len(mu))
	}
	r.units.add(mu)
	for u, v := range mu {
		top := r.top[u]
		if len(top) == images && v <= top[images-1].Mu {
			continue
		}
		// Behind those that are equal: the first of them is the owner.
		at, _ := slices.BinarySearchFunc(top, v, func(p PointMean, v float64) int {
			if p.Mu >= v {
				return -1
			}
			return 1
		})
		top = slices.Insert(top, at, PointMean{point, v})
		r.top[u] = top[:min(len(top), images)]
	}
}

// unitListener ranks units as their layers put them out. It implements nn.Taps.
type unitListener struct {
	hearing
	e      *tensor.Engine
	o      *Options
	points []int
	images int
	by     []rankedTap
}

// Got implements nn.Taps.
func (l *unitListener) Got(name string, x *tensor.Tensor) {
	if l.err != nil {
		return
	}
	t := &l.by[l.tap(name)]
	mu := l.e.UnitMeans(x, l.o.Rows(), l.o.Rows()-l.o.Views, l.o.Absolute)
	if i := slices.IndexFunc(mu, isNotFinite); i >= 0 {
		l.err = fmt.Errorf("tap %s, point %d: an activation is NaN or infinite", name, l.points[t.n+i/x.Dim(-1)])
		return
	}
	for of := range slices.Chunk(mu, x.Dim(-1)) {
		t.add(l.points[t.n], of, l.images)
	}
}

// TopUnits returns the n units of the largest UnitMem among those that are
// bounded and not dead, falling; the first in forward order of those equal.
func TopUnits(all []RankedUnit, n int) []RankedUnit {
	var out []RankedUnit
	for _, u := range all {
		if u.Bounded && u.Point >= 0 {
			out = append(out, u)
		}
	}
	slices.SortStableFunc(out, func(a, b RankedUnit) int { return cmp.Compare(b.Value, a.Value) })
	return out[:min(n, len(out))]
}

// Owners says how concentrated the ownership of units is.
type Owners struct {
	Units    int `json:"units"`    // units looked at
	Distinct int `json:"distinct"` // points that own at least one of them
	Most     int `json:"most"`     // units of the point that owns most
	MostBy   int `json:"most_by"`  // that point, the first of those equal; -1 without units
}

// OwnersOf counts the points that own the given units.
func OwnersOf(top []RankedUnit) Owners {
	o := Owners{Units: len(top), MostBy: -1}
	n := map[int]int{}
	for _, u := range top {
		n[u.Point]++
	}
	o.Distinct = len(n)
	for _, u := range top {
		if n[u.Point] > o.Most {
			o.Most, o.MostBy = n[u.Point], u.Point
		}
	}
	return o
}
