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

// diagnose returns what is wrong with an epoch of the method of that name, and
// what usually causes it (Kind.Collapse, Kind.Stuck); "" if nothing is.
func diagnose(method string, r *Record) string {
	k, _ := Lookup(method)
	switch {
	case r.Collapsed:
		return fmt.Sprintf("collapsed: all images have nearly the same projection (spread %.2g, loss %.4g)%s", r.Spread, r.Loss, cause(k.Collapse))
	case r.Epoch >= stuckFrom && k.Stuck != "" && math.Abs(r.Loss-r.Chance) < stuckWithin*r.Chance:
		return fmt.Sprintf("the loss %.4g stays at its chance level %.4g: nothing is learned%s", r.Loss, r.Chance, cause(k.Stuck))
	}
	return ""
}

func cause(usual string) string {
	if usual == "" {
		return ""
	}
	return ". Usual causes: " + usual
}
