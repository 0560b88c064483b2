package mat5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return b
}

// all reads every value of a file of those bytes.
func all(b []byte) (names []string, values map[string][]float64, err error) {
	values = map[string][]float64{}
	err = Each(bytes.NewReader(b), int64(len(b)), func(v *Variable) error {
		names = append(names, fmt.Sprintf("%s %s %v", v.Name, v.Class, v.Dims))
		for range v.Len() {
			x, err := v.Next()
			if err != nil {
				return err
			}
			values[v.Name] = append(values[v.Name], x)
		}
		return nil
	})
	return names, values, err
}

// The files were made by ../../data/testdata/make_svhn.py with SciPy.
func TestReadsWhatSciPyWrites(t *testing.T) {
	for _, file := range []string{"plain.mat", "packed.mat"} {
		names, values, err := all(read(t, file))
		require.NoError(t, err)
		assert.Equal(t, []string{
			"v_int8 int8 [2 3]", "v_uint8 uint8 [2 3]", "v_int16 int16 [2 3]", "v_uint16 uint16 [2 3]",
			"v_int32 int32 [2 3]",
			"v_uint32 uint32 [2 3]", "v_float32 single [2 3]", "v_float64 double [2 3]", "v_int64 int64 [2 3]",
			"v_uint64 uint64 [2 3]",
			"empty double [0 3]", "one int64 [1 1]"}, names)
		for _, n := range []string{"int8", "int16", "int32", "int64", "float32", "float64"} {
			assert.Equal(t, []float64{-3, 0, -2, 1, -1, 2}, values["v_"+n], n)
		}
		for _, n := range []string{"uint8", "uint16", "uint32", "uint64"} {
			assert.Equal(t, []float64{0, 3, 1, 4, 2, 5}, values["v_"+n], n)
		}
		assert.Equal(t, []float64{7}, values["one"])
	}
}

// element returns a data element; compressed packs one.
func element(kind uint32, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
	return append(b, make([]byte, (8-len(body)%8)%8)...)
}

func packed(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	z.Write(b)
	z.Close()
	head := binary.LittleEndian.AppendUint32(nil, miCompressed)
	return append(binary.LittleEndian.AppendUint32(head, uint32(out.Len())), out.Bytes()...)
}

func header() []byte {
	h := append(bytes.Repeat([]byte{' '}, 124), 0, 1)
	return append(h, "IM"...)
}

func words(w ...uint32) (b []byte) {
	for _, v := range w {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// array returns a matrix of uint8 with those dimensions and values.
func array(dims []uint32, values int) []byte {
	body := element(miUint32, words(9, 0))
	body = append(body, element(miInt32, words(dims...))...)
	body = append(body, element(miInt8, []byte("X"))...)
	return element(miMatrix, append(body, element(2, make([]byte, values))...))
}

func TestBadFiles(t *testing.T) {
	good := append(header(), array([]uint32{2, 3}, 6)...)
	_, _, err := all(good)
	require.NoError(t, err)
	hdf := append([]byte("MATLAB 7.3 MAT-file"), make([]byte, 200)...)
	version := bytes.Clone(good)
	version[124] = 7
	damaged := append(header(), packed(array([]uint32{2, 3}, 6))...)
	damaged[len(damaged)-1]++
	bomb := packed(array([]uint32{2, 3}, 6))
	lie := array([]uint32{2, 3}, 6)
	binary.LittleEndian.PutUint32(lie[4:], 1<<31)
	for want, b := range map[string][]byte{
		"header: truncated: found 0 bytes, expected 128": nil,
		"it is of version 7.3; save with -v7":            hdf,
		"header: version: found 0x107, expected 0x100":   version,
		"element 1: tag: truncated: found 4 bytes":       append(header(), 1, 2, 3, 4),
		"element 1: length: found 4294967295 bytes, but only 0 are left": append(header(),
			words(miMatrix, 1<<32-1)...),
		"element 1: type: found 99, expected 14": append(header(),
			element(99, nil)...),
		"element 1: array flags: type: found 5, expected 6": append(header(),
			element(miMatrix, element(miInt32, words(9, 0)))...),
		"element 1: array flags: tag: truncated": append(header(),
			element(miMatrix, words(1))...),
		"dimensions: found 4 bytes, expected 4 for each": append(header(),
			array([]uint32{6}, 6)...),
		"dimensions: found -1, expected 0 or more": append(header(),
			array([]uint32{1<<32 - 1, 1}, 6)...),
		"dimensions: [2147483647 2147483647] are too many": append(header(),
			array([]uint32{1<<31 - 1, 1<<31 - 1}, 6)...),
		`variable "X": values: found 6 bytes, expected 2147483647 for [1 2147483647] of`: append(header(),
			array([]uint32{1, 1<<31 - 1}, 6)...),
		"packed data: zlib: invalid checksum": damaged,
		"packed data: truncated": append(header(),
			element(miCompressed, bomb[8:len(bomb)-8])...),
		"packed data: length: claims 2147483648 bytes": append(header(),
			packed(lie)...),
		"packed data: type: found 1, expected 14": append(header(),
			packed(element(1, nil))...),
		"packed data: more than the expected": append(header(),
			packed(append(array([]uint32{2, 3}, 6), 1, 2, 3))...),
		"packed data: zlib: invalid header": append(header(),
			element(miCompressed, []byte("abcdefgh"))...),
		"dimensions: length: found 256 bytes, ex": append(header(),
			array(make([]uint32, 64), 6)...),
	} {
		_, _, err := all(b)
		assert.ErrorContains(t, err, want)
	}
}

// FuzzMAT checks that no bytes make the reader panic, loop or believe in values
// that cannot be there.
func FuzzMAT(f *testing.F) {
	for _, file := range []string{"plain.mat", "packed.mat"} {
		f.Add(read(f, file))
	}
	f.Add(append(header(), packed(array([]uint32{2, 3}, 6))...))
	f.Add(append(header(), array([]uint32{2, 3}, 6)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var total int64
		Each(bytes.NewReader(b), int64(len(b)), func(v *Variable) error {
			if v.Bytes > int64(maxRatio*len(b)) {
				t.Fatalf("believes in %d bytes of a file of %d", v.Bytes, len(b))
			}
			n, err := io.Copy(io.Discard, v)
			total += n
			if err == nil && n != v.Bytes {
				return io.ErrUnexpectedEOF
			}
			return err
		})
		if total > int64(maxRatio*len(b)) {
			t.Fatalf("reads %d bytes of a file of %d", total, len(b))
		}
	})
}
