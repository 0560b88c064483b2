package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// npy returns a version 1 file with that dictionary and so many bytes of values.
func npy(dict string, values int) []byte {
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(dict)))
	return append(append(b, dict...), make([]byte, values)...)
}

func dict(descr, order, shape string) string {
	return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }\n"
}

// tryAll reads every array of a file of those bytes.
func tryAll(b []byte) error {
	f, err := open(bytes.NewReader(b), int64(len(b)), "bad.npy")
	if err != nil {
		return err
	}
	for _, name := range f.Names() {
		a, err := f.Array(name)
		if err != nil {
			return err
		}
		if _, err := ReadAll[float32](a); err != nil {
			return err
		}
	}
	return nil
}

func TestBadArrays(t *testing.T) {
	version := npy("", 0)
	version[6] = 4
	for want, b := range map[string][]byte{
		"file is empty":                                 nil,
		`starts with "nothi"`:                           []byte("nothi"),
		"truncated, or not .npz":                        []byte("PK\x03\x04"),
		"header: version: found 4.0, expected 1 to 3":   version,
		"header: truncated: found 7 bytes":              []byte(magic + "\x01"),
		"header: length: found 65535 bytes, but only 0": append([]byte(magic), 1, 0, 255, 255),
		"header: length: found 4294967295 bytes, expected at most": append([]byte(magic),
			2, 0, 255, 255, 255, 255),
		`header: found "", expected {`:                   npy("", 0),
		`found "", expected a string`:                    npy("{", 0),
		"expected all of descr, fortran_order and shape": npy("{'descr': '<f4'}", 0),
		`"descr" is given twice`:                         npy("{'descr': '<f4', 'descr': '<f4'}", 0),
		"other: unknown field":                           npy("{'other': 1}", 0),
		`descr: found "<c8", expected float16`:           npy(dict("'<c8'", "False", "(1,)"), 8),
		`descr: found "|O"`:                              npy(dict("'|O'", "False", "(1,)"), 8),
		"arrays of records are not read": npy(
			dict("[('a', '<f4')]", "False", "(1,)"), 4),
		"fortran_order: found \"None": npy(dict("'<f4'", "None", "(1,)"), 4),
		"shape: found \"-1,)":         npy(dict("'<f4'", "False", "(-1,)"), 4),
		"shape: found \"99999999999999999999": npy(
			dict("'<f4'", "False", "(99999999999999999999,)"), 4),
		"shape: [4294967296 4294967296] has too many values": npy(
			dict("'<f4'", "False", "(4294967296, 4294967296)"), 4),
		"more than 32 dimensions": npy(
			dict("'<f4'", "False", "("+strings.Repeat("1, ", 33)+")"), 4),
		"goes on with": npy(dict("'<f4'", "False", "(1,)")+"x", 4),
		"truncated: found 4 bytes of values, expected 8 for float32 of": npy(dict("'<f4'", "False", "(2,)"), 4),
		"oversized: found 9 bytes of values, expected 8":                npy(dict("'<f4'", "False", "(2,)"), 9),
		"truncated: found 4 bytes of values, expected 4398046511104": npy(
			dict("'<f4'", "False", "(1099511627776,)"), 4),
		"value 1 of the file: float32 cannot hold it": append(npy(dict("'<f8'", "False", "(2,)"), 8),
			0, 0, 0, 0, 0, 0, 0xe0, 0x7e),
	} {
		assert.ErrorContains(t, tryAll(b), want)
	}
	assert.NoError(t, tryAll(npy(dict(`"<f4"`, "False", "(2L, )"), 8)))
}

// archive returns a zip of one entry whose header has been changed.
func archive(t *testing.T, content []byte, method uint16, change func(h *zip.FileHeader)) []byte {
	t.Helper()
	var plain, out bytes.Buffer
	z := zip.NewWriter(&plain)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "a.npy", Method: method})
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	r, err := zip.NewReader(bytes.NewReader(plain.Bytes()), int64(plain.Len()))
	require.NoError(t, err)
	raw, err := r.File[0].OpenRaw()
	require.NoError(t, err)
	packed := new(bytes.Buffer)
	_, err = packed.ReadFrom(raw)
	require.NoError(t, err)
	h := r.File[0].FileHeader
	h.Flags &^= 8
	change(&h)
	z = zip.NewWriter(&out)
	w, err = z.CreateRaw(&h)
	require.NoError(t, err)
	_, err = w.Write(packed.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

func TestBadArchives(t *testing.T) {
	content := npy(dict("'<f4'", "False", "(2,)"), 8)
	huge := npy(dict("'<f4'", "False", "(1099511627776,)"), 8)
	none := func(*zip.FileHeader) {}
	assert.NoError(t, tryAll(archive(t, content, zip.Deflate, none)))
	assert.NoError(t, tryAll(archive(t, content, zip.Store, none)))
	for want, b := range map[string][]byte{
		"checksum error": archive(t, content, zip.Deflate,
			func(h *zip.FileHeader) { h.CRC32++ }),
		"claims 4398046511104 bytes packed into": archive(t, huge, zip.Deflate,
			func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 42 }),
		"truncated: found": archive(t, huge, zip.Deflate, none),
		// Claims what deflate could just do, but the data do not go on.
		"unexpected EOF": archive(t, npy(dict("'|u1'", "False", "(20000,)"), 8), zip.Deflate, func(h *zip.FileHeader) {
			h.UncompressedSize64 = uint64(10 + len(dict("'|u1'", "False", "(20000,)")) + 20000)
		}),
		"unsupported compression": archive(t, content, zip.Deflate, func(h *zip.FileHeader) { h.Method = 12 }),
		"is encrypted":            archive(t, content, zip.Deflate, func(h *zip.FileHeader) { h.Flags |= 1 }),
		"found no arrays":         archive(t, content, zip.Store, func(h *zip.FileHeader) { h.Name = "readme.txt" }),
	} {
		assert.ErrorContains(t, tryAll(b), want)
	}
}

// What deflate could just do is read as it comes, not allocated at once.
func TestClaimsAreNotBelieved(t *testing.T) {
	const n = 1 << 26
	d := dict("'|u1'", "False", "(67108864,)")
	content := npy(d, 0)
	for _, v := range testutil.Bits("noise", 70000) { // which deflate cannot pack
		content = append(content, byte(v>>56))
	}
	b := archive(t, content, zip.Deflate, func(h *zip.FileHeader) { h.UncompressedSize64 = uint64(10 + len(d) + n) })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := tryAll(b)
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "unexpected EOF")
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), err)
}

func TestErrorsNameFileAndArray(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npz")
	require.NoError(t, os.WriteFile(path, archive(t, npy(dict("'<f4'", "False", "(2,)"), 9), zip.Store,
		func(*zip.FileHeader) {}), 0o644))
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Array("a")
	assert.EqualError(t, err,
		path+`: array "a": oversized: found 9 bytes of values, expected 8 for float32 of shape [2]`)
	_, err = Open(filepath.Dir(path))
	assert.ErrorContains(t, err, "not a regular file")
}

// FuzzNPZ checks that no bytes make the reader panic or allocate without bound,
// and that what is accepted is the same read whole and row by row, and survives
// being written.
func FuzzNPZ(f *testing.F) {
	for _, name := range []string{"arrays.npz", "big.npy"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(b)
	}
	for _, d := range []string{dict("'<f2'", "True", "(2, 3)"), dict("'>i4'", "False", "(3,)"),
		dict("'|b1'", "False", "()")} {
		f.Add(npy(d, 12))
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, _ := z.Create("x.npy")
		w.Write(npy(d, 12))
		z.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := open(bytes.NewReader(b), int64(len(b)), "fuzz.npy")
		if err != nil {
			return
		}
		for _, name := range file.Names() {
			a, err := file.Array(name)
			if err != nil {
				continue
			}
			if a.Len() > maxRatio*len(b) {
				t.Fatalf("accepts %d values in %d bytes", a.Len(), len(b))
			}
			all, err := ReadAll[float64](a)
			if err != nil || a.Len() == 0 {
				continue
			}
			rows := min(a.Rows(), 1+int(b[len(b)-1])%3)
			part := make([]float64, rows*a.RowLen())
			first := a.Rows() - rows
			require.NoError(t, ReadRows(a, part, first))
			for i, v := range part {
				if w := all[first*a.RowLen()+i]; v != w && v == v {
					t.Fatalf("value %d of row %d: %v in all, %v alone", i, first, w, v)
				}
			}
			var out bytes.Buffer
			w, err := NewArrayWriter(&out, Float64, a.Shape...)
			require.NoError(t, err)
			require.NoError(t, Append(w, all))
			require.NoError(t, w.Close())
			again, err := open(bytes.NewReader(out.Bytes()), int64(out.Len()), "again.npy")
			require.NoError(t, err)
			c, err := again.Array("again")
			require.NoError(t, err)
			require.Equal(t, a.Shape, c.Shape)
		}
	})
}
