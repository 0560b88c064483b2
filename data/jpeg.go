package data

import (
	"bytes"
	"fmt"
	"image/jpeg"

	"github.com/locimem/locimem/internal/jpegraw"
)

// decodeJPEG decodes a JPEG as libjpeg and Pillow do. Package image/jpeg reads the usual
// ones: gray, and YCbCr with both colours at one resolution. It takes the nearest colour
// where red, green, blue or ink are stored at half the resolution, and it does not read
// some files that libjpeg reads (restart markers in progressive files, colours that
// differ in resolution, four components without an Adobe marker). Those go through
// jpegraw.
func decodeJPEG(b []byte) (raster, error) {
	h, err := jpegraw.ReadHeader(b)
	if err != nil {
		return raster{}, fmt.Errorf("jpeg: header: %w", err)
	}
	if err := checkPixels("jpeg", int64(h.W), int64(h.H), len(b)); err != nil {
		return raster{}, err
	}
	r := raster{h: h.H, w: h.W, pix: make([]uint8, h.H*h.W*3)}
	if usual(h) {
		if img, err := jpeg.Decode(bytes.NewReader(b)); err == nil {
			r.fromImage(img, "jpeg")
			return r, nil
		}
	}
	raw, err := jpegraw.Decode(b)
	if err != nil {
		return raster{}, fmt.Errorf("jpeg: %w", err)
	}
	r.fromPlanes(raw)
	return r, nil
}

// usual tells whether image/jpeg gives the values of such a file unchanged.
func usual(h jpegraw.Header) bool {
	full := true
	for _, s := range h.Sampling {
		full = full && s == h.Sampling[0]
	}
	if h.RGBIDs && h.Model != jpegraw.RGB {
		return false // image/jpeg goes by the names of the components
	}
	return full || h.Model == jpegraw.Gray || h.Model == jpegraw.YCbCr
}

// fromPlanes fills r from components.
func (r *raster) fromPlanes(img *jpegraw.Image) {
	var planes [4][]uint8
	for i, c := range img.Components {
		planes[i] = r.upsample(c.Pix, c.Stride, c.SX, c.SY, "jpeg")
	}
	if img.Model == jpegraw.Gray {
		planes[1], planes[2] = planes[0], planes[0]
	}
	for i := range r.h * r.w {
		p := r.pix[3*i : 3*i+3 : 3*i+3]
		p[0], p[1], p[2] = planes[0][i], planes[1][i], planes[2][i]
		if img.Model == jpegraw.YCbCr || img.Model == jpegraw.YCCK {
			jpegRGB(p, int(p[0]), int(p[1]), int(p[2]))
		}
		if img.Model != jpegraw.CMYK && img.Model != jpegraw.YCCK {
			continue
		}
		// CMYK is stored as 255 minus ink; Pillow takes that for granted. YCCK is the
		// YCbCr of the ink's complement, stored likewise, so ink comes out.
		for ch := range p {
			if img.Model == jpegraw.CMYK {
				p[ch] = 255 - p[ch]
			}
			p[ch] = inkToLight(p[ch], 255-planes[3][i])
		}
	}
}
