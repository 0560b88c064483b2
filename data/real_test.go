package data

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unpack calls file with the files of a .tar.gz.
func unpack(t *testing.T, archive string, file func(name string, r io.Reader)) {
	t.Helper()
	f, err := os.Open(archive)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		if h.Typeflag == tar.TypeReg {
			file(path.Clean(h.Name), r)
		}
	}
}

// Some classes of the real Tiny-ImageNet; 500 and 50 images each.
func TestRealTinyImageNet(t *testing.T) {
	source := testutil.SharedData(t, "tiny-imagenet-50")
	dir := t.TempDir()
	keep := func(id string) bool { return id == "n01443537" || id > "n077" }
	var kept []string // lines of classes.txt
	unpack(t, filepath.Join(source, "tiny-imagenet-50.tar.gz"), func(name string, r io.Reader) {
		if name == "classes.txt" {
			b, err := io.ReadAll(r)
			require.NoError(t, err)
			for line := range strings.Lines(string(b)) {
				if keep(strings.Split(line, "\t")[1]) {
					kept = append(kept, line)
				}
			}
		} else if parts := strings.Split(name, "/"); keep(parts[1]) {
			b, err := io.ReadAll(r)
			require.NoError(t, err)
			put(t, dir, name, b)
		}
	})
	put(t, dir, "classes.txt", []byte(strings.Join(kept, "")))
	train, test, err := OpenTinyImageNet(dir)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("tiny-imagenet-%d/train", len(kept)), train.Name())
	assert.Equal(t, 500*len(kept), train.Len())
	assert.Equal(t, 50*len(kept), test.Len())
	assert.Equal(t, "goldfish", train.Classes()[0])
	// The same files as a folder of images.
	fold, foldTest, err := OpenFolder(dir, FolderOptions{Size: [2]int{64, 64}})
	require.NoError(t, err)
	require.Equal(t, test.Len(), foldTest.Len())
	require.Equal(t, train.Len(), fold.Len())
	for i := range train.Len() {
		require.Equal(t, Hash(train, i), Hash(fold, i))
	}
}

// The CIFAR-10 in JPEG files: what this package makes of them against the pixels
// of libjpeg-turbo, which the binary files made from the same JPEGs have (the
// n-th image of a class there is file n of the class).
func TestRealJPEGAgainstLibjpeg(t *testing.T) {
	want, err := OpenCIFAR10(testutil.CIFAR10(t), Test)
	require.NoError(t, err)
	index := map[string]int{}
	seen := make([]int, 10)
	for i := range want.Len() {
		k := want.Label(i)
		index[fmt.Sprintf("test/%s/%04d.jpg", want.Classes()[k], seen[k])] = i
		seen[k]++
	}
	var over [4]int // values that differ by 0, 1, 2, more
	worst, n := 0, 0
	unpack(t, filepath.Join(testutil.SharedData(t, "cifar-10"), "cifar10-jpeg.tar.gz"), func(name string, r io.Reader) {
		i, ok := index[name]
		if !ok || testing.Short() && n >= 500 {
			return
		}
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		img, err := decodeImage(b)
		require.NoError(t, err, name)
		for k, v := range want.Image(i) {
			d := max(int(v)-int(img.pix[k]), int(img.pix[k])-int(v))
			over[min(d, 3)]++
			worst = max(worst, d)
		}
		n++
	})
	require.NotZero(t, n)
	total := float64(n * cifarPixels)
	t.Logf("%d images: worst %d; of all values %.3f %% differ by 1, %.4f %% by 2, %.5f %% by more", n, worst,
		100*float64(over[1])/total, 100*float64(over[2])/total, 100*float64(over[3])/total)
	assert.LessOrEqual(t, worst, 4)
	assert.Less(t, float64(over[1]+over[2]+over[3])/total, 0.05)
	assert.Less(t, float64(over[3])/total, 1e-3)
}
