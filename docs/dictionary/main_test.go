package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page in docs is the one that the code gives: go generate ./docs/dictionary.
func TestTheDictionaryIsCurrent(t *testing.T) {
	root := filepath.Join("..", "..")
	want, err := dictionary(root)
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(root, page))
	require.NoError(t, err)
	assert.True(t, string(want) == string(got), "%s is out of date: run go generate ./docs/dictionary", page)
}

// A field that nobody explained is an error, not an empty cell.
func TestEveryFieldHasAMeaning(t *testing.T) {
	root := t.TempDir()
	write := func(text string) *source {
		require.NoError(t, os.MkdirAll(filepath.Join(root, "p"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, "p", "p.go"), []byte(text), 0o644))
		return &source{root, map[string]map[string]declaration{}}
	}
	s := write("package p\ntype T struct {\n\t// A and B are lengths.\n\tA int `json:\"a\"`\n\tB int `json:\"b\"`\n\tC int `json:\"c\"`\n}\n")
	d, err := s.find("p", "T")
	require.NoError(t, err)
	fields := d.fields()
	require.Len(t, fields, 3)
	assert.Equal(t, "A and B are lengths.", fields[1].meaning)
	assert.Empty(t, fields[2].meaning)
	_, err = s.find("p", "U")
	assert.ErrorContains(t, err, "found no type U")
}
