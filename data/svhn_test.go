package data

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The files were made by testdata/make_svhn.py with SciPy.
func TestSVHN(t *testing.T) {
	for _, file := range []string{"svhn.mat", "svhn-plain-double.mat"} {
		dir := t.TempDir()
		b, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		path := filepath.Join(dir, "train_32x32.mat")
		write(t, path, b)
		d, err := openSVHN(dir, "train", 4)
		require.NoError(t, err)
		require.Equal(t, 4, d.Len())
		assert.Equal(t, "svhn/train", d.Name())
		for n, label := range []int{0, 1, 9, 5} {
			assert.Equal(t, label, d.Label(n))
			for i, v := range d.Image(n) {
				y, x, c := i/96, i/3%32, i%3
				require.Equal(t, uint8(50*n+20*c+7*y+x), v, "image %d row %d column %d channel %d", n, y, x, c)
			}
		}
		_, err = OpenSVHN(dir, "train")
		assert.ErrorContains(t, err,
			path+`: element 1: variable "X": found [32 32 3 4] of uint8, expected [32 32 3 73257] of uint8`)
		write(t, path, b[:len(b)-1])
		_, err = openSVHN(dir, "train", 4)
		assert.ErrorContains(t, err, path+": element 2: length: found")
		write(t, path, append(b, b[128:]...))
		_, err = openSVHN(dir, "train", 4)
		assert.ErrorContains(t, err, `element 3: variable "X": is in the file twice`)
		write(t, path, b[:128])
		_, err = openSVHN(dir, "train", 4)
		assert.ErrorContains(t, err, "found no variable X")
	}
	_, err := OpenSVHN(t.TempDir(), "test")
	assert.ErrorContains(t, err, "found none of test_32x32.mat")
	_, err = OpenSVHN(t.TempDir(), "all")
	assert.ErrorContains(t, err, `part: found "all"`)
}
