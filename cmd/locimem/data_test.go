package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeColour writes a PNG of one colour.
func writeColour(t *testing.T, v uint8, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	img := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range img.Pix {
		img.SetGray(i%16, i/16, color.Gray{Y: v})
	}
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, img))
	require.NoError(t, f.Close())
}

// data check names equal images and files left out; data show takes what there is, and
// names the file of an image.
func TestCheckAndShowFolder(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out.png")
	for i := range 5 {
		writeColour(t, uint8(10*i), dir, "Train", "cat", fmt.Sprint(i, ".png"))
		writeColour(t, uint8(100+10*i), dir, "Train", "dog", fmt.Sprint(i, ".png"))
	}
	writeColour(t, 20, dir, "Test", "dog", "again.png")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Train", "cat", "bad.jpg"), []byte("no image"), 0o644))
	args := []string{"--set", "data.name=folder", "--set", "data.dir=" + dir, "--set", "data.folder.size=[16,16]"}
	code, _, stderr := locimem(append([]string{"data", "check"}, args...)...)
	require.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "Train/cat/bad.jpg: starts with")

	args = append(args, "--set", "data.folder.skip_unreadable=true")
	code, stdout, stderr := locimem(append([]string{"data", "check"}, args...)...)
	require.Equal(t, exitDone, code, stderr)
	for _, want := range []string{
		"the folder Train is taken for the training part, Test for the test part",
		"(data.folder.skip_unreadable): 1: Train/cat/bad.jpg",
		`the first, Train/cat/bad.jpg: starts with "no image"`,
		"with the same pixels as an image of folder-16x16-crop16/train: 1",
		"image 0 (Test/dog/again.png) equals image 2 (Train/cat/2.png) of folder-16x16-crop16/train",
	} {
		assert.Contains(t, stdout, want)
	}
	show := append([]string{"data", "show", "--out", out}, args...)
	code, stdout, stderr = locimem(show...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stdout, "images 0 to 9 of folder-16x16-crop16/train")
	code, stdout, stderr = locimem(append(show, "--index", "7,0")...)
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stdout, "image 7: Train/dog/2.png, class dog\nimage 0: Train/cat/0.png, class cat\n")
	for want, more := range map[string][]string{
		"--index 10: want 0 to 9":          {"--index", "10"},
		"--index: want it alone":           {"--index", "1", "--count", "2"},
		"--first 10: want 0 to 9":          {"--first", "10"},
		"--first 8 --count 3: want 1 to":   {"--first", "8", "--count", "3"},
		"--first 0 --count 0: want 1 to 1": {"--count", "0"},
	} {
		code, _, stderr := locimem(append(show, more...)...)
		assert.Equal(t, exitUsage, code)
		assert.Contains(t, stderr, want)
	}
}
