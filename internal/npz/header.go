package npz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

const (
	magic = "\x93NUMPY"
	// maxHeader bounds the text of a header; NumPy itself writes about 100 bytes
	// and refuses more than 10,000 unless told otherwise.
	maxHeader = 1 << 16
	maxDims   = 32
)

// header is what stands before the values.
type header struct {
	DType   DType
	Shape   []int
	Fortran bool // the first index runs fastest
	big     bool // big-endian
	count   int64
	length  int64 // bytes of the header itself
}

// readHeader reads a header from r, which holds size bytes, header and values.
// They must fit exactly.
func readHeader(r io.Reader, size int64) (*header, error) {
	var start [12]byte
	if _, err := io.ReadFull(r, start[:8]); err != nil {
		return nil, fmt.Errorf("header: %w", short(err, size, 8))
	}
	if string(start[:6]) != magic {
		return nil, fmt.Errorf("header: starts with %q, expected %q: not a NumPy array", start[:6], magic)
	}
	n, length := 2, int64(0)
	if start[6] > 1 {
		n = 4
	}
	if start[6] < 1 || start[6] > 3 {
		return nil, fmt.Errorf("header: version: found %d.%d, expected 1 to 3", start[6], start[7])
	}
	if _, err := io.ReadFull(r, start[8:8+n]); err != nil {
		return nil, fmt.Errorf("header: %w", short(err, size, int64(8+n)))
	}
	if n == 2 {
		length = int64(binary.LittleEndian.Uint16(start[8:]))
	} else {
		length = int64(binary.LittleEndian.Uint32(start[8:]))
	}
	if length > maxHeader {
		return nil, fmt.Errorf("header: length: found %d bytes, expected at most %d", length, maxHeader)
	}
	if begin := int64(8 + n); begin+length > size {
		return nil, fmt.Errorf("header: length: found %d bytes, but only %d are left: truncated?", length, size-begin)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("header: %w", short(err, size, int64(8+n)+length))
	}
	h, err := parseHeader(string(text))
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	h.length = int64(8+n) + length
	if want := h.count * int64(h.DType.Width()); want != size-h.length {
		what := "truncated"
		if want < size-h.length {
			what = "oversized"
		}
		return nil, fmt.Errorf("%s: found %d bytes of values, expected %d for %s of shape %v", what, size-h.length,
			want, h.DType, h.Shape)
	}
	return h, nil
}

// short names an end that came too early.
func short(err error, found, want int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("truncated: found %d bytes, expected at least %d", found, want)
	}
	return err
}

// parseHeader reads the Python dictionary of a header.
func parseHeader(text string) (*header, error) {
	p := parser{strings.TrimRight(text, " \n")}
	h := &header{}
	seen := map[string]bool{}
	if err := p.want("{"); err != nil {
		return nil, err
	}
	for !p.skip("}") {
		key, err := p.str()
		if err == nil {
			err = p.want(":")
		}
		if err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, fmt.Errorf("%q is given twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			err = p.descr(h)
		case "fortran_order":
			if h.Fortran = p.skip("True"); !h.Fortran {
				err = p.want("False")
			}
		case "shape":
			err = p.shape(h)
		default:
			err = errors.New("unknown field, expected descr, fortran_order and shape")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if !p.skip(",") && !strings.HasPrefix(p.rest, "}") {
			return nil, fmt.Errorf("found %.20q, expected , or }", p.rest)
		}
	}
	if p.rest != "" {
		return nil, fmt.Errorf("goes on with %.20q after its closing brace", p.rest)
	}
	if len(seen) != 3 {
		return nil, errors.New("expected all of descr, fortran_order and shape")
	}
	n := uint64(1)
	for _, d := range h.Shape {
		var over uint64
		if over, n = bits.Mul64(n, uint64(d)); over != 0 {
			n = math.MaxUint64
			break
		}
	}
	if n > math.MaxInt64/8 {
		return nil, fmt.Errorf("shape: %v has too many values", h.Shape)
	}
	h.count = int64(n)
	return h, nil
}

// parser reads the few forms of Python that a header is made of.
type parser struct{ rest string }

// skip tells whether s comes next, and skips it and the blanks behind it.
func (p *parser) skip(s string) bool {
	rest, ok := strings.CutPrefix(p.rest, s)
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

func (p *parser) want(s string) error {
	if !p.skip(s) {
		return fmt.Errorf("found %.20q, expected %s", p.rest, s)
	}
	return nil
}

func (p *parser) str() (string, error) {
	for _, q := range []string{"'", `"`} {
		if rest, ok := strings.CutPrefix(p.rest, q); ok {
			if s, rest, ok := strings.Cut(rest, q); ok {
				p.rest = strings.TrimLeft(rest, " ")
				return s, nil
			}
		}
	}
	return "", fmt.Errorf("found %.20q, expected a string", p.rest)
}

func (p *parser) descr(h *header) error {
	s, err := p.str()
	if err != nil {
		return fmt.Errorf("%w (arrays of records are not read)", err)
	}
	for t, d := range dtypes {
		if len(s) == 3 && s[1:] == d.code && strings.ContainsRune("<>|=", rune(s[0])) {
			h.DType, h.big = DType(t), s[0] == '>'
			return nil
		}
	}
	return fmt.Errorf("found %q, expected float16, float32, float64, uint8, int32, int64 or bool (such as '<f4')", s)
}

func (p *parser) shape(h *header) error {
	if err := p.want("("); err != nil {
		return err
	}
	h.Shape = []int{}
	for !p.skip(")") {
		n := 0
		for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
			n++
		}
		d, err := strconv.Atoi(p.rest[:n])
		if err != nil {
			return fmt.Errorf("found %.20q, expected whole numbers from 0 to %d", p.rest, math.MaxInt)
		}
		p.rest = p.rest[n:]
		if p.skip("L"); len(h.Shape) == maxDims { // Python 2 marks long numbers
			return fmt.Errorf("more than %d dimensions", maxDims)
		}
		h.Shape = append(h.Shape, d)
		if !p.skip(",") && !strings.HasPrefix(p.rest, ")") {
			return fmt.Errorf("found %.20q, expected , or )", p.rest)
		}
	}
	return nil
}
