package kernel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The generated assembly is there to be read as well: a comment says what each
// block of instructions does, and no block is longer than a page.
func TestGeneratedAssemblyIsExplained(t *testing.T) {
	const page = 60
	files, err := filepath.Glob("*.s")
	require.NoError(t, err)
	generated := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if !strings.HasPrefix(string(text), "// Code generated") {
			continue
		}
		generated++
		function, run := "", 0
		for line := range strings.Lines(string(text)) {
			switch trimmed := strings.TrimSpace(line); {
			case strings.HasPrefix(line, "TEXT"):
				function, _, _ = strings.Cut(line, "(")
				run = page // its first line has to be a comment
			case strings.HasPrefix(trimmed, "//"):
				run = 0
			case strings.HasPrefix(line, "\t"):
				run++
				if !assert.LessOrEqual(t, run, page, "%s: %s: instructions without a comment", file, function) {
					return
				}
			}
		}
	}
	assert.Equal(t, 9, generated, "generated files")
}
