package perturb

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Tracker follows units of an encoder while it trains (Tables 13 and 14): the unit
// of the highest UnitMem and all units that were dead when it was made. They are the
// same units throughout; that some unit comes to be the best is no news. It also
// counts the units of the point that owned the best one.
type Tracker struct {
	measure func(context.Context) ([]memorize.RankedUnit, error)
	point   int // that owned the best unit at the start
	best    string
	dead    []string
	// Rows are what was seen, in order; the first is the start.
	Rows []TrackRow
}

// TrackRow is what the units are at one time.
type TrackRow struct {
	Epoch int `json:"epoch"` // done since the start
	// Best is how far the unit that was best at the start, Unit of Tap, stands out for
	// the point that owned it then (memorize.RankedUnit.For): its UnitMem while the point
	// still owns it.
	Best float64 `json:"best"`
	Tap  string  `json:"tap"`
	Unit int     `json:"unit"`
	// Dead is the mean UnitMem of the units that were dead at the start, DeadMax
	// the largest, 0 without any; of DeadUnits Revived are not dead any more.
	Dead      float64 `json:"dead"`
	DeadMax   float64 `json:"dead_max"`
	DeadUnits int     `json:"dead_units"`
	Revived   int     `json:"revived"`
	// Owner is the point that owns the unit of Best now.
	Owner int `json:"owner"`
	// Of Units that are bounded and not dead, the point that owned the best one at the
	// start owns Owned.
	Owned int `json:"owned"`
	Units int `json:"units"`
}

// NewTracker measures the units of enc on the images of set, among which should be
// those that it goes on with, by the options' taps: those behind a ReLU, where
// UnitMem is bounded and units can be dead. The best unit is the best of those that
// the points of among own, of all units if there are none. It returns an error if no
// unit is both bounded and alive, or these points own none.
func NewTracker(ctx context.Context, e *tensor.Engine, enc nn.Encoder, set memorize.Images,
	views memorize.Viewer, o memorize.Options, among []int) (*Tracker, error) {
	t := &Tracker{measure: func(ctx context.Context) ([]memorize.RankedUnit, error) {
		return memorize.ScoreUnits(ctx, e, enc, set, views, o, len(set.Points), nil)
	}}
	all, err := t.measure(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracking units: %w", err)
	}
	top := memorize.TopUnits(all, len(all))
	if len(top) == 0 {
		return nil, fmt.Errorf("tracking units: all %d units are dead or have negative activations: "+
			"choose taps behind a ReLU", len(all))
	}
	best := 0
	if len(among) > 0 {
		best = slices.IndexFunc(top, func(u memorize.RankedUnit) bool { return slices.Contains(among, u.Point) })
		if best < 0 {
			return nil, fmt.Errorf("tracking units: the %d points to choose among own none of %d units", len(among), len(top))
		}
	}
	t.best, t.point = key(top[best]), top[best].Point
	for _, u := range all {
		if u.Bounded && u.Point < 0 {
			t.dead = append(t.dead, key(u))
		}
	}
	t.add(0, all)
	return t, nil
}

// Measure adds a row after that many epochs. It has the form of the Evaluate hook
// of ssl.Hooks but for the result.
func (t *Tracker) Measure(ctx context.Context, epoch int) error {
	all, err := t.measure(ctx)
	if err != nil {
		return fmt.Errorf("tracking units after epoch %d: %w", epoch, err)
	}
	t.add(epoch, all)
	return nil
}

func (t *Tracker) add(epoch int, all []memorize.RankedUnit) {
	by := make(map[string]memorize.RankedUnit, len(all))
	owned, units := 0, 0
	for _, u := range all {
		by[key(u)] = u
		if u.Bounded && u.Point >= 0 {
			if units++; u.Point == t.point {
				owned++
			}
		}
	}
	best := by[t.best]
	value, _ := best.For(t.point) // it was found at the start
	r := TrackRow{Owned: owned, Units: units, Epoch: epoch, Best: value, Tap: best.Tap, Unit: best.Unit,
		DeadUnits: len(t.dead), Owner: best.Point}
	for _, k := range t.dead {
		u := by[k]
		r.Dead += u.Value / float64(len(t.dead))
		r.DeadMax = max(r.DeadMax, u.Value)
		if u.Point >= 0 {
			r.Revived++
		}
	}
	t.Rows = append(t.Rows, r)
}

// key names a unit.
func key(u memorize.RankedUnit) string { return fmt.Sprintf("%s/%d", u.Tap, u.Unit) }
