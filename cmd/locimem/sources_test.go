package main

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every kind of data is listed, asks for its folder, and names it where nothing
// is in it.
func TestEverySource(t *testing.T) {
	code, list, stderr := locimem("data", "list")
	require.Equal(t, exitDone, code, stderr)
	dir := t.TempDir()
	for _, s := range data.Sources() {
		assert.Contains(t, list, " "+s.Name+" ")
		args := []string{"data", "check", "--set", "data.name=" + s.Name}
		code, _, stderr := locimem(args...)
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, stderr, "the folder with the files of "+s.Name+" is not given; add --set data.dir=DIR")
		code, _, stderr = locimem(append(args, "--set", "data.dir="+dir)...)
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, s.Name+": "+dir)
		code, _, stderr = locimem(append(args, "--set", "data.variant=none")...)
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, stderr, `data.variant: found "none", `)
	}
}

// A whole run on image files that are not square.
func TestRunOnFolder(t *testing.T) {
	tmp := t.TempDir()
	recipe := writeFile(t, tiny, tmp, "tiny.yaml")
	dir := filepath.Join(tmp, "images")
	for k := range 3 {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, fmt.Sprint("class", k)), 0o755))
		for i := range 40 {
			img := image.NewNRGBA(image.Rect(0, 0, 20+i, 24))
			for p, b := range testutil.Bits(fmt.Sprint(k, " ", i), len(img.Pix)) {
				img.Pix[p] = uint8(b>>56) | 15<<(2*k)
			}
			f, err := os.Create(filepath.Join(dir, fmt.Sprint("class", k), fmt.Sprint(i, ".png")))
			require.NoError(t, err)
			require.NoError(t, png.Encode(f, img))
			require.NoError(t, f.Close())
		}
	}
	args := []string{recipe, "--set", "data.name=folder", "--set", "data.dir=" + dir, "--set", "data.folder.size=[16,20]",
		"--set", "data.folder.test_every=3"}
	code, stdout, stderr := locimem(append([]string{"data", "check"}, args...)...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stdout, "folder-16x20-crop20/train: 81 images of 16x20x3")
	assert.Contains(t, stdout, "folder-16x20-crop20/test: 39 images of 16x20x3")
	code, stdout, stderr = locimem(append([]string{"run", "--out", filepath.Join(tmp, "runs"), "--set", "train.epochs=1"},
		args...)...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stdout, "kNN accuracy of g")
	code, stdout, stderr = locimem(append([]string{"taps"}, args...)...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stdout, "16x20x")
}

// What the data offer, and where the numbers come from that do not fit, is said where it
// is known: after the folder was read. A choice that the folders make is not made twice.
func TestDefaultsThatDoNotFitAFolder(t *testing.T) {
	dir := t.TempDir()
	for _, part := range []string{"train", "val"} {
		for k, class := range []string{"cat", "dog"} {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, part, class), 0o755))
			for i := range 3 {
				img := image.NewGray(image.Rect(0, 0, 8, 8))
				img.Pix[0], img.Pix[1] = uint8(i+10*k), part[0]
				f, err := os.Create(filepath.Join(dir, part, class, fmt.Sprint(i, ".png")))
				require.NoError(t, err)
				require.NoError(t, png.Encode(f, img))
				require.NoError(t, f.Close())
			}
		}
	}
	args := []string{"--set", "data.name=folder", "--set", "data.dir=" + dir, "--set", "data.folder.size=[16,16]"}
	code, stdout, stderr := locimem(append([]string{"data", "check"}, args...)...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stdout, "train: 6 images")
	code, _, stderr = locimem(append([]string{"run", "--out", t.TempDir()}, args...)...)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr,
		"the numbers are the defaults of recipes/default.yaml, expected split.shared, split.candidate, "+
			"split.independent and split.external that fit: there are 6 images for training and 6 for testing")
	code, _, stderr = locimem(append([]string{"data", "check", "--set", "data.folder.test_every=3"}, args...)...)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr,
		"data.folder.test_every: found 3, expected 5, the default: it has no effect where folders are "+
			"the parts, as train is here")
}

// A whole run on images of one channel.
func TestRunOnMNIST(t *testing.T) {
	dir := testutil.SharedData(t, "mnist")
	tmp := t.TempDir()
	recipe := writeFile(t, tiny, tmp, "tiny.yaml")
	code, stdout, stderr := locimem("run", recipe, "--out", filepath.Join(tmp, "runs"), "--set", "data.name=mnist",
		"--set", "data.dir="+dir,
		"--set", "augment.mean=[0.1307]", "--set", "augment.std=[0.3081]", "--set", "train.epochs=1")
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stdout, "kNN accuracy of g")
	code, _, stderr = locimem("run", recipe, "--set", "data.name=mnist", "--set", "data.dir="+dir)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "augment.mean: want a number for each of the 1 channels of mnist")
}
