package perturb

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
)

// The orders in which units are pruned (Table 6).
const (
	Top    = "top"    // of the highest UnitMem
	Random = "random" // drawn
	Low    = "low"    // of the lowest UnitMem
)

// Choice says which units are pruned.
type Choice struct {
	By string // Top, Random or Low
	// Share of the units, more than 0 and at most 1: of each layer, rounded and at
	// least one; with Total of all layers together.
	Share float64
	Total bool
	// Alive leaves dead units (UnitMem 0, no answer to any image) out of the
	// choice, by whatever order. Without it Low takes them first, and pruning what
	// does nothing does nothing: compare the orders with it too.
	Alive bool
	// Seed and Trial are those of Random: one set of channels for each layer.
	Seed, Trial uint64
}

// LayerUnits is UnitMem of all units of one layer.
type LayerUnits struct {
	Layer  string
	Values []float64 // of every unit
	Dead   []bool
}

// ByLayer sorts what memorize.ScoreUnits says about OutputTap of the layers. The
// error names a layer whose tap was not scored.
func ByLayer(enc nn.Encoder, layers []string, ranked []memorize.RankedUnit) ([]LayerUnits, error) {
	var out []LayerUnits
	for _, layer := range layers {
		n, err := unitsOf(enc, layer)
		if err != nil {
			return nil, err
		}
		l := LayerUnits{Layer: layer, Values: make([]float64, n), Dead: make([]bool, n)}
		tap, found := OutputTap(enc, layer), 0
		for _, u := range ranked {
			if u.Tap == tap && u.Unit < n {
				l.Values[u.Unit], l.Dead[u.Unit] = u.Value, u.Point < 0
				found++
			}
		}
		if found != n {
			return nil, fmt.Errorf("layer %s: found UnitMem of %d units of %s, expected %d", layer, found, tap, n)
		}
		out = append(out, l)
	}
	return out, nil
}

// unit is one to choose from.
type unit struct {
	layer, index int
	value        float64
}

// Choose returns the units to prune, by layer in the given order and rising within
// it. Equal units go in forward order.
func Choose(layers []LayerUnits, c Choice) ([]Units, error) {
	if !slices.Contains([]string{Top, Random, Low}, c.By) {
		return nil, fmt.Errorf("choice of units: by: found %q, expected %s, %s or %s", c.By, Top, Random, Low)
	}
	if !(c.Share > 0 && c.Share <= 1) {
		return nil, fmt.Errorf("choice of units: share: found %v, expected more than 0 and at most 1", c.Share)
	}
	out := make([]Units, len(layers))
	var pool []unit
	total := 0
	for i, l := range layers {
		out[i] = Units{Layer: l.Layer, Index: []int{}}
		total += len(l.Values)
		for k, v := range l.Values {
			if !c.Alive || !l.Dead[k] {
				pool = append(pool, unit{i, k, v})
			}
		}
		if !c.Total {
			c.take(out, pool, len(l.Values), uint64(i))
			pool = pool[:0]
		}
	}
	if c.Total {
		c.take(out, pool, total, uint64(len(layers)))
	}
	for i := range out {
		slices.Sort(out[i].Index)
	}
	return out, nil
}

// take puts the share of n units into out, or all of pool if that is fewer.
func (c *Choice) take(out []Units, pool []unit, n int, stream uint64) {
	switch c.By {
	case Random:
		r := rng.New(c.Seed, "prune", c.Trial, stream)
		r.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	case Top:
		slices.SortStableFunc(pool, func(a, b unit) int { return cmp.Compare(b.value, a.value) })
	case Low:
		slices.SortStableFunc(pool, func(a, b unit) int { return cmp.Compare(a.value, b.value) })
	}
	count := max(1, int(math.Round(c.Share*float64(n))))
	for _, u := range pool[:min(count, len(pool))] {
		out[u.layer].Index = append(out[u.layer].Index, u.index)
	}
}
