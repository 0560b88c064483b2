package external

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/memorize"
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
}

// openArrays reads the headers of all layers in a file and checks that they are
// of the same points and views. With nchw, layers of five dimensions are
// [points, views, units, H, W] and not [points, views, H, W, units].
func openArrays(path string, nchw bool) (*arrayFile, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	a := &arrayFile{File: f, path: path, nchw: nchw}
	if err := a.readHeaders(); err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
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
func (f *arrayFile) readSets(lists map[string][]int) (*arraySets, error) {
	s := &arraySets{owner: slices.Repeat([]int{-1}, f.points)}
	names, labels, err := f.columns()
	if err != nil {
		return nil, err
	}
	for _, set := range setKeys {
		rows, where := lists[set], "set "+set
		if len(lists) == 0 && f.has(set) {
			where = fmt.Sprintf("%s: array %q", f.path, set)
			if rows, err = readInts(f.File, f.path, set); err != nil {
				return nil, err
			}
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
		v, err := readInts(f.File, f.path, key)
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
