package study

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// level is that of all intervals.
const level = 0.95

// ruleAbove is the rule of judge in words.
const ruleAbove = "Student's t interval (95 %) over pairs of encoders: all above 0 is reproduced, all below 0 not reproduced, else (or with one pair, or equal numbers in all) under-powered."

// judge completes a claim that a number is above 0, by its interval over pairs of
// encoders: reproduced if all of it lies above 0, not reproduced if all of it lies
// below, under-powered else, and with a single pair. what names the number, perPair
// are its values, one for each pair; c.Rule says how they are computed.
func (x *reader) judge(c report.Claim, what string, perPair []float64) report.Claim {
	cell, verdict, why := above(what, perPair)
	c.Controlled, c.Verdict, c.Why, c.Command = cell, verdict, why, x.command
	c.Rule += " " + ruleAbove
	if m, err := stats.Student(perPair, level); err == nil && !allEqual(perPair) {
		c.P = &m.P
	}
	return c
}

// judgePlain is judge of a number that has no controlled version.
func (x *reader) judgePlain(c report.Claim, what string, perPair []float64) report.Claim {
	c = x.judge(c, what, perPair)
	c.Plain, c.Controlled = c.Controlled, nil
	return c
}

// judgeWithin completes a claim that a number is as good as 0, by the same interval:
// reproduced if all of it lies within the margin on either side of 0, not reproduced
// if all of it lies outside, under-powered else. The number is the controlled one of a
// claim that has a plain one.
func (x *reader) judgeWithin(c report.Claim, what string, perPair []float64, margin float64) report.Claim {
	cell := interval(perPair)
	c.Verdict, c.Command = report.UnderPowered, x.command
	if c.Plain == nil {
		c.Plain = &cell
	} else {
		c.Controlled = &cell
	}
	c.Rule += fmt.Sprintf(" Student's t interval (95 %%) over pairs of encoders: all within %g of 0 is reproduced, all farther away not reproduced, else (or with one pair, or equal numbers in all) under-powered.", margin)
	if why := withoutSpread(what, cell, perPair); why != "" {
		c.Why = why
		return c
	}
	c.Why = fmt.Sprintf("%s is %.4f, 95 %% interval over %d pairs [%.4f, %.4f], and the margin %g", what, *cell.Value, len(perPair), *cell.Lo, *cell.Hi, margin)
	switch {
	case -margin <= *cell.Lo && *cell.Hi <= margin:
		c.Verdict = report.Reproduced
	case *cell.Lo > margin || *cell.Hi < -margin:
		c.Verdict = report.NotReproduced
	}
	return c
}

// scoreMargin is how much the controlled score may differ where it is not to matter.
const scoreMargin = 0.002

// sameScore is judgeWithin of a difference of controlled scores. That a score does not
// change says nothing where there is none.
func (x *reader) sameScore(c report.Claim, what string, perPair, score []float64) report.Claim {
	return providedAbove(x.judgeWithin(c, what, perPair, scoreMargin), "the controlled score itself", score)
}

// providedAbove makes a claim under-powered where a number that it supposes to be above
// 0 is not, by the same interval.
func providedAbove(c report.Claim, what string, perPair []float64) report.Claim {
	c.Rule += fmt.Sprintf(" Where %s is not above 0 the claim is under-powered.", what)
	s := interval(perPair)
	if s.Lo == nil || *s.Lo > 0 {
		return c
	}
	c.P, c.Verdict, c.Why = nil, report.UnderPowered, c.Why+fmt.Sprintf("; %s is %.4f [%.4f, %.4f], not above 0", what, *s.Value, *s.Lo, *s.Hi)
	return c
}

// above judges whether a number is above 0, by the rule of judge.
func above(what string, perPair []float64) (*report.Cell, report.Verdict, string) {
	c := interval(perPair)
	if why := withoutSpread(what, c, perPair); why != "" {
		return &c, report.UnderPowered, why
	}
	why := fmt.Sprintf("%s is %.4f, 95 %% interval over %d pairs [%.4f, %.4f]", what, *c.Value, len(perPair), *c.Lo, *c.Hi)
	switch {
	case *c.Lo > 0:
		return &c, report.Reproduced, why
	case *c.Hi < 0:
		return &c, report.NotReproduced, why
	}
	return &c, report.UnderPowered, why
}

// withoutSpread says why numbers tell nothing about other pairs: there is one, or all
// are equal, as a few counts can be, so that it is not known by how much pairs differ.
// "" where there is a spread.
func withoutSpread(what string, mean report.Cell, perPair []float64) string {
	switch {
	case mean.Lo == nil:
		return fmt.Sprintf("%s is %.4f in the one pair of encoders, which says nothing about others", what, *mean.Value)
	case allEqual(perPair):
		return fmt.Sprintf("%s is %.4f in each of the %d pairs, so by how much pairs differ is not known", what, *mean.Value, len(perPair))
	}
	return ""
}

func allEqual(v []float64) bool {
	return !slices.ContainsFunc(v, func(x float64) bool { return x != v[0] })
}

// interval is the mean of a number for each pair, with Student's interval over
// pairs where there are several.
func interval(perPair []float64) report.Cell {
	m, err := stats.Student(perPair, level)
	if err != nil { // of a single pair
		return report.Num(stat.Mean(perPair, nil))
	}
	return report.Between(m.Mean, m.Lo, m.Hi)
}

// bounded is interval of numbers that lie between 0 and 1, cut there.
func bounded(perPair []float64) report.Cell {
	c := interval(perPair)
	if c.Lo != nil {
		c = report.Between(*c.Value, max(0, *c.Lo), min(1, *c.Hi))
	}
	return c
}

// intervalOf is interval as a pointer, as claims have it.
func intervalOf(perPair []float64) *report.Cell {
	c := interval(perPair)
	return &c
}
