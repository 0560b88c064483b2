package memorize

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/tensor"
)

// Estimator says how the alignments of f and g become the score of a point.
type Estimator string

// The estimators; see Estimator.Points.
const (
	Paper Estimator = "paper" // (g-f)/(g+f), Eq. 2
	Raw   Estimator = "raw"   // g-f, Eq. 1
	Range Estimator = "range" // (g-f)/(max-min), as in the authors' code
)

// Distance is the distance d of the alignment (Eq. 1). The paper writes l2; the
// authors' programs scale the flattened activation of each view to unit length before
// they take it, which is UnitL2. Table 26 compares l2 with l1, cosine and angular.
type Distance string

// The distances between the flattened activations of two views.
const (
	UnitL2  Distance = "unit-l2" // l2 of activations scaled to unit length, sqrt(2 - 2 cos): the authors'
	L2      Distance = "l2"      // raw l2, which sees the length of activations
	L1      Distance = "l1"      // raw l1, likewise
	Cosine  Distance = "cosine"  // 1 - cos
	Angular Distance = "angular" // arccos(cos)/pi
)

// Mode says which views of a point are compared.
type Mode string

// The modes.
const (
	// Pair compares all pairs of augmented views, as the paper defines it.
	Pair Mode = "pair"
	// Original compares the image without augmentation to each augmented view,
	// as the authors' code does.
	Original Mode = "original"
)

// Rest says what stands for the points other than the most activating one in
// UnitMem.
type Rest string

// The two kinds of rest.
const (
	Mean   Rest = "mean"   // Eq. 7
	Median Rest = "median" // as in the authors' code
)

// Options says how points are scored. The same options, encoders and sets give
// the same bits, for any Batch and any number of threads.
type Options struct {
	Estimators []Estimator `json:"estimators"` // paper, raw, range
	Distances  []Distance  `json:"distances"`  // unit-l2, l2, l1, cosine, angular
	Mode       Mode        `json:"mode"`       // pair or original: which views of a point are compared
	// Views is the number of augmented views of a point. Mode original adds
	// the image itself to them.
	Views int `json:"views"`
	// Taps names the layers to score, in any order, or patterns of their names
	// ("conv*"); all if empty.
	Taps []string `json:"taps"`

	// Units turns UnitMem on. It needs two points in each set.
	Units bool `json:"units"`
	Rest  Rest `json:"rest"` // mean or median: what UnitMem compares the most activating point with
	// Absolute makes UnitMem use |activation|, which keeps the scores of taps
	// with negative activations in [0, 1].
	Absolute bool `json:"absolute"`

	// Resamples is the number of bootstrap resamples of the points.
	Resamples int `json:"resamples"`
	// Level is the level of the intervals, in (0, 1).
	Level float64 `json:"level"`
	// Seed chooses views and resamples.
	Seed uint64 `json:"seed"`
	// Batch is the largest number of images that go through an encoder at once,
	// see BatchFor.
	Batch int `json:"-"`
}

// Distances returns all distances, the default first.
func Distances() []Distance { return []Distance{UnitL2, L2, L1, Cosine, Angular} }

// DefaultOptions returns the paper's measurement: unit-l2 between all pairs of 10
// views, with all three estimators, and 95 % intervals.
func DefaultOptions() Options {
	return Options{
		Estimators: []Estimator{Paper, Raw, Range},
		Distances:  []Distance{UnitL2},
		Mode:       Pair,
		Views:      10,
		Units:      true,
		Rest:       Mean,
		Resamples:  1999,
		Level:      0.95,
		Batch:      250,
	}
}

// Validate returns all that is wrong with the options, each problem with the
// name of its field, or nil.
func (o *Options) Validate() error {
	errs := []error{
		list("estimators", o.Estimators, Paper, Raw, Range),
		list("distances", o.Distances, Distances()...),
		oneOf("mode", o.Mode, Pair, Original),
	}
	least := 1
	if o.Mode == Pair {
		least = 2
	}
	if o.Views < least {
		errs = append(errs, fmt.Errorf("views: found %d, expected at least %d in mode %s", o.Views, least, o.Mode))
	}
	if o.Units {
		errs = append(errs, oneOf("rest", o.Rest, Mean, Median))
	}
	if !(o.Level > 0 && o.Level < 1) {
		errs = append(errs, fmt.Errorf("level: found %v, expected a number between 0 and 1, such as 0.95", o.Level))
	} else if stats.TailRank(o.Resamples, o.Level) < 1 {
		errs = append(errs, fmt.Errorf("resamples: found %d, too few for an interval of level %v", o.Resamples, o.Level))
	}
	if o.Batch < 1 {
		errs = append(errs, fmt.Errorf("batch: found %d, expected at least 1 image", o.Batch))
	}
	return errors.Join(errs...)
}

// Rows returns how many images, and so rows of an activation, belong to a point:
// its views, after the image itself in mode original.
func (o *Options) Rows() int {
	if o.Mode == Original {
		return o.Views + 1
	}
	return o.Views
}

// unitEstimator is what the tables call the UnitMem that the options ask for.
func (o *Options) unitEstimator() string {
	if o.Absolute {
		return string(o.Rest) + "-absolute"
	}
	return string(o.Rest)
}

// kind returns the distance as tensor knows it. The options must be valid.
func (d Distance) kind() tensor.Distance {
	return map[Distance]tensor.Distance{
		UnitL2: tensor.DistanceUnitL2, L2: tensor.DistanceL2, L1: tensor.DistanceL1,
		Cosine: tensor.DistanceCosine, Angular: tensor.DistanceAngular,
	}[d]
}

// oneOf is an error unless v is one of the known values.
func oneOf[T ~string](field string, v T, known ...T) error {
	if slices.Contains(known, v) {
		return nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return fmt.Errorf("%s: found %q, expected one of %s", field, v, strings.Join(names, ", "))
}

// list is an error unless vs holds known values, at least one and none twice.
func list[T ~string](field string, vs []T, known ...T) error {
	if len(vs) == 0 {
		return fmt.Errorf("%s: found none, expected at least one", field)
	}
	for i, v := range vs {
		if err := oneOf(fmt.Sprintf("%s[%d]", field, i), v, known...); err != nil {
			return err
		}
		if slices.Contains(vs[:i], v) {
			return fmt.Errorf("%s: %q is there twice", field, v)
		}
	}
	return nil
}
