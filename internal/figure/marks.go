package figure

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// look is how one series is drawn: no two differ in colour alone.
type look struct {
	color  color.RGBA
	width  vg.Length
	dashes []vg.Length
	glyph  draw.GlyphDrawer // nil: no marks
}

var dash = []vg.Length{vg.Points(5), vg.Points(2.5)}

// curve draws y over x as a line with marks; points that are not numbers are
// left out and break the line.
type curve struct {
	x, y []float64
	look look
	// hollow, if not nil, tells which marks are drawn as outlines.
	hollow func(i int) bool
}

func (s *curve) line() draw.LineStyle {
	return draw.LineStyle{Color: s.look.color, Width: s.look.width, Dashes: s.look.dashes}
}

// Plot implements plot.Plotter.
func (s *curve) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	var run []vg.Point
	for i := range s.x {
		if math.IsNaN(s.y[i]) {
			c.StrokeLines(s.line(), run)
			run = nil
			continue
		}
		run = append(run, vg.Point{X: trX(s.x[i]), Y: trY(s.y[i])})
	}
	c.StrokeLines(s.line(), run)
	if s.look.glyph == nil {
		return
	}
	for i := range s.x {
		if !math.IsNaN(s.y[i]) {
			s.mark(c, vg.Point{X: trX(s.x[i]), Y: trY(s.y[i])}, s.hollow != nil && s.hollow(i))
		}
	}
}

func (s *curve) mark(c draw.Canvas, at vg.Point, hollow bool) {
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: s.look.color, Radius: vg.Points(2.6), Shape: s.look.glyph}, at)
	if hollow {
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: color.White, Radius: vg.Points(1.6), Shape: s.look.glyph}, at)
	}
}

// DataRange implements plot.DataRanger.
func (s *curve) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax, ymin, ymax = plotter.XYRange(plotter.XYs{})
	for i := range s.x {
		if !math.IsNaN(s.y[i]) {
			xmin, xmax = min(xmin, s.x[i]), max(xmax, s.x[i])
			ymin, ymax = min(ymin, s.y[i]), max(ymax, s.y[i])
		}
	}
	return xmin, xmax, ymin, ymax
}

// Thumbnail implements plot.Thumbnailer.
func (s *curve) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	c.StrokeLine2(s.line(), c.Min.X, y, c.Max.X, y)
	if s.look.glyph != nil {
		s.mark(*c, c.Center(), false)
	}
}

// band fills the area between lo and hi.
type band struct {
	x, lo, hi []float64
	color     color.RGBA
}

func (b *band) fill() color.Color {
	return color.NRGBA{R: b.color.R, G: b.color.G, B: b.color.B, A: 60}
}

// Plot implements plot.Plotter.
func (b *band) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	var up, down []vg.Point
	flush := func() {
		for i := len(down) - 1; i >= 0; i-- {
			up = append(up, down[i])
		}
		if len(up) > 0 {
			c.FillPolygon(b.fill(), up)
		}
		up, down = nil, nil
	}
	for i := range b.x {
		if math.IsNaN(b.lo[i]) || math.IsNaN(b.hi[i]) {
			flush()
			continue
		}
		up = append(up, vg.Point{X: trX(b.x[i]), Y: trY(b.hi[i])})
		down = append(down, vg.Point{X: trX(b.x[i]), Y: trY(b.lo[i])})
	}
	flush()
}

// DataRange implements plot.DataRanger.
func (b *band) DataRange() (xmin, xmax, ymin, ymax float64) {
	lo, hi := &curve{x: b.x, y: b.lo}, &curve{x: b.x, y: b.hi}
	xmin, xmax, ymin, _ = lo.DataRange()
	_, _, _, ymax = hi.DataRange()
	return xmin, xmax, ymin, ymax
}

// Thumbnail implements plot.Thumbnailer.
func (b *band) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(b.fill(), []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
}

// level is a horizontal line across the panel.
type level struct {
	y     float64
	style draw.LineStyle
}

// Plot implements plot.Plotter.
func (l *level) Plot(c draw.Canvas, p *plot.Plot) {
	_, trY := p.Transforms(&c)
	if y := trY(l.y); y >= c.Min.Y && y <= c.Max.Y {
		c.StrokeLine2(l.style, c.Min.X-vg.Points(4), y, c.Max.X+vg.Points(4), y)
	}
}

// Thumbnail implements plot.Thumbnailer.
func (l *level) Thumbnail(c *draw.Canvas) {
	c.StrokeLine2(l.style, c.Min.X, c.Center().Y, c.Max.X, c.Center().Y)
}

// boxes draws one box for each distribution: whiskers from the 5th to the 95th
// percentile, a box over the middle half, a line at the median.
type boxes struct {
	x      []float64 // centres
	q      [][5]float64
	offset vg.Length // of the box from its centre
	width  vg.Length
	color  color.RGBA
}

// Plot implements plot.Plotter.
func (b *boxes) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	for i, q := range b.q {
		if math.IsNaN(q[2]) {
			continue
		}
		x := trX(b.x[i]) + b.offset
		var y [5]vg.Length
		for k := range q {
			y[k] = trY(q[k])
		}
		c.StrokeLine2(draw.LineStyle{Color: b.color, Width: vg.Points(.9)}, x, y[0], x, y[4])
		l, r := x-b.width/2, x+b.width/2
		c.FillPolygon(b.color, []vg.Point{{X: l, Y: y[1]}, {X: r, Y: y[1]}, {X: r, Y: y[3]}, {X: l, Y: y[3]}})
		c.StrokeLine2(draw.LineStyle{Color: color.White, Width: vg.Points(1.4)}, l, y[2], r, y[2])
	}
}

// DataRange implements plot.DataRanger.
func (b *boxes) DataRange() (xmin, xmax, ymin, ymax float64) {
	lo, hi := &curve{x: b.x}, &curve{x: b.x}
	for _, q := range b.q {
		lo.y, hi.y = append(lo.y, q[0]), append(hi.y, q[4])
	}
	xmin, xmax, ymin, _ = lo.DataRange()
	_, _, _, ymax = hi.DataRange()
	return xmin, xmax, ymin, ymax
}

// Thumbnail implements plot.Thumbnailer.
func (b *boxes) Thumbnail(c *draw.Canvas) {
	(&band{color: b.color}).Thumbnail(c)
	m := c.Center()
	c.FillPolygon(b.color, []vg.Point{{X: m.X - 4, Y: c.Min.Y}, {X: m.X + 4, Y: c.Min.Y}, {X: m.X + 4, Y: c.Max.Y},
		{X: m.X - 4, Y: c.Max.Y}})
}
