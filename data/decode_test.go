package data

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bytesOf returns an array of bytes of images.npz, made by
// testdata/make_images.py.
func bytesOf(t testing.TB, f *npz.File, name string) ([]uint8, []int) {
	t.Helper()
	a, err := f.Array(name)
	require.NoError(t, err)
	v, err := npz.ReadAll[uint8](a)
	require.NoError(t, err)
	return v, a.Shape
}

func openImages(t testing.TB) *npz.File {
	t.Helper()
	f, err := npz.Open("testdata/images.npz")
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// difference returns the largest and the mean difference of two images.
func difference(a, b []uint8) (worst int, mean float64) {
	for i := range a {
		d := int(a[i]) - int(b[i])
		d = max(d, -d)
		worst = max(worst, d)
		mean += float64(d) / float64(len(a))
	}
	return worst, mean
}

// lossy says how far the pixels of lossy files may lie from Pillow's: the inverse
// cosine transforms of package jpeg and libjpeg-turbo round differently.
var lossy = map[string]int{".jpg": 3, ".jpeg": 3, ".webp": 1}

func TestDecodeAgainstPillow(t *testing.T) {
	f := openImages(t)
	files, err := os.ReadDir("testdata/images")
	require.NoError(t, err)
	require.Greater(t, len(files), 20)
	for _, file := range files {
		b, err := os.ReadFile(filepath.Join("testdata/images", file.Name()))
		require.NoError(t, err)
		r, err := decodeImage(b)
		require.NoError(t, err, file.Name())
		want, shape := bytesOf(t, f, "decode/"+file.Name())
		require.Equal(t, shape, []int{r.h, r.w, 3}, file.Name())
		worst, mean := difference(r.pix, want)
		t.Logf("%-24s worst %d mean %.4f", file.Name(), worst, mean)
		assert.LessOrEqual(t, worst, lossy[strings.ToLower(filepath.Ext(file.Name()))], file.Name())
	}
}

func TestResizeAgainstTorchvision(t *testing.T) {
	f := openImages(t)
	var about struct {
		Fits []struct {
			Turned  bool
			Size    [2]int
			Stretch bool
			Shorter int
		}
	}
	testutil.OpenGolden(t, "testdata/images.npz").About(&about)
	require.NotEmpty(t, about.Fits)
	source, shape := bytesOf(t, f, "fit/source")
	for k, o := range about.Fits {
		r := raster{h: shape[0], w: shape[1], pix: source}
		if o.Turned {
			r = raster{h: shape[1], w: shape[0], pix: make([]uint8, len(source))}
			for y := range r.h {
				for x := range r.w {
					copy(r.pix[(y*r.w+x)*3:][:3], source[(x*r.h+y)*3:])
				}
			}
		}
		want, _ := bytesOf(t, f, "fit/"+itoa(k))
		got := make([]uint8, len(want))
		require.NoError(t, r.fit(got, FolderOptions{Size: o.Size, Stretch: o.Stretch, Shorter: o.Shorter}))
		worst, mean := difference(got, want)
		t.Logf("%+v: worst %d mean %.4f", o, worst, mean)
		assert.LessOrEqual(t, worst, 1, "%+v", o)
	}
}

// From the file to the pixels of ImageFolder, Resize(24), CenterCrop(24).
func TestFolderAgainstTorchvision(t *testing.T) {
	f := openImages(t)
	for _, name := range f.Names() {
		file, ok := strings.CutPrefix(name, "end/")
		if !ok {
			continue
		}
		want, _ := bytesOf(t, f, name)
		b, err := os.ReadFile(filepath.Join("testdata/images", file))
		require.NoError(t, err)
		r, err := decodeImage(b)
		require.NoError(t, err)
		got := make([]uint8, len(want))
		require.NoError(t, r.fit(got, FolderOptions{Size: [2]int{24, 24}}))
		worst, mean := difference(got, want)
		t.Logf("%-24s worst %d mean %.4f", file, worst, mean)
		assert.LessOrEqual(t, worst, max(1, lossy[strings.ToLower(filepath.Ext(file))]), file)
	}
}

// pngHeader is the start of a PNG of one bit a pixel that claims a size.
func pngHeader(w, h uint32) []byte {
	ihdr := append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h), 1, 0, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

func TestBadImages(t *testing.T) {
	jpeg, err := os.ReadFile("testdata/images/rgb420.jpg")
	require.NoError(t, err)
	png, err := os.ReadFile("testdata/images/rgb.png")
	require.NoError(t, err)
	for want, b := range map[string][]byte{
		`starts with "a text, ": no image of a known format (bmp, gif, jpeg, png, webp)`: []byte("a text, not an image"),
		"jpeg: the compressed data end too early":                                        jpeg[:len(jpeg)-200],
		"jpeg: header: the file ends too early":                                          jpeg[:30],
		"png: broken: not enough pixel data":                                             png[:len(png)/2],
		"png size: found 30000 x 30000, expect":                                          pngHeader(30000, 30000),
	} {
		_, err := decodeImage(b)
		assert.ErrorContains(t, err, want)
	}
	damaged := append([]byte{}, png...)
	damaged[len(damaged)/2] ^= 1
	_, err = decodeImage(damaged)
	assert.ErrorContains(t, err, "png: ")

	for _, r := range []raster{{h: 1, w: 40000}, {h: math.MaxUint16 + 1, w: 1}} {
		r.pix = make([]uint8, r.h*r.w*3)
		assert.ErrorContains(t, r.fit(make([]uint8, 8*8*3), FolderOptions{Size: [2]int{8, 8}}), "size: ")
	}
}
