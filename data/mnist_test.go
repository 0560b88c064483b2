package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// idx returns an IDX file of bytes.
func idx(values []byte, dims ...uint32) []byte {
	b := []byte{0, 0, idxBytes, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, values...)
}

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

func TestMNISTPlainAndPacked(t *testing.T) {
	pixels := make([]byte, 3*28*28)
	for i := range pixels {
		pixels[i] = byte(i * 7)
	}
	images, labels := idx(pixels, 3, 28, 28), idx([]byte{9, 0, 4}, 3)
	for _, ext := range []string{"", ".gz"} {
		dir := t.TempDir()
		pack := func(b []byte) []byte {
			if ext == "" {
				return b
			}
			return zipped(t, b)
		}
		imageFile, labelFile := filepath.Join(dir, "t10k-images-idx3-ubyte"+ext),
			filepath.Join(dir, "t10k-labels-idx1-ubyte"+ext)
		open := func() (Dataset, error) { return openMNIST("mnist", dir, "MNIST/raw", Test, digits(), 3) }
		write(t, imageFile, pack(images))
		write(t, labelFile, pack(labels))
		d, err := open()
		require.NoError(t, err)
		h, w, c := d.Shape()
		assert.Equal(t, [3]int{28, 28, 1}, [3]int{h, w, c})
		assert.Equal(t, []int{9, 0, 4}, []int{d.Label(0), d.Label(1), d.Label(2)})
		assert.Equal(t, pixels[784:2*784], d.Image(1))

		for want, bad := range map[string][]byte{
			"header: truncated: found 10 bytes, expected 16":     pack(images[:10]),
			"header: magic number: found 00000801, expected":     pack(labels),
			"header: dimension 0: found 4, expected 3":           pack(idx(pixels, 4, 28, 28)),
			"header: dimension 2: found 4294967295, expected 28": pack(idx(pixels, 3, 28, 1<<32-1)),
			"oversized: more than the expected 2352 bytes":       pack(append(bytes.Clone(images), 0)),
			"file is empty": nil,
		} {
			write(t, imageFile, bad)
			_, err := open()
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "mnist: "+imageFile[:len(imageFile)-len(ext)])
		}
		write(t, imageFile, pack(images[:len(images)-1]))
		_, err = open()
		require.ErrorContains(t, err, "truncated")
		write(t, imageFile, pack(images))
		write(t, labelFile, pack(idx([]byte{9, 10, 4}, 3)))
		_, err = open()
		require.ErrorContains(t, err, "label 1: found 10, expected 0 to 9")
		_, err = OpenMNIST(dir, Test)
		require.ErrorContains(t, err, "dimension 0: found 3, expected 10000")
	}
	_, err := OpenMNIST(t.TempDir(), Train)
	assert.ErrorContains(t, err, "found none of train-images-idx3-ubyte, MNIST/raw/train-images-idx3-ubyte")
}

// The published files of both: counts from their descriptions, and the mean and
// standard deviation that are usually given for the training parts.
func TestRealMNIST(t *testing.T) {
	for _, c := range []struct {
		name      string
		open      func(string, Part) (Dataset, error)
		mean, std float64
		classes   []int // images of each class in the training part, nil: 6,000 each
		first     []int // labels
	}{
		{"mnist", OpenMNIST, 0.1307, 0.3081, []int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949},
			[]int{5, 0, 4, 1, 9}},
		{"fashion-mnist", OpenFashionMNIST, 0.2860, 0.3530, nil, []int{9, 0, 0, 3, 0}},
	} {
		dir := testutil.SharedData(t, c.name)
		train, err := c.open(dir, Train)
		require.NoError(t, err)
		s := Check(train)
		assert.Equal(t, 60000, s.Images)
		assert.Empty(t, s.Duplicates)
		assert.InDelta(t, c.mean, s.Mean[0], 5e-5)
		assert.InDelta(t, c.std, s.Std[0], 5e-5)
		for k, size := range s.Classes {
			want := 6000
			if c.classes != nil {
				want = c.classes[k]
			}
			assert.Equal(t, want, size.Images, size.Name)
		}
		for i, k := range c.first {
			assert.Equal(t, k, train.Label(i))
		}
		test, err := c.open(dir, Test)
		require.NoError(t, err)
		assert.Equal(t, 10000, test.Len())
	}
}

// FuzzIDX checks that any bytes, packed or not, give an error or exactly the
// values in them.
func FuzzIDX(f *testing.F) {
	f.Add(idx([]byte{1, 2, 3}, 3), false)
	f.Add(idx(make([]byte, 12), 3, 2, 2), false)
	f.Add(zipped(f, idx(make([]byte, 12), 3, 2, 2)), true)
	f.Add(idx([]byte{1, 2, 3, 4}, 3), false)
	f.Fuzz(func(t *testing.T, b []byte, packed bool) {
		for _, want := range [][]int{{3}, {3, 2, 2}} {
			if !packed {
				got, err := readIDX(bytes.NewReader(b), int64(len(b)), want)
				head := 4 + 4*len(want)
				if err == nil && !bytes.Equal(got, b[head:]) {
					t.Fatalf("read %d values of %d bytes", len(got), len(b))
				}
				continue
			}
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				return
			}
			n := 1
			for _, d := range want {
				n *= d
			}
			if got, err := readIDX(z, int64(len(b))*maxRatio, want); err == nil && len(got) != n {
				t.Fatalf("found %d values, expected %d", len(got), n)
			}
		}
	})
}
