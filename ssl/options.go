package ssl

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/locimem/locimem/nn"
)

// Options are the settings of all methods; each reads those that it has.
type Options struct {
	// Temperature divides the similarities of SimCLR and MoCo, and the student's
	// logits of DINO.
	Temperature float64
	// Projector holds the widths of the layers after the encoder's features, the
	// last being that of what is compared.
	Projector []int
	// ProjectorBN puts batch norm after the projector's hidden layers, for SimCLR,
	// MoCo v2 and DINO. The other methods always have it.
	ProjectorBN bool
	// Predictor holds the hidden widths of the predictor of BYOL, SimSiam and MoCo
	// v3; its output is as wide as its input.
	Predictor []int
	// EMA is the share of the teacher that stays in a step, in [0,1); with
	// EMACosine it rises to 1 over the training.
	EMA       float64
	EMACosine bool
	// Queue is the number of keys that MoCo v2 keeps as negatives.
	Queue int
	// BNSplits is the number of parts of a batch that MoCo v2 normalises each by
	// itself; it divides the batch.
	BNSplits int
	// Symmetric makes either view of MoCo v2 query and key in turn.
	Symmetric bool
	// Lambda weighs the redundancy term of Barlow Twins, LossScale its whole loss.
	Lambda, LossScale float64
	// Invariance, Variance and Covariance weigh the terms of VICReg.
	Invariance, Variance, Covariance float64
	// Prototypes is the number K of DINO's outputs.
	Prototypes int
	// TeacherTemperature divides the teacher's logits of DINO.
	TeacherTemperature float64
	// TeacherStart is the teacher's temperature at the first step of DINO; it goes
	// straight to TeacherTemperature over the first TeacherWarmup steps.
	TeacherStart  float64
	TeacherWarmup int
	// FreezePrototypes is the number of steps at the start in which DINO's
	// prototypes stay as they are, which steadies its beginning.
	FreezePrototypes int
	// FreezePatch keeps the patch embedding of a vision transformer as it was at
	// the start, for MoCo v3 (its Section 4.2: it steadies the training).
	FreezePatch bool
	// CentreMomentum is the share of DINO's centre that stays in a step.
	CentreMomentum float64
	// LocalCrops is the number of small views of each image that DINO's student
	// sees beside the two large ones, LocalSize their height and width.
	LocalCrops int
	LocalSize  [2]int
}

// registry lists the methods that there are. another makes a second encoder of
// the same kind, for a teacher.
var registry = []struct {
	name  string
	build func(enc nn.Encoder, another func() (nn.Encoder, error), o Options, seed uint64) (Method, error)
}{
	{"simclr", func(enc nn.Encoder, _ func() (nn.Encoder, error), o Options, seed uint64) (Method, error) {
		return NewSimCLR(enc, SimCLRConfig{Temperature: o.Temperature, Projector: o.Projector, ProjectorBN: o.ProjectorBN}, seed)
	}},
	{"byol", newBYOL}, {"simsiam", newSimSiam}, {"mocov2", newMoCoV2}, {"mocov3", newMoCoV3},
	{"barlow", newBarlow}, {"vicreg", newVICReg}, {"dino", newDINO},
}

// Names returns the names that New knows.
func Names() []string {
	var names []string
	for _, m := range registry {
		names = append(names, m.name)
	}
	return names
}

// New puts the method of that name on top of an encoder, its own networks being
// initialised from seed. another makes a second encoder of the same shape, which
// methods with a teacher need. Errors name the option.
func New(name string, enc nn.Encoder, another func() (nn.Encoder, error), o Options, seed uint64) (Method, error) {
	i := slices.Index(Names(), name)
	if i < 0 {
		return nil, fmt.Errorf("method: found %q, expected one of: %s", name, strings.Join(Names(), ", "))
	}
	m, err := registry[i].build(enc, another, o, seed)
	if err != nil {
		return nil, fmt.Errorf("method %s: %w", name, err)
	}
	return m, nil
}

// widths checks the widths of a head.
func widths(field string, w []int, least int) error {
	if len(w) < least {
		return fmt.Errorf("%s: found no layer, expected at least one width", field)
	}
	for _, d := range w {
		if d < 1 {
			return fmt.Errorf("%s: found width %d in %v, expected at least 1", field, d, w)
		}
	}
	return nil
}

// above0 checks a number.
func above0(field string, v float64) error {
	if !(v > 0) || math.IsInf(v, 0) {
		return fmt.Errorf("%s: found %v, expected a number above 0", field, v)
	}
	return nil
}

// atLeast checks a number.
func atLeast[T int | float64](field string, v, least T) error {
	if !(v >= least) {
		return fmt.Errorf("%s: found %v, expected at least %v", field, v, least)
	}
	return nil
}

// share checks a momentum.
func share(field string, v float64) error {
	if !(v >= 0 && v < 1) {
		return fmt.Errorf("%s: found %v, expected at least 0 and less than 1", field, v)
	}
	return nil
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
