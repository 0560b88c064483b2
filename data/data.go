// Package data holds images: readers of published formats and of folders of image
// files, a synthetic set made in code, the splits that decide which encoder sees
// which image, and the manifest that proves it. Views for training are made by
// package augment.
package data

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Dataset is a list of labelled images of one size, all in memory. Its methods
// may be called from several goroutines at once. A data set that knows more of its
// images implements Marked or Grouped too; Pixels makes one of arrays in memory.
type Dataset interface {
	// Name says which data these are, for instance "cifar10/train". Two data
	// sets of the same name hold the same images in the same order.
	Name() string
	// Len returns the number of images.
	Len() int
	// Shape returns height, width and channels, the same for all images.
	Shape() (h, w, c int)
	// Classes returns the names of the classes. Do not modify it.
	Classes() []string
	// Label returns the class of image i, in [0, len(Classes())).
	Label(i int) int
	// Image returns the pixels of image i, h*w*c bytes in the order row, column,
	// channel. Do not modify them.
	Image(i int) []uint8
}

// Marked is a Dataset that knows which of its images are unlike their class.
type Marked interface {
	Dataset
	// Atypical reports whether image i is known to be unlike its class.
	Atypical(i int) bool
}

// Grouped is a Dataset whose images come from sources that several of them share,
// such as a speaker or a patient.
type Grouped interface {
	Dataset
	// Group names the source of image i; images of equal names belong together.
	Group(i int) string
}

// Atypical reports whether image i of d is known to be unlike its class: false where
// d is not Marked.
func Atypical(d Dataset, i int) bool {
	m, ok := d.(Marked)
	return ok && m.Atypical(i)
}

// Group names the source of image i of d: "" where d is not Grouped.
func Group(d Dataset, i int) string {
	if g, ok := d.(Grouped); ok {
		return g.Group(i)
	}
	return ""
}

// Part tells the two parts of a data set apart.
type Part int

const (
	// Train is the part that encoders are trained on.
	Train Part = iota
	// Test is the part that no encoder is trained on.
	Test
)

// String returns "train" or "test".
func (p Part) String() string {
	switch p {
	case Train:
		return "train"
	case Test:
		return "test"
	}
	return fmt.Sprintf("Part(%d)", int(p))
}

// images is a Dataset whose pixels lie in one slice.
type images struct {
	name     string
	h, w, c  int
	classes  []string
	labels   []uint16
	pixels   []uint8 // N,H,W,C
	atypical []bool  // nil: none

	file    func(i int) string // nil: unknown
	skipped []Skipped          // files left out
	notes   []string           // what was guessed about the files
}

// newImages returns n black images of class 0.
func newImages(name string, n, h, w, c int, classes []string) *images {
	return &images{name: name, h: h, w: w, c: c, classes: classes,
		labels: make([]uint16, n), pixels: make([]uint8, n*h*w*c)}
}

func (d *images) Name() string         { return d.name }
func (d *images) Len() int             { return len(d.labels) }
func (d *images) Shape() (h, w, c int) { return d.h, d.w, d.c }
func (d *images) Classes() []string    { return d.classes }
func (d *images) Label(i int) int      { return int(d.labels[i]) }
func (d *images) Atypical(i int) bool  { return d.atypical != nil && d.atypical[i] }

func (d *images) Image(i int) []uint8 {
	n := d.h * d.w * d.c
	return d.pixels[i*n : (i+1)*n : (i+1)*n]
}

// Hash returns the SHA-256 of image i: of its label (4 bytes, little-endian)
// followed by its pixels.
func Hash(d Dataset, i int) [sha256.Size]byte {
	img := d.Image(i)
	b := make([]byte, 0, 4+len(img))
	b = binary.LittleEndian.AppendUint32(b, uint32(d.Label(i)))
	return sha256.Sum256(append(b, img...))
}
