package run

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/locimem/locimem/memorize"
)

// Points holds the alignments of the points of some taps under one distance: what
// LayerMem is the mean of, under any estimator.
type Points struct {
	Taps []string // in forward order
	by   map[[2]string]*Alignments
}

// Alignments are those of the points of one set in one tap (Eq. 1).
type Alignments struct {
	Points []int // indices in the set's data
	F, G   []float64
}

// ReadPoints reads points.csv in a folder that Scores.WriteFiles wrote, of it that
// distance and those taps; all taps if there are none.
func ReadPoints(dir string, dist memorize.Distance, taps ...string) (*Points, error) {
	p := &Points{by: map[[2]string]*Alignments{}}
	err := readTable(filepath.Join(dir, pointsCSV), []string{"tap", "set", "point", "distance", "ssl_f", "ssl_g"}, func(r *row) {
		tap := r.text("tap")
		if r.text("distance") != string(dist) || len(taps) > 0 && !slices.Contains(taps, tap) {
			return
		}
		key := [2]string{tap, r.text("set")}
		a := p.by[key]
		if a == nil {
			a = &Alignments{}
			p.by[key] = a
			if !slices.Contains(p.Taps, tap) {
				p.Taps = append(p.Taps, tap)
			}
		}
		a.Points = append(a.Points, r.int("point"))
		a.F, a.G = append(a.F, r.distance("ssl_f")), append(a.G, r.distance("ssl_g"))
	})
	if err != nil {
		return nil, err
	}
	return p, p.complete(filepath.Join(dir, pointsCSV), dist)
}

// complete returns an error unless all taps have the same points in all sets.
func (p *Points) complete(path string, dist memorize.Distance) error {
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
		return fmt.Errorf("%s: found %d pairs of a tap and a set, expected %d, as tap %s has %d sets and there are %d taps", path, len(p.by), len(p.Taps)*len(first), p.Taps[0], len(first), len(p.Taps))
	}
	for key, a := range p.by {
		want := first[key[1]]
		if want == nil || !slices.Equal(a.Points, want.Points) {
			return fmt.Errorf("%s: tap %s, set %s: found other points than in tap %s, expected the same in all taps", path, key[0], key[1], p.Taps[0])
		}
	}
	return nil
}

// Of returns the alignments of a set in a tap, nil if there are none.
func (p *Points) Of(tap, set string) *Alignments { return p.by[[2]string{tap, set}] }
