package data

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cifarRecords returns n records in the official form: label i%10, and byte j of
// the planes of record i is a hash of both.
func cifarRecords(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, byte(i%10))
		for j := range cifarPixels {
			b = append(b, byte(i*31+j*7+j>>8))
		}
	}
	return b
}

// writeCIFAR makes a folder with all six files of n records each.
func writeCIFAR(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range append(cifarFiles(Train), cifarFiles(Test)...) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, f), cifarRecords(n), 0o644))
	}
	return dir
}

func TestCIFAR10Layout(t *testing.T) {
	d, err := OpenCIFAR10Part(writeCIFAR(t, 7), Train, 7)
	require.NoError(t, err)
	h, w, c := d.Shape()
	assert.Equal(t, [3]int{32, 32, 3}, [3]int{h, w, c})
	require.Equal(t, 35, d.Len())
	assert.Equal(t, "cifar10-7/train", d.Name())
	assert.Equal(t, cifarClasses(), d.Classes())
	raw := cifarRecords(7)
	for i := range d.Len() {
		rec := raw[i%7*cifarRecord:]
		assert.Equal(t, int(rec[0]), d.Label(i))
		assert.False(t, Atypical(d, i))
		img := d.Image(i)
		require.Len(t, img, 32*32*3)
		for y := range 32 {
			for x := range 32 {
				for ch := range 3 {
					require.Equal(t, rec[1+ch*1024+y*32+x], img[(y*32+x)*3+ch], "image %d row %d column %d channel %d", i, y, x, ch)
				}
			}
		}
	}
}

func TestCIFAR10FindsItsFolder(t *testing.T) {
	inner := writeCIFAR(t, 2)
	outer := t.TempDir()
	require.NoError(t, os.Rename(inner, filepath.Join(outer, "cifar-10-batches-bin")))
	d, err := OpenCIFAR10Part(outer, Test, 2)
	require.NoError(t, err)
	assert.Equal(t, 2, d.Len())
}

func TestCIFAR10ClassNames(t *testing.T) {
	dir := writeCIFAR(t, 1)
	meta := filepath.Join(dir, "batches.meta.txt")
	require.NoError(t, os.WriteFile(meta, []byte("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n"), 0o644))
	d, err := OpenCIFAR10Part(dir, Test, 1)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}, d.Classes())

	require.NoError(t, os.WriteFile(meta, []byte("a\nb\n"), 0o644))
	_, err = OpenCIFAR10Part(dir, Test, 1)
	assert.EqualError(t, err, "cifar10: "+meta+": class names: found 2, expected 10")
}

// Each problem is told with the file, what was found and what was expected.
func TestCIFAR10BadFiles(t *testing.T) {
	const n = 3
	whole := cifarRecords(n)
	badLabel := bytes.Clone(whole)
	badLabel[2*cifarRecord] = 10
	for _, c := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"missing", func(t *testing.T, path string) {}, "file is missing"},
		{"empty", func(t *testing.T, path string) { write(t, path, nil) }, "file is empty, expected 9219 bytes (3 records)"},
		{"folder", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o755)) }, "found a folder, expected a file"},
		{"one byte short", func(t *testing.T, path string) { write(t, path, whole[:len(whole)-1]) },
			"truncated: found 9218 bytes, which is 2 records of 3073 bytes and 3072 bytes more, expected 9219 bytes (3 records)"},
		{"a record short", func(t *testing.T, path string) { write(t, path, whole[:2*cifarRecord]) }, "truncated: found 2 records, expected 3"},
		{"one byte long", func(t *testing.T, path string) { write(t, path, append(bytes.Clone(whole), 0)) }, "oversized: found 9220 bytes"},
		{"a record long", func(t *testing.T, path string) { write(t, path, cifarRecords(n+1)) }, "oversized: found 4 records, expected 3"},
		{"label", func(t *testing.T, path string) { write(t, path, badLabel) }, "record 2: label: found 10, expected 0 to 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := writeCIFAR(t, n)
			path := filepath.Join(dir, "data_batch_4.bin")
			require.NoError(t, os.Remove(path))
			c.make(t, path)
			_, err := OpenCIFAR10Part(dir, Train, n)
			require.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, path)
		})
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, b, 0o644))
}

func TestCIFAR10BadFolders(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	_, err := OpenCIFAR10(none, Train)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, none)

	file := filepath.Join(t.TempDir(), "cifar-10-binary.tar.gz")
	write(t, file, []byte("x"))
	_, err = OpenCIFAR10(file, Train)
	assert.ErrorContains(t, err, file+" is a file, expected a folder")

	dir := t.TempDir()
	_, err = OpenCIFAR10(dir, Train)
	assert.ErrorContains(t, err, dir+": found none of data_batch_1.bin, cifar-10-batches-bin/data_batch_1.bin")

	write(t, filepath.Join(dir, "data_batch_1"), []byte("pickle"))
	_, err = OpenCIFAR10(dir, Train)
	assert.ErrorContains(t, err, "the binary version is needed")

	// Files cut to a part are not taken for the whole.
	_, err = OpenCIFAR10(writeCIFAR(t, 2), Test)
	assert.ErrorContains(t, err, "truncated: found 2 records, expected 10000")
	_, err = OpenCIFAR10Part(dir, Test, 0)
	assert.ErrorContains(t, err, "records per file: found 0, expected 1 to 10000")
}

func TestRealCIFAR10(t *testing.T) {
	dir := testutil.CIFAR10(t)
	for part, n := range map[Part]int{Train: 50000, Test: 10000} {
		d, err := OpenCIFAR10(dir, part)
		require.NoError(t, err)
		s := Check(d)
		assert.Equal(t, n, s.Images)
		for _, c := range s.Classes {
			assert.Equal(t, n/10, c.Images, c.Name)
		}
		assert.Empty(t, s.Duplicates)
		// The published statistics of the training part; JPEG changes little.
		for ch, mean := range []float64{0.4914, 0.4822, 0.4465} {
			assert.InDelta(t, mean, s.Mean[ch], 0.01)
			assert.InDelta(t, []float64{0.2470, 0.2435, 0.2616}[ch], s.Std[ch], 0.01)
		}
		if part == Train { // the first images of the official order
			var names []string
			for i := range 5 {
				names = append(names, d.Classes()[d.Label(i)])
			}
			assert.Equal(t, []string{"frog", "truck", "truck", "deer", "automobile"}, names)
		}
	}
}

// FuzzCIFAR10 checks that any bytes either give an error or are exactly the
// records that were read, whatever number of records is expected.
func FuzzCIFAR10(f *testing.F) {
	f.Add(cifarRecords(2), 2)
	f.Add(cifarRecords(2), 1)
	f.Add(cifarRecords(1), 2)
	f.Add(cifarRecords(1)[:cifarRecord-1], 1)
	f.Add(append([]byte{10}, cifarRecords(1)[1:]...), 1)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, file []byte, records int) {
		records = max(0, records) % 4
		d := newImages("fuzz", records, cifarSide, cifarSide, 3, cifarClasses())
		err := readCIFAR(bytes.NewReader(file), d.pixels, d.labels)
		if fits := len(file) == records*cifarRecord; !fits {
			require.Error(t, err)
			return
		}
		for i := range records {
			if label := file[i*cifarRecord]; label > 9 {
				require.ErrorContains(t, err, "label")
				return
			}
		}
		require.NoError(t, err)
		var again []byte
		for i := range records {
			again = append(again, byte(d.Label(i)))
			for ch := range 3 {
				for p := range cifarPlane {
					again = append(again, d.Image(i)[p*3+ch])
				}
			}
		}
		require.True(t, bytes.Equal(file, again))
	})
}
