package memorize

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// Typicality says of each point of a set how usual it is for its class: what to
// compare memorization with, since atypical points are said to be memorized more.
// Features may be an encoder's (probe.Features) or the pixels (probe.Pixels): those of
// an encoder that trained on the points may be made typical by memorizing them, so
// take one that did not.
type Typicality struct {
	Points []int `json:"points"` // indices in their data set
	// Distance is the Euclidean distance of a point's features to the mean of all
	// other points of its class.
	Distance []float64 `json:"distance"`
	// Relative is Distance over its mean in the class: above 1 for points farther
	// out than usual. Classes are of different widths.
	Relative []float64 `json:"relative"`
	// Disagreement is the share of the K nearest other points, by cosine, that are
	// of another class.
	Disagreement []float64 `json:"disagreement"`
	K            int       `json:"k"`
	// Marked are points that are known to be atypical (data.Dataset.Atypical).
	Marked []bool `json:"marked"`
}

// Disagreement gives the share of the k nearest other points, by cosine, that have another
// label, for each of the points x [N,D]; probe.Disagreement is one.
type Disagreement func(e *tensor.Engine, x *tensor.Tensor, labels []int, k int) ([]float64, error)

// NewTypicality scores the points of set by their features, a row for each, of any
// shape. It returns an error for points without a class, for a class with one point
// only, for k out of range and for features that are not finite.
func NewTypicality(e *tensor.Engine, features *tensor.Tensor, set Images, k int, disagreement Disagreement) (*Typicality, error) {
	n := len(set.Points)
	if n == 0 || features.Rank() < 2 || features.Dim(0) != n {
		return nil, fmt.Errorf("typicality: found features of shape %v for %d points, expected a row for each", features.Shape(), n)
	}
	if err := set.check(set.Data); err != nil {
		return nil, fmt.Errorf("typicality: %w", err)
	}
	t := &Typicality{Points: slices.Clone(set.Points), K: k, Marked: make([]bool, n)}
	marks, knowsMarks := set.Data.(interface{ Atypical(i int) bool })
	labels := make([]int, n)
	for i, p := range set.Points {
		if labels[i] = set.Data.Label(p); labels[i] < 0 {
			return nil, fmt.Errorf("typicality: image %d of %s has no class", p, set.Data.Name())
		}
		t.Marked[i] = knowsMarks && marks.Atypical(p)
	}
	x := tensor.FromSlice(features.Data(), n, features.Len()/n)
	var err error
	if t.Disagreement, err = disagreement(e, x, labels, k); err != nil {
		return nil, fmt.Errorf("typicality: %w", err)
	}
	return t, t.measure(e, x, labels)
}

// measure fills in the distances. The mean of the other points of a class of n is
// n/(n-1) times as far from a point as the mean of all.
func (t *Typicality) measure(e *tensor.Engine, x *tensor.Tensor, labels []int) error {
	n, classes := len(labels), slices.Max(labels)+1
	count := make([]int, classes)
	for _, l := range labels {
		count[l]++
	}
	for i, l := range labels {
		if count[l] == 1 {
			return fmt.Errorf("typicality: image %d is the only one of class %d, expected at least 2", t.Points[i], l)
		}
	}
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	share := tensor.New(classes, n) // of a point in the mean of its class
	for i, l := range labels {
		share.Data()[l*n+i] = 1 / float32(count[l])
	}
	off := tp.Add(x, tp.Scale(tp.Gather(tp.MatMul(share, x, false, false), labels), -1))
	mean := make([]float64, classes)
	t.Distance, t.Relative = make([]float64, n), make([]float64, n)
	for i, squared := range tp.RowDots(off, off).Data() {
		c := float64(count[labels[i]])
		t.Distance[i] = math.Sqrt(float64(squared)) * c / (c - 1)
		mean[labels[i]] += t.Distance[i] / c
	}
	for i, d := range t.Distance {
		if t.Relative[i] = 1; mean[labels[i]] > 0 {
			t.Relative[i] = d / mean[labels[i]]
		}
	}
	return nil
}

// Criterion is what tells typical points from atypical ones.
type Criterion string

// The criteria.
const (
	ByDistance   Criterion = "distance"     // Typicality.Relative
	ByNeighbours Criterion = "disagreement" // Typicality.Disagreement, of equal ones Relative
	ByMark       Criterion = "marked"       // Typicality.Marked, where a data set has any
)

// Split returns the n most typical points and the n least typical, each most
// extreme first; of equal ones the first. By mark it is the first n points without
// and with one, or as many as there are. The error says that by is unknown, that
// nothing is marked, or that n is not between 1 and half of the points.
func (t *Typicality) Split(by Criterion, n int) (most, least []int, err error) {
	if n < 1 || n > len(t.Points)/2 {
		return nil, nil, fmt.Errorf("typicality: found %d points to take of each end, expected 1 to %d", n, len(t.Points)/2)
	}
	order := make([]int, len(t.Points))
	for i := range order {
		order[i] = i
	}
	var than func(a, b int) int
	switch by {
	case ByDistance:
		than = func(a, b int) int { return cmp.Compare(t.Relative[a], t.Relative[b]) }
	case ByNeighbours:
		than = func(a, b int) int {
			return cmp.Or(cmp.Compare(t.Disagreement[a], t.Disagreement[b]), cmp.Compare(t.Relative[a], t.Relative[b]))
		}
	case ByMark:
		return t.splitMarked(n)
	default:
		return nil, nil, fmt.Errorf("typicality: criterion: found %q, expected %s, %s or %s", by, ByDistance, ByNeighbours, ByMark)
	}
	take := func(than func(a, b int) int) (out []int) {
		slices.SortStableFunc(order, than)
		for _, i := range order[:n] {
			out = append(out, t.Points[i])
		}
		slices.Sort(order)
		return out
	}
	return take(than), take(func(a, b int) int { return than(b, a) }), nil
}

func (t *Typicality) splitMarked(n int) (most, least []int, err error) {
	for i, p := range t.Points {
		switch {
		case t.Marked[i] && len(least) < n:
			least = append(least, p)
		case !t.Marked[i] && len(most) < n:
			most = append(most, p)
		}
	}
	if len(most) == 0 || len(least) == 0 {
		return nil, nil, fmt.Errorf("typicality: found %d marked points and %d others, expected some of each: only the synthetic set has marks", len(least), len(most))
	}
	return most, least, nil
}
