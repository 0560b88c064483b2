package data

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/locimem/locimem/internal/rng"
)

// SyntheticOptions describe a synthetic data set. The zero value of a field
// means its default.
type SyntheticOptions struct {
	N             int     `yaml:"n"`              // images, default 2000
	Classes       int     `yaml:"classes"`        // 2 to MaxSyntheticClasses, default 10
	Size          int     `yaml:"size"`           // height and width in pixels, 16 to 256, default 32
	AtypicalShare float64 `yaml:"atypical_share"` // share of atypical images, default 0.08, negative for none
	Seed          uint64  `yaml:"seed"`           // other seeds give other images
	Part          Part    `yaml:"-"`              // Train and Test have no image in common
}

// MaxSyntheticClasses is the number of pairs of a shape and a texture.
const MaxSyntheticClasses = int(numShapes) * int(numTextures)

func (o SyntheticOptions) withDefaults() SyntheticOptions {
	if o.N == 0 {
		o.N = 2000
	}
	if o.Classes == 0 {
		o.Classes = 10
	}
	if o.Size == 0 {
		o.Size = 32
	}
	if o.AtypicalShare == 0 {
		o.AtypicalShare = 0.08
	}
	return o
}

// Validate returns an error that names the first field out of its range.
func (o SyntheticOptions) Validate() error {
	o = o.withDefaults()
	switch {
	case o.N < 1 || o.N > 10_000_000:
		return fmt.Errorf("synthetic: n: found %d, expected 1 to 10000000", o.N)
	case o.Classes < 2 || o.Classes > MaxSyntheticClasses:
		return fmt.Errorf("synthetic: classes: found %d, expected 2 to %d", o.Classes, MaxSyntheticClasses)
	case o.Size < 16 || o.Size > 256:
		return fmt.Errorf("synthetic: size: found %d, expected 16 to 256", o.Size)
	case !(o.AtypicalShare <= 1):
		return fmt.Errorf("synthetic: atypical_share: found %g, expected at most 1", o.AtypicalShare)
	case o.Part != Train && o.Part != Test:
		return fmt.Errorf("synthetic: part: found %s, expected train or test", o.Part)
	}
	return nil
}

// NewSynthetic draws a data set of textured shapes, for work without any files.
// A class is a shape with a texture ("striped disc"). Place, size, rotation, all
// colours, the scale of the texture, the patchwork behind the shape and the
// clutter around it are drawn for each image. What lies in one corner says
// nothing about the other corners, so that an encoder can only know by heart
// which crops belong together. Image i has the class i mod Classes. Atypical
// images keep their label: the shape is tiny, mostly covered, overlapped by one
// of another class, or has a texture of another class.
//
// An image is a function of (Seed, Part, Size, Classes, AtypicalShare, i), with
// the same bits on all processors; asking for more images adds to the end.
func NewSynthetic(o SyntheticOptions) (Dataset, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	name := fmt.Sprintf("synthetic-%dx%d-seed%d/%s", o.Classes, o.Size, o.Seed, o.Part)
	d := newImages(name, o.N, o.Size, o.Size, 3, syntheticClasses(o.Classes))
	d.atypical = make([]bool, o.N)
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for k := range workers {
		wg.Go(func() {
			c := newCanvas(o.Size)
			for i := k; i < o.N; i += workers {
				d.labels[i] = uint16(i % o.Classes)
				r := rng.New(o.Seed, "synthetic", uint64(o.Part), uint64(i))
				d.atypical[i] = r.Float64() < o.AtypicalShare
				c.draw(newScene(r, i%o.Classes, o, d.atypical[i]), d.Image(i))
			}
		})
	}
	wg.Wait()
	return d, nil
}

// classShape and classTexture give class k its look: the first classes have a
// shape each, later ones the same shapes with other textures.
func classShape(k int) shape { return shape(k % int(numShapes)) }
func classTexture(k int) texture {
	return texture((k + k/int(numShapes)) % int(numTextures))
}

func syntheticClasses(n int) []string {
	out := make([]string, n)
	for k := range out {
		out[k] = textureNames[classTexture(k)] + " " + shapeNames[classShape(k)]
	}
	return out
}
