package memorize

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/tensor"
)

// TopShare is the share of the units of a tap that count as its top units, those
// of the largest UnitMem: the paper's Tables 11 and 12 look at 10 %.
const TopShare = 0.1

// HeldOut tells UnitMem from memorization. UnitMem (Eq. 8) says that a unit is
// selective for one point, and an encoder is selective for points that it never
// saw as well. So members of its training set and as many non-members go into
// one pool, UnitMem is taken over the pool, and the question is which of them own
// the top units. Without memorization it is half and half.
type HeldOut struct {
	// Encoder is f (members: candidates), g (members: independents), or both: the
	// two together, in which candidates that stand out more than independents for
	// reasons of their own cancel.
	Encoder string `json:"encoder" col:"encoder"`
	Tap     string `json:"tap" col:"tap"`     // layer, as the encoder names it
	Depth   int    `json:"depth" col:"depth"` // place of the tap in forward order, from 1
	// Points is the number of members, and of non-members: the smaller set, and
	// the first of the larger.
	Points int `json:"points" col:"points"`
	// Units are those that can be ranked: not dead, bounded (no point has a
	// negative mean) and not owned by a member and a non-member alike.
	Units int `json:"units" col:"units"`
	// Members is the share of the top units (TopShare of Units, at least one) that
	// members own, with the binomial test of one half, as if units were independent.
	Members stats.Share `json:"members" col:"n=top_units,k=by_members,share,lo,hi,p=p_binomial" unit:"proportion"`
	// P is the two-sided p value of a permutation of membership among the points
	// of the pool. It holds where one odd point owns many units, as it often does,
	// and is the one to go by.
	P      float64 `json:"p" col:"p" unit:"probability"`
	Owners int     `json:"owners" col:"owners"` // points that own a top unit
}

// HeldOutTable holds members against non-members as owners of top units.
var HeldOutTable = table.Of[HeldOut]("heldout.csv", "Members against non-members as owners of top units")

// pooled says which points of candidates and independents are in the pool: the
// first n of each, 0 if one of the sets is missing.
func pooled(sets []Set) (n int) {
	if c, i := indexOf(sets, Candidate), indexOf(sets, Independent); c >= 0 && i >= 0 {
		return min(len(sets[c].Points), len(sets[i].Points))
	}
	return 0
}

// heldOutScores returns the rows of every tap that has units to rank, by encoder.
// first(side, set, tap) are the units over the points of the pool.
func heldOutScores(e *tensor.Engine, o *Options, taps []Tap, points int,
	first func(side Side, set string, tap int) *units) ([]HeldOut, error) {
	rows := make([][3]*HeldOut, len(taps))
	errs := make([]error, len(taps))
	e.Parallel(len(taps), func(t, _ int) {
		var owned [2][]float64 // top units of each point of the pool
		var counts [2]int
		var eligible [2]int
		for side := range owned {
			owned[side], counts[side], eligible[side] = topOwned(
				first(Side(side), Candidate, t), first(Side(side), Independent, t))
		}
		row := func(encoder string, units, top int, byMembers func(p int) float64, k float64) {
			if errs[t] != nil || units == 0 {
				return
			}
			h := HeldOut{Encoder: encoder, Tap: taps[t].Name, Depth: taps[t].Depth, Points: points, Units: units}
			if h.Members, errs[t] = stats.Binomial(int(k), top, 0.5, o.Level); errs[t] != nil {
				return
			}
			// Membership is dealt out anew: the owners stay.
			values := make([]float64, 2*points)
			for p := range values {
				values[p] = byMembers(p)
			}
			r := stats.Resampling{Resamples: o.Resamples, Level: o.Level, Seed: o.Seed, Purpose: "held out " + encoder + " " + taps[t].Name}
			var test stats.Test
			test, errs[t] = stats.Permutation(values[:points], values[points:], stats.TwoSided, r)
			h.P = test.P
			for p := range 2 * points {
				if encoder != "g" && owned[F][p] > 0 || encoder != "f" && owned[G][p] > 0 {
					h.Owners++
				}
			}
			rows[t][map[string]int{"f": 0, "g": 1, "both": 2}[encoder]] = &h
		}
		sum := func(x []float64) (s float64) {
			for _, v := range x {
				s += v
			}
			return s
		}
		byF, byG := sum(owned[F][:points]), sum(owned[G][points:])
		row("f", eligible[F], counts[F], func(p int) float64 { return owned[F][p] }, byF)
		row("g", eligible[G], counts[G], func(p int) float64 { return owned[G][p] }, byG)
		if eligible[F] > 0 && eligible[G] > 0 {
			// A point that is a candidate adds what it owns of f, an independent what
			// it owns of g: up to a constant, the difference, for candidates.
			row("both", eligible[F]+eligible[G], counts[F]+counts[G],
				func(p int) float64 { return owned[F][p] - owned[G][p] }, byF+byG)
		}
	})
	var out []HeldOut
	for i := range 3 {
		for t := range taps {
			if errs[t] != nil {
				return nil, errs[t]
			}
			if h := rows[t][i]; h != nil {
				out = append(out, *h)
			}
		}
	}
	return out, nil
}

// topOwned returns how many of the top units each point of a pool owns, those of
// a before those of b, and how many top units there are of how many that can be
// ranked.
func topOwned(a, b *units) (owned []float64, top, eligible int) {
	owned = make([]float64, a.n+b.n)
	pool := a.join(b)
	var values []float64
	var index []int
	for u := range pool.max {
		if pool.min[u] >= 0 && pool.max[u] > pool.min[u] && a.max[u] != b.max[u] {
			values, index = append(values, pool.value(u)), append(index, u)
		}
	}
	for _, i := range stats.Top(values, TopCount(len(values))) {
		owned[pool.owner[index[i]]]++
		top++
	}
	return owned, top, len(values)
}

// TopCount is TopShare of n units, rounded up, so at least one of any.
func TopCount(n int) int { return (n + int(1/TopShare) - 1) / int(1/TopShare) }

// join returns the units over the points of u and then those of v.
func (u *units) join(v *units) *units {
	w := &units{n: u.n + v.n, keep: u.keep, all: slices.Concat(u.all, v.all)}
	w.max, w.min = slices.Clone(u.max), slices.Clone(u.min)
	w.rest, w.owner = slices.Clone(u.rest), slices.Clone(u.owner)
	for i := range w.max {
		w.rest[i] += v.rest[i] + min(u.max[i], v.max[i])
		w.min[i] = min(u.min[i], v.min[i])
		if v.max[i] > u.max[i] {
			w.max[i], w.owner[i] = v.max[i], u.n+v.owner[i]
		}
	}
	return w
}

// heldOut is the metric of HeldOut. It uses the units of UnitMem for sets that are
// all in the pool.
type heldOut struct {
	plan  *Plan
	units *unitMem
	pool  int // the first points of candidates and independents
	first [2][][]*units
}

// Begin implements Metric.
func (m *heldOut) Begin(p *Plan) error {
	m.plan, m.pool = p, pooled(p.Sets)
	for side := range m.first {
		m.first[side] = perSetAndTap(p, func(set int) *units {
			if s := p.Sets[set]; s.Name != Candidate && s.Name != Independent || len(s.Points) <= m.pool {
				return nil
			}
			return &units{keep: p.Options.Rest == Median}
		})
	}
	return nil
}

// Add implements Metric.
func (m *heldOut) Add(a *Activations) error {
	first := m.first[a.Side][a.Set][a.Tap]
	if !m.plan.Options.Units || first == nil {
		return nil
	}
	mu, err := a.UnitMeans()
	if err != nil {
		return err
	}
	for of := range slices.Chunk(mu, a.X.Dim(-1)) {
		if first.n < m.pool {
			first.add(of)
		}
	}
	return nil
}

// Finish implements Metric.
func (m *heldOut) Finish(s *Scores) error {
	if !m.plan.Options.Units || m.pool == 0 {
		return nil
	}
	var err error
	s.HeldOut, err = heldOutScores(m.plan.Engine, &m.plan.Options, m.plan.Taps, m.pool,
		func(side Side, set string, tap int) *units {
			i := indexOf(m.plan.Sets, set)
			if first := m.first[side][i][tap]; first != nil {
				return first
			}
			return &m.units.units[side][i][tap]
		})
	if err != nil {
		return fmt.Errorf("held-out null: %w", err)
	}
	return nil
}

// Tables implements Metric.
func (m *heldOut) Tables(s *Scores) []table.File { return []table.File{HeldOutTable.With(s.HeldOut)} }
