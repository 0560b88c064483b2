package augment

import (
	"fmt"
	"math/rand/v2"
	"sync"
)

// Augmenter makes views of images of one shape. It may be used from several
// goroutines at once.
type Augmenter struct {
	cfg        Config
	h, w, c    int    // of the images
	outH, outW int    // of the views
	rows       []taps // by width of the crop
	columns    []taps // by height of the crop
	mean, std  []float32
	scratch    sync.Pool // of *[]float32, long enough for a crop before it is resized downwards
}

// New returns an Augmenter for images of the shape (h,w,c), c being 1 or 3. A
// configuration that is out of range, or does not fit to the shape, is an error
// that names the field.
func New(cfg Config, h, w, c int) (*Augmenter, error) {
	if h < 1 || w < 1 || h > maxSide || w > maxSide || c != 1 && c != 3 {
		return nil, fmt.Errorf("images of shape (%d,%d,%d): expected sides from 1 to %d and 1 or 3 channels", h, w, c,
			maxSide)
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &Augmenter{cfg: cfg, h: h, w: w, c: c, outH: h, outW: w}
	if cfg.Size != [2]int{} {
		a.outH, a.outW = cfg.Size[0], cfg.Size[1]
	}
	if n := len(cfg.Mean); n != 0 && n != c {
		return nil, fmt.Errorf("mean and std: found %d numbers, expected one for each of the %d channels", n, c)
	}
	if half := cfg.Blur.Kernel / 2; cfg.Blur.P > 0 && (half >= a.outH || half >= a.outW) {
		return nil, fmt.Errorf("blur.kernel: found %d, expected less than twice the side of the views (%d x %d)",
			cfg.Blur.Kernel, a.outH, a.outW)
	}
	for i := range cfg.Mean {
		a.mean, a.std = append(a.mean, float32(cfg.Mean[i])), append(a.std, float32(cfg.Std[i]))
	}
	a.rows, a.columns = make([]taps, w+1), make([]taps, h+1)
	for n := 1; n <= w; n++ {
		a.rows[n] = rowTaps(n, a.outW)
	}
	for n := 1; n <= h; n++ {
		a.columns[n] = columnTaps(n, a.outH)
	}
	size := max(h, a.outH) * a.outW * c
	a.scratch.New = func() any { s := make([]float32, size); return &s }
	return a, nil
}

// Shape returns height, width and channels of the views.
func (a *Augmenter) Shape() (h, w, c int) { return a.outH, a.outW, a.c }

// View writes a random view of img to dst. img has the shape given to New, dst
// that of Shape. Equal streams give equal views.
func (a *Augmenter) View(dst []float32, img []uint8, r *rand.Rand) { a.Apply(dst, img, a.Draw(r)) }

// Original writes the image itself to dst: resized to the size of views,
// normalised, nothing else.
func (a *Augmenter) Original(dst []float32, img []uint8) { a.Apply(dst, img, a.Identity()) }

// Apply writes the view of img that p describes to dst.
func (a *Augmenter) Apply(dst []float32, img []uint8, p Params) {
	if len(dst) != a.outH*a.outW*a.c || len(img) != a.h*a.w*a.c {
		panic(fmt.Sprintf("augment: dst has %d and img %d values for views of (%d,%d,%d) and images of (%d,%d,%d)",
			len(dst), len(img), a.outH, a.outW, a.c, a.h, a.w, a.c))
	}
	checkBox(p.Box, a.h, a.w)
	scratch := a.scratch.Get().(*[]float32)
	defer a.scratch.Put(scratch)
	resizedCrop(dst, a.outH, a.outW, img, a.w, a.c, p.Box, p.Flip, p.FlipVertical, &a.rows[p.Box.Width],
		&a.columns[p.Box.Height], *scratch)
	for _, op := range p.Order {
		switch {
		case op == 0 && p.Brightness != 1:
			Brightness(dst, p.Brightness)
		case op == 1 && p.Contrast != 1:
			Contrast(dst, a.c, p.Contrast)
		case op == 2 && p.Saturation != 1:
			Saturation(dst, a.c, p.Saturation)
		case op == 3 && p.Hue != 0:
			Hue(dst, a.c, p.Hue)
		}
	}
	if p.Gray {
		Gray(dst, a.c)
	}
	if p.Sigma > 0 {
		GaussianBlur(dst, (*scratch)[:len(dst)], a.outH, a.outW, a.c, a.cfg.Blur.Kernel, p.Sigma)
	}
	if p.Solarize {
		Solarize(dst, float32(a.cfg.SolarizeThreshold))
	}
	if p.Invert {
		Invert(dst)
	}
	if a.mean != nil {
		Normalize(dst, a.mean, a.std)
	}
}
