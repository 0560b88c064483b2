package ssl

import (
	"fmt"
	"slices"
	"strings"
)

// The largest settings that are taken. They keep absurd ones from overflowing or from
// ending in a lack of memory, not sensible ones out.
const (
	maxWidth = 1 << 16
	maxRows  = 10_000_000
)

// widths checks the widths of a head's layers, of which there must be one.
func widths(field string, w []int) error {
	if len(w) == 0 {
		return fmt.Errorf("%s: found no layer, expected at least one width", field)
	}
	for _, d := range w {
		if d < 1 || d > maxWidth {
			return fmt.Errorf("%s: found width %d in %v, expected 1 to %d", field, d, w, maxWidth)
		}
	}
	return nil
}

// above0 wants 0 < v <= most.
func above0(field string, v, most float64) error {
	if !(float32(v) > 0 && v <= most) {
		return fmt.Errorf("%s: found %v, expected a number above 0 and at most %v", field, v, most)
	}
	return nil
}

// within wants v to lie in [lo, hi].
func within[T int | float64](field string, v, lo, hi T) error {
	if !(v >= lo && v <= hi) { // so that NaN is refused too
		return fmt.Errorf("%s: found %v, expected %v to %v", field, v, lo, hi)
	}
	return nil
}

// share wants 0 <= v < 1.
func share(field string, v float64) error {
	if !(v >= 0 && float32(v) < 1) { // what networks compute in
		return fmt.Errorf("%s: found %v, expected at least 0 and less than 1", field, v)
	}
	return nil
}

// oneOf wants a word that is known.
func oneOf(field, v string, known ...string) error {
	if !slices.Contains(known, v) {
		return fmt.Errorf("%s: found %q, expected %s", field, v, strings.Join(known, " or "))
	}
	return nil
}

// emaSettings checks the settings of a teacher.
func emaSettings(ema float64, schedule string) error {
	return first(share("ema", ema), oneOf("ema_schedule", schedule, "constant", "cosine"))
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
