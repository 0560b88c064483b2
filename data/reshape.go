package data

import "fmt"

// reshaped is a data set whose images are brought to another shape.
type reshaped struct {
	Dataset
	h, w, c int
}

// Reshape returns d with images of another shape, as an encoder needs them that
// was trained on other data: gray becomes three equal channels; colour becomes
// gray by 0.299 R + 0.587 G + 0.114 B; the whole image is resized, bilinear with
// antialias. Images are made when asked for. It returns d itself where the shape is
// the same, and an error for channels other than 1 or 3.
func Reshape(d Dataset, h, w, c int) (Dataset, error) {
	dh, dw, dc := d.Shape()
	if dh == h && dw == w && dc == c {
		return d, nil
	}
	if c != 1 && c != 3 || dc != 1 && dc != 3 || h < 1 || w < 1 || h > maxTarget || w > maxTarget {
		return nil, fmt.Errorf("images of %s: found %dx%dx%d to be made %dx%dx%d, expected sides from 1 to %d and 1 or 3 channels",
			d.Name(), dh, dw, dc, h, w, c, maxTarget)
	}
	return &reshaped{d, h, w, c}, nil
}

// Name tells the shape too: other pixels are other data.
func (r *reshaped) Name() string {
	return fmt.Sprintf("%s at %dx%dx%d", r.Dataset.Name(), r.h, r.w, r.c)
}
func (r *reshaped) Shape() (h, w, c int) { return r.h, r.w, r.c }
func (r *reshaped) Atypical(i int) bool  { return Atypical(r.Dataset, i) }
func (r *reshaped) Group(i int) string   { return Group(r.Dataset, i) }

// Image returns pixels of its own.
func (r *reshaped) Image(i int) []uint8 {
	h, w, c := r.Dataset.Shape()
	from := raster{h: h, w: w, pix: r.Dataset.Image(i)}
	if c == 1 {
		from.pix = rgb(from.pix)
	}
	to := from.resize(r.h, r.w)
	if r.c == 1 {
		return gray(to.pix)
	}
	return to.pix
}

// rgb makes three equal channels of each pixel.
func rgb(pix []uint8) []uint8 {
	out := make([]uint8, 3*len(pix))
	for i, v := range pix {
		out[3*i], out[3*i+1], out[3*i+2] = v, v, v
	}
	return out
}

// gray is luma (ITU-R BT.601), rounded.
func gray(pix []uint8) []uint8 {
	out := make([]uint8, len(pix)/3)
	for i := range out {
		p := pix[3*i:]
		out[i] = uint8((299*int(p[0]) + 587*int(p[1]) + 114*int(p[2]) + 500) / 1000)
	}
	return out
}
