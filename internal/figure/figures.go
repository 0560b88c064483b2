package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Series is one quantity over the taps. Lo and Hi may be nil where there is no
// interval.
type Series struct {
	Name         string
	Mean, Lo, Hi []float64
	// Look is the place of a set in setLooks, from 1, so that a set looks the same
	// in all figures; 0: its place among the series.
	Look int
}

// setLooks are those of the four sets: candidates, shared, independent, external.
var setLooks = []look{
	{color: vermillion, width: 1.8, glyph: draw.CircleGlyph{}},
	{color: black, width: 1.1, dashes: dash},
	{color: blue, width: 1.3, glyph: draw.BoxGlyph{}},
	{color: green, width: 1.3, dashes: []vg.Length{vg.Points(1.5), vg.Points(2)}, glyph: draw.PyramidGlyph{}},
}

// LayerMem draws the score of each set over the taps in their depth order and,
// below, the controlled score with its interval. At most four sets. The marks of
// the controlled score are filled where its interval lies above 0.
func LayerMem(title, note string, taps []string, sets []Series, controlled Series, level95 float64) *Page {
	x := places(len(taps))
	top, legend := newPlot("LayerMem"), newLegend()
	addGrid(top, len(taps))
	top.Add(zero())
	for i, s := range sets {
		if s.Look > 0 {
			i = s.Look - 1
		}
		c := &curve{x: x, y: s.Mean, look: setLooks[i]}
		top.Add(c)
		legend.Add(s.Name, c)
	}
	nominal(top, taps, false)

	low, lowLegend := newPlot("controlled score"), newLegend()
	addGrid(low, len(taps))
	b := &band{x: x, lo: controlled.Lo, hi: controlled.Hi, color: vermillion}
	c := &curve{x: x, y: controlled.Mean, look: look{color: vermillion, width: 1.8, glyph: draw.CircleGlyph{}},
		hollow: func(i int) bool { return !(controlled.Lo[i] > 0) }}
	low.Add(zero(), b, c)
	lowLegend.Add(controlled.Name, c)
	lowLegend.Add(fmt.Sprintf("%g %% interval", 100*level95), b)
	lowLegend.Add("filled: above 0")
	nominal(low, taps, true)
	return &Page{title: title, note: note, width: tapWidth(len(taps)), height: 480,
		panels: []panel{{top, legend, .47}, {low, lowLegend, .53}}}
}

// Distribution is how a quantity is spread at each tap: the 5th, 25th, 50th,
// 75th and 95th percentile.
type Distribution struct {
	Name      string
	Quantiles [][5]float64
}

// UnitMem draws the distributions of UnitMem over the units of each tap, those
// of several sets side by side. At most four sets.
func UnitMem(title, note string, taps []string, sets []Distribution) *Page {
	p, legend := newPlot("UnitMem"), newLegend()
	addGrid(p, len(taps))
	colors := []look{{color: vermillion}, {color: skyBlue}, {color: green}, {color: purple}}
	width := vg.Points(13) / vg.Length(len(sets))
	for i, s := range sets {
		b := &boxes{x: places(len(taps)), q: s.Quantiles, color: colors[i].color, width: width - 1,
			offset: width * (vg.Length(i) - vg.Length(len(sets)-1)/2)}
		p.Add(b)
		legend.Add(s.Name, b)
	}
	for _, line := range []string{"box: 25 to 75 %", "line: median", "whiskers: 5 to 95 %", "of the units"} {
		legend.Add(line)
	}
	p.Y.Min, p.Y.Max = min(p.Y.Min, 0), max(p.Y.Max, 1)
	nominal(p, taps, true)
	return &Page{title: title, note: note, width: tapWidth(len(taps)), height: 340, panels: []panel{{p, legend, 1}}}
}

// Curve is the training of one encoder: the value of each epoch. KNN is NaN
// where it was not measured.
type Curve struct {
	Name             string
	Epoch, Loss, KNN []float64
}

// Training draws loss and kNN accuracy of the encoders over the epochs, with the
// loss of a network that tells nothing apart. At most two encoders.
func Training(title, note string, curves []Curve, chance float64) *Page {
	loss, legend := newPlot("loss"), newLegend()
	knn, knnLegend := newPlot("kNN accuracy"), newLegend()
	loss.Add(grid())
	knn.Add(grid())
	looks := []look{{color: vermillion, width: 1.8}, {color: blue, width: 1.4, dashes: dash}}
	last := 1.
	for i, s := range curves {
		c := &curve{x: s.Epoch, y: s.Loss, look: looks[i]}
		loss.Add(c)
		legend.Add(s.Name, c)
		k := &curve{look: looks[i]}
		k.look.glyph = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}}[i]
		for j, v := range s.KNN {
			last = max(last, s.Epoch[j])
			if !math.IsNaN(v) {
				k.x, k.y = append(k.x, s.Epoch[j]), append(k.y, v)
			}
		}
		knn.Add(k)
		knnLegend.Add(s.Name, k)
	}
	l := &level{y: chance, style: draw.LineStyle{Color: grey, Width: 1, Dashes: dash}}
	loss.Add(l)
	loss.Y.Max = max(loss.Y.Max, chance)
	legend.Add(fmt.Sprintf("chance, %.2f", chance), l)
	for _, p := range []*plot.Plot{loss, knn} {
		p.X.Min, p.X.Max = 0, last
	}
	loss.X.Tick.Marker = roundTicks{}
	knn.X.Label.Text = "epoch"
	return &Page{title: title, note: note, width: 560, height: 420,
		panels: []panel{{loss, legend, .47}, {knn, knnLegend, .53}}}
}

// places are the horizontal positions of n taps.
func places(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	return x
}

// tapWidth is the width of a page with n taps.
func tapWidth(n int) vg.Length { return max(520, vg.Length(n)*17+220) }

func zero() *level {
	return &level{style: draw.LineStyle{Color: grey, Width: .8}}
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = nil, pale
	g.Horizontal.Width = .6
	return g
}

// addGrid adds horizontal lines and room for n taps.
func addGrid(p *plot.Plot, n int) {
	p.Add(grid())
	p.X.Min, p.X.Max = -.5, float64(n)-.5
}

// nominal puts a tick at each tap, with its name if labels is true.
func nominal(p *plot.Plot, taps []string, labels bool) {
	ticks := make([]plot.Tick, len(taps))
	for i, t := range taps {
		ticks[i].Value = float64(i)
		if labels {
			ticks[i].Label = t + " " // the space keeps it off the tick
		}
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	p.X.Tick.Label.Rotation = math.Pi / 2
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.X.Min, p.X.Max = -.5, float64(len(taps))-.5
}
