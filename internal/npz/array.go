package npz

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/locimem/locimem/internal/half"
)

// Array is an array in a file. It is not for several goroutines at once; a
// second Array of the same name is.
type Array struct {
	header
	where string
	r     io.ReaderAt // of header and values
	buf   []byte
}

// chunk is how many bytes are read at once.
const chunk = 1 << 16

func (a *Array) open(r io.ReaderAt, size int64) error {
	h, err := readHeader(io.NewSectionReader(r, 0, size), size)
	if err != nil {
		return err
	}
	a.header, a.r = *h, r
	return nil
}

// Len returns the number of values.
func (a *Array) Len() int { return int(a.count) }

// Rows returns the length of the first dimension; 1 for a single number.
func (a *Array) Rows() int {
	if len(a.Shape) == 0 {
		return 1
	}
	return a.Shape[0]
}

// RowLen returns the number of values of a row: the product of all dimensions
// but the first.
func (a *Array) RowLen() int {
	if a.count > 0 {
		return int(a.count) / a.Rows()
	}
	n := 1
	for _, d := range a.Shape[min(1, len(a.Shape)):] {
		if n = n * d; n == 0 {
			break
		}
	}
	return n
}

// ReadRows fills dst with rows first to first+len(dst)/RowLen()-1, each in
// row-major order whatever the order in the file. Memory is a fixed buffer.
//
// Rows of a deflated entry are cheap in rising order; going back reads it from
// its start. In Fortran order a call goes through the whole array, so that dst
// should be large there. A float type takes every type of array, int64 all
// whole numbers, uint8 only uint8 and bool; values that the type of dst cannot
// hold are errors with their place.
//
// Damage inside a deflated entry shows when its end is read; stored values are
// not compared with the checksum of the archive.
func ReadRows[T Value](a *Array, dst []T, first int) error {
	row := a.RowLen()
	n := 0
	if row > 0 {
		n = len(dst) / row
	}
	if n*row != len(dst) || first < 0 || first > a.Rows()-n {
		return fmt.Errorf("%s: rows from %d on, %d values: expected whole rows of %d values among %d", a.where, first,
			len(dst), row, a.Rows())
	}
	if err := takes[T](a.DType); err != nil {
		return fmt.Errorf("%s: %w", a.where, err)
	}
	if len(dst) == 0 {
		return nil
	}
	var err error
	if a.Fortran && len(a.Shape) > 1 {
		err = fortranRows(a, dst, first, n)
	} else {
		err = values(a, dst, int64(first)*int64(row))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", a.where, err)
	}
	return nil
}

// fortranRows reads n rows of an array whose first index runs fastest: a run of n
// values for every other index.
func fortranRows[T Value](a *Array, dst []T, first, n int) error {
	row, rows := a.RowLen(), int64(a.Rows())
	run := make([]T, n)
	index := make([]int, len(a.Shape)) // of the run, in the dimensions after the first
	for k := range row {
		if err := values(a, run, int64(k)*rows+int64(first)); err != nil {
			return err
		}
		at := 0
		for d := 1; d < len(a.Shape); d++ {
			at = at*a.Shape[d] + index[d]
		}
		for i, v := range run {
			dst[i*row+at] = v
		}
		for d := 1; d < len(a.Shape); d++ {
			if index[d]++; index[d] < a.Shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return nil
}

// ReadAll returns all values in row-major order. It takes as much memory as
// they need, but not before the bytes are there.
func ReadAll[T Value](a *Array) ([]T, error) {
	if err := takes[T](a.DType); err != nil {
		return nil, fmt.Errorf("%s: %w", a.where, err)
	}
	if a.count == 0 {
		return []T{}, nil
	}
	// A deflated entry may claim 1032 times its size: grow with what comes.
	var raw []T
	for n := int64(chunk); int64(len(raw)) < a.count; n = int64(len(raw)) {
		n = min(n, a.count-int64(len(raw)))
		at := len(raw)
		raw = slices.Grow(raw, int(n))[:at+int(n)]
		if err := values(a, raw[at:], int64(at)); err != nil {
			return nil, fmt.Errorf("%s: %w", a.where, err)
		}
	}
	if !a.Fortran || len(a.Shape) < 2 {
		return raw, nil
	}
	return rowMajor(raw, a.Shape), nil
}

// rowMajor returns the values of a column-major array in row-major order.
func rowMajor[T any](raw []T, shape []int) []T {
	out := make([]T, len(raw))
	index := make([]int, len(shape))
	for _, v := range raw {
		at := 0
		for d, i := range index {
			at = at*shape[d] + i
		}
		out[at] = v
		for d := range index {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return out
}

// values reads len(dst) values from number first of the file on.
func values[T Value](a *Array, dst []T, first int64) error {
	if a.buf == nil {
		a.buf = make([]byte, chunk)
	}
	w := a.DType.Width()
	for len(dst) > 0 {
		n := min(len(dst), chunk/w)
		b := a.buf[:n*w]
		if m, err := a.r.ReadAt(b, a.length+first*int64(w)); m < len(b) {
			return fmt.Errorf("values from %d on: %w", first, err)
		} else if err != nil && err != io.EOF {
			return fmt.Errorf("values from %d on: %w", first, err)
		}
		if a.big {
			for i := 0; i < len(b); i += w {
				slices.Reverse(b[i : i+w])
			}
		}
		if bad := decode(dst[:n], b, a.DType); bad >= 0 {
			return fmt.Errorf("value %d of the file: %T cannot hold it", first+int64(bad), dst[bad])
		}
		dst, first = dst[n:], first+int64(n)
	}
	return nil
}

// takes tells whether values of type t can be read as T.
func takes[T Value](t DType) error {
	var v T
	switch any(v).(type) {
	case int64:
		if t == Float16 || t == Float32 || t == Float64 {
			return fmt.Errorf("type: found %s, expected whole numbers (uint8, int32, int64 or bool)", t)
		}
	case uint8:
		if t != Uint8 && t != Bool {
			return fmt.Errorf("type: found %s, expected uint8 or bool", t)
		}
	}
	return nil
}

// decode turns little-endian bytes into numbers. It returns the place of one
// that T cannot hold, or -1.
func decode[T Value](dst []T, src []byte, t DType) int {
	switch t {
	case Float16:
		for i := range dst {
			dst[i] = T(half.Float32(binary.LittleEndian.Uint16(src[2*i:])))
		}
	case Float32:
		for i := range dst {
			dst[i] = T(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
		}
	case Float64:
		for i := range dst {
			v := math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
			dst[i] = T(v)
			if math.IsInf(float64(dst[i]), 0) && !math.IsInf(v, 0) {
				return i
			}
		}
	case Uint8, Bool:
		for i := range dst {
			dst[i] = T(src[i])
		}
	case Int32:
		for i := range dst {
			v := int32(binary.LittleEndian.Uint32(src[4*i:]))
			if dst[i] = T(v); float64(dst[i]) != float64(v) {
				return i
			}
		}
	case Int64:
		for i := range dst {
			v := int64(binary.LittleEndian.Uint64(src[8*i:]))
			dst[i] = T(v)
			// 2^63 as a float would come back as another number.
			if f := float64(dst[i]); f >= 0x1p63 && !same(dst[i], v) || int64(dst[i]) != v {
				return i
			}
		}
	}
	return -1
}

// same tells whether x is v exactly.
func same[T Value](x T, v int64) bool {
	i, ok := any(x).(int64)
	return ok && i == v
}

// ChannelsLast reorders maps [C,H,W] of area pixels, one after another, to [H,W,C].
func ChannelsLast[T any](values []T, area, channels int) {
	tmp := make([]T, area*channels)
	for row := range slices.Chunk(values, area*channels) {
		for u := range channels {
			for p := range area {
				tmp[p*channels+u] = row[u*area+p]
			}
		}
		copy(row, tmp)
	}
}
