package memorize

import (
	"fmt"
	"iter"
	"path/filepath"
	"slices"

	"github.com/locimem/locimem/memorize/table"
)

// PointAlignment is the alignment of one point in one tap: what LayerMem is the
// mean of, under any estimator.
type PointAlignment struct {
	Tap string `json:"tap" col:"tap"` // layer, as the encoder names it
	// Set is candidate, shared, independent or external.
	Set      string   `json:"set" col:"set"`
	Point    int      `json:"point" col:"point"`       // index in its data set
	Distance Distance `json:"distance" col:"distance"` // distance between views
	// F and G are SSL_f and SSL_g, the mean distance between the views of the point
	// in each encoder (Eq. 1).
	F float64 `json:"ssl_f" col:"ssl_f" must:"distance" unit:"of the distance"`
	G float64 `json:"ssl_g" col:"ssl_g" must:"distance" unit:"of the distance"`
}

// PointTable holds the alignments of every point, from which all scores of layers
// follow, by set, tap and distance.
var PointTable = table.Of[PointAlignment]("points.csv", "The alignments of every point, from which LayerMem follows")

// pointAlignments yields the rows of PointTable.
func (s *Scores) pointAlignments() iter.Seq[PointAlignment] {
	return func(yield func(PointAlignment) bool) {
		for i, set := range s.sets {
			for t, tap := range s.Provenance.Taps {
				for d, dist := range s.Provenance.Options.Distances {
					f, g := s.points[i][t][F][d], s.points[i][t][G][d]
					for p, index := range set.Points {
						if !yield(PointAlignment{tap.Name, set.Name, index, dist, f[p], g[p]}) {
							return
						}
					}
				}
			}
		}
	}
}

// Points holds the alignments of the points of some taps under one distance.
type Points struct {
	Taps []string // in forward order
	by   map[[2]string]*Alignments
}

// Alignments are those of the points of one set in one tap (Eq. 1).
type Alignments struct {
	Points []int // indices in the set's data
	F, G   []float64
}

// ReadPoints reads the rows of points.csv with the given distance and taps, all
// taps if there are none. It returns an error unless all taps have the same points.
func ReadPoints(dir string, dist Distance, taps ...string) (*Points, error) {
	p := &Points{by: map[[2]string]*Alignments{}}
	wanted := func(r *PointAlignment) bool {
		return r.Distance == dist && (len(taps) == 0 || slices.Contains(taps, r.Tap))
	}
	var a *Alignments
	var key [2]string // of a: rows of a tap and set follow each other
	for r, err := range PointTable.Rows(dir, wanted) {
		if err != nil {
			return nil, err
		}
		if next := [2]string{r.Tap, r.Set}; a == nil || next != key {
			key = next
			if a = p.by[key]; a == nil {
				a = &Alignments{}
				p.by[key] = a
				if !slices.Contains(p.Taps, r.Tap) {
					p.Taps = append(p.Taps, r.Tap)
				}
			}
		}
		a.Points = append(a.Points, r.Point)
		a.F, a.G = append(a.F, r.F), append(a.G, r.G)
	}
	return p, p.complete(filepath.Join(dir, PointTable.File), dist)
}

// complete returns an error unless all taps have the same points in all sets.
func (p *Points) complete(path string, dist Distance) error {
	if len(p.Taps) == 0 {
		return fmt.Errorf("%s: found no rows of distance %s, expected those of some taps", path, dist)
	}
	first := map[string]*Alignments{}
	for key, a := range p.by {
		if key[0] == p.Taps[0] {
			first[key[1]] = a
		}
	}
	if len(p.by) != len(p.Taps)*len(first) {
		return fmt.Errorf("%s: found %d pairs of a tap and a set, expected %d, as tap %s has %d sets and there are %d taps",
			path, len(p.by), len(p.Taps)*len(first), p.Taps[0], len(first), len(p.Taps))
	}
	for key, a := range p.by {
		want := first[key[1]]
		if want == nil || !slices.Equal(a.Points, want.Points) {
			return fmt.Errorf("%s: tap %s, set %s: found other points than in tap %s, expected the same in all taps",
				path, key[0], key[1], p.Taps[0])
		}
	}
	return nil
}

// Of returns the alignments of a set in a tap, nil if there are none.
func (p *Points) Of(tap, set string) *Alignments { return p.by[[2]string{tap, set}] }
