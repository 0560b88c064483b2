package figure

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Rung is a bar of a ladder: how fast one step is.
type Rung struct {
	Name   string
	GFLOPS float64
	Peak   float64 // of as many threads
}

// Ladder draws a bar for the speed of each step, on a logarithmic scale, with the
// peak of its threads as a line across it and the share of it as a number.
func Ladder(title, note string, rungs []Rung) *Page {
	p, legend := newPlot("GFLOP/s"), newLegend()
	b := &rungBars{rungs: rungs}
	p.Add(grid(), b)
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Min, p.Y.Max = 1, 10
	var names []string
	for i, r := range rungs {
		names = append(names, fmt.Sprintf("%d %s", i+1, r.Name))
		p.Y.Min, p.Y.Max = min(p.Y.Min, r.GFLOPS/2), max(p.Y.Max, 2*r.Peak, 2*r.GFLOPS)
	}
	nominal(p, names, true)
	legend.Add("speed", b)
	legend.Add("measured peak", &level{style: peakLine})
	legend.Add("numbers: share of it")
	return &Page{title: title, note: note, width: 560, height: 330, panels: []panel{{p, legend, 1}}}
}

var peakLine = draw.LineStyle{Color: vermillion, Width: 1.4}

// rungBars draws the bars of a ladder.
type rungBars struct{ rungs []Rung }

// Plot implements plot.Plotter.
func (b *rungBars) Plot(c draw.Canvas, p *plot.Plot) {
	trX, trY := p.Transforms(&c)
	const half = 14
	text := style(8.5, false, black)
	text.XAlign, text.YAlign = draw.XCenter, draw.YBottom
	for i, r := range b.rungs {
		x, y := trX(float64(i)), trY(r.GFLOPS)
		c.FillPolygon(blue, []vg.Point{{X: x - half, Y: c.Min.Y}, {X: x + half, Y: c.Min.Y}, {X: x + half, Y: y},
			{X: x - half, Y: y}})
		peak := trY(r.Peak)
		c.StrokeLine2(peakLine, x-half-3, peak, x+half+3, peak)
		c.FillText(text, vg.Point{X: x, Y: max(y, c.Min.Y) + 2 + above(y, peak)},
			fmt.Sprintf("%.3g %%", 100*r.GFLOPS/r.Peak))
	}
}

// above is how much higher a number over a bar must stand so that the line of the
// peak does not cross it.
func above(y, peak vg.Length) vg.Length {
	if peak >= y-1 && peak < y+13 {
		return peak - y + 2
	}
	return 0
}

// DataRange implements plot.DataRanger.
func (b *rungBars) DataRange() (xmin, xmax, ymin, ymax float64) {
	ymin, ymax = math.Inf(1), 0
	for _, r := range b.rungs {
		ymin, ymax = min(ymin, r.GFLOPS), max(ymax, r.GFLOPS)
	}
	return -.5, float64(len(b.rungs)) - .5, ymin, ymax
}

// Thumbnail implements plot.Thumbnailer.
func (b *rungBars) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(blue, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
}

// ShareSeries is the share of the peak that one program reaches at each place,
// NaN where it was not measured.
type ShareSeries struct {
	Name   string
	Shares []float64
}

// SharePanel compares programs at the same places.
type SharePanel struct {
	Label  string
	Series []ShareSeries
}

// Shares draws the share of the measured peak by place (a shape or a layer), one
// panel above another. At most four series in a panel.
func Shares(title, note string, names []string, panels []SharePanel) *Page {
	looks := []look{
		{color: vermillion, width: 1.6, glyph: draw.CircleGlyph{}}, {color: blue, width: 1, glyph: draw.BoxGlyph{}},
		{color: green, width: 1, dashes: dash, glyph: draw.PyramidGlyph{}},
		{color: purple, width: 1, dashes: dash, glyph: draw.CrossGlyph{}},
	}
	page := &Page{title: title, note: note, width: tapWidth(len(names)), height: 130 + 170*vg.Length(len(panels))}
	for i, pn := range panels {
		p, legend := newPlot(pn.Label), newLegend()
		addGrid(p, len(names))
		p.Add(&level{y: 1, style: draw.LineStyle{Color: color.RGBA{A: 255}, Width: .8}})
		for k, s := range pn.Series {
			c := &curve{x: places(len(names)), y: s.Shares, look: looks[k]}
			p.Add(c)
			legend.Add(s.Name, c)
		}
		p.Y.Min, p.Y.Max = 0, max(1.05, p.Y.Max)
		nominal(p, names, i == len(panels)-1)
		page.panels = append(page.panels, panel{p, legend, 1 / float64(len(panels))})
	}
	return page
}
