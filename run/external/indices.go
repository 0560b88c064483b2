package external

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/locimem/locimem/internal/npz"
)

// maxIndices bounds how many indices a list may name, so that a slip of the pen
// in a range does not take all memory.
const maxIndices = 100_000_000

var indexRanges = regexp.MustCompile(`^\d+(-\d+)?(,\d+(-\d+)?)*$`)

// ReadIndices reads a list of indices. spec is the list itself, numbers and
// ranges with both ends ("40000-44999,7"), or the path of a file: text, the same
// separated by commas, blanks or lines, where # begins a comment, or an array of
// whole numbers, .npy or .npz; of the arrays of a .npz that of the given name.
func ReadIndices(spec, name string) ([]int, error) {
	if indexRanges.MatchString(spec) {
		list, err := parseIndices(spec)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return list, nil
	}
	src, err := os.ReadFile(spec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if bytes.HasPrefix(src, []byte("PK")) || bytes.HasPrefix(src, []byte("\x93NUMPY")) {
		return readIndexArray(spec, name)
	}
	var lines []string
	for line := range strings.Lines(string(src)) {
		line, _, _ = strings.Cut(line, "#")
		lines = append(lines, line)
	}
	list, err := parseIndices(strings.Join(lines, " "))
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", name, spec, err)
	}
	return list, nil
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

func readIndexArray(path, name string) ([]int, error) {
	f, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	array := name
	if len(f.Names()) == 1 {
		array = f.Names()[0]
	}
	v, err := readInts(f, path, array)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// readInts returns a one-dimensional array of whole numbers of the file at path.
func readInts(f *npz.File, path, name string) ([]int, error) {
	a, err := f.Array(name)
	if err != nil {
		return nil, err
	}
	if len(a.Shape) != 1 {
		return nil, fmt.Errorf("%s: array %q: found shape %v, expected one dimension of whole numbers", path, name, a.Shape)
	}
	v, err := npz.ReadAll[int64](a)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out, nil
}
