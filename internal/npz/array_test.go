package npz

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The files were made by testdata/make_arrays.py.
func TestReadsWhatNumPyWrites(t *testing.T) {
	for _, path := range []string{"testdata/arrays.npz", "testdata/packed.npz", "testdata/big.npy"} {
		f, err := Open(path)
		require.NoError(t, err)
		defer f.Close()
		require.NotEmpty(t, f.Names())
		for _, name := range f.Names() {
			a, err := f.Array(name)
			require.NoError(t, err)
			assert.Equal(t, strings.Contains(name, "fortran") || name == "big", a.Fortran, name)
			var want []float64
			for k := range a.Len() {
				switch v := float64(k - 3); {
				case a.DType == Uint8:
					want = append(want, float64(7*k%256))
				case a.DType == Bool:
					want = append(want, float64(k%2))
				case a.DType <= Float64:
					want = append(want, v/2)
				default:
					want = append(want, v)
				}
			}
			all, err := ReadAll[float64](a)
			require.NoError(t, err)
			require.Equal(t, append([]float64{}, want...), all, "%s: %s", path, name)
			readsRows[float64](t, a, want)
			readsRows[float32](t, a, want)
			if a.DType >= Uint8 {
				readsRows[int64](t, a, want)
			} else {
				_, err = ReadAll[int64](a)
				require.ErrorContains(t, err, "found "+a.DType.String()+", expected whole numbers")
			}
			if a.DType == Uint8 || a.DType == Bool {
				readsRows[uint8](t, a, want)
			} else {
				_, err = ReadAll[uint8](a)
				require.ErrorContains(t, err, "expected uint8 or bool")
			}
		}
	}
}

// readsRows reads rows singly, backwards too, and several at once.
func readsRows[T Value](t *testing.T, a *Array, want []float64) {
	t.Helper()
	row := a.RowLen()
	check := func(first, n int) {
		dst := make([]T, n*row)
		require.NoError(t, ReadRows(a, dst, first))
		for i, v := range dst {
			require.Equal(t, want[first*row+i], float64(v), a.where)
		}
	}
	for i := range a.Rows() {
		check(i, 1)
		check(a.Rows()-1-i, 1+i)
	}
	check(0, a.Rows())
	if row == 0 {
		return // nothing to read is never too much
	}
	require.Error(t, ReadRows(a, make([]T, row), a.Rows()))
	require.Error(t, ReadRows(a, make([]T, row), -1))
	require.Error(t, ReadRows(a, make([]T, row*(a.Rows()+1)+1), 0))
}

func TestWritesAndReadsBack(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "x.npz")
		const rows, row = 3000, 31 // more than one chunk
		v := make([]float32, rows*row)
		for i := range v {
			v[i] = float32(i%2048) / 16
		}
		require.NoError(t, Create(path, func(w *Writer) error {
			w.Deflate = deflate
			for _, dt := range []DType{Float16, Float32, Float64} {
				a, err := w.Array(dt.String(), dt, rows, row)
				require.NoError(t, err)
				for c := range slices.Chunk(v, 1000) {
					require.NoError(t, Append(a, c))
				}
				require.ErrorContains(t, Append(a, v[:1]), "1 values for the last 0 places")
			}
			for _, dt := range []DType{Uint8, Int32, Int64, Bool} {
				a, err := w.Array(dt.String(), dt, 2)
				require.NoError(t, err)
				require.NoError(t, Append(a, []int64{1, 0}))
			}
			a, err := w.Array("scalar", Float32)
			require.NoError(t, err)
			return Append(a, []float64{0.1})
		}))
		f, err := Open(path)
		require.NoError(t, err)
		defer f.Close()
		assert.Equal(t, []string{"float16", "float32", "float64", "uint8", "int32", "int64", "bool", "scalar"},
			f.Names())
		for _, name := range f.Names()[:3] {
			a, err := f.Array(name)
			require.NoError(t, err)
			got, err := ReadAll[float32](a)
			require.NoError(t, err)
			require.Equal(t, v, got)
			part := make([]float32, 7*row)
			require.NoError(t, ReadRows(a, part, 2900))
			require.Equal(t, v[2900*row:2907*row], part)
			require.NoError(t, ReadRows(a, part, 11))
			require.Equal(t, v[11*row:18*row], part)
		}
		for _, name := range f.Names()[3:7] {
			a, err := f.Array(name)
			require.NoError(t, err)
			got, err := ReadAll[int64](a)
			require.NoError(t, err)
			assert.Equal(t, []int64{1, 0}, got)
		}
		_, err = f.Array("none")
		assert.ErrorContains(t, err, path+`: array "none" is not in the file; there are float16, `)
	}
}

func TestWriterRefuses(t *testing.T) {
	write := func(write func(w *Writer) error) error {
		return Create(filepath.Join(t.TempDir(), "x.npz"), write)
	}
	assert.ErrorContains(t, write(func(w *Writer) error {
		_, err := w.Array("a", Float32, 2)
		return err
	}), `npz: array "a": 2 values are missing`)
	assert.ErrorContains(t, write(func(w *Writer) error {
		_, err := w.Array("a", Float32, 0)
		require.NoError(t, err)
		_, err = w.Array("a", Float32, 0)
		return err
	}), `array "a": names must differ`)
	assert.ErrorContains(t, write(func(w *Writer) error {
		_, err := w.Array("a", Float32, 1<<40, 1<<40)
		return err
	}), "at most")
	assert.ErrorContains(t, write(func(w *Writer) error {
		a, err := w.Array("a", Uint8, 1)
		require.NoError(t, err)
		return Append(a, []int64{256})
	}), "value 256 does not fit uint8")
	assert.ErrorContains(t, write(func(w *Writer) error {
		a, err := w.Array("a", Int64, 1)
		require.NoError(t, err)
		return Append(a, []float32{1})
	}), "values of type float32 for an array of int64")
}
