package report

import (
	"strconv"
)

// chartData is a chart as charts.js takes it: every look named, numbers with as
// many digits as a screen can show.
type chartData struct {
	Name       string       `json:"name"`
	Kind       ChartKind    `json:"kind"`
	X          string       `json:"x"`
	Y          string       `json:"y"`
	Categories []string     `json:"categories"`
	Series     []seriesData `json:"series"`
	Reference  []Reference  `json:"reference"`
	Diagonal   bool         `json:"diagonal"`
}

type seriesData struct {
	Name   string     `json:"name"`
	Look   string     `json:"look"`
	X      []float64  `json:"x"`
	Y      []*float64 `json:"y"`
	Lo     []*float64 `json:"lo"`
	Hi     []*float64 `json:"hi"`
	Labels []string   `json:"labels"`
}

// otherLooks is the number of looks of series that are no sets: p1, p2, and so on.
const otherLooks = 8

func (c *Chart) data() chartData {
	out := chartData{Name: c.Name, Kind: c.Kind, X: c.X, Y: c.Y, Categories: c.Categories, Reference: c.Reference, Diagonal: c.Diagonal}
	other := 0
	for i := range c.Series {
		s := &c.Series[i]
		look := s.look()
		if look == "" {
			look = "p" + strconv.Itoa(other%otherLooks+1)
			other++
		}
		d := seriesData{Name: s.Name, Look: look, Y: rounded(s.Y), Lo: rounded(s.Lo), Hi: rounded(s.Hi), Labels: s.Labels}
		for _, x := range s.X {
			d.X = append(d.X, round(x))
		}
		out.Series = append(out.Series, d)
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
