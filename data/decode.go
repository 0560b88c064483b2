package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // the formats that image folders may hold, next to JPEG
	_ "image/png"
	"io"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	_ "golang.org/x/image/webp"
)

// formats are the names that package image has for what is read.
var formats = []string{"bmp", "gif", "jpeg", "png", "webp"}

// Limits on the pixels of an image file. No format packs more than 8,256 pixels
// into a byte without being made to (PNG: 8 pixels a byte, deflated 1032 times);
// maxPixels is where Pillow, too, refuses an image as a decompression bomb.
const (
	pixelsPerByte = 8 * maxRatio
	freePixels    = 1 << 16
	maxPixels     = 178_956_970
)

// raster is a decoded image: h x w pixels of red, green and blue.
type raster struct {
	h, w int
	pix  []uint8
}

// decodeImage decodes an image file as Pillow's open(...).convert("RGB") does,
// the reader of torchvision's ImageFolder: what it is the content tells, not the
// name; gray becomes three equal channels; transparency is dropped; of 16 bits
// the upper 8 stay; of an animation the first frame; an orientation in EXIF is
// not applied.
//
// In one thing it differs: Pillow cuts gray values of 16 bits off at 255, which
// leaves white; here the upper 8 bits stay, as in colour.
func decodeImage(b []byte) (raster, error) {
	if bytes.HasPrefix(b, []byte("\xff\xd8")) {
		return decodeJPEG(b)
	}
	at := image.Point{} // of the frame on the canvas
	canvas := image.Point{}
	if frame, size, corner, ok := firstWebPFrame(b); ok {
		b, canvas, at = frame, size, corner
	}
	b = showTransparent(b)
	cfg, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		if err == image.ErrFormat {
			return raster{}, fmt.Errorf("starts with %.8q: no image of a known format (%s)",
				b[:min(8, len(b))], strings.Join(formats, ", "))
		}
		return raster{}, plainly(format, "header: ", b, err)
	}
	if !slices.Contains(formats, format) {
		return raster{}, fmt.Errorf("format: found %s, expected %s", format, strings.Join(formats, ", "))
	}
	if canvas == (image.Point{}) {
		canvas = image.Pt(cfg.Width, cfg.Height)
	}
	for _, size := range []image.Point{canvas, {X: cfg.Width, Y: cfg.Height}} {
		if err := checkPixels(format, int64(size.X), int64(size.Y), len(b)); err != nil {
			return raster{}, err
		}
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return raster{}, plainly(format, "", b, err)
	}
	r := raster{h: cfg.Height, w: cfg.Width, pix: make([]uint8, cfg.Height*cfg.Width*3)}
	r.fromImage(img, format)
	return r.onCanvas(canvas, at), nil
}

// checkPixels tells whether an image of a size may be in a file of that many bytes.
func checkPixels(format string, w, h int64, bytes int) error {
	if w < 1 || h < 1 {
		return fmt.Errorf("%s size: found %d x %d, expected at least 1 x 1", format, w, h)
	}
	if most := min(maxPixels, freePixels+pixelsPerByte*int64(bytes)); w > most || h > most/w {
		return fmt.Errorf("%s size: found %d x %d, expected at most %d pixels in a file of %d bytes", format, w, h, most, bytes)
	}
	return nil
}

// fromImage fills r from what a decoder gives.
func (r *raster) fromImage(img image.Image, format string) {
	// The first frame of a GIF may cover a part of the picture only; the rest is
	// black.
	at := img.Bounds().Intersect(image.Rect(0, 0, r.w, r.h))
	switch img := img.(type) {
	case *image.YCbCr:
		r.fromYCbCr(img, format)
	case *image.NYCbCrA:
		r.fromYCbCr(&img.YCbCr, format)
	case *image.Gray:
		r.each(at, func(p []uint8, x, y int) { v := img.Pix[img.PixOffset(x, y)]; p[0], p[1], p[2] = v, v, v })
	case *image.Gray16:
		r.each(at, func(p []uint8, x, y int) { v := img.Pix[img.PixOffset(x, y)]; p[0], p[1], p[2] = v, v, v })
	case *image.NRGBA:
		r.each(at, func(p []uint8, x, y int) { copy(p, img.Pix[img.PixOffset(x, y):][:3]) })
	case *image.NRGBA64:
		r.each(at, func(p []uint8, x, y int) {
			q := img.Pix[img.PixOffset(x, y):]
			p[0], p[1], p[2] = q[0], q[2], q[4]
		})
	case *image.CMYK:
		r.each(at, func(p []uint8, x, y int) {
			q := img.Pix[img.PixOffset(x, y):]
			for ch := range p {
				p[ch] = inkToLight(q[ch], q[3])
			}
		})
	case *image.Paletted:
		palette := make([][3]uint8, len(img.Palette))
		for i, c := range img.Palette {
			palette[i] = opaque(c)
		}
		r.each(at, func(p []uint8, x, y int) {
			if k := int(img.Pix[img.PixOffset(x, y)]); k < len(palette) {
				copy(p, palette[k][:])
			}
		})
	default:
		r.each(at, func(p []uint8, x, y int) { c := opaque(img.At(x, y)); copy(p, c[:]) })
	}
}

// plainly says in plain words why a file is not decoded. where is what was read, "" for
// the pixels.
func plainly(format, where string, b []byte, err error) error {
	text := strings.TrimPrefix(err.Error(), format+": ")
	switch {
	case errors.Is(err, bmp.ErrUnsupported):
		text = "this kind of BMP is not read" + bmpKind(b) + ", expected one without compression, of 1, 2, 4, 8, 24 or 32 bits a pixel"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.HasSuffix(text, "unexpected EOF"):
		text = "broken: the file ends too early"
	case text == "invalid format":
		text = "broken: what follows its first bytes is none"
	default:
		text = "broken: " + strings.TrimPrefix(text, "invalid format: ")
		text = strings.Replace(text, "broken: unsupported feature: ", "not read: ", 1)
	}
	return fmt.Errorf("%s: %s%s", format, where, text)
}

// bmpKind tells bits and compression of a BMP.
func bmpKind(b []byte) string {
	if len(b) < 34 {
		return ""
	}
	return fmt.Sprintf(": found %d bits a pixel, compression %d",
		binary.LittleEndian.Uint16(b[28:]), binary.LittleEndian.Uint32(b[30:]))
}

// each calls set with every pixel of a part.
func (r *raster) each(part image.Rectangle, set func(p []uint8, x, y int)) {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			i := (y*r.w + x) * 3
			set(r.pix[i:i+3:i+3], x, y)
		}
	}
}

// opaque drops the transparency of a colour: its red, green and blue are those
// that the file has, not those times alpha.
func opaque(c color.Color) [3]uint8 {
	switch c := c.(type) {
	case color.RGBA:
		if c.A == 255 {
			return [3]uint8{c.R, c.G, c.B}
		}
	case color.RGBA64:
		if c.A == 0xffff {
			return [3]uint8{uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8)}
		}
	case color.NRGBA:
		return [3]uint8{c.R, c.G, c.B}
	}
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	return [3]uint8{n.R, n.G, n.B}
}

// inkToLight turns one of cyan, magenta and yellow, with black, into red, green or
// blue as Pillow does: (255-black)*(255-ink)/255 with its rounding.
func inkToLight(ink, black uint8) uint8 {
	light := 255 - int(black)
	t := int(ink)*light + 128
	return uint8(max(0, light-(t>>8+t)>>8))
}
