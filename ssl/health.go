package ssl

import (
	"fmt"
	"math"
)

// stuckWithin is how near to the chance level, as a share of it, a loss counts as
// stuck there, and stuckFrom the epoch from which it is said.
const (
	stuckWithin = 1e-3
	stuckFrom   = 3
)

// collapseCause says of every method what usually makes all projections coincide.
var collapseCause = map[string]string{
	"simclr":  "too high a learning rate, or a temperature far from 0.1 to 0.5",
	"byol":    "no batch norm in encoder and heads, a teacher that moves too fast (raise method.ema), or too high a learning rate",
	"simsiam": "no batch norm in the encoder, a learning rate that is too high or decays too early, or a predictor as strong as the identity (its hidden width should be about a quarter of the projection's)",
	"mocov2":  "a teacher that moves too fast (raise method.ema, 0.99 or more) or too high a learning rate",
	"mocov3":  "a teacher that moves too fast (raise method.ema) or too high a learning rate",
	"barlow":  "too large a method.loss_scale or learning rate: the loss itself rules a collapse out",
	"vicreg":  "too small a method.variance or too high a learning rate",
	"dino":    "too high a method.teacher_temperature, too slow a centre, or a teacher that moves too fast (raise method.ema)",
}

// stuckCause says the same of a loss that stays at its chance level, of methods
// for which this is not where a healthy training may stay.
var stuckCause = map[string]string{
	"simclr": "too low or too high a learning rate, or too high a temperature",
	"mocov2": "a queue of keys all alike, too low or too high a learning rate, or too high a temperature",
	"mocov3": "too low or too high a learning rate, or too high a temperature",
	"barlow": "projections that do not depend on the image",
	"vicreg": "projections that do not depend on the image",
	"dino":   "a student that gives every image the uniform distribution: the teacher's targets are too flat; lower method.teacher_temperature (0.04 or less)",
}

// diagnose returns what is wrong with an epoch of the method of that name, and
// what usually causes it; "" if nothing is.
func diagnose(method string, r *Record) string {
	switch {
	case r.Collapsed:
		return fmt.Sprintf("collapsed: all images have nearly the same projection (spread %.2g, loss %.4g)%s", r.Spread, r.Loss, cause(collapseCause[method]))
	case r.Epoch >= stuckFrom && stuckCause[method] != "" && math.Abs(r.Loss-r.Chance) < stuckWithin*r.Chance:
		return fmt.Sprintf("the loss %.4g stays at its chance level %.4g: nothing is learned%s", r.Loss, r.Chance, cause(stuckCause[method]))
	}
	return ""
}

func cause(usual string) string {
	if usual == "" {
		return ""
	}
	return ". Usual causes: " + usual
}
