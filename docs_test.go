package locimem

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quoted is a block of Go code in a document, behind a comment that names its file.
var quoted = regexp.MustCompile("(?s)<!-- from (\\S+) -->\n```go\n(.*?)```")

// Code in docs is quoted from files that are compiled and run, line by line.
func TestQuotedCode(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	found := 0
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, q := range quoted.FindAllStringSubmatch(string(text), -1) {
			source, err := os.ReadFile(q[1])
			require.NoError(t, err, doc)
			for _, part := range strings.Split(q[2], "\n// ...\n\n") { // what is left out between
				found++
				assert.Contains(t, string(source), part, "%s quotes %s", doc, q[1])
			}
		}
	}
	assert.Positive(t, found)
}

// Links in the documents lead to files that there are.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)`)
	var docs []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "*/README.md", "*/*/README.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		docs = append(docs, found...)
	}
	require.Greater(t, len(docs), 10)
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		prose := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(text), "")
		for _, l := range link.FindAllStringSubmatch(prose, -1) {
			if strings.Contains(l[1], "://") || strings.HasPrefix(l[1], "mailto:") {
				continue
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(doc), l[1]))
			assert.NoError(t, err, "%s links to %s", doc, l[1])
		}
	}
}
