package memorize

import (
	"math"
	"slices"

	"github.com/locimem/locimem/memorize/table"
)

// UnitScore is UnitMem of one unit on one set (Eq. 8).
type UnitScore struct {
	Tap  string `json:"tap" col:"tap"`   // layer, as the encoder names it
	Unit int    `json:"unit" col:"unit"` // index of the channel or neuron, from 0
	// Set is candidate, shared, independent or external.
	Set string `json:"set" col:"set"`
	// Estimator is mean or median, with "-absolute" where |activation| is meant.
	Estimator string `json:"estimator" col:"estimator"`
	// Value is (Max-Rest)/(Max+Rest). It lies in [0, 1] if no activation is
	// negative. Outputs of convolutions and batch norms can be, and then the
	// formula may give any number: see unitRatio for where it is cut.
	Value float64 `json:"value" col:"value" unit:"ratio"`
	// Max is mu_max, the largest mean activation over the points (Eq. 6).
	Max float64 `json:"mu_max" col:"mu_max" unit:"activation"`
	// Rest is mu_-max, the mean (Eq. 7) or median over the other points.
	Rest float64 `json:"mu_rest" col:"mu_rest" unit:"activation"`
	// Point is the index in its data set of the point that has Max, the first
	// one if there are several; -1 if all points are equal, as for a dead unit.
	Point int `json:"point" col:"point"`
}

// UnitMemTable and UnitMemTableG are UnitMem of the units of f and of g.
var (
	UnitMemTable  = table.Of[UnitScore]("unitmem.csv", "UnitMem of every unit of f on every set")
	UnitMemTableG = table.Of[UnitScore]("unitmem_g.csv", "UnitMem of every unit of g on every set")
)

// units gathers the mean activations mu_u(x) (Eq. 5) of the units of one tap
// over the points of one set. For the mean it keeps a few numbers a unit, for
// the median those of all points.
type units struct {
	n        int // points so far
	max, min []float64
	rest     []float64 // sum over all points but the one at max
	owner    []int     // position in the set of the point at max
	keep     bool
	all      []float64 // [n, units] if keep
}

// add takes the means of the units for the next point.
func (u *units) add(mu []float64) {
	if u.n == 0 {
		u.max, u.min = slices.Clone(mu), slices.Clone(mu)
		u.rest, u.owner = make([]float64, len(mu)), make([]int, len(mu))
	} else {
		for i, v := range mu {
			if v > u.max[i] {
				u.rest[i] += u.max[i]
				u.max[i], u.owner[i] = v, u.n
			} else {
				u.rest[i] += v
				u.min[i] = min(u.min[i], v)
			}
		}
	}
	u.n++
	if u.keep {
		u.all = append(u.all, mu...)
	}
}

// scores returns UnitMem of every unit. There must be two points or more.
func (u *units) scores(tap string, set Set, estimator string) []UnitScore {
	out := make([]UnitScore, len(u.max))
	for i := range out {
		s := UnitScore{Tap: tap, Unit: i, Set: set.Name, Estimator: estimator, Max: u.max[i], Rest: u.others(i), Point: -1}
		if u.max[i] > u.min[i] {
			s.Point = set.Points[u.owner[i]]
		}
		s.Value = unitRatio(s.Max, s.Rest)
		out[i] = s
	}
	return out
}

// value returns UnitMem of unit i.
func (u *units) value(i int) float64 { return unitRatio(u.max[i], u.others(i)) }

// others returns mu_-max of unit i: of a dead one it is mu_max.
func (u *units) others(i int) float64 {
	switch {
	case u.max[i] == u.min[i]:
		return u.max[i]
	case u.keep:
		return u.median(i)
	}
	return u.rest[i] / float64(u.n-1)
}

// median returns the median of unit i over all points but its owner: the middle
// one, or the mean of the two in the middle.
func (u *units) median(i int) float64 {
	others := make([]float64, 0, u.n-1)
	for p := range u.n {
		if p != u.owner[i] {
			others = append(others, u.all[p*len(u.max)+i])
		}
	}
	slices.Sort(others)
	m := len(others)
	return (others[(m-1)/2] + others[m/2]) / 2
}

// unitRatio is Eq. 8, (top-rest)/(top+rest). It is 0 for a dead unit, where it
// would be 0/0, and also where terms of opposite sign cancel to less than the
// resolution of float32: what is left of them is rounding, not a scale. So it is
// never NaN or infinite.
func unitRatio(top, rest float64) float64 {
	sum := top + rest
	if math.Abs(sum) <= 0x1p-23*(math.Abs(top)+math.Abs(rest)) {
		return 0
	}
	return (top - rest) / sum
}

// UnitSummary says in a few numbers how UnitMem is spread over the units of a
// tap.
type UnitSummary struct {
	Tap   string `json:"tap" col:"tap"`     // layer, as the encoder names it
	Depth int    `json:"depth" col:"depth"` // place of the tap in forward order, from 1
	// Set is candidate, shared, independent or external.
	Set    string  `json:"set" col:"set"`
	Units  int     `json:"units"`  // number of units
	Mean   float64 `json:"mean"`   // mean of UnitMem over the units
	Median float64 `json:"median"` // median of UnitMem over the units
	Max    float64 `json:"max"`    // largest UnitMem
	Dead   int     `json:"dead"`   // units that give every point the same mean activation
	// Outside counts values outside [0, 1], which negative activations cause.
	// Where there are many, mean and maximum say little.
	Outside int `json:"outside"`
}

// summarize returns a summary of each run of scores of the same tap and set.
func summarize(scores []UnitScore, taps []Tap) []UnitSummary {
	depth := map[string]int{}
	for _, t := range taps {
		depth[t.Name] = t.Depth
	}
	var out []UnitSummary
	for len(scores) > 0 {
		first := scores[0]
		n := slices.IndexFunc(scores, func(s UnitScore) bool { return s.Tap != first.Tap || s.Set != first.Set })
		if n < 0 {
			n = len(scores)
		}
		sum := UnitSummary{Tap: first.Tap, Depth: depth[first.Tap], Set: first.Set, Units: n}
		values := make([]float64, n)
		for i, s := range scores[:n] {
			values[i] = s.Value
			sum.Mean += s.Value / float64(n)
			if s.Point < 0 {
				sum.Dead++
			}
			if s.Value < 0 || s.Value > 1 {
				sum.Outside++
			}
		}
		slices.Sort(values)
		sum.Median, sum.Max = (values[(n-1)/2]+values[n/2])/2, values[n-1]
		out = append(out, sum)
		scores = scores[n:]
	}
	return out
}

// unitMem is the metric of UnitMem.
type unitMem struct {
	plan  *Plan
	units [2][][]units // [side][set][tap]
}

// Begin implements Metric.
func (m *unitMem) Begin(p *Plan) error {
	m.plan = p
	for side := range m.units {
		m.units[side] = perSetAndTap(p, func(int) units { return units{keep: p.Options.Rest == Median} })
	}
	return nil
}

// Add implements Metric.
func (m *unitMem) Add(a *Activations) error {
	if !m.plan.Options.Units {
		return nil
	}
	mu, err := a.UnitMeans()
	if err != nil {
		return err
	}
	for of := range slices.Chunk(mu, a.X.Dim(-1)) {
		m.units[a.Side][a.Set][a.Tap].add(of)
	}
	return nil
}

// Finish implements Metric.
func (m *unitMem) Finish(s *Scores) error {
	if m.plan.Options.Units {
		s.UnitsF, s.UnitsG = m.scores(F), m.scores(G)
		s.SummaryF, s.SummaryG = summarize(s.UnitsF, m.plan.Taps), summarize(s.UnitsG, m.plan.Taps)
		s.NumMemUnits, s.Owners = s.memUnits(&m.units)
	}
	return nil
}

// scores returns UnitMem of all units of one encoder, by set, tap and unit.
func (m *unitMem) scores(side Side) []UnitScore {
	taps, sets := m.plan.Taps, m.plan.Sets
	parts := make([][]UnitScore, len(sets)*len(taps))
	m.plan.Engine.Parallel(len(parts), func(i, _ int) {
		s, t := i/len(taps), i%len(taps)
		parts[i] = m.units[side][s][t].scores(taps[t].Name, sets[s], m.plan.Options.unitEstimator())
	})
	return slices.Concat(parts...)
}

// Tables implements Metric.
func (m *unitMem) Tables(s *Scores) []table.File {
	return []table.File{UnitMemTable.With(s.UnitsF), UnitMemTableG.With(s.UnitsG), NumMemUnitsTable.With(s.NumMemUnits),
		OwnerTable.With(s.Owners)}
}
