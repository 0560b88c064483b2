package study

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
)

// Claim is a claim as it stands before anything is measured. White space in its texts
// does not count, so they may go over several lines.
type Claim struct {
	ID        string // such as "depth.rises", the same at every scale
	Source    string // table or figure of the paper, such as "T1, T18", or "ours"
	Statement string // in one sentence
	Paper     string // the paper's values; "" for a claim that is not the paper's
	// Rule says how the number of each pair is computed, and what the plain number is:
	// the one as the paper takes it. The rule for the verdict is added to it.
	Rule   string
	Number string // name of the number, for the sentence that says what was found
}

// fill returns the claim with placeholders such as {layer} replaced: it takes
// placeholders and their values in turn.
func (c Claim) fill(placeholders ...string) Claim {
	replacer := strings.NewReplacer(placeholders...)
	for _, s := range []*string{&c.ID, &c.Source, &c.Statement, &c.Paper, &c.Rule, &c.Number} {
		*s = replacer.Replace(*s)
	}
	return c
}

// begin returns the claim without a verdict. plain holds the numbers of the pairs as the
// paper takes them; nil: there are none.
func (x *Reader) begin(c Claim, plain []float64) report.Claim {
	out := report.Claim{
		ID: c.ID, Source: c.Source, Statement: prose(c.Statement), Paper: prose(c.Paper), Rule: prose(c.Rule),
		Verdict: report.UnderPowered, Command: x.command,
	}
	if plain != nil {
		cell := Interval(plain)
		out.Plain = &cell
	}
	return out
}

// undecided returns a claim that cannot be judged, and says why.
func (x *Reader) undecided(c Claim, plain []float64, why string) report.Claim {
	out := x.begin(c, plain)
	out.Why = why
	return out
}

// level is that of all intervals.
const level = 0.95

// ruleAbove is the rule of Judge in words.
const ruleAbove = `Student's t interval (95 %) over pairs of encoders: all above 0 is reproduced, all below 0 is
	not reproduced. Anything else, one pair alone, or equal numbers in all pairs is under-powered.`

// Judge returns the claim that a number is above 0 with its verdict, by Student's
// interval over pairs of encoders: reproduced if all of it lies above 0, not reproduced
// if all of it lies below, under-powered otherwise and with a single pair. perPair holds
// the number of each pair, controlled; plain the same as the paper takes it, nil if there
// is none.
func (x *Reader) Judge(c Claim, plain, perPair []float64) report.Claim {
	out := x.begin(c, plain)
	out.Rule += " " + prose(ruleAbove)
	out.Controlled, out.Verdict, out.Why = above(prose(c.Number), perPair)
	if m, err := stats.Student(perPair, level); err == nil && !allEqual(perPair) {
		out.P = &m.P
	}
	return out
}

// judgePlain is Judge for a number that has no controlled version.
func (x *Reader) judgePlain(c Claim, perPair []float64) report.Claim {
	out := x.Judge(c, nil, perPair)
	out.Plain, out.Controlled = out.Controlled, nil
	return out
}

// ruleWithin is the rule of judgeWithin in words.
const ruleWithin = `Student's t interval (95 %%) over pairs of encoders: all within %g of 0 is reproduced, all farther
	away is not reproduced. Anything else, one pair alone, or equal numbers in all pairs is under-powered.`

// judgeWithin returns the claim that a number is as good as 0 with its verdict, by the
// same interval: reproduced if all of it lies within the margin on either side of 0, not
// reproduced if all of it lies outside, under-powered otherwise. Without plain numbers
// the number itself is the plain one.
func (x *Reader) judgeWithin(c Claim, plain, perPair []float64, margin float64) report.Claim {
	out, cell := x.begin(c, plain), Interval(perPair)
	out.Rule += " " + prosef(ruleWithin, margin)
	if plain == nil {
		out.Plain = &cell
	} else {
		out.Controlled = &cell
	}
	name := prose(c.Number)
	if out.Why = withoutSpread(name, cell, perPair); out.Why != "" {
		return out
	}
	out.Why = fmt.Sprintf("%s is %.4f, 95 %% interval over %d pairs [%.4f, %.4f], and the margin %g",
		name, *cell.Value, len(perPair), *cell.Lo, *cell.Hi, margin)
	switch {
	case -margin <= *cell.Lo && *cell.Hi <= margin:
		out.Verdict = report.Reproduced
	case *cell.Lo > margin || *cell.Hi < -margin:
		out.Verdict = report.NotReproduced
	}
	return out
}

// scoreMargin is how far the controlled score may change where a study claims that it
// stays the same.
const scoreMargin = 0.002

// sameScore is judgeWithin for a difference of controlled scores. A score that does not
// change says nothing unless it is above 0.
func (x *Reader) sameScore(c Claim, plain, difference, score []float64) report.Claim {
	return providedAbove(x.judgeWithin(c, plain, difference, scoreMargin), "the controlled score itself", score)
}

// providedAbove makes a claim under-powered unless a number that it presupposes is above
// 0, by the same interval.
func providedAbove(c report.Claim, what string, perPair []float64) report.Claim {
	c.Rule += fmt.Sprintf(" If %s is not above 0 the claim is under-powered.", what)
	s := Interval(perPair)
	if s.Lo == nil || *s.Lo > 0 {
		return c
	}
	c.P, c.Verdict = nil, report.UnderPowered
	c.Why += fmt.Sprintf("; %s is %.4f [%.4f, %.4f], not above 0", what, *s.Value, *s.Lo, *s.Hi)
	return c
}

// above judges whether a number is above 0, by the rule of Judge.
func above(what string, perPair []float64) (*report.Cell, report.Verdict, string) {
	c := Interval(perPair)
	if why := withoutSpread(what, c, perPair); why != "" {
		return &c, report.UnderPowered, why
	}
	why := fmt.Sprintf("%s is %.4f, 95 %% interval over %d pairs [%.4f, %.4f]", what, *c.Value, len(perPair), *c.Lo, *c.Hi)
	return &c, verdictAbove(*c.Lo, *c.Hi), why
}

// verdictAbove judges whether a number is above 0, by its interval.
func verdictAbove(lo, hi float64) report.Verdict {
	switch {
	case lo > 0:
		return report.Reproduced
	case hi < 0:
		return report.NotReproduced
	}
	return report.UnderPowered
}

// withoutSpread says why numbers tell nothing about other pairs: there is only one, or
// all are equal, as counts can be, so that the spread over pairs is unknown. It is ""
// where there is a spread.
func withoutSpread(what string, mean report.Cell, perPair []float64) string {
	switch {
	case mean.Lo == nil:
		return fmt.Sprintf("%s is %.4f in the one pair of encoders, which says nothing about others", what, *mean.Value)
	case allEqual(perPair):
		return fmt.Sprintf("%s is %.4f in each of the %d pairs, so the spread over pairs is unknown",
			what, *mean.Value, len(perPair))
	}
	return ""
}

func allEqual(v []float64) bool {
	return !slices.ContainsFunc(v, func(x float64) bool { return x != v[0] })
}

// Interval is the mean of a number over pairs, with Student's 95 % interval if there are
// several pairs.
func Interval(perPair []float64) report.Cell {
	m, err := stats.Student(perPair, level)
	if err != nil { // a single pair
		return report.Num(stat.Mean(perPair, nil))
	}
	return report.Between(m.Mean, m.Lo, m.Hi)
}

// bounded is Interval of numbers between 0 and 1, cut there.
func bounded(perPair []float64) report.Cell {
	c := Interval(perPair)
	if c.Lo != nil {
		c = report.Between(*c.Value, max(0, *c.Lo), min(1, *c.Hi))
	}
	return c
}

// prose puts a text that goes over several lines of source on one line.
func prose(text string) string { return strings.Join(strings.Fields(text), " ") }

// prosef is prose with values put in, as by fmt.Sprintf.
func prosef(format string, args ...any) string { return fmt.Sprintf(prose(format), args...) }
