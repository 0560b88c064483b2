package data

import (
	"fmt"
	"slices"
	"strings"
)

// Source is a kind of data that is read from files.
type Source struct {
	Name  string // as recipes name it
	About string // in a few words
	Shape [3]int // height, width, channels; of folders the options tell the first two
	// Mean and Std are those of the pixels of the training part, 0 to 1, where
	// images are gray: numbers for colour do not serve them.
	Mean, Std []float64
	// Variants are what can be chosen within it, the default first; none: nothing.
	Variants []string

	images func(variant string) (train, test int)
	open   func(dir, variant string, o FolderOptions) (train, test Dataset, err error)
}

// Images returns the number of images of the two parts, 0 where only the files
// tell.
func (s *Source) Images(variant string) (train, test int) { return s.images(s.variant(variant)) }

// Open reads both parts from dir. variant is one of Variants, "" the first; o
// counts for folders only.
func (s *Source) Open(dir, variant string, o FolderOptions) (train, test Dataset, err error) {
	if err := s.CheckVariant(variant); err != nil {
		return nil, nil, fmt.Errorf("%s: variant: %w", s.Name, err)
	}
	return s.open(dir, s.variant(variant), o)
}

// CheckVariant returns an error unless there is such a variant.
func (s *Source) CheckVariant(v string) error {
	switch {
	case v == "" || slices.Contains(s.Variants, v):
		return nil
	case len(s.Variants) == 0:
		return fmt.Errorf("found %q, but %s has no variants", v, s.Name)
	}
	return fmt.Errorf("found %q, expected %s", v, strings.Join(s.Variants, ", "))
}

func (s *Source) variant(v string) string {
	if v == "" && len(s.Variants) > 0 {
		return s.Variants[0]
	}
	return v
}

// SourceOf returns the source of that name, nil if there is none.
func SourceOf(name string) *Source {
	for _, s := range Sources() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Sources returns all kinds of data that are read from files.
func Sources() []*Source {
	fixed := func(train, test int) func(string) (int, int) {
		return func(string) (int, int) { return train, test }
	}
	// parts opens the two parts of sets whose variants do not matter.
	parts := func(open func(dir string, part Part) (Dataset, error)) func(string, string, FolderOptions) (Dataset,
		Dataset, error) {
		return func(dir, _ string, _ FolderOptions) (Dataset, Dataset, error) {
			return both(func(p Part) (Dataset, error) { return open(dir, p) })
		}
	}
	return []*Source{
		{Name: "cifar10", About: "60,000 images of 32x32 in 10 classes; official files, binary or Python",
			Shape: [3]int{32, 32, 3}, images: fixed(5*CIFAR10Records, CIFAR10Records), open: parts(OpenCIFAR10)},
		{Name: "cifar100",
			About: "60,000 images of 32x32 in 100 classes or 20 superclasses; official files, binary or Python",
			Shape: [3]int{32, 32, 3}, Variants: []string{"fine", "coarse"}, images: fixed(cifar100Images[Train],
				cifar100Images[Test]),
			open: func(dir, v string, _ FolderOptions) (Dataset, Dataset, error) {
				return both(func(p Part) (Dataset, error) { return OpenCIFAR100(dir, p, v == "coarse") })
			}},
		{Name: "mnist", About: "70,000 gray digits of 28x28; IDX files, .gz or not",
			Shape: [3]int{28, 28, 1}, Mean: []float64{0.1307}, Std: []float64{0.3081}, images: fixed(60000, 10000),
			open: parts(OpenMNIST)},
		{Name: "fashion-mnist", About: "70,000 gray clothes of 28x28; IDX files, .gz or not",
			Shape: [3]int{28, 28, 1}, Mean: []float64{0.2860}, Std: []float64{0.3530}, images: fixed(60000, 10000),
			open: parts(OpenFashionMNIST)},
		{Name: "svhn", About: "house numbers, digits of 32x32; train_32x32.mat, test_32x32.mat",
			Shape: [3]int{32, 32, 3}, Variants: []string{"train", "extra"},
			images: func(v string) (int, int) { return svhnImages[v], svhnImages["test"] },
			open: func(dir, v string, _ FolderOptions) (Dataset, Dataset, error) {
				return both(func(p Part) (Dataset, error) { return OpenSVHN(dir, [2]string{v, "test"}[p]) })
			}},
		{Name: "stl10", About: "images of 96x96 in 10 classes, 100,000 unlabeled; official binary files",
			Shape: [3]int{96, 96, 3}, Variants: STL10Parts(), images: stlCounts,
			open: func(dir, v string, _ FolderOptions) (Dataset, Dataset, error) {
				return both(func(p Part) (Dataset, error) { return OpenSTL10(dir, [2]string{v, "test"}[p]) })
			}},
		{Name: "tiny-imagenet", About: "110,000 images of 64x64 in 200 classes, or a part; official folder",
			Shape: [3]int{64, 64, 3}, images: fixed(0, 0),
			open: func(dir, _ string, _ FolderOptions) (Dataset, Dataset, error) { return OpenTinyImageNet(dir) }},
		{Name: "folder",
			About: "JPEG, PNG, GIF, BMP and WebP files, a folder for each class\ndata.folder: how they are resized",
			Shape: [3]int{0, 0, 3}, images: fixed(0, 0),
			open: func(dir, _ string, o FolderOptions) (Dataset, Dataset, error) { return OpenFolder(dir, o) }},
	}
}

// stlCounts returns the number of images of a part of STL-10 and of its test part.
func stlCounts(part string) (train, test int) {
	if strings.HasPrefix(part, "fold") {
		return stlFold, stlImages["test"]
	}
	for _, f := range strings.Split(part, "+") {
		train += stlImages[f]
	}
	return train, stlImages["test"]
}

// both opens the training part and then the test part.
func both(open func(p Part) (Dataset, error)) (train, test Dataset, err error) {
	if train, err = open(Train); err != nil {
		return nil, nil, err
	}
	if test, err = open(Test); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}
