package memorize

import (
	"math"
	"slices"

	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/tensor"
)

// UnitChange is what training on a point did to a unit, as far as two encoders
// can tell, by mean over the points x of a set. It follows a second wording of
// UnitMem, the impact that adding or removing data points has on the activations
// of units:
//
//	P_u(x) = (mu_u^f(x) - mu_u^g(x)) / (|mu_u^f(x)| + |mu_u^g(x)|)
//
// with mu of Eq. 5, in [-1, 1], and 0 where it would be 0/0. Candidates have the
// sign of "with less without"; independents, which trained g, the contrary.
//
// Unit u of f and unit u of g are the same unit only if both encoders started
// from the same weights (train.seed_f = train.seed_g) and stayed close: else the
// number compares strangers, and says so by being as large on S_S and S_E.
type UnitChange struct {
	Tap  string `json:"tap" col:"tap"`   // layer, as the encoder names it
	Unit int    `json:"unit" col:"unit"` // index of the channel or neuron, from 0
	// Set is candidate, shared, independent, external or controlled.
	Set string `json:"set" col:"set"`
	// Mean is the mean of P_u, Size that of |P_u|; of Controlled rows they are half
	// of (candidate - independent), where Size is about 0 for symmetric roles.
	Mean float64 `json:"mean" col:"mean" unit:"ratio"`
	Size float64 `json:"size" col:"size" unit:"ratio"`
}

// TapChange is the mean of P_u(x), or of its size, over the points of a set and
// the units of a tap. Its interval is over points.
type TapChange struct {
	Tap   string `json:"tap" col:"tap"`     // layer, as the encoder names it
	Depth int    `json:"depth" col:"depth"` // place of the tap in forward order, from 1
	// Set is candidate, shared, independent, external or controlled.
	Set string `json:"set" col:"set"`
	// Kind is signed, or size for |P_u|. The size is never small, even on S_E, so
	// that of one set means nothing without the others. Sizes have no Controlled
	// row: exchanging f and g changes none.
	Kind string `json:"kind" col:"kind"`
	Stat Stat   `json:"stat" col:"*" unit:"ratio"` // over the points
}

// TapChangeTable and UnitChangeTable are UnitChange by tap and by unit.
var (
	TapChangeTable  = table.Of[TapChange]("perturbation.csv", "What training on a set did to the units of a tap, on average")
	UnitChangeTable = table.Of[UnitChange]("perturbation_units.csv", "What training on a set did to each unit")
)

// change gathers P_u(x) of one set and tap. It keeps a number a unit and two a
// point, and the unit means of the points that only one encoder has given yet:
// in a pass over both at once, those of a batch.
type change struct {
	units         [2]int
	ahead         [2][]float64
	sum, size     []float64 // of each unit, over points
	signed, sizes []float64 // of each point, mean over units
}

// add takes the unit means of the next points of one encoder.
func (c *change) add(side Side, mu []float64, units int) {
	c.units[side] = units
	c.ahead[side] = append(c.ahead[side], mu...)
	f, g := c.ahead[F], c.ahead[G]
	n := min(len(f), len(g))
	if n == 0 || c.units[F] != c.units[G] { // Scores refuses the latter
		return
	}
	if c.sum == nil {
		c.sum, c.size = make([]float64, units), make([]float64, units)
	}
	for lo := 0; lo < n; lo += units {
		signed, size := 0.0, 0.0
		for u := range units {
			p := changeRatio(f[lo+u], g[lo+u])
			c.sum[u] += p
			c.size[u] += math.Abs(p)
			signed += p
			size += math.Abs(p)
		}
		c.signed, c.sizes = append(c.signed, signed/float64(units)), append(c.sizes, size/float64(units))
	}
	for s, ahead := range c.ahead {
		c.ahead[s] = append(ahead[:0], ahead[n:]...)
	}
}

// changeRatio is P_u(x) of two unit means.
func changeRatio(f, g float64) float64 {
	if sum := math.Abs(f) + math.Abs(g); sum > 0 {
		return (f - g) / sum
	}
	return 0
}

// changes returns P of every tap and unit; there must be all points.
func changes(e *tensor.Engine, o *Options, taps []Tap, sets []Set, of [][]change) (byTap []TapChange, byUnit []UnitChange) {
	cols := make([][]column, len(sets)) // of each tap signed, then size
	for s, set := range sets {
		var scores [][]float64
		for t := range taps {
			scores = append(scores, of[s][t].signed, of[s][t].sizes)
		}
		cols[s] = resampled(e, o, set.Name, scores)
		for t, tap := range taps {
			n := float64(len(set.Points))
			for u := range of[s][t].sum {
				byUnit = append(byUnit, UnitChange{tap.Name, u, set.Name, of[s][t].sum[u] / n, of[s][t].size[u] / n})
			}
		}
	}
	for k, kind := range []string{"signed", "size"} {
		for s, set := range sets {
			for t, tap := range taps {
				byTap = append(byTap, TapChange{tap.Name, tap.Depth, set.Name, kind, cols[s][2*t+k].stat(o.Level)})
			}
		}
		if c, i := indexOf(sets, Candidate), indexOf(sets, Independent); k == 0 && c >= 0 && i >= 0 {
			for t, tap := range taps {
				byTap = append(byTap, TapChange{tap.Name, tap.Depth, Controlled, kind, controlled(cols[c][2*t], cols[i][2*t], o.Level)})
				nc, ni := float64(len(sets[c].Points)), float64(len(sets[i].Points))
				for u := range of[c][t].sum {
					half := func(c, i []float64) float64 { return (c[u]/nc - i[u]/ni) / 2 }
					byUnit = append(byUnit, UnitChange{tap.Name, u, Controlled,
						half(of[c][t].sum, of[i][t].sum), half(of[c][t].size, of[i][t].size)})
				}
			}
		}
	}
	return byTap, byUnit
}

// indexOf returns the place of the set of that name, or -1.
func indexOf(sets []Set, name string) int {
	return slices.IndexFunc(sets, func(s Set) bool { return s.Name == name })
}

// perturbation is the metric of UnitChange and TapChange.
type perturbation struct {
	plan    *Plan
	changes [][]change // [set][tap]
}

// Begin implements Metric.
func (m *perturbation) Begin(p *Plan) error {
	m.plan = p
	m.changes = perSetAndTap(p, func(int) change { return change{} })
	return nil
}

// Add implements Metric.
func (m *perturbation) Add(a *Activations) error {
	if !m.plan.Options.Units {
		return nil
	}
	mu, err := a.UnitMeans()
	if err != nil {
		return err
	}
	m.changes[a.Set][a.Tap].add(a.Side, mu, a.X.Dim(-1))
	return nil
}

// Finish implements Metric.
func (m *perturbation) Finish(s *Scores) error {
	if m.plan.Options.Units {
		s.TapChanges, s.UnitChanges = changes(m.plan.Engine, &m.plan.Options, m.plan.Taps, m.plan.Sets, m.changes)
	}
	return nil
}

// Tables implements Metric.
func (m *perturbation) Tables(s *Scores) []table.File {
	return []table.File{TapChangeTable.With(s.TapChanges), UnitChangeTable.With(s.UnitChanges)}
}
