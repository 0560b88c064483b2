package data

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Files of a few bytes that claim gigabytes: the error comes before the memory is
// taken.
func TestClaimsAreNotBelieved(t *testing.T) {
	mat, err := os.ReadFile("testdata/svhn.mat")
	require.NoError(t, err)
	mat = bytes.Clone(mat[:140])
	binary.LittleEndian.PutUint32(mat[132:], 8) // the element's length, but not what is in it
	webp := append([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f"), make([]byte, 9)...)
	for name, read := range map[string]func() error{
		"idx": func() error {
			head := idx(nil, 60000, 28, 28)
			_, err := readIDX(bytes.NewReader(head), 1<<40, []int{60000, 28, 28})
			return err
		},
		"readExactly": func() error { _, err := readExactly(bytes.NewReader(make([]byte, 100)), 1<<40); return err },
		"png":         func() error { _, err := decodeImage(pngHeader(1<<31-1, 1<<31-1)); return err },
		"webp":        func() error { _, err := decodeImage(webp); return err },
		"svhn":        func() error { _, _, err := readSVHN(bytes.NewReader(mat), int64(len(mat)), 531131); return err },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read()
		runtime.ReadMemStats(&after)
		assert.Error(t, err, name)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20), "%s: %v", name, err)
		t.Log(name, err, after.TotalAlloc-before.TotalAlloc)
	}
}
