package data

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
)

// ContactSheet writes a PNG that shows the images idx of a data set in rows of
// cols, enlarged without smoothing; atypical ones have a red frame. Images must
// have 1 or 3 channels.
func ContactSheet(out io.Writer, d Dataset, idx []int, cols int) error {
	h, w, c := d.Shape()
	switch {
	case c != 1 && c != 3:
		return fmt.Errorf("contact sheet: images have %d channels, expected 1 or 3", c)
	case len(idx) == 0:
		return fmt.Errorf("contact sheet: no images chosen")
	case cols < 1:
		return fmt.Errorf("contact sheet: columns: found %d, expected at least 1", cols)
	}
	for _, i := range idx {
		if i < 0 || i >= d.Len() {
			return fmt.Errorf("contact sheet: image %d: %s has the images 0 to %d", i, d.Name(), d.Len()-1)
		}
	}
	cols = min(cols, len(idx))
	const frame, shown = 2, 96 // pixels; small images are enlarged to about shown
	zoom := max(1, shown/max(h, w))
	cellW, cellH := w*zoom+2*frame, h*zoom+2*frame
	rows := (len(idx) + cols - 1) / cols
	sheet := image.NewRGBA(image.Rect(0, 0, cols*cellW, rows*cellH))
	draw.Draw(sheet, sheet.Bounds(), image.White, image.Point{}, draw.Src)
	for k, i := range idx {
		cell := image.Rect(0, 0, cellW, cellH).Add(image.Pt(k%cols*cellW, k/cols*cellH))
		if Atypical(d, i) {
			draw.Draw(sheet, cell, image.NewUniform(color.RGBA{R: 220, A: 255}), image.Point{}, draw.Src)
		}
		img := d.Image(i)
		inner := cell.Inset(frame)
		for y := range h * zoom {
			for x := range w * zoom {
				p := img[(y/zoom*w+x/zoom)*c:]
				// Of one channel, p[c-1] and p[c/2] are that channel too.
				sheet.SetRGBA(inner.Min.X+x, inner.Min.Y+y, color.RGBA{R: p[0], G: p[c/2], B: p[c-1], A: 255})
			}
		}
	}
	return png.Encode(out, sheet)
}
