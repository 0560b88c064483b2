package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// PixelOptions say what is known of the images of Pixels besides pixels and labels.
type PixelOptions struct {
	Classes  []string // names of the classes; nil: "0", "1", ... up to the largest label
	Atypical []bool   // [N], images known to be unlike their class; nil: nothing is known
	Groups   []string // [N], such as who took or spoke each; nil: nothing is known
}

// Pixels returns a data set of images in memory: pixels [N,H,W,C], 0 to 255, in the
// order image, row, column, channel; shape is height, width and channels; labels [N]
// are the classes, from 0. The data set keeps pixels and copies the rest: do not
// modify pixels any more. name says which images these are: two data sets of the same
// name must hold the same images in the same order, as runs are told apart by it.
//
// It fails if name is empty, there is no image, a size is less than 1, a slice has
// another length than the images ask for, or a label has no class.
func Pixels(name string, pixels []uint8, shape [3]int, labels []int, o PixelOptions) (Dataset, error) {
	d, err := newPixels(name, pixels, shape, labels, o)
	if err != nil {
		return nil, fmt.Errorf("pixels of %q: %w", name, err)
	}
	return d, nil
}

func newPixels(name string, pixels []uint8, shape [3]int, labels []int, o PixelOptions) (Dataset, error) {
	n := len(labels)
	for i, size := range shape {
		if size < 1 || size > maxTarget {
			return nil, fmt.Errorf("shape: found %s %d, expected 1 to %d",
				[]string{"height", "width", "channels"}[i], size, maxTarget)
		}
	}
	h, w, c := shape[0], shape[1], shape[2]
	switch {
	case name == "":
		return nil, errors.New("name: found none, expected one that says which images these are")
	case n == 0:
		return nil, errors.New("labels: found none, expected one for each image")
	case len(pixels) != n*h*w*c:
		return nil, fmt.Errorf("pixels: found %d, expected %d: %d labels times %dx%dx%d",
			len(pixels), n*h*w*c, n, h, w, c)
	case o.Atypical != nil && len(o.Atypical) != n:
		return nil, fmt.Errorf("atypical marks: found %d, expected %d, one for each label", len(o.Atypical), n)
	case o.Groups != nil && len(o.Groups) != n:
		return nil, fmt.Errorf("groups: found %d, expected %d, one for each label", len(o.Groups), n)
	case len(o.Classes) > math.MaxUint16+1:
		return nil, fmt.Errorf("classes: found %d, expected at most %d", len(o.Classes), math.MaxUint16+1)
	}
	classes := slices.Clone(o.Classes)
	if classes == nil {
		for k := range min(max(0, slices.Max(labels)), math.MaxUint16) + 1 {
			classes = append(classes, strconv.Itoa(k))
		}
	}
	d := &images{name: name, h: h, w: w, c: c, classes: classes, labels: make([]uint16, n), pixels: pixels,
		atypical: slices.Clone(o.Atypical)}
	for i, l := range labels {
		if l < 0 || l >= len(classes) {
			return nil, fmt.Errorf("label of image %d: found %d, expected 0 to %d, as there are %d classes",
				i, l, len(classes)-1, len(classes))
		}
		d.labels[i] = uint16(l)
	}
	if o.Groups != nil {
		return &grouped{d, slices.Clone(o.Groups)}, nil
	}
	return d, nil
}

// grouped are images whose groups are known.
type grouped struct {
	*images
	groups []string
}

// Group implements Grouped.
func (d *grouped) Group(i int) string { return d.groups[i] }
