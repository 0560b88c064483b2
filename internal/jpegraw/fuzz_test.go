package jpegraw

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDecode checks that no bytes make the decoder panic, and that planes have the sizes
// that the header tells.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../../data/testdata/*/*.jpg")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ReadHeader(b)
		if err != nil || h.W*h.H > 1<<16 {
			return
		}
		img, err := Decode(b)
		if err != nil {
			return
		}
		for i, c := range img.Components {
			if c.W*c.SX < h.W || c.H*c.SY < h.H || c.Stride < c.W || len(c.Pix) < c.Stride*c.H {
				t.Fatalf("component %d of %d x %d: %d x %d, stride %d, %d samples of %d x %d pixels",
					i, h.W, h.H, c.W, c.H, c.Stride, len(c.Pix), c.SX, c.SY)
			}
		}
	})
}
