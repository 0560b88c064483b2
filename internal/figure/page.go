// Package figure draws the figures of a run: LayerMem by depth, UnitMem by
// layer, and the training curves. It takes plain numbers and knows nothing of
// where they come from.
package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/locimem/locimem/internal/atomicfile"
)

// The palette of Okabe and Ito, which readers with any kind of colour vision can
// tell apart ("Color Universal Design", 2008).
var (
	black      = color.RGBA{A: 255}
	skyBlue    = color.RGBA{R: 86, G: 180, B: 233, A: 255}
	green      = color.RGBA{G: 158, B: 115, A: 255}
	blue       = color.RGBA{G: 114, B: 178, A: 255}
	orange     = color.RGBA{R: 230, G: 159, A: 255}
	vermillion = color.RGBA{R: 213, G: 94, A: 255}
	purple     = color.RGBA{R: 204, G: 121, B: 167, A: 255}
	grey       = color.RGBA{R: 110, G: 110, B: 110, A: 255}
	pale       = color.RGBA{R: 225, G: 225, B: 225, A: 255}
)

// dpi of the PNG files.
const dpi = 144

// Page is a finished drawing that can be written in several formats. It is a title
// and a note of one or more lines over panels that stand one above another, each with its legend to
// the right.
type Page struct {
	title, note   string
	width, height vg.Length
	panels        []panel
	legend        vg.Length // width beside the panels; 0: legendWidth
}

type panel struct {
	plot   *plot.Plot
	legend plot.Legend
	share  float64 // of the height
}

// Save writes the page to path, whose ending (.svg, .png or .pdf) says the format.
// The file appears whole or not at all.
func (p *Page) Save(path string) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		switch ext := filepath.Ext(path); ext {
		case ".svg":
			b, err := p.SVG()
			if err != nil {
				return err
			}
			_, err = w.Write(b)
			return err
		case ".png":
			return p.PNG(w)
		case ".pdf":
			return p.pdf(w)
		default:
			return fmt.Errorf("a figure is written as .svg, .png or .pdf, not %q", ext)
		}
	})
}

// SVG returns the page as an SVG file.
func (p *Page) SVG() ([]byte, error) {
	c := vgsvg.New(p.width, p.height)
	p.draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(b.Bytes(), []byte(svgFont), []byte(svgFonts)), nil
}

// PNG writes the page as a PNG file.
func (p *Page) PNG(w io.Writer) error {
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(p.width, p.height), vgimg.UseDPI(dpi))}
	p.draw(draw.New(c))
	_, err := c.WriteTo(w)
	return err
}

// Equal pages give equal PDF files: no date, parts in a fixed order. gonum/plot does
// not hand these settings on.
func init() {
	fpdf.SetDefaultCatalogSort(true)
	fpdf.SetDefaultCreationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultModificationDate(time.Unix(0, 0).UTC())
}

// pdf writes the page as a PDF file, its fonts embedded.
func (p *Page) pdf(w io.Writer) error {
	c := vgpdf.New(p.width, p.height)
	p.draw(draw.New(c))
	_, err := c.WriteTo(w)
	return err
}

// A viewer without the font of the PNG files takes one that is as wide.
const (
	svgFont  = "font-family:Liberation Sans"
	svgFonts = "font-family:'Liberation Sans',Arial,Helvetica,sans-serif"
)

const (
	margin      = 14 // around the page
	titleHeight = 28
	noteHeight  = 12 // of each line
	legendWidth = 118
	panelGap    = 10
)

// draw puts title, panels and legends on the canvas. The plotting areas of the
// panels are aligned left and right.
func (p *Page) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c = draw.Crop(c, margin, -margin, margin, -margin)
	if p.title != "" {
		c.FillText(style(13, true, black), vg.Point{X: c.Min.X, Y: c.Max.Y - 12}, p.title)
		c = draw.Crop(c, 0, 0, 0, -titleHeight)
	}
	if p.title != "" || p.note != "" {
		for line := range strings.SplitSeq(p.note, "\n") {
			c.FillText(style(9, false, grey), vg.Point{X: c.Min.X, Y: c.Max.Y}, line)
			c.Max.Y -= noteHeight
		}
	}
	side := p.legend
	if side == 0 {
		side = legendWidth
	}

	top := c.Max.Y
	gaps := vg.Length(len(p.panels)-1) * panelGap
	var cells []draw.Canvas
	for _, pn := range p.panels {
		h := (c.Size().Y - gaps) * vg.Length(pn.share)
		cell := c
		cell.Max.Y, cell.Min.Y = top, top-h
		cell.Max.X -= side
		top -= h + panelGap
		cells = append(cells, cell)
	}
	left, right := alignment(p.panels, cells)
	for i, pn := range p.panels {
		cell := cells[i]
		data := pn.plot.DataCanvas(cell)
		pn.plot.Draw(draw.Crop(cell, left-(data.Min.X-cell.Min.X), (cell.Max.X-data.Max.X)-right, 0, 0))
		beside := cell
		beside.Min.X, beside.Max.X = cell.Max.X+8, c.Max.X
		pn.legend.Draw(beside)
	}
}

// alignment returns the widest left and right border that any panel needs for
// its labels.
func alignment(panels []panel, cells []draw.Canvas) (left, right vg.Length) {
	for i, pn := range panels {
		data := pn.plot.DataCanvas(cells[i])
		left = max(left, data.Min.X-cells[i].Min.X)
		right = max(right, cells[i].Max.X-data.Max.X)
	}
	return left, right
}

// newPlot returns an empty plot in the style of the house.
func newPlot(yLabel string) *plot.Plot {
	p := plot.New()
	p.Y.Label.Text = yLabel
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Size = 10
		a.Label.TextStyle.Font.Variant = "Sans"
		a.Tick.Label.Font.Size = 8.5
		a.Tick.Label.Font.Variant = "Sans"
		a.LineStyle.Color = grey
		a.Tick.LineStyle.Color = grey
		a.Padding = 4
		a.Tick.Marker = roundTicks{labels: true}
	}
	return p
}

func newLegend() plot.Legend {
	l := plot.NewLegend()
	l.Top, l.Left, l.XOffs, l.YOffs = true, true, 0, 0
	l.TextStyle = style(9, false, black)
	l.ThumbnailWidth = 18
	l.Padding = 2.5
	return l
}

func style(size vg.Length, bold bool, c color.Color) draw.TextStyle {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = 3 // bold, in the scale of golang.org/x/image/font
	}
	return draw.TextStyle{Color: c, Font: f, Handler: text.Plain{Fonts: font.DefaultCache}}
}
