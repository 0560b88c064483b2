package data

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cifar100Records returns n records with the coarse label i%20 and the fine one
// 99-i%100.
func cifar100Records(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, byte(i%20), byte(99-i%100))
		b = append(b, cifarRecords(n)[i*cifarRecord+1:(i+1)*cifarRecord]...)
	}
	return b
}

func lines(prefix string, n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d\n", prefix, i)
	}
	return []byte(b.String())
}

func TestCIFAR100(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "test.bin")
	write(t, path, cifar100Records(3))
	write(t, filepath.Join(dir, "fine_label_names.txt"), lines("fine", 100))
	write(t, filepath.Join(dir, "coarse_label_names.txt"), lines("coarse", 20))
	fine, err := openCIFAR100(dir, Test, false, 3)
	require.NoError(t, err)
	coarse, err := openCIFAR100(dir, Test, true, 3)
	require.NoError(t, err)
	assert.Equal(t, "cifar100/test", fine.Name())
	assert.Equal(t, "cifar100-coarse/test", coarse.Name())
	raw := cifarRecords(3)
	for i := range 3 {
		assert.Equal(t, fmt.Sprint("fine", 99-i), fine.Classes()[fine.Label(i)])
		assert.Equal(t, fmt.Sprint("coarse", i), coarse.Classes()[coarse.Label(i)])
		want := make([]byte, cifarPixels)
		interleave(want, raw[i*cifarRecord+1:(i+1)*cifarRecord])
		assert.Equal(t, want, fine.Image(i))
		assert.Equal(t, want, coarse.Image(i))
	}
	_, err = OpenCIFAR100(dir, Test, false)
	assert.ErrorContains(t, err, path+": truncated: found 9222 bytes, expected 30740000")
	bad := cifar100Records(3)
	bad[cifar100Record+1] = 100
	write(t, path, bad)
	_, err = openCIFAR100(dir, Test, false, 3)
	assert.ErrorContains(t, err, path+": record 1: fine label: found 100, expected 0 to 99")
	write(t, filepath.Join(dir, "fine_label_names.txt"), lines("fine", 99))
	_, err = openCIFAR100(dir, Test, false, 3)
	assert.ErrorContains(t, err, "fine_label_names.txt: class names: found 99, expected 100")
	_, err = openCIFAR100(t.TempDir(), Train, false, 3)
	assert.ErrorContains(t, err, "found none of train.bin, cifar-100-binary/train.bin")
}

// stlFiles makes a small STL-10 folder; pixel (y,x,c) of image i of a file is
// 40c + 3x + y + i.
func stlFiles(t *testing.T) (dir string, images map[string]int) {
	t.Helper()
	dir = t.TempDir()
	images = map[string]int{"train": 4, "test": 2, "unlabeled": 3}
	for f, n := range images {
		var x, y []byte
		for i := range n {
			y = append(y, byte(i%10+1))
			for c := range 3 {
				for col := range 96 {
					for row := range 96 {
						x = append(x, byte(40*c+3*col+row+i))
					}
				}
			}
		}
		write(t, filepath.Join(dir, f+"_X.bin"), x)
		if f != "unlabeled" {
			write(t, filepath.Join(dir, f+"_y.bin"), y)
		}
	}
	write(t, filepath.Join(dir, "class_names.txt"), lines("c", 10))
	write(t, filepath.Join(dir, "fold_indices.txt"), []byte("0 1\n3 2 \n0 1\n0 1\n0 1\n0 1\n0 1\n0 1\n0 1\n1 4\n"))
	return dir, images
}

func TestSTL10(t *testing.T) {
	dir, n := stlFiles(t)
	for part, want := range map[string]struct{ images, labels []int }{
		"train": {[]int{0, 1, 2, 3}, []int{0, 1, 2, 3}}, "test": {[]int{0, 1}, []int{0, 1}}, "unlabeled": {[]int{0, 1, 2},
			[]int{10, 10, 10}},
		"train+unlabeled": {[]int{0, 1, 2, 3, 0, 1, 2}, []int{0, 1, 2, 3, 10, 10, 10}}, "fold1": {[]int{3, 2}, []int{3, 2}},
	} {
		d, err := openSTL10(dir, part, n, 2)
		require.NoError(t, err)
		require.Equal(t, len(want.images), d.Len())
		assert.Equal(t, "stl10/"+part, d.Name())
		for k, i := range want.images {
			assert.Equal(t, want.labels[k], d.Label(k))
			for p, v := range d.Image(k) {
				if y, x, c := p/288, p/3%96, p%3; v != uint8(40*c+3*x+y+i) {
					t.Fatalf("%s: image %d row %d column %d channel %d: %d", part, k, y, x, c, v)
				}
			}
		}
	}
	_, err := openSTL10(dir, "fold9", n, 2)
	assert.ErrorContains(t, err, `fold_indices.txt: line 10: index 1: found "4", expected 0 to 3`)
	_, err = openSTL10(dir, "fold0", n, 3)
	assert.ErrorContains(t, err, "line 1: found 2 indices, expected 3")
	_, err = OpenSTL10(dir, "train")
	assert.ErrorContains(t, err, "train_X.bin: truncated: found 110592 bytes, expected 138240000")
	_, err = OpenSTL10(dir, "fold10")
	assert.ErrorContains(t, err, `part: found "fold10"`)
	write(t, filepath.Join(dir, "train_y.bin"), []byte{1, 2, 0, 3})
	_, err = openSTL10(dir, "train", n, 2)
	assert.ErrorContains(t, err, "train_y.bin: label 2: found 0, expected 1 to 10")
}

// FuzzPlanes checks the readers of CIFAR-100 and STL-10: any bytes give an error
// or are the records that were read.
func FuzzPlanes(f *testing.F) {
	f.Add(cifar100Records(2), []byte("0 1\n"), 2)
	f.Add(cifar100Records(1)[:100], bytes.Repeat([]byte("1 0\n"), 10), 2)
	f.Add(make([]byte, stlPixels), bytes.Repeat([]byte("0 0\n"), 10), 1)
	f.Fuzz(func(t *testing.T, file, folds []byte, n int) {
		n = max(0, n) % 4
		d := newImages("fuzz", n, cifarSide, cifarSide, 3, nil)
		if err := readCIFAR100(bytes.NewReader(file), d.pixels, d.labels, 1); err == nil {
			require.Len(t, file, n*cifar100Record)
			for i := range n {
				require.Equal(t, int(file[i*cifar100Record+1]), d.Label(i))
				require.Equal(t, file[i*cifar100Record+2+1024], d.Image(i)[1])
			}
		}
		s := newImages("fuzz", n, stlSide, stlSide, 3, nil)
		if err := readSTL(bytes.NewReader(file), s.pixels); err == nil {
			require.Len(t, file, n*stlPixels)
			for i := range n {
				require.Equal(t, file[i*stlPixels+1], s.Image(i)[96*3])
			}
		}
		if idx, err := readFold(bytes.NewReader(folds), "fold3", 2, 5); err == nil {
			require.Len(t, idx, 2)
			require.True(t, idx[0] >= 0 && idx[0] < 5 && idx[1] >= 0 && idx[1] < 5)
		}
	})
}
