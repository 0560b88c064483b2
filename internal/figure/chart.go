package figure

import (
	"image/color"
	"math"
	"slices"
	"unicode/utf8"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Chart is a single panel of any numbers: what LayerMem, UnitMem and Training are
// too special for.
type Chart struct {
	Kind string // "line", "bar" or "scatter"
	X, Y string // labels of the axes
	// Categories are the names along X; nil: series have X of their own.
	Categories []string
	Series     []Data
	Levels     []Level
	Diagonal   bool // a line y = x
}

// Data is one series of a chart. Y, Lo and Hi are NaN where there is nothing; Lo
// and Hi may be nil.
type Data struct {
	Name         string
	X            []float64 // nil: 0, 1, 2 and so on
	Y, Lo, Hi    []float64
	Look         int // place in the looks of sets, from 1; 0: its place among the others
	lookOfSeries look
}

// Level is a line across a chart; one without a name is not in the legend.
type Level struct {
	Name string
	Y    float64
}

// chartLooks are those of the four sets, of controlled scores, and then those of
// series that are no sets.
var chartLooks = append(slices.Clone(setLooks),
	look{color: purple, width: 1.8, glyph: draw.CircleGlyph{}},
	look{color: blue, width: 1.5, glyph: draw.CircleGlyph{}},
	look{color: vermillion, width: 1.5, glyph: draw.BoxGlyph{}, dashes: dash},
	look{color: green, width: 1.5, glyph: draw.PyramidGlyph{}},
	look{color: purple, width: 1.5, glyph: draw.CrossGlyph{}, dashes: dash},
	look{color: orange, width: 1.5, glyph: draw.RingGlyph{}},
	look{color: skyBlue, width: 1.5, glyph: draw.SquareGlyph{}, dashes: dash},
	look{color: black, width: 1.2, glyph: draw.TriangleGlyph{}},
	look{color: grey, width: 1.2, glyph: draw.PlusGlyph{}, dashes: dash},
)

const ownLooks = 5 // looks before those of series that are no sets

// Page draws the chart under a title and a note, either of which may be "".
func (ch *Chart) Page(title, note string) *Page {
	p, legend := newPlot(ch.Y), newLegend()
	p.X.Label.Text = ch.X
	p.Add(grid())
	longest := 0
	entry := func(name string) string {
		longest = max(longest, utf8.RuneCountInString(name))
		return name
	}
	if ch.Kind == "bar" {
		p.Add(zero())
	}
	other := 0
	for i, s := range ch.Series {
		s.lookOfSeries = chartLooks[ownLooks+other%(len(chartLooks)-ownLooks)]
		if s.Look > 0 {
			s.lookOfSeries = chartLooks[s.Look-1]
		} else {
			other++
		}
		if s.X == nil {
			s.X = places(len(s.Y))
		}
		lk := s.lookOfSeries
		hasBand := s.Lo != nil && s.Hi != nil
		switch ch.Kind {
		case "bar":
			w := vg.Points(30) / vg.Length(len(ch.Series))
			if n := len(ch.Categories); n > 8 {
				w = w * 8 / vg.Length(n) * 1.6
			}
			w = max(w, 1.5)
			b := &bars{x: s.X, y: s.Y, lo: s.Lo, hi: s.Hi, color: lk.color, width: w * .9,
				offset: w * (vg.Length(i) - vg.Length(len(ch.Series)-1)/2)}
			p.Add(b)
			legend.Add(entry(s.Name), b)
		case "scatter":
			c := &cloud{curve{x: s.X, y: s.Y, look: lk}}
			if c.look.glyph == nil {
				c.look.glyph = draw.CircleGlyph{}
			}
			if hasBand {
				p.Add(&whiskers{x: s.X, lo: s.Lo, hi: s.Hi, color: lk.color})
			}
			p.Add(c)
			legend.Add(entry(s.Name), c)
		default:
			if hasBand {
				p.Add(&band{x: s.X, lo: s.Lo, hi: s.Hi, color: lk.color})
			}
			c := &curve{x: s.X, y: s.Y, look: lk}
			if len(s.X) > 60 { // marks would hide the line
				c.look.glyph = nil
			}
			p.Add(c)
			legend.Add(entry(s.Name), c)
		}
	}
	for _, r := range ch.Levels {
		l := &level{y: r.Y, style: draw.LineStyle{Color: grey, Width: 1, Dashes: dash}}
		p.Add(l)
		p.Y.Min, p.Y.Max = min(p.Y.Min, r.Y), max(p.Y.Max, r.Y)
		if r.Name != "" {
			legend.Add(entry(r.Name), l)
		}
	}
	if ch.Diagonal {
		d := &diagonal{style: draw.LineStyle{Color: grey, Width: 1, Dashes: dash}}
		p.Add(d)
		legend.Add(entry("y = x"), d)
	}
	page := &Page{title: title, note: note, width: 560, height: 330, legend: max(60, vg.Length(longest)*4.9+34)}
	if ch.Categories != nil {
		letters, most := 0, 0
		for _, c := range ch.Categories {
			n := utf8.RuneCountInString(c)
			letters, most = letters+n+2, max(most, n)
		}
		page.width = max(page.width, vg.Length(len(ch.Categories))*17+120+page.legend)
		nominal(p, ch.Categories, true)
		if vg.Length(letters)*4.6 < page.width-page.legend-90 {
			p.X.Tick.Label.Rotation = 0
			p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
		} else {
			page.height += vg.Length(most) * 3
		}
	}
	page.panels = []panel{{p, legend, 1}}
	return page
}

// bars draws a bar from 0 for each value, with its interval as a whisker.
type bars struct {
	x, y, lo, hi  []float64
	offset, width vg.Length
	color         color.RGBA
}

// Plot implements plot.Plotter.
func (b *bars) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	for i := range b.y {
		if math.IsNaN(b.y[i]) {
			continue
		}
		x, y0, y1 := trX(b.x[i])+b.offset, trY(0), trY(b.y[i])
		c.FillPolygon(b.color, []vg.Point{{X: x - b.width/2, Y: y0}, {X: x + b.width/2, Y: y0},
			{X: x + b.width/2, Y: y1}, {X: x - b.width/2, Y: y1}})
		if b.lo != nil && b.hi != nil {
			whisker(c, x, trY(b.lo[i]), trY(b.hi[i]), min(b.width/2, 4), black)
		}
	}
}

// DataRange implements plot.DataRanger.
func (b *bars) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = (&curve{x: b.x, y: b.y}).DataRange()
	ymin, ymax = min(ymin, 0), max(ymax, 0)
	if b.lo != nil && b.hi != nil {
		_, _, lo, hi := (&band{x: b.x, lo: b.lo, hi: b.hi}).DataRange()
		ymin, ymax = min(ymin, lo), max(ymax, hi)
	}
	return xmin, xmax, ymin, ymax
}

// Thumbnail implements plot.Thumbnailer.
func (b *bars) Thumbnail(c *draw.Canvas) {
	m := c.Center()
	c.FillPolygon(b.color, []vg.Point{{X: m.X - 5, Y: c.Min.Y}, {X: m.X + 5, Y: c.Min.Y}, {X: m.X + 5, Y: c.Max.Y},
		{X: m.X - 5, Y: c.Max.Y}})
}

// cloud draws marks without a line.
type cloud struct{ curve }

// Plot implements plot.Plotter.
func (s *cloud) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	r := vg.Points(2.2)
	if len(s.x) > 200 {
		r = vg.Points(1.4)
	}
	look := s.look.color
	g := draw.GlyphStyle{Color: color.NRGBA{R: look.R, G: look.G, B: look.B, A: 170}, Radius: r, Shape: s.look.glyph}
	for i := range s.x {
		if !math.IsNaN(s.x[i]) && !math.IsNaN(s.y[i]) {
			c.DrawGlyphNoClip(g, vg.Point{X: trX(s.x[i]), Y: trY(s.y[i])})
		}
	}
}

// Thumbnail implements plot.Thumbnailer.
func (s *cloud) Thumbnail(c *draw.Canvas) { s.mark(*c, c.Center(), false) }

// whiskers draws an interval for each point.
type whiskers struct {
	x, lo, hi []float64
	color     color.RGBA
}

// Plot implements plot.Plotter.
func (w *whiskers) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	for i := range w.x {
		whisker(c, trX(w.x[i]), trY(w.lo[i]), trY(w.hi[i]), 3, w.color)
	}
}

// DataRange implements plot.DataRanger.
func (w *whiskers) DataRange() (xmin, xmax, ymin, ymax float64) {
	return (&band{x: w.x, lo: w.lo, hi: w.hi}).DataRange()
}

// whisker draws a line from lo to hi with ends of that half width; nothing where
// an end is not a number.
func whisker(c draw.Canvas, x, lo, hi, half vg.Length, col color.Color) {
	if math.IsNaN(float64(lo)) || math.IsNaN(float64(hi)) {
		return
	}
	s := draw.LineStyle{Color: col, Width: vg.Points(.9)}
	c.StrokeLine2(s, x, lo, x, hi)
	c.StrokeLine2(s, x-half, lo, x+half, lo)
	c.StrokeLine2(s, x-half, hi, x+half, hi)
}

// diagonal is the line y = x as far as the panel goes.
type diagonal struct{ style draw.LineStyle }

// Plot implements plot.Plotter.
func (d *diagonal) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	if lo, hi := max(p.X.Min, p.Y.Min), min(p.X.Max, p.Y.Max); lo < hi {
		c.StrokeLine2(d.style, trX(lo), trY(lo), trX(hi), trY(hi))
	}
}

// Thumbnail implements plot.Thumbnailer.
func (d *diagonal) Thumbnail(c *draw.Canvas) {
	c.StrokeLine2(d.style, c.Min.X, c.Center().Y, c.Max.X, c.Center().Y)
}
