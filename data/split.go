package data

import (
	"errors"
	"fmt"
	"slices"

	"github.com/locimem/locimem/internal/rng"
)

// Split says which image belongs to which of the four sets of the SSLMem
// protocol (Wang et al., ICLR 2024): encoder f trains on Shared and Candidate,
// encoder g on Shared and Independent, none on External. Candidates are what f
// may memorize; the other three sets are controls.
type Split struct {
	Shared      []int // S_S: indices into the training part
	Candidate   []int // S_C: likewise
	Independent []int // S_I: likewise
	External    []int // S_E: indices into the test part

	// Options are those that the split was made with.
	Options SplitOptions

	train, test part
	sha256      [4][]string // of each image of each set, in the order of sets
}

// part is what a split remembers of one part of the data set.
type part struct {
	Name   string `json:"name"`   // of the data set
	Images int    `json:"images"` // number of images
	Shape  [3]int `json:"shape"`  // height, width and channels of an image
}

func partOf(d Dataset) part {
	h, w, c := d.Shape()
	return part{Name: d.Name(), Images: d.Len(), Shape: [3]int{h, w, c}}
}

// SplitOptions are the sizes of the four sets, chosen at random, or their
// ranges. Candidate must not be empty, the others may be.
type SplitOptions struct {
	// Shared, Candidate, Independent and External are the numbers of images of the sets.
	Shared      int    `yaml:"shared" json:"shared"`
	Candidate   int    `yaml:"candidate" json:"candidate"`
	Independent int    `yaml:"independent" json:"independent"`
	External    int    `yaml:"external" json:"external"`
	Seed        uint64 `yaml:"seed" json:"seed"` // of the random choice
	// Pair, if not 0, makes the split that of the Pair-th of several crossed pairs of
	// encoders, counted from 1. They have a universe in common, Candidate + Independent
	// images (equal numbers), and the shared and external images. Pairs 2k-1 and 2k are
	// a couple: the first draws a random half of the universe for its candidates, the
	// second takes the other half. So in a couple every image is candidate once and
	// independent once, couples are drawn independently of each other, and a pair's
	// split does not depend on how many pairs there are.
	Pair int `yaml:"pair" json:"pair,omitempty"`

	// Ranges, if not nil, are used instead of a random choice; the sizes above must then be 0.
	Ranges *SplitRanges `yaml:"-" json:"ranges,omitempty"`
}

// SplitRanges gives each set a range of indices [from, to).
type SplitRanges struct {
	// Shared, Candidate and Independent are the first index in the training part and the one
	// after the last.
	Shared      [2]int `json:"shared"`
	Candidate   [2]int `json:"candidate"`
	Independent [2]int `json:"independent"`
	External    [2]int `json:"external"` // the same in the test part
}

// PaperRanges returns the split of the released code of "Localizing Memorization
// in SSL Vision Encoders" (NeurIPS 2024) for CIFAR-10: 40,000 shared images, the
// next 5,000 for f, the last 5,000 for g, in the official order. The paper does
// not say which images are external; here they are the first 5,000 of the test
// part.
func PaperRanges() SplitRanges {
	return SplitRanges{Shared: [2]int{0, 40000}, Candidate: [2]int{40000, 45000},
		Independent: [2]int{45000, 50000}, External: [2]int{0, 5000}}
}

// set is one of the four sets, for loops over them.
type set struct {
	name     string
	external bool // the indices are into the test part
	indices  []int
}

// sets returns the four sets in their fixed order.
func (s *Split) sets() [4]set {
	return [4]set{{"shared", false, s.Shared}, {"candidate", false, s.Candidate},
		{"independent", false, s.Independent}, {"external", true, s.External}}
}

// MakeSplit chooses the four sets and takes the hash of every image in them.
// The choice depends on the seed and the lengths of the two parts alone, and the
// candidates and independents of a seed stay the same when only the number of
// shared or external images changes. Sets that are too large, overlap or are
// empty where they must not be are errors that name the field.
func MakeSplit(train, test Dataset, o SplitOptions) (*Split, error) {
	s := &Split{Options: o, train: partOf(train), test: partOf(test)}
	if s.train.Shape != s.test.Shape {
		return nil, fmt.Errorf("split: %s has images of shape %v, %s of shape %v: expected the same", s.train.Name,
			s.train.Shape, s.test.Name, s.test.Shape)
	}
	var err error
	if o.Ranges != nil {
		err = s.fromRanges()
	} else {
		err = s.atRandom()
	}
	if err == nil {
		err = s.check()
	}
	if err == nil && len(s.Shared)+len(s.Independent) == 0 {
		err = errors.New("shared and independent: both sets are empty, encoder g would have no images")
	}
	if err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	for k, set := range s.sets() {
		s.sha256[k] = hashes(set, train, test)
	}
	return s, nil
}

func (s *Split) atRandom() error {
	o := s.Options
	for _, f := range []struct {
		name string
		n    int
	}{{"shared", o.Shared}, {"candidate", o.Candidate}, {"independent", o.Independent}, {"external", o.External}} {
		if f.n < 0 {
			return fmt.Errorf("%s: found %d, expected 0 or more", f.name, f.n)
		}
	}
	// Subtractions, because a sum of absurd sizes could overflow.
	left := s.train.Images
	for _, n := range []int{o.Candidate, o.Independent, o.Shared} {
		if n > left {
			return fmt.Errorf("shared + candidate + independent: asked for %d + %d + %d images, %s has %d",
				o.Shared, o.Candidate, o.Independent, s.train.Name, s.train.Images)
		}
		left -= n
	}
	if o.External > s.test.Images {
		return fmt.Errorf("external: asked for %d images, %s has %d", o.External, s.test.Name, s.test.Images)
	}
	if o.Pair < 0 {
		return fmt.Errorf("pair: found %d, expected 1 or more, or 0 for a split that is not crossed", o.Pair)
	}
	if o.Pair > 0 && o.Candidate != o.Independent {
		return fmt.Errorf("candidate and independent: found %d and %d images, expected equal numbers in a crossed split",
			o.Candidate, o.Independent)
	}
	p := rng.New(o.Seed, "split").Perm(s.train.Images)
	if o.Pair > 0 {
		crossed(p[:o.Candidate+o.Independent], o.Seed, o.Pair)
	}
	s.Candidate, p = p[:o.Candidate:o.Candidate], p[o.Candidate:]
	s.Independent, p = p[:o.Independent:o.Independent], p[o.Independent:]
	s.Shared = p[:o.Shared:o.Shared]
	s.External = rng.New(o.Seed, "split-external").Perm(s.test.Images)[:o.External:o.External]
	return nil
}

// crossed puts the images of a universe into the order in which the first half are
// the candidates of a pair of encoders and the second half its independents.
func crossed(universe []int, seed uint64, pair int) {
	couple := uint64(pair+1) / 2
	drawn := slices.Clone(universe)
	for i, k := range rng.New(seed, "split-couple", couple).Perm(len(universe)) {
		universe[i] = drawn[k]
	}
	if pair%2 == 0 {
		half := len(universe) / 2
		first := slices.Clone(universe[:half])
		copy(universe[copy(universe, universe[half:]):], first)
	}
}

func (s *Split) fromRanges() error {
	o, r := s.Options, s.Options.Ranges
	if o.Shared != 0 || o.Candidate != 0 || o.Independent != 0 || o.External != 0 || o.Pair != 0 {
		return fmt.Errorf("sizes (or a pair) and ranges are both given, expected one of them")
	}
	for _, f := range []struct {
		name string
		r    [2]int
		in   part
		into *[]int
	}{{"shared", r.Shared, s.train, &s.Shared}, {"candidate", r.Candidate, s.train, &s.Candidate},
		{"independent", r.Independent, s.train, &s.Independent}, {"external", r.External, s.test, &s.External}} {
		if f.r[0] < 0 || f.r[1] < f.r[0] {
			return fmt.Errorf("%s: found the range %d to %d, expected 0 <= from <= to", f.name, f.r[0], f.r[1])
		}
		if f.r[1] > f.in.Images {
			return fmt.Errorf("%s: the range %d to %d asks for more than %s has (%d images)", f.name, f.r[0], f.r[1],
				f.in.Name, f.in.Images)
		}
		*f.into = make([]int, 0, f.r[1]-f.r[0])
		for i := f.r[0]; i < f.r[1]; i++ {
			*f.into = append(*f.into, i)
		}
	}
	return nil
}

// check tells whether the sets hold what a split may hold: indices of images
// that there are, each at most once.
func (s *Split) check() error {
	if len(s.Candidate) == 0 {
		return fmt.Errorf("candidate: the set is empty, expected at least 1 image")
	}
	trainSet, testSet := map[int]string{}, map[int]string{} // the set that an image is in
	for _, set := range s.sets() {
		in, p := trainSet, s.train
		if set.external {
			in, p = testSet, s.test
		}
		for k, i := range set.indices {
			if i < 0 || i >= p.Images {
				return fmt.Errorf("%s: entry %d is image %d, %s has %d images", set.name, k, i, p.Name, p.Images)
			}
			switch in[i] {
			case "":
				in[i] = set.name
			case set.name:
				return fmt.Errorf("%s: image %d of %s is in the set twice", set.name, i, p.Name)
			default:
				return fmt.Errorf("%s: image %d of %s is in %s too: the sets must not overlap", set.name, i, p.Name, in[i])
			}
		}
	}
	return nil
}

// TrainF returns the images that encoder f trains on, Shared then Candidate.
func (s *Split) TrainF() []int { return slices.Concat(s.Shared, s.Candidate) }

// TrainG returns the images that encoder g trains on, Shared then Independent:
// position i means the same image as in TrainF for all but the last positions,
// so that the same order of positions gives both encoders the same batches but
// for the images that they are meant to differ in.
func (s *Split) TrainG() []int { return slices.Concat(s.Shared, s.Independent) }
