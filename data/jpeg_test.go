package data

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pillow returns an image as testdata has it from Pillow.
func pillow(t testing.TB, path string) raster {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(b))
	require.NoError(t, err)
	r := raster{h: img.Bounds().Dy(), w: img.Bounds().Dx()}
	r.pix = make([]uint8, 3*r.h*r.w)
	r.fromImage(img, "png")
	return r
}

// JPEG files that common tools do not write, and image/jpeg does not read, or not with
// their colours interpolated (testdata/make_jpegs.py).
func TestRareJPEGAgainstPillow(t *testing.T) {
	files, err := filepath.Glob("testdata/jpegs/*.jpg")
	require.NoError(t, err)
	require.Len(t, files, 16)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		r, err := decodeImage(b)
		require.NoError(t, err, file)
		want := pillow(t, strings.TrimSuffix(file, ".jpg")+".png")
		require.Equal(t, [2]int{want.h, want.w}, [2]int{r.h, r.w}, file)
		worst, mean := difference(r.pix, want.pix)
		t.Logf("%-40s worst %d mean %.4f", filepath.Base(file), worst, mean)
		assert.LessOrEqual(t, worst, lossy[".jpg"], file)
	}
}

// What is not read says why, and where it can what to do.
func TestRefusedJPEG(t *testing.T) {
	b, err := os.ReadFile("testdata/jpegs/uneven.jpg")
	require.NoError(t, err)
	frame := bytes.Index(b, []byte{0xff, 0xc0})
	require.Positive(t, frame)
	changed := func(at int, to ...byte) []byte {
		c := bytes.Clone(b)
		copy(c[frame+at:], to)
		return c
	}
	for want, file := range map[string][]byte{
		"jpeg: header: arithmetic coding is not read: write the file again with Huffman coding": changed(1, 0xc9),
		"jpeg: header: lossless coding is not read":                                             changed(1, 0xc3),
		"jpeg: header: hierarchical coding is not read":                                         changed(1, 0xc5),
		"jpeg: header: precision: found 12 bits a sample, expected 8":                           changed(4, 12),
		"jpeg: header: size: found 29 x 0, expected at least 1 x 1":                             changed(5, 0, 0),
		"jpeg: header: component 1: found sampling 5x2 and table 0, expected 1 to 4 and 0 to 3": changed(11, 0x52),
		"jpeg: header: sampling factors: found 2x1 next to 3x2, expected divisors":              changed(11, 0x32, 0, 2, 0x21),
		"jpeg: the file ends too early":                                                         b[:len(b)-2],
		"jpeg: the compressed data end too early":                                               append(bytes.Clone(b[:len(b)-40]), 0xff, 0xd9),
	} {
		_, err := decodeImage(file)
		assert.ErrorContains(t, err, want)
	}
	restarts, err := os.ReadFile("testdata/jpegs/progressive-restart.jpg")
	require.NoError(t, err)
	at := bytes.Index(restarts, []byte{0xff, 0xd1})
	require.Positive(t, at)
	restarts[at+1] = 0xd4
	_, err = decodeImage(restarts)
	assert.ErrorContains(t, err, "jpeg: restart marker: found ff d4, expected ff d1")
}
