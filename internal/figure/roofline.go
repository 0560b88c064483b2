package figure

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// RoofPoint is one piece of work: how many operations it makes for each byte of
// its operands and results, and how fast.
type RoofPoint struct{ Intensity, GFLOPS float64 }

// RoofSeries are the points of one kind of work.
type RoofSeries struct {
	Name   string
	Points []RoofPoint
}

// Roofline draws speed over intensity on logarithmic scales, under the two limits
// of a machine (Williams, Waterman and Patterson 2009): the peak of its
// multipliers and what its memory can feed them, GB/s times intensity. At most
// four series.
func Roofline(title, note string, peak, gbps float64, series []RoofSeries) *Page {
	p, legend := newPlot("GFLOP/s"), newLegend()
	p.Add(grid())
	p.X.Label.Text = "floating-point operations per byte of operands and result"
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Scale, a.Tick.Marker = plot.LogScale{}, logTicks{}
	}
	ridge := peak / gbps // where both limits meet
	lo, hi, low, high := ridge/4, ridge*4, peak, peak
	for _, s := range series {
		for _, q := range s.Points {
			lo, hi, low = min(lo, q.Intensity/1.5), max(hi, q.Intensity*1.5), min(low, q.GFLOPS)
			high = max(high, q.GFLOPS)
		}
	}
	roof := &curve{x: []float64{lo, ridge, hi}, y: []float64{lo * gbps, peak, peak},
		look: look{color: black, width: 1.4}}
	p.Add(roof)
	legend.Add("the machine's limit", roof)
	looks := []look{
		{color: vermillion, glyph: draw.CircleGlyph{}}, {color: blue, glyph: draw.BoxGlyph{}},
		{color: green, glyph: draw.PyramidGlyph{}}, {color: purple, glyph: draw.CrossGlyph{}},
	}
	for i, s := range series {
		c := &dots{points: s.Points, look: looks[i]}
		p.Add(c)
		legend.Add(s.Name, c)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = lo, hi, min(low/1.5, peak/4), high*1.3
	return &Page{title: title, note: note, width: 600, height: 360, panels: []panel{{p, legend, 1}}}
}

// logTicks puts labels at 1, 2 and 5 times the powers of ten.
type logTicks struct{}

// Ticks implements plot.Ticker.
func (logTicks) Ticks(lo, hi float64) (ticks []plot.Tick) {
	for power := math.Pow(10, math.Floor(math.Log10(lo))); power <= hi; power *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := m * power; v >= lo && v <= hi {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
			}
		}
	}
	return ticks
}

// dots are points without lines.
type dots struct {
	points []RoofPoint
	look   look
}

func (d *dots) mark(c draw.Canvas, at vg.Point) {
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: d.look.color, Radius: vg.Points(2.4), Shape: d.look.glyph}, at)
}

// Plot implements plot.Plotter.
func (d *dots) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	for _, q := range d.points {
		d.mark(c, vg.Point{X: trX(q.Intensity), Y: trY(q.GFLOPS)})
	}
}

// Thumbnail implements plot.Thumbnailer.
func (d *dots) Thumbnail(c *draw.Canvas) { d.mark(*c, c.Center()) }
