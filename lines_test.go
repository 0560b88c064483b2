package locimem

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// No line of Go is longer than 120 characters, so that two files fit next to each other on
// a screen. Generated files are left out.
func TestLinesAreShort(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || bytes.Contains(text[:min(400, len(text))], []byte("DO NOT EDIT")) {
			return err
		}
		files++
		n := 0
		for line := range strings.Lines(string(text)) {
			if n++; utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 120 {
				t.Errorf("%s:%d: found a line of %d characters, expected 120 or fewer", path, n, utf8.RuneCountInString(line)-1)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, files, 300)
}
