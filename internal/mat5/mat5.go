// Package mat5 reads the numeric arrays of MATLAB's MAT-files of version 5 (level
// 5, also what -v6 and -v7 write), as the data set SVHN uses them. The format is
// described in "MAT-File Format", The MathWorks. Elements packed by zlib are
// unpacked as they are read; nothing is allocated on the word of a header.
package mat5

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// Types of data elements.
const (
	miInt8       = 1
	miInt32      = 5
	miUint32     = 6
	miMatrix     = 14
	miCompressed = 15
)

// kinds has the name and width of the types that values are stored in.
var kinds = map[uint32]struct {
	name  string
	width int
}{
	1: {"int8", 1}, 2: {"uint8", 1}, 3: {"int16", 2}, 4: {"uint16", 2}, 5: {"int32", 4},
	6: {"uint32", 4}, 7: {"single", 4}, 9: {"double", 8}, 12: {"int64", 8}, 13: {"uint64", 8},
}

// classes are the numeric array classes of MATLAB.
var classes = map[uint32]string{6: "double", 7: "single", 8: "int8", 9: "uint8", 10: "int16",
	11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64"}

const (
	maxRatio = 1032 // the most that deflate can shrink
	maxDims  = 32
	maxName  = 63 // MATLAB's namelengthmax
)

// Variable is one numeric array. Its values come column by column: the first
// index runs fastest.
type Variable struct {
	Name  string
	Class string // double, single, or int8 to uint64
	Dims  []int
	Type  string // type that the values are stored in, which can be smaller than the class
	Bytes int64  // of all values

	kind  uint32
	order binary.ByteOrder
	r     io.Reader
}

// Len returns the number of values.
func (v *Variable) Len() int { return int(v.Bytes) / kinds[v.kind].width }

// Read reads the bytes of the values as they are stored.
func (v *Variable) Read(p []byte) (int, error) { return v.r.Read(p) }

// Next reads the next value as a float64.
func (v *Variable) Next() (float64, error) {
	var b [8]byte
	w := kinds[v.kind].width
	if _, err := io.ReadFull(v.r, b[:w]); err != nil {
		return 0, err
	}
	switch o := v.order; v.kind {
	case 1:
		return float64(int8(b[0])), nil
	case 2:
		return float64(b[0]), nil
	case 3:
		return float64(int16(o.Uint16(b[:]))), nil
	case 4:
		return float64(o.Uint16(b[:])), nil
	case 5:
		return float64(int32(o.Uint32(b[:]))), nil
	case 6:
		return float64(o.Uint32(b[:])), nil
	case 7:
		return float64(math.Float32frombits(o.Uint32(b[:]))), nil
	case 9:
		return math.Float64frombits(o.Uint64(b[:])), nil
	case 12:
		return float64(int64(o.Uint64(b[:]))), nil
	}
	return float64(v.order.Uint64(b[:])), nil
}

// Each calls visit with every numeric array of the file of size bytes, in its
// order; visit may read values, or not. Other variables (cells, structures,
// text) are passed over. Errors name the element or variable.
func Each(r io.Reader, size int64, visit func(v *Variable) error) error {
	var head [128]byte
	in := bufio.NewReaderSize(io.LimitReader(r, size), 1<<16)
	if n, err := io.ReadFull(in, head[:]); err != nil {
		return fmt.Errorf("header: truncated: found %d bytes, expected %d", n, len(head))
	}
	var order binary.ByteOrder
	switch string(head[126:]) {
	case "IM":
		order = binary.LittleEndian
	case "MI":
		order = binary.BigEndian
	default:
		hint := ""
		if bytes.HasPrefix(head[:], []byte("\x89HDF")) || bytes.HasPrefix(head[:], []byte("MATLAB 7.3")) {
			hint = " (it is of version 7.3; save with -v7)"
		}
		return fmt.Errorf("header: byte order: found %q, expected IM or MI: not a MAT-file of version 5%s", head[126:],
			hint)
	}
	if v := order.Uint16(head[124:]); v != 0x100 {
		return fmt.Errorf("header: version: found %#x, expected 0x100", v)
	}
	at := int64(len(head))
	for n := 1; ; n++ {
		var tag [8]byte
		if k, err := io.ReadFull(in, tag[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("element %d: tag: truncated: found %d bytes, expected 8", n, k)
		}
		at += 8
		kind, length := order.Uint32(tag[:]), int64(order.Uint32(tag[4:]))
		if length > size-at {
			return fmt.Errorf("element %d: length: found %d bytes, but only %d are left: truncated?", n, length,
				size-at)
		}
		at += length
		body := &io.LimitedReader{R: in, N: length}
		var err error
		switch kind {
		case miMatrix:
			err = matrix(body, order, length, visit)
		case miCompressed:
			err = compressed(body, order, length, visit)
		default:
			err = fmt.Errorf("type: found %d, expected %d (matrix) or %d (compressed)", kind, miMatrix, miCompressed)
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", n, err)
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
	}
}

// compressed reads an element that is packed by zlib.
func compressed(body io.Reader, order binary.ByteOrder, length int64, visit func(v *Variable) error) error {
	z, err := zlib.NewReader(body)
	if err != nil {
		return fmt.Errorf("packed data: %w", short(err))
	}
	var tag [8]byte
	if _, err := io.ReadFull(z, tag[:]); err != nil {
		return fmt.Errorf("packed data: tag: %w", short(err))
	}
	if kind := order.Uint32(tag[:]); kind != miMatrix {
		return fmt.Errorf("packed data: type: found %d, expected %d (matrix)", kind, miMatrix)
	}
	inner := int64(order.Uint32(tag[4:]))
	if inner > maxRatio*length {
		return fmt.Errorf("packed data: length: claims %d bytes packed into %d, which is not possible", inner, length)
	}
	in := &io.LimitedReader{R: z, N: inner}
	if err := matrix(in, order, inner, visit); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // to the end, where the checksum is
		return fmt.Errorf("packed data: %w", short(err))
	}
	if in.N > 0 {
		return fmt.Errorf("packed data: truncated: %d bytes of %d are missing", in.N, inner)
	}
	var one [1]byte
	if k, err := io.ReadFull(z, one[:]); k > 0 {
		return fmt.Errorf("packed data: more than the expected %d bytes", inner)
	} else if err != io.EOF {
		return fmt.Errorf("packed data: %w", short(err))
	}
	return nil
}

func short(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("truncated")
	}
	return err
}

// part reads the tag of a subelement: its type and length. Up to 4 bytes of data
// can lie in the tag itself; they are returned then.
func part(r *io.LimitedReader, order binary.ByteOrder) (kind uint32, length int64, small []byte, err error) {
	var tag [8]byte
	if _, err := io.ReadFull(r, tag[:]); err != nil {
		return 0, 0, nil, fmt.Errorf("tag: %w", short(err))
	}
	kind, length = order.Uint32(tag[:]), int64(order.Uint32(tag[4:]))
	if n := kind >> 16; n != 0 {
		if n > 4 {
			return 0, 0, nil, fmt.Errorf("tag: %d bytes in a small element, expected 1 to 4", n)
		}
		return kind & 0xffff, int64(n), tag[4 : 4+n], nil
	}
	if length > r.N {
		return 0, 0, nil, fmt.Errorf("tag: length: found %d bytes, but only %d are left", length, r.N)
	}
	return kind, length, nil, nil
}

// whole reads a subelement of that type and at most most bytes, and what fills it
// up to a multiple of 8.
func whole(r *io.LimitedReader, order binary.ByteOrder, want uint32, most int64) ([]byte, error) {
	kind, length, small, err := part(r, order)
	switch {
	case err != nil:
		return nil, err
	case kind != want:
		return nil, fmt.Errorf("type: found %d, expected %d", kind, want)
	case length > most:
		return nil, fmt.Errorf("length: found %d bytes, expected at most %d", length, most)
	case small != nil:
		return small, nil
	}
	b := make([]byte, (length+7)/8*8)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, short(err)
	}
	return b[:length], nil
}

// matrix reads a matrix of length bytes.
func matrix(body *io.LimitedReader, order binary.ByteOrder, length int64, visit func(v *Variable) error) error {
	if length == 0 {
		return nil // an empty matrix is written so
	}
	flags, err := whole(body, order, miUint32, 8)
	if err != nil {
		return fmt.Errorf("array flags: %w", err)
	}
	if len(flags) != 8 {
		return fmt.Errorf("array flags: found %d bytes, expected 8", len(flags))
	}
	word := order.Uint32(flags)
	v := &Variable{Class: classes[word&0xff], order: order}
	if v.Class == "" {
		return nil // not numeric
	}
	dims, err := whole(body, order, miInt32, 4*maxDims)
	if err != nil {
		return fmt.Errorf("dimensions: %w", err)
	}
	if len(dims)%4 != 0 || len(dims) < 8 {
		return fmt.Errorf("dimensions: found %d bytes, expected 4 for each of 2 or more", len(dims))
	}
	count := uint64(1)
	for ; len(dims) > 0; dims = dims[4:] {
		d := int32(order.Uint32(dims))
		if d < 0 {
			return fmt.Errorf("dimensions: found %d, expected 0 or more", d)
		}
		v.Dims = append(v.Dims, int(d))
		over := uint64(0)
		if over, count = bits.Mul64(count, uint64(d)); over != 0 || count > 1<<40 {
			return fmt.Errorf("dimensions: %v are too many values", v.Dims)
		}
	}
	name, err := whole(body, order, miInt8, maxName)
	if err != nil {
		return fmt.Errorf("name: %w", err)
	}
	v.Name = string(name)
	kind, n, small, err := part(body, order)
	if err != nil {
		return fmt.Errorf("variable %q: values: %w", v.Name, err)
	}
	k, ok := kinds[kind]
	if !ok {
		return fmt.Errorf("variable %q: values: type: found %d, which is unknown", v.Name, kind)
	}
	if want := int64(count) * int64(k.width); n != want {
		return fmt.Errorf("variable %q: values: found %d bytes, expected %d for %v of %s", v.Name, n, want, v.Dims,
			k.name)
	}
	v.kind, v.Type, v.Bytes = kind, k.name, n
	if v.r = io.LimitReader(body, n); small != nil {
		v.r = bytes.NewReader(small)
	}
	if err := visit(v); err != nil {
		return fmt.Errorf("variable %q: %w", v.Name, err)
	}
	return nil
}
