package data

import (
	"fmt"
	"math"
	"strings"

	"github.com/locimem/locimem/data/augment"
)

// FolderOptions say how the images of a folder are brought to one size, and which
// are for testing.
type FolderOptions struct {
	// Size is height and width of all images, 1 to 4096.
	Size [2]int
	// Stretch resizes straight to Size. Otherwise the shorter side is resized and
	// the middle cut out, as torchvision's Resize(Shorter), CenterCrop(Size).
	Stretch bool
	// Shorter is the length of the shorter side before the cut; 0: the larger
	// of Size.
	Shorter int
	// TestEvery n makes every n-th image of a class, in its order and from the
	// n-th on, a test image, where the folder has no parts of its own.
	TestEvery int
	// SkipUnreadable leaves files out that cannot be read.
	SkipUnreadable bool
	// Parts says which folders are the two parts: auto (or ""), what their names tell;
	// none, every folder is a class; TRAIN/TEST, two folders.
	Parts string
}

const (
	maxTarget = 4096  // largest side after resizing
	maxSource = 65535 // and before: what JPEG and GIF can have
	// maxStretched bounds the pixels before the cut, as a multiple of those after
	// it: images that are lines would take any amount of memory.
	maxStretched = 64
)

// Validate returns an error that names the first field out of its range.
func (o FolderOptions) Validate() error {
	for _, s := range o.Size {
		if s < 1 || s > maxTarget {
			return fmt.Errorf("size: found %v, expected height and width from 1 to %d", o.Size, maxTarget)
		}
	}
	if o.Shorter != 0 && (o.Shorter < max(o.Size[0], o.Size[1]) || o.Shorter > maxTarget) {
		return fmt.Errorf("shorter: found %d, expected 0 or from %d (the larger of size) to %d", o.Shorter, max(o.Size[0], o.Size[1]), maxTarget)
	}
	if o.TestEvery != 0 && o.TestEvery < 2 {
		return fmt.Errorf("test_every: found %d, expected 2 or more, or 0", o.TestEvery)
	}
	train, test, ok := strings.Cut(o.Parts, "/")
	if o.Parts != "" && o.Parts != "auto" && o.Parts != "none" && (!ok || train == "" || test == "" || train == test) {
		return fmt.Errorf("parts: found %q, expected auto, none or the names of two folders, such as Train/Dev", o.Parts)
	}
	return nil
}

// String says what the options do to an image, for names of data.
func (o FolderOptions) String() string {
	if o.Stretch {
		return fmt.Sprintf("%dx%d-stretch", o.Size[0], o.Size[1])
	}
	return fmt.Sprintf("%dx%d-crop%d", o.Size[0], o.Size[1], o.shorter())
}

func (o FolderOptions) shorter() int {
	if o.Shorter == 0 {
		return max(o.Size[0], o.Size[1])
	}
	return o.Shorter
}

// fit writes r at the size of the options to dst (h,w,3), bilinear with antialias.
func (r raster) fit(dst []uint8, o FolderOptions) error {
	if r.h > maxSource || r.w > maxSource {
		return fmt.Errorf("size: found %d x %d, expected at most %d a side", r.h, r.w, maxSource)
	}
	h, w := o.Size[0], o.Size[1]
	if !o.Stretch {
		// torchvision: the longer side is cut to a whole number, and the middle
		// found with Python's round.
		s := o.shorter()
		if r.w <= r.h {
			h, w = s*r.h/r.w, s
		} else {
			h, w = s, s*r.w/r.h
		}
		if most := maxStretched * s * s; h*w > most {
			return fmt.Errorf("size: %d x %d is too long and narrow: resized to %d x %d, expected at most %d pixels", r.h, r.w, h, w, most)
		}
	}
	r = r.resize(h, w)
	top := int(math.RoundToEven(float64(r.h-o.Size[0]) / 2))
	left := int(math.RoundToEven(float64(r.w-o.Size[1]) / 2))
	line := o.Size[1] * 3
	for y := range o.Size[0] {
		copy(dst[y*line:(y+1)*line], r.pix[((top+y)*r.w+left)*3:])
	}
	return nil
}

// resize returns r at another size. As in Pillow and in torchvision on bytes, rows
// are resized first and rounded to bytes, then columns.
func (r raster) resize(h, w int) raster {
	return r.resizeOnce(r.h, w).resizeOnce(h, w)
}

func (r raster) resizeOnce(h, w int) raster {
	if h == r.h && w == r.w {
		return r
	}
	values := make([]float32, h*w*3)
	augment.ResizedCrop(values, h, w, r.pix, r.h, r.w, 3, augment.Box{Height: r.h, Width: r.w}, false, false)
	out := raster{h: h, w: w, pix: make([]uint8, len(values))}
	for i, v := range values {
		out.pix[i] = clip(int(v*255 + 0.5))
	}
	return out
}
