package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// verdicts says how each verdict is shown: never by colour alone.
var verdicts = map[Verdict]struct{ class, sign string }{
	Reproduced:    {"good", "✓"},
	NotReproduced: {"bad", "✗"},
	UnderPowered:  {"open", "?"},
}

// number returns v with that many decimals, without a minus before zero.
func number(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return s
}

// significant returns v with four significant digits.
func significant(v float64) string {
	if v == 0 {
		return "0"
	}
	if a := math.Abs(v); a < 1e-5 || a >= 1e7 {
		return strconv.FormatFloat(v, 'e', 2, 64)
	}
	return number(v, max(0, 3-int(math.Floor(math.Log10(math.Abs(v))))))
}

// text returns the cell's value or words, and its interval, "" without one.
func (c *Cell) text(format func(float64) string) (value, interval string) {
	if c.Value == nil {
		return c.Text, ""
	}
	value = format(*c.Value)
	if c.Text != "" {
		value += " " + c.Text
	}
	if c.Lo != nil && c.Hi != nil {
		interval = fmt.Sprintf("[%s, %s]", format(*c.Lo), format(*c.Hi))
	}
	return value, interval
}

// format returns how the numbers of the column are written.
func (c *Column) format(v float64) string { return number(v, c.Digits) }

// numeric tells whether a column has numbers.
func (t *Table) numeric(k int) bool {
	for _, row := range t.Rows {
		if row[k].Value != nil {
			return true
		}
	}
	return false
}

// spoken says what a chart shows to those who do not see it.
func (c *Chart) spoken() string {
	var names []string
	for _, s := range c.Series {
		names = append(names, s.Name)
	}
	kind := map[ChartKind]string{Line: "Line chart", Bar: "Bar chart", Scatter: "Scatter plot"}[c.Kind]
	return fmt.Sprintf("%s: %s. %s over %s. Series: %s.", kind, c.Title, c.Y, c.X, strings.Join(names, ", "))
}
