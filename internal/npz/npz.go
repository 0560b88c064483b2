// Package npz reads and writes NumPy's files: .npy, one array, and .npz, a zip
// archive of them, stored or deflated (numpy.lib.format, versions 1 to 3).
//
// It is for large files of unknown origin. Rows are read a few at a time, so
// that memory does not grow with the array, and a header is believed only as far
// as the bytes are there: no more is allocated than a fixed multiple of what the
// file really holds. (The kept library npyio, which the tests use for golden
// files, allocates what a header claims, panics at some and reads arrays whole.)
//
//	f, err := npz.Open("activations.npz")
//	defer f.Close()
//	a, err := f.Array("conv1")                   // a.Shape, a.DType
//	rows := make([]float32, 100*a.RowLen())
//	err = npz.ReadRows(a, rows, 500)             // rows 500 to 599
//	all, err := npz.ReadAll[float32](a)          // or everything
//
//	err = npz.Create("views.npz", func(w *npz.Writer) error {
//		a, err := w.Array("views", npz.Float32, 5000, 32, 32, 3)
//		if err != nil { return err }
//		return npz.Append(a, values)             // as often as needed
//	})
package npz

// DType is the type of an array's values.
type DType uint8

// The types that are read and written; Bool counts as uint8 with 0 and 1.
const (
	Float16 DType = iota
	Float32
	Float64
	Uint8
	Int32
	Int64
	Bool
)

// dtypes has for each type its name, NumPy's code and its bytes.
var dtypes = [...]struct {
	name, code string
	width      int
}{
	{"float16", "f2", 2}, {"float32", "f4", 4}, {"float64", "f8", 8},
	{"uint8", "u1", 1}, {"int32", "i4", 4}, {"int64", "i8", 8}, {"bool", "b1", 1},
}

// String returns NumPy's name of the type.
func (t DType) String() string { return dtypes[t].name }

// Width returns the bytes of one value.
func (t DType) Width() int { return dtypes[t].width }

// Value is a type that arrays are read into and written from.
type Value interface {
	float32 | float64 | int64 | uint8
}
