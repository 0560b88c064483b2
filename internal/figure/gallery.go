package figure

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"strings"

	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/locimem/locimem/internal/atomicfile"
)

// Tile is one image of a gallery: H*W*C bytes, row, column, channel; C is 1 or 3.
type Tile struct {
	Pixels  []uint8
	H, W, C int
	Label   string // below it
}

// GalleryRow is a row of images with text before it.
type GalleryRow struct {
	Title string
	Lines []string // below the title
	Tiles []Tile
}

// Sizes of a gallery in points; a tile is enlarged by a whole number of pixels to
// about tileSize, or reduced to it.
const (
	tileSize   = 52
	tileGap    = 6
	labelSpace = 12
	textWidth  = 150
)

// SaveGallery writes a PNG of rows of images under a title and a note of at most
// two lines, each with its text to the left and a label under every image; the
// first image of a row has a frame. Pixels are not smoothed. The file appears
// whole or not at all.
func SaveGallery(path, title, note string, rows []GalleryRow) error {
	if len(rows) == 0 {
		return fmt.Errorf("gallery: no rows")
	}
	columns := 0
	for _, r := range rows {
		columns = max(columns, len(r.Tiles))
		for _, t := range r.Tiles {
			if t.C != 1 && t.C != 3 || t.H < 1 || t.W < 1 || len(t.Pixels) != t.H*t.W*t.C {
				return fmt.Errorf("gallery: an image of %d bytes for %dx%dx%d, expected 1 or 3 channels", len(t.Pixels),
					t.H, t.W, t.C)
			}
		}
	}
	rowHeight := vg.Length(tileSize + labelSpace + tileGap)
	width := max(2*margin+textWidth+vg.Length(columns)*(tileSize+tileGap), 430)
	height := 2*margin + titleHeight + 3*noteHeight + vg.Length(len(rows))*rowHeight
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	c := vgdraw.New(canvas)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	c.FillText(style(13, true, black), vg.Point{X: margin, Y: height - margin - 12}, title)
	for k, line := range strings.SplitN(note, "\n", 2) {
		c.FillText(style(9, false, grey), vg.Point{X: margin,
			Y: height - margin - titleHeight - vg.Length(k)*noteHeight}, line)
	}

	var places []image.Point // of the tiles, in pixels from the top
	px := func(l vg.Length) int { return int(l.Dots(dpi) + .5) }
	for i, r := range rows {
		top := height - margin - titleHeight - 3*noteHeight + 6 - vg.Length(i)*rowHeight
		c.FillText(style(10, true, black), vg.Point{X: margin, Y: top - 12}, r.Title)
		for k, line := range r.Lines {
			c.FillText(style(8.5, false, grey), vg.Point{X: margin, Y: top - 12 - vg.Length(k+1)*noteHeight}, line)
		}
		for k, t := range r.Tiles {
			x := vg.Length(margin+textWidth) + vg.Length(k)*(tileSize+tileGap)
			c.FillText(style(7.5, false, grey), vg.Point{X: x, Y: top - tileSize - 9}, t.Label)
			places = append(places, image.Pt(px(x), px(height-top)))
		}
	}
	sheet := canvas.Image()
	side := px(tileSize)
	for _, r := range rows {
		for k, t := range r.Tiles {
			at := places[0]
			places = places[1:]
			if k == 0 {
				frame := image.Rect(0, 0, side, side).Add(at).Inset(-3)
				draw.Draw(sheet, frame, image.NewUniform(vermillion), image.Point{}, draw.Src)
			}
			drawTile(sheet, at, side, &t)
		}
	}
	return atomicfile.Write(path, func(w io.Writer) error { return png.Encode(w, sheet) })
}

// drawTile draws the image into a square of that side: every pixel as large as
// its neighbours where it is enlarged by 2 or more, the nearest one else.
func drawTile(dst draw.Image, at image.Point, side int, t *Tile) {
	longest := max(t.H, t.W)
	h, w := t.H*side/longest, t.W*side/longest
	if zoom := side / longest; zoom >= 2 {
		h, w = t.H*zoom, t.W*zoom
	}
	h, w = max(h, 1), max(w, 1)
	draw.Draw(dst, image.Rect(0, 0, side, side).Add(at), image.White, image.Point{}, draw.Src)
	at = at.Add(image.Pt((side-w)/2, (side-h)/2))
	for y := range h {
		for x := range w {
			p := t.Pixels[(y*t.H/h*t.W+x*t.W/w)*t.C:]
			// Of one channel, p[C-1] and p[C/2] are that channel too.
			dst.Set(at.X+x, at.Y+y, color.RGBA{R: p[0], G: p[t.C/2], B: p[t.C-1], A: 255})
		}
	}
}
