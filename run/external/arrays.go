package external

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/tensor"
)

// The names that arrays of another program have a meaning under; all others are
// layers. The sets are lists of rows (first index) of the layers.
const (
	keyPoints = "points" // what the tables call each row, its index in a data set, say; default: the row
	keyLabels = "labels" // the class of each row, for ClassMem
	keyViews  = "views"  // in a file of views: the only layer
)

var setKeys = memorize.SetNames()

// arrayFile is a file of arrays by point: activations of an encoder, layer by
// layer, or views.
type arrayFile struct {
	*npz.File
	path   string
	layers []string // in the order of the file
	shapes [][]int  // of each layer, without points and views, ending in units
	points int
	views  int
	nchw   bool
	whole  map[string][]int // shapes in the file, of all layers
}

// openArrays reads the headers of all layers in a file and checks that they are
// of the same points and views. With nchw, layers of five dimensions are
// [points, views, units, H, W] and not [points, views, H, W, units]; if it is nil, layers
// that look so are refused.
func openArrays(path string, nchw *bool) (*arrayFile, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	a := &arrayFile{File: f, path: path, nchw: nchw != nil && *nchw, whole: map[string][]int{}}
	if err = a.readHeaders(); err == nil {
		err = a.checkOrder(nchw)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
}

// checkOrder refuses layers that look as if their units came before height and width, or
// as if there were no views, where nobody has said what they are. Maps are mostly square
// and have another number of units.
func (f *arrayFile) checkOrder(nchw *bool) error {
	maps := 0
	like := map[int]string{4: "", 5: ""} // by dimensions: the first layer that looks so
	unlike := map[int]bool{}
	for _, name := range f.layers {
		s := f.whole[name]
		n := len(s)
		if n == 5 {
			maps++
		}
		switch last := s[n-1]; {
		case n < 4:
		case s[n-2] == last && s[n-3] != last:
			if like[n] == "" {
				like[n] = name
			}
		case n == 4 || s[n-3] == s[n-2]:
			unlike[n] = true
		}
	}
	switch {
	case nchw != nil && *nchw && maps == 0:
		return fmt.Errorf("%s: found no maps, which --nchw is about, only %s", f.path, f.list())
	case nchw != nil:
		return nil
	case like[5] != "" && !unlike[5]:
		return fmt.Errorf("%s: layer %q: found shape %v, whose last two dimensions look like height and width, expected "+
			"points x views x H x W x units; --nchw takes the units before H and W, --no-nchw takes the array as it stands",
			f.path, like[5], f.whole[like[5]])
	case like[4] != "" && !unlike[4]:
		return fmt.Errorf("%s: layer %q: found shape %v, whose last two dimensions look like height and width, expected "+
			"points x views x tokens x units, or points x views x H x W x units for maps; --no-nchw takes the array as it "+
			"stands", f.path, like[4], f.whole[like[4]])
	}
	return nil
}

func (f *arrayFile) readHeaders() error {
	for _, name := range f.Names() {
		if name == keyPoints || name == keyLabels || slices.Contains(setKeys, name) {
			continue
		}
		a, err := f.Array(name)
		if err != nil {
			return err
		}
		if a.DType > npz.Float64 {
			return fmt.Errorf("%s: layer %q: found values of type %s, expected float16, float32 or float64",
				f.path, name, a.DType)
		}
		if len(a.Shape) < 3 || slices.Contains(a.Shape, 0) {
			return fmt.Errorf("%s: layer %q: found shape %v, expected points x views x units, points x views x tokens x "+
				"units or points x views x H x W x units, none of them 0", f.path, name, a.Shape)
		}
		f.whole[name] = slices.Clone(a.Shape)
		shape := slices.Clone(a.Shape[2:])
		if f.nchw && len(shape) == 3 {
			shape = []int{shape[1], shape[2], shape[0]}
		}
		if len(f.layers) == 0 {
			f.points, f.views = a.Shape[0], a.Shape[1]
		} else if a.Shape[0] != f.points || a.Shape[1] != f.views {
			return fmt.Errorf("%s: layer %q has %d points and %d views, layer %q has %d and %d: expected the same",
				f.path, name, a.Shape[0], a.Shape[1], f.layers[0], f.points, f.views)
		}
		f.layers, f.shapes = append(f.layers, name), append(f.shapes, shape)
	}
	if len(f.layers) == 0 {
		return fmt.Errorf("%s: found no layers, only %v", f.path, f.Names())
	}
	return nil
}

// list returns the layers with their shapes in the file but for the order of
// channels; of many, the first ones.
func (f *arrayFile) list() string {
	const most = 8
	var parts []string
	for i, name := range f.layers[:min(len(f.layers), most)] {
		parts = append(parts, fmt.Sprintf("%q %v", name, append([]int{f.points, f.views}, f.shapes[i]...)))
	}
	if n := len(f.layers) - most; n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(parts, ", ")
}

// has tells whether there is an array of that name.
func (f *arrayFile) has(name string) bool { return slices.Contains(f.Names(), name) }

// arraySets says which rows of arrays belong to which set.
type arraySets struct {
	sets   []memorize.Set // Points are names of points, not rows
	labels [][]int        // by set and point; nil without labels
	owner  []int          // set of each row, -1 for none
}

// points returns the number of points in the sets.
func (s *arraySets) points() int {
	n := 0
	for _, set := range s.sets {
		n += len(set.Points)
	}
	return n
}

// readSets takes the sets of a file, or those of lists where there are any, each
// in the order of its rows.
func (f *arrayFile) readSets(lists map[string]Indices) (*arraySets, error) {
	s := &arraySets{owner: slices.Repeat([]int{-1}, f.points)}
	names, labels, err := f.columns()
	if err != nil {
		return nil, err
	}
	for _, set := range setKeys {
		chosen, where := lists[set], "set "+set
		if len(lists) == 0 && f.has(set) {
			where = fmt.Sprintf("%s: array %q", f.path, set)
			if chosen, err = readSet(f.File, f.path, set); err != nil {
				return nil, err
			}
		}
		if err := chosen.Check(f.points); err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		rows := chosen.List
		if chosen.Mask == 0 && f.likeMask(rows) {
			return nil, fmt.Errorf("%s: found 0 or 1 for each of the %d points, expected rows, or a mask of truth values "+
				"(numpy's type bool)", where, f.points)
		}
		if len(rows) == 0 {
			continue
		}
		for i, r := range rows {
			if r < 0 || r >= f.points {
				return nil, fmt.Errorf("%s: entry %d is row %d, the layers have %d points", where, i, r, f.points)
			}
			if o := s.owner[r]; o >= 0 {
				other := set
				if o < len(s.sets) {
					other = s.sets[o].Name
				}
				return nil, fmt.Errorf("%s: row %d is in the set %s too: expected every row once", where, r, other)
			}
			s.owner[r] = len(s.sets)
		}
		plain, classes := memorize.Set{Name: set}, []int(nil)
		for _, r := range slices.Sorted(slices.Values(rows)) {
			plain.Points = append(plain.Points, names[r])
			if labels != nil {
				classes = append(classes, labels[r])
			}
		}
		s.sets = append(s.sets, plain)
		if labels != nil {
			s.labels = append(s.labels, classes)
		}
	}
	if len(s.sets) == 0 {
		return nil, fmt.Errorf("%s: found no set; give the rows of candidate and, for the controls, of independent, "+
			"shared and external, as arrays of these names or by flags", f.path)
	}
	return s, nil
}

// likeMask tells whether rows look like a mask that became numbers.
func (f *arrayFile) likeMask(rows []int) bool {
	return f.points > 2 && len(rows) == f.points &&
		!slices.ContainsFunc(rows, func(r int) bool { return r != 0 && r != 1 })
}

// notes says what of a file plays no part, and how its layers are understood.
func (f *arrayFile) notes(s *arraySets, lists map[string]Indices) (notes []string) {
	notes = append(notes, fmt.Sprintf("%s: %d points with %d views; units come last: %s", f.path, f.points, f.views,
		f.list()))
	if f.nchw {
		notes[0] = strings.Replace(notes[0], "units come last", "after --nchw units come last", 1)
	}
	if n := f.points - s.points(); n > 0 {
		note := fmt.Sprintf("%s: %d of %d rows are in no set and play no part", f.path, n, f.points)
		last := 0
		for r, o := range s.owner {
			if o >= 0 {
				last = r
			}
		}
		if 2*(last+1) <= f.points {
			note += fmt.Sprintf(": all sets lie in the first %d rows. A module that runs several times in a forward pass, and "+
				"whose outputs were all appended, would give such a file, with rows of different points mixed", last+1)
		}
		notes = append(notes, note)
	}
	for _, set := range setKeys {
		if len(lists) > 0 && f.has(set) {
			notes = append(notes, fmt.Sprintf("%s: the array %q is passed over: flags say what the sets are", f.path, set))
		}
	}
	if !slices.ContainsFunc(s.sets, func(set memorize.Set) bool { return set.Name == memorize.Independent }) {
		notes = append(notes, run.NoControl)
	}
	return notes
}

// columns returns the name of every point and its label; labels may be nil.
func (f *arrayFile) columns() (names, labels []int, err error) {
	names = make([]int, f.points)
	for i := range names {
		names[i] = i
	}
	for key, into := range map[string]*[]int{keyPoints: &names, keyLabels: &labels} {
		if !f.has(key) {
			continue
		}
		v, bools, err := readInts(f.File, f.path, key)
		if err == nil && bools && key == keyPoints {
			err = fmt.Errorf("%s: array %q: found truth values, expected whole numbers", f.path, key)
		}
		if err != nil {
			return nil, nil, err
		}
		if len(v) != f.points {
			return nil, nil, fmt.Errorf("%s: array %q: found %d entries, expected one for each of the %d points", f.path, key,
				len(v), f.points)
		}
		*into = v
	}
	return names, labels, nil
}

// rowsAtOnce is the number of values that are read at a time, at least one point.
const rowsAtOnce = 1 << 21

// inputs yields the rows of a layer that belong to sets, some points at a time, in
// their order: [points*views, ..., units]. Memory does not depend on how many
// there are.
func (f *arrayFile) inputs(layer int, s *arraySets) iter.Seq2[memorize.Input, error] {
	return func(yield func(memorize.Input, error) bool) {
		a, err := f.Array(f.layers[layer])
		if err != nil {
			yield(memorize.Input{}, err)
			return
		}
		width := a.RowLen()
		block := make([]float32, min(f.points, max(1, rowsAtOnce/width))*width)
		gathered := make([]float32, len(block))
		for first := 0; first < f.points; first += len(block) / width {
			n := min(len(block)/width, f.points-first)
			if err := npz.ReadRows(a, block[:n*width], first); err != nil {
				yield(memorize.Input{}, err)
				return
			}
			for set := range s.sets {
				out := gathered[:0]
				for i, o := range s.owner[first : first+n] {
					if o == set {
						out = append(out, block[i*width:][:width]...)
					}
				}
				if len(out) == 0 {
					continue
				}
				x := tensor.FromSlice(out, append([]int{len(out) / width * f.views}, f.shapes[layer]...)...)
				if f.nchw && len(f.shapes[layer]) == 3 {
					npz.ChannelsLast(x.Data(), x.Dim(1)*x.Dim(2), x.Dim(3))
				}
				if !yield(memorize.Input{Set: set, X: x}, nil) {
					return
				}
			}
		}
	}
}
