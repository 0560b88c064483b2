// Package stats holds the statistics that statements about memorization rest
// on: intervals over pairs of encoders, points and views, tests, ranks, effect
// sizes and corrections for many tests. All are pure functions of slices of
// float64. What is random is a function of a seed and comes out with the same
// bits on any number of threads. NaN and infinities are refused everywhere.
//
// Which one is meant for what:
//
//	TwoWay        a score of some pairs, each over points: with all intervals
//	Crossed       a score of pairs that split the same images again: all of its questions
//	Student       a number per pair of encoders: the interval for statements on pairs
//	Permutation   do two sets of points differ in their mean? no shape assumed
//	SignFlip      the same, where each value of one set belongs to one of the other
//	Welch         the same by Student's t, as the paper's Table 11 has it
//	AUC, TPRAt    can one tell candidates from independents by their scores?
//	Kendall       do two rankings agree? Overlap: do their first k?
//	Holm, BH      p values of many taps or units at once
package stats

import (
	"errors"
	"fmt"
)

// ErrNoSpread is the error of a question that has no answer because all values
// are equal, such as their correlation with others.
var ErrNoSpread = errors.New("all values are equal")

// check returns an error unless there are at least least values and all are
// finite.
func check(what string, x []float64, least int) error {
	if len(x) < least {
		return fmt.Errorf("%s: found %d values, expected at least %d", what, len(x), least)
	}
	for i, v := range x {
		if v-v != 0 {
			return fmt.Errorf("%s[%d]: found %v, expected a finite number", what, i, v)
		}
	}
	return nil
}

// checkLevel returns an error unless level is one of an interval.
func checkLevel(level float64) error {
	if !(level > 0 && level < 1) {
		return fmt.Errorf("level: found %v, expected a number between 0 and 1, such as 0.95", level)
	}
	return nil
}

// equal tells whether all values are the same.
func equal(x []float64) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return true
}
