package npz

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/internal/half"
)

// Writer writes a .npz file, one array after the other.
type Writer struct {
	// Deflate packs the arrays that follow. They take less room, but rows can
	// then be read in order only.
	Deflate bool

	z     *zip.Writer
	names map[string]bool
	last  *ArrayWriter
}

// NewWriter returns a Writer to w. Close it at the end.
func NewWriter(w io.Writer) *Writer {
	return &Writer{z: zip.NewWriter(w), names: map[string]bool{}}
}

// Create writes a .npz file by calling write. The file appears whole or not at
// all.
func Create(path string, write func(w *Writer) error) error {
	return atomicfile.Write(path, func(out io.Writer) error {
		w := NewWriter(out)
		if err := write(w); err != nil {
			return err
		}
		return w.Close()
	})
}

// Array begins an array; the one before must be complete. Its values, in
// row-major order, are given to Append.
func (w *Writer) Array(name string, t DType, shape ...int) (*ArrayWriter, error) {
	if err := w.finish(); err != nil {
		return nil, err
	}
	if name == "" || w.names[name] {
		return nil, fmt.Errorf("npz: array %q: names must differ and not be empty", name)
	}
	w.names[name] = true
	h := &zip.FileHeader{Name: name + ".npy", Method: zip.Store}
	if w.Deflate {
		h.Method = zip.Deflate
	}
	e, err := w.z.CreateHeader(h)
	if err != nil {
		return nil, err
	}
	a, err := NewArrayWriter(e, t, shape...)
	if err != nil {
		return nil, fmt.Errorf("npz: array %q: %w", name, err)
	}
	a.name = name
	w.last = a
	return a, nil
}

func (w *Writer) finish() error {
	if w.last == nil {
		return nil
	}
	a := w.last
	w.last = nil
	if err := a.Close(); err != nil {
		return fmt.Errorf("npz: array %q: %w", a.name, err)
	}
	return nil
}

// Close ends the archive. It fails if the last array lacks values.
func (w *Writer) Close() error {
	if err := w.finish(); err != nil {
		return err
	}
	return w.z.Close()
}

// ArrayWriter writes one array.
type ArrayWriter struct {
	name string
	t    DType
	w    *bufio.Writer
	left uint64 // values to come
}

// NewArrayWriter writes the header of an array to w, which becomes a .npy file.
func NewArrayWriter(w io.Writer, t DType, shape ...int) (*ArrayWriter, error) {
	text := make([]string, len(shape))
	n := uint64(1)
	for i, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt64/8/uint64(d) {
			return nil, fmt.Errorf("shape: found %v, expected sizes of 0 or more and at most %d values", shape,
				math.MaxInt64/8)
		}
		n *= uint64(d)
		text[i] = fmt.Sprint(d)
	}
	dims := strings.Join(text, ", ")
	if len(shape) == 1 {
		dims += ","
	}
	order := "<"
	if t.Width() == 1 {
		order = "|"
	}
	dict := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, dtypes[t].code, dims)
	// Blanks and a newline bring the values to a multiple of 64 bytes.
	size := (10 + len(dict) + 1 + 63) / 64 * 64
	dict += strings.Repeat(" ", size-10-len(dict)-1) + "\n"
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	a := &ArrayWriter{t: t, w: bufio.NewWriterSize(w, chunk), left: n}
	_, err := a.w.Write(append(b, dict...))
	return a, err
}

// Append writes the next values, converted to the type of the array: rounded to
// the nearest for floats. Whole numbers must fit, and floats go to float types
// only.
func Append[T Value](a *ArrayWriter, v []T) error {
	if uint64(len(v)) > a.left {
		return fmt.Errorf("%d values for the last %d places", len(v), a.left)
	}
	var zero T
	_, f32 := any(zero).(float32)
	_, f64 := any(zero).(float64)
	if whole := a.t >= Uint8; whole && (f32 || f64) {
		return fmt.Errorf("values of type %T for an array of %s", zero, a.t)
	}
	a.left -= uint64(len(v))
	b := make([]byte, 0, 8)
	for _, x := range v {
		fits := true
		switch b = b[:0]; a.t {
		case Float16:
			b = binary.LittleEndian.AppendUint16(b, half.FromFloat64(float64(x)))
		case Float32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
		case Float64:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(x)))
		case Uint8:
			b, fits = append(b, uint8(int64(x))), int64(x) >= 0 && int64(x) <= 255
		case Bool:
			b, fits = append(b, uint8(int64(x))), int64(x) == 0 || int64(x) == 1
		case Int32:
			b, fits = binary.LittleEndian.AppendUint32(b, uint32(int64(x))), int64(int32(int64(x))) == int64(x)
		case Int64:
			b = binary.LittleEndian.AppendUint64(b, uint64(int64(x)))
		}
		if !fits {
			return fmt.Errorf("value %v does not fit %s", x, a.t)
		}
		if _, err := a.w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// Close writes what is left in memory. It fails if values are missing. Arrays of
// a Writer are closed by it.
func (a *ArrayWriter) Close() error {
	if a.left > 0 {
		return errors.Join(fmt.Errorf("%d values are missing", a.left), a.w.Flush())
	}
	return a.w.Flush()
}
