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

	// Count returns the number of images of the two parts; nil where only the files tell.
	Count func(variant string) (train, test int)
	// Read reads both parts from dir. variant is one of Variants; o counts for folders only.
	Read func(dir, variant string, o FolderOptions) (train, test Dataset, err error)
}

// sources are the registered kinds of data, by name.
var sources []*Source

// Register makes a kind of data known to recipes and to `locimem data list`, and returns
// it. It is called for package variables, before any recipe is read. It panics if the
// name is empty, synthetic or taken, or if there is no Read.
func Register(s Source) *Source {
	switch {
	case s.Name == "" || s.Name == "synthetic":
		panic(fmt.Sprintf("data: Register: name: found %q, expected a name of its own", s.Name))
	case SourceOf(s.Name) != nil:
		panic(fmt.Sprintf("data: Register: name: found %q twice, expected different names", s.Name))
	case s.Read == nil:
		panic(fmt.Sprintf("data: Register(%q): Read: found none, expected a function", s.Name))
	}
	sources = append(sources, &s)
	slices.SortFunc(sources, func(a, b *Source) int { return strings.Compare(a.Name, b.Name) })
	return &s
}

// Images returns the number of images of the two parts, 0 where only the files
// tell.
func (s *Source) Images(variant string) (train, test int) {
	if s.Count == nil {
		return 0, 0
	}
	return s.Count(s.variant(variant))
}

// Open reads both parts from dir. variant is one of Variants, "" the first; o
// counts for folders only.
func (s *Source) Open(dir, variant string, o FolderOptions) (train, test Dataset, err error) {
	if err := s.CheckVariant(variant); err != nil {
		return nil, nil, fmt.Errorf("%s: variant: %w", s.Name, err)
	}
	return s.Read(dir, s.variant(variant), o)
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
	for _, s := range sources {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Sources returns all kinds of data that are read from files, by name.
func Sources() []*Source { return slices.Clone(sources) }

// always is the Count of a source that has always the same numbers of images.
func always(train, test int) func(string) (int, int) {
	return func(string) (int, int) { return train, test }
}

// eachPart is the Read of a source without variants.
func eachPart(open func(dir string, part Part) (Dataset, error)) func(string, string, FolderOptions) (Dataset,
	Dataset, error) {
	return func(dir, _ string, _ FolderOptions) (Dataset, Dataset, error) {
		return both(func(p Part) (Dataset, error) { return open(dir, p) })
	}
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
