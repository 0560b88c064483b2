package weights

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// entry is what the header says about one tensor. Its values lie at [begin, end)
// behind the header.
type entry struct {
	dtype      string
	shape      []int
	begin, end int64
	shard      *File  // that it lies in; nil for the file itself
	stored     string // its name there where another one was given; else ""
}

// header is the parsed JSON header.
type header struct {
	entries map[string]entry
	meta    map[string]string
}

const metaName = "__metadata__"

// widths are the bytes of a value of each type of the format that has whole
// bytes.
var widths = map[string]uint64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "C64": 8,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
	"F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "F8_E4M3FNUZ": 1, "F8_E5M2FNUZ": 1,
}

// parseHeader reads the header of a file with size bytes of values behind it. It
// takes nothing on trust: names must differ, and the tensors must lie side by
// side and fill those bytes exactly.
func parseHeader(raw []byte, size int64) (*header, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("not UTF-8")
	}
	if len(raw) == 0 || raw[0] != '{' {
		return nil, fmt.Errorf("starts with %.20q, expected {", raw)
	}
	p := parser{json.NewDecoder(bytes.NewReader(raw))}
	p.UseNumber()
	h := &header{entries: map[string]entry{}}
	err := p.object(func(name string) error {
		if name == metaName {
			h.meta = map[string]string{}
			err := p.object(func(key string) error {
				v, err := p.text()
				h.meta[key] = v
				return within(strconv.Quote(key), err)
			})
			return within(metaName, err)
		}
		e, err := p.entry(size)
		h.entries[name] = e
		return within(fmt.Sprintf("tensor %q", name), err)
	})
	if err != nil {
		return nil, err
	}
	if _, err := p.Token(); err != io.EOF {
		return nil, errors.New("goes on after its closing brace")
	}
	return h, h.checkPlaces(size)
}

// checkPlaces fails if tensors overlap or leave bytes between or behind them.
func (h *header) checkPlaces(size int64) error {
	names := make([]string, 0, len(h.entries))
	for n := range h.entries {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := h.entries[a], h.entries[b]
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), strings.Compare(a, b))
	})
	at, last := int64(0), "the header"
	for _, n := range names {
		e := h.entries[n]
		if e.begin < at {
			return fmt.Errorf("tensor %q at bytes %d to %d overlaps %s, which ends at %d", n, e.begin, e.end, last, at)
		}
		if e.begin > at {
			return fmt.Errorf("%d bytes between %s and tensor %q belong to no tensor", e.begin-at, last, n)
		}
		at, last = e.end, fmt.Sprintf("tensor %q", n)
	}
	if at != size {
		return fmt.Errorf("%d bytes after %s belong to no tensor", size-at, last)
	}
	return nil
}

// parser reads the JSON of a header token by token, so that names given twice
// are seen.
type parser struct{ *json.Decoder }

// within puts where before an error.
func within(where string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", where, err)
}

// delim reads one of { } [ ].
func (p parser) delim(want json.Delim) error {
	t, err := p.next()
	if err == nil && t != want {
		err = fmt.Errorf("found %v, expected %v", t, want)
	}
	return err
}

// next reads a token; the end of the header is an error.
func (p parser) next() (json.Token, error) {
	t, err := p.Token()
	if err == io.EOF {
		err = errors.New("the header ends too early")
	}
	return t, err
}

// object calls member with every key of an object, which must read the value.
func (p parser) object(member func(key string) error) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.More() {
		key, err := p.text()
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%q is given twice", key)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	return p.delim('}')
}

func (p parser) text() (string, error) {
	t, err := p.next()
	s, ok := t.(string)
	if err == nil && !ok {
		err = fmt.Errorf("found %v, expected a string", t)
	}
	return s, err
}

// numbers reads an array of whole numbers that are not negative.
func (p parser) numbers() ([]int, error) {
	if err := p.delim('['); err != nil {
		return nil, err
	}
	out := []int{}
	for p.More() {
		t, err := p.next()
		if err != nil {
			return nil, err
		}
		n, _ := t.(json.Number)
		v, err := strconv.Atoi(n.String())
		if err != nil || v < 0 {
			return nil, fmt.Errorf("found %v, expected a whole number from 0 to %d", t, math.MaxInt)
		}
		out = append(out, v)
	}
	return out, p.delim(']')
}

// entry reads the description of a tensor and checks it against itself and
// against the size of the values.
func (p parser) entry(size int64) (entry, error) {
	var e entry
	var offsets []int
	given := 0
	err := p.object(func(key string) (err error) {
		given++
		switch key {
		case "dtype":
			e.dtype, err = p.text()
		case "shape":
			e.shape, err = p.numbers()
		case "data_offsets":
			offsets, err = p.numbers()
		default:
			err = errors.New("unknown field, expected dtype, shape or data_offsets")
		}
		return within(key, err)
	})
	if err != nil {
		return e, err
	}
	if given != 3 {
		return e, errors.New("expected all of dtype, shape and data_offsets")
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] || int64(offsets[1]) > size {
		return e, fmt.Errorf("data_offsets: found %v, expected [begin, end] with begin <= end <= %d, "+
			"the bytes of values in the file", offsets, size)
	}
	e.begin, e.end = int64(offsets[0]), int64(offsets[1])
	n, ok := widths[e.dtype]
	if !ok {
		return e, fmt.Errorf("dtype: found %q, which is unknown", e.dtype)
	}
	for _, d := range e.shape {
		var over uint64
		if over, n = bits.Mul64(n, uint64(d)); over != 0 {
			return e, fmt.Errorf("shape: %v has too many values", e.shape)
		}
	}
	if n != uint64(e.end-e.begin) {
		return e, fmt.Errorf("shape %v of %s takes %d bytes, but data_offsets %v gives %d",
			e.shape, e.dtype, n, offsets, e.end-e.begin)
	}
	return e, nil
}
