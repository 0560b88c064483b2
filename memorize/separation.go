package memorize

import "github.com/locimem/locimem/memorize/stats"

// Separation says how well the scores of a tap tell candidates (positives, S_C)
// from independents (negatives, S_I): membership inference, from the side of
// measuring. A bias of the pair shifts both sets alike and does not count, so this
// needs no control of its own; but a difference of the two sets that is not due
// to training would count, and then the area with f and g exchanged is not one
// minus this one.
type Separation struct {
	Tap       string    `json:"tap"`
	Depth     int       `json:"depth"`
	Estimator Estimator `json:"estimator"`
	Distance  Distance  `json:"distance"`
	stats.Area
	// TPR1 and TPR10 are the shares of candidates found where at most 1 % and 10 %
	// of the independents are taken for candidates (stats.TPRAt).
	TPR1  float64 `json:"tpr_1"`
	TPR10 float64 `json:"tpr_10"`
}

// separations returns the rows of all taps, by distance and estimator, without
// Range, which scales each set by itself. There are none unless candidates and
// independents have two points each.
func (s *Scores) separations() ([]Separation, error) {
	if pooled(s.sets) < 2 {
		return nil, nil
	}
	o := s.Circumstances.Options
	var out []Separation
	for _, dist := range o.Distances {
		for _, est := range o.Estimators {
			if est == Range {
				continue
			}
			for _, tap := range s.Circumstances.Taps {
				c, i := s.PointScores(tap.Name, Candidate, est, dist), s.PointScores(tap.Name, Independent, est, dist)
				row := Separation{Tap: tap.Name, Depth: tap.Depth, Estimator: est, Distance: dist}
				var err error
				if row.Area, err = stats.AUC(c, i, o.Level); err != nil {
					return nil, err
				}
				if row.TPR1, err = stats.TPRAt(c, i, 0.01); err != nil {
					return nil, err
				}
				if row.TPR10, err = stats.TPRAt(c, i, 0.1); err != nil {
					return nil, err
				}
				out = append(out, row)
			}
		}
	}
	return out, nil
}
