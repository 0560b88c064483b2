package report

import (
	"slices"
	"strconv"
)

// otherLooks is the number of looks of series that are no sets: p1, p2, and so on.
const otherLooks = 8

// forScreen returns the chart as charts.js takes it: every look named, numbers with
// as many digits as a screen can show, without the words that the page has itself.
func (c *Chart) forScreen() Chart {
	out := *c
	out.Title, out.Note, out.Series = "", "", nil
	other := 0
	for _, s := range c.Series {
		if s.Look = s.look(); s.Look == "" {
			s.Look = "p" + strconv.Itoa(other%otherLooks+1)
			other++
		}
		s.Y, s.Lo, s.Hi, s.X = rounded(s.Y), rounded(s.Lo), rounded(s.Hi), slices.Clone(s.X)
		for i, x := range s.X {
			s.X[i] = round(x)
		}
		out.Series = append(out.Series, s)
	}
	return out
}

// round leaves seven significant digits.
func round(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 7, 64), 64)
	if err != nil {
		return v // at the ends of the range
	}
	return r
}

func rounded(vs []*float64) []*float64 {
	if vs == nil {
		return nil
	}
	out := make([]*float64, len(vs))
	for i, v := range vs {
		if v != nil {
			r := round(*v)
			out[i] = &r
		}
	}
	return out
}
