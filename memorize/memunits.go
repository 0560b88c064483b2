package memorize

import (
	"slices"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/table"
)

// MemUnitThreshold is the UnitMem above which NumMemUnits counts a unit: there
// the point that it answers most to has three times the activation of the rest.
const MemUnitThreshold = 0.5

// NumMemUnits counts the memorizing units of a tap of one encoder on one set and
// says to how many points they belong. On sets that the encoder never saw it is
// the same count of selectivity alone (see HeldOut).
type NumMemUnits struct {
	Encoder string `json:"encoder" col:"encoder"` // f or g
	Tap     string `json:"tap" col:"tap"`         // layer, as the encoder names it
	Depth   int    `json:"depth" col:"depth"`     // place of the tap in forward order, from 1
	// Set is candidate, shared, independent or external.
	Set   string `json:"set" col:"set"`
	Units int    `json:"units" col:"units"` // units of the tap
	// Ranked are those that are neither dead nor negative for any point; only
	// these are looked at.
	Ranked    int     `json:"ranked" col:"ranked"`
	Threshold float64 `json:"-" col:"threshold" unit:"ratio"` // MemUnitThreshold
	Above     int     `json:"above" col:"above"`              // ranked units with UnitMem above the threshold
	// Top says who owns the top units, TopShare of those ranked.
	Top Owners `json:"top" col:"units=top_units,distinct=owners,most,most_by"`
}

// NumMemUnitsTable counts the memorizing units of f, then of g.
var NumMemUnitsTable = table.Of[NumMemUnits]("memunits.csv", "How many units of a tap memorize, and how many points own the top units")

// Owner is a point with the number of top units that answer most to it, in one
// tap of one encoder (the paper's Table 12 counts points by it).
type Owner struct {
	Encoder string `json:"encoder" col:"encoder"` // f or g
	Tap     string `json:"tap" col:"tap"`         // layer, as the encoder names it
	// Set is candidate, shared, independent or external.
	Set   string `json:"set" col:"set"`
	Point int    `json:"point" col:"point"` // index in its data set
	Units int    `json:"units" col:"units"` // top units that answer most to the point
	// Score is the memorization of the point in this tap by the first estimator
	// and distance, positive for f.
	Score float64 `json:"score" col:"score" unit:"of the estimator"`
}

// OwnerTable names the points that own top units.
var OwnerTable = table.Of[Owner]("owners.csv", "The points that own top units")

// memUnits returns the counts by encoder, set and tap, and the owners among the
// points, falling by units and then in the order of the set.
func (s *Scores) memUnits(cells *[2][][]units) (counts []NumMemUnits, owners []Owner) {
	o := s.Provenance.Options
	for side := range cells {
		for x, set := range s.sets {
			for t, tap := range s.Provenance.Taps {
				u := &cells[side][x][t]
				row := NumMemUnits{Encoder: Side(side).String(), Tap: tap.Name, Depth: tap.Depth, Set: set.Name,
					Units: len(u.max), Threshold: MemUnitThreshold}
				var values []float64
				var index []int
				for i := range u.max {
					if u.min[i] < 0 || u.max[i] == u.min[i] {
						continue
					}
					v := u.value(i)
					values, index = append(values, v), append(index, i)
					if v > MemUnitThreshold {
						row.Above++
					}
				}
				row.Ranked = len(values)
				owned := map[int]int{} // by position in the set
				top := stats.Top(values, TopCount(len(values)))
				for _, i := range top {
					owned[u.owner[index[i]]]++
				}
				row.Top = Owners{Units: len(top), Distinct: len(owned), MostBy: -1}
				scores := o.Estimators[0].Points(s.points[x][t][F][0], s.points[x][t][G][0])
				var by []Owner
				for p := range set.Points {
					if n := owned[p]; n > 0 {
						by = append(by, Owner{row.Encoder, tap.Name, set.Name, set.Points[p], n, scores[p]})
					}
				}
				slices.SortStableFunc(by, func(a, b Owner) int { return b.Units - a.Units })
				if len(by) > 0 {
					row.Top.Most, row.Top.MostBy = by[0].Units, by[0].Point
				}
				counts, owners = append(counts, row), append(owners, by...)
			}
		}
	}
	return counts, owners
}
