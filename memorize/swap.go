package memorize

import (
	"fmt"

	"gonum.org/v1/gonum/stat"
)

// SwapSymmetry is the outcome of a check: that exchanging f and g changes the
// sign of every score of a point, of every mean and of every controlled score,
// to the last bit. A measurement that fails it favours an encoder.
type SwapSymmetry struct {
	Scores int  `json:"scores"` // number of scores compared
	Exact  bool `json:"exact"`  // whether all signs turned exactly
	// Worst is the largest difference found, 0 if exact.
	Worst float64 `json:"worst"`
}

// SwapSymmetry scores all points again with f and g exchanged and compares. It
// returns an error if the signs do not turn exactly.
func (s *Scores) SwapSymmetry() (SwapSymmetry, error) {
	o := s.Provenance.Options
	var out SwapSymmetry
	compare := func(there, back float64) {
		out.Scores++
		out.Worst = max(out.Worst, there+back, -there-back)
	}
	c, i := indexOf(s.sets, Candidate), indexOf(s.sets, Independent)
	for d := range o.Distances {
		for _, est := range o.Estimators {
			for t := range s.Provenance.Taps {
				there, back := make([]float64, len(s.sets)), make([]float64, len(s.sets))
				for x := range s.sets {
					f, g := s.points[x][t][F][d], s.points[x][t][G][d]
					a, b := est.Points(f, g), est.Points(g, f)
					for p := range a {
						compare(a[p], b[p])
					}
					there[x], back[x] = stat.Mean(a, nil), stat.Mean(b, nil)
					compare(there[x], back[x])
				}
				if c >= 0 && i >= 0 {
					compare((there[c]-there[i])/2, (back[c]-back[i])/2)
				}
			}
		}
	}
	if out.Exact = out.Worst == 0; !out.Exact {
		return out, fmt.Errorf("swap symmetry: exchanging f and g changes a score by %v beyond its sign, expected 0", out.Worst)
	}
	return out, nil
}
