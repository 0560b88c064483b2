package memorize

import (
	"fmt"
	"slices"
	"sync"

	"github.com/locimem/locimem/memorize/table"
	"github.com/locimem/locimem/tensor"
)

// Metric is a measurement of a pair of encoders. It is shown the activations of f and
// g, tap by tap and in pieces, and gives tables. LayerMem, UnitMem and all others of
// this package are metrics; a program adds one of its own by Register, or hands it to
// Score. A Metric is used once.
type Metric interface {
	// Begin is told what will be shown, before anything is.
	Begin(p *Plan) error
	// Add is shown the activations of the next points of a set. a and its tensor are
	// used again after Add.
	Add(a *Activations) error
	// Finish computes the results when all points were shown. s has the results of
	// the metrics of this package already if the metric is not one of them.
	Finish(s *Scores) error
	// Tables returns the tables of the metric, with the rows that Finish computed; it
	// is also asked before Begin, when there are no rows.
	Tables(s *Scores) []table.File
}

// Plan is what a metric will be shown.
type Plan struct {
	Engine  *tensor.Engine
	Options Options
	Taps    []Tap // in forward order
	Sets    []Set
}

// Activations are those of the next points of one set in one tap of one encoder.
type Activations struct {
	Side     Side
	Set, Tap int // indices into those of the plan
	First    int // place in the set of the first point
	// X is [points*rows, ..., units], where rows is Options.Rows: the views of a point
	// are consecutive and, in mode original, follow the image itself.
	X *tensor.Tensor

	plan  *Plan
	means []float64
}

// Points returns the points, by their indices in their data set.
func (a *Activations) Points() []int {
	return a.plan.Sets[a.Set].Points[a.First:][:a.X.Dim(0)/a.plan.Options.Rows()]
}

// UnitMeans returns mu_u(x) of Eq. 5, [points, units]: the mean activation of each
// unit over the positions and the augmented views of each point, of |activation| if
// the options say so. Metrics share it; do not change it. The error names the first
// point whose mean is not finite.
func (a *Activations) UnitMeans() ([]float64, error) {
	if a.means != nil {
		return a.means, nil
	}
	o := &a.plan.Options
	means := a.plan.Engine.UnitMeans(a.X, o.Rows(), o.Rows()-o.Views, o.Absolute)
	if i := slices.IndexFunc(means, isNotFinite); i >= 0 {
		return nil, a.notFinite(i / a.X.Dim(-1))
	}
	a.means = means
	return means, nil
}

// notFinite is the error that point p of these has an activation that is no number.
func (a *Activations) notFinite(p int) error {
	return fmt.Errorf("%s, point %d: an activation is NaN or infinite", a.where(), a.Points()[p])
}

// where names encoder, tap and set.
func (a *Activations) where() string {
	return fmt.Sprintf("encoder %s, tap %s, set %s", a.Side, a.plan.Taps[a.Tap].Name, a.plan.Sets[a.Set].Name)
}

func isNotFinite(v float64) bool { return v-v != 0 }

// builtIn returns the metrics of this package, in the order in which they finish:
// LayerMem before those that use its scores. classes and units are among them.
func builtIn() (all []Metric, classes *classMem) {
	units, classes := &unitMem{}, &classMem{}
	return []Metric{&layerMem{}, units, classes, &heldOut{units: units}, &preferences{}, &perturbation{}, &alignmentMem{}}, classes
}

// registered are the metrics of other packages.
var registered struct {
	sync.Mutex
	names []string
	make  []func() Metric
}

// Register adds a metric to all scores that this program computes from now on; its
// tables are written next to the others. create returns a new one for each pair of
// encoders. It panics if the name or the file of one of its tables is taken.
func Register(name string, create func() Metric) {
	registered.Lock()
	defer registered.Unlock()
	if slices.Contains(registered.names, name) {
		panic(fmt.Sprintf("metric %s: found one of this name, expected a new name", name))
	}
	files := (&Scores{}).tables()
	for _, other := range registered.make {
		files = append(files, other().Tables(&Scores{})...)
	}
	for _, t := range create().Tables(&Scores{}) {
		if slices.ContainsFunc(files, func(f table.File) bool { return f.File == t.File }) || t.File == JSONFile {
			panic(fmt.Sprintf("metric %s: found the file %s taken, expected a new name", name, t.File))
		}
	}
	registered.names, registered.make = append(registered.names, name), append(registered.make, create)
}

// created returns a new metric of each that is registered.
func created() []Metric {
	registered.Lock()
	defer registered.Unlock()
	var out []Metric
	for _, create := range registered.make {
		out = append(out, create())
	}
	return out
}

// perSetAndTap returns a table of new cells, [set][tap].
func perSetAndTap[T any](p *Plan, cell func(set int) T) [][]T {
	out := make([][]T, len(p.Sets))
	for s := range out {
		for range p.Taps {
			out[s] = append(out[s], cell(s))
		}
	}
	return out
}
