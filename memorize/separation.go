package memorize

import (
	"slices"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/tensor"
)

// Separation says how well the scores of a tap tell candidates (positives, S_C)
// from independents (negatives, S_I): membership inference, from the side of
// measuring. A bias of the pair shifts both sets alike and does not count, so this
// needs no control of its own; but a difference of the two sets that is not due
// to training would count, and then the area with f and g exchanged is not one
// minus this one.
type Separation struct {
	Tap        string    `json:"tap" col:"tap"`             // layer, as the encoder names it
	Depth      int       `json:"depth" col:"depth"`         // place of the tap in forward order, from 1
	Estimator  Estimator `json:"estimator" col:"estimator"` // paper, raw or range (Estimator.Points)
	Distance   Distance  `json:"distance" col:"distance"`   // distance between views
	stats.Area `col:"auc,se,lo,hi,positives=candidates>,negatives=independents>" unit:"probability"`
	// TPR1 and TPR10 are the shares of candidates found where at most 1 % and 10 %
	// of the independents are taken for candidates (stats.TPRAt).
	TPR1  float64 `json:"tpr_1" col:"tpr_1" unit:"proportion"`
	TPR10 float64 `json:"tpr_10" col:"tpr_10" unit:"proportion"`
	// P is the two-sided p value of the controlled score under the null hypothesis that
	// the encoders carry no information about which images were candidates: other draws
	// of the two sets, from equal numbers of both, are as likely as this one. It is exact
	// for sets that were drawn at random.
	P float64 `json:"p" col:"p" unit:"probability"`
	// PNormal is P by a normal distribution of the known variance, which also gives p
	// values below 1/(resamples + 1). Use it where many are corrected for.
	PNormal float64 `json:"p_normal" col:"p_normal" unit:"probability"`
}

// SeparationTable says how well the scores of each tap tell candidates from independents.
var SeparationTable = table.Of[Separation]("auc.csv", "Candidates told from independents by their scores, at every tap")

// separations returns the rows of all taps, by distance and estimator, without
// Range, which scales each set by itself. There are none unless candidates and
// independents have two points each.
func (s *Scores) separations(e *tensor.Engine) ([]Separation, error) {
	n := pooled(s.sets)
	if n < 2 {
		return nil, nil
	}
	o := s.Provenance.Options
	var out []Separation
	var pool [][][]float64 // of each row: the one pair's scores of n candidates and n independents
	for _, dist := range o.Distances {
		for _, est := range o.Estimators {
			if est == Range {
				continue
			}
			for _, tap := range s.Provenance.Taps {
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
				pool = append(pool, [][]float64{slices.Concat(c[:n], i[:n])})
			}
		}
	}
	if len(pool) == 0 { // of range alone
		return nil, nil
	}
	member := make([]bool, 2*n)
	for k := range n {
		member[k] = true
	}
	tests, err := stats.MembershipTaps([][]bool{member}, pool, stats.Resampling{Resamples: o.Resamples, Level: o.Level, Seed: o.Seed,
		Purpose: "candidates against independents", Parallel: e.Parallel})
	if err != nil {
		return nil, err
	}
	for k, t := range tests {
		out[k].P, out[k].PNormal = t.P, t.PNormal
	}
	return out, nil
}
