package external

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/internal/textfile"
)

// maxIndices bounds how many indices a list may name, so that a slip of the pen
// in a range does not take all memory.
const maxIndices = 100_000_000

var indexRanges = regexp.MustCompile(`^\d+(-\d+)?(,\d+(-\d+)?)*$`)

// maxListFile bounds the bytes of a file of indices.
const maxListFile = 1 << 30

// Indices are the points of a set.
type Indices struct {
	List []int
	// Mask is the number of points that a mask speaks of, 0 where the set was a list.
	Mask int
}

// Check returns an error where a mask speaks of another number of points than there are.
func (i Indices) Check(points int) error {
	if i.Mask != 0 && i.Mask != points {
		return fmt.Errorf("found a mask of %d entries, expected one for each of the %d points", i.Mask, points)
	}
	return nil
}

// ReadIndices reads a list of indices. spec is the list itself, numbers and
// ranges with both ends ("40000-44999,7"), or the path of a file: text, the same
// separated by commas, blanks or lines, where # begins a comment, or an array of
// whole numbers or a mask of truth values, .npy or .npz; of the arrays of a .npz that of
// the given name.
func ReadIndices(spec, name string) (Indices, error) {
	if indexRanges.MatchString(spec) {
		if _, err := os.Stat(spec); err == nil {
			return Indices{}, fmt.Errorf("%s: found %s, which is a list of indices and a file, expected ./%[2]s "+
				"for the file, or another folder to work in for the list", name, spec)
		}
		list, err := parseIndices(spec)
		if err != nil {
			return Indices{}, fmt.Errorf("%s: %w", name, err)
		}
		return Indices{List: list}, nil
	}
	src, err := textfile.Read(spec, maxListFile)
	if err != nil {
		return Indices{}, fmt.Errorf("%s: %w", name, err)
	}
	if bytes.HasPrefix(src, []byte("PK")) || bytes.HasPrefix(src, []byte("\x93NUMPY")) {
		return readIndexArray(spec, name)
	}
	if src, err = textfile.UTF8(src); err != nil {
		return Indices{}, fmt.Errorf("%s: %s: %w", name, spec, err)
	}
	var lines []string
	for line := range strings.Lines(string(src)) {
		line, _, _ = strings.Cut(line, "#")
		lines = append(lines, line)
	}
	list, err := parseIndices(strings.Join(lines, " "))
	if err != nil {
		return Indices{}, fmt.Errorf("%s: %s: %w", name, spec, err)
	}
	return Indices{List: list}, nil
}

func parseIndices(text string) ([]int, error) {
	var out []int
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		from, to, isRange := strings.Cut(word, "-")
		if !isRange {
			to = from
		}
		lo, err := strconv.Atoi(from)
		hi, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || lo < 0 || hi < lo {
			return nil, fmt.Errorf("found %.40q, expected indices such as 7 and ranges such as 40000-44999", word)
		}
		if hi-lo >= maxIndices-len(out) {
			return nil, fmt.Errorf("%.40q: more than %d indices", word, maxIndices)
		}
		for i := lo; i <= hi; i++ {
			out = append(out, i)
		}
	}
	return out, nil
}

func readIndexArray(path, name string) (Indices, error) {
	f, err := npz.Open(path)
	if err != nil {
		return Indices{}, err
	}
	defer f.Close()
	array := name
	if len(f.Names()) == 1 {
		array = f.Names()[0]
	}
	set, err := readSet(f, path, array)
	if err != nil {
		return Indices{}, fmt.Errorf("%s: %w", name, err)
	}
	return set, nil
}

// readSet returns the points that an array names: their indices, or a mask. An array
// without entries is of any type: that of numpy.asarray([]) is float64.
func readSet(f *npz.File, path, name string) (Indices, error) {
	v, mask, err := readInts(f, path, name)
	if err != nil || !mask {
		return Indices{List: v}, err
	}
	set := Indices{List: []int{}, Mask: len(v)}
	for i, x := range v {
		if x != 0 {
			set.List = append(set.List, i)
		}
	}
	return set, nil
}

// readInts returns a one-dimensional array of whole numbers of the file at path. bools
// tells whether it is of truth values.
func readInts(f *npz.File, path, name string) (out []int, bools bool, err error) {
	a, err := f.Array(name)
	if err != nil {
		return nil, false, err
	}
	if len(a.Shape) != 1 {
		return nil, false, fmt.Errorf("%s: array %q: found shape %v, expected one dimension of whole numbers", path, name,
			a.Shape)
	}
	if a.Len() == 0 {
		return []int{}, false, nil
	}
	v, err := npz.ReadAll[int64](a)
	if err != nil {
		return nil, false, err
	}
	out = make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out, a.DType == npz.Bool, nil
}
