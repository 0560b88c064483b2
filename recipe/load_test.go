package recipe

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A recipe with a byte order mark or a directive means the same; what is no file, or too
// large for a recipe, is refused before it is read.
func TestLoadOfUnusualFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	want, err := Load(write("plain.yaml", "name: x\ntrain: {epochs: 1}\n"), nil)
	require.NoError(t, err)
	for _, text := range []string{"\xef\xbb\xbfname: x\ntrain: {epochs: 1}\n",
		"%YAML 1.2\n---\nname: x\ntrain: {epochs: 1}\n"} {
		r, err := Load(write("other.yaml", text), nil)
		require.NoError(t, err)
		assert.Equal(t, want, r)
		assert.Equal(t, want.Hash(), r.Hash())
	}
	pipe, huge := filepath.Join(dir, "pipe"), write("huge.yaml", "")
	require.NoError(t, syscall.Mkfifo(pipe, 0o644))
	require.NoError(t, os.Truncate(huge, 3<<30))
	for path, want := range map[string]string{
		"/dev/zero":                        "/dev/zero: found something that is not a regular file",
		pipe:                               "found something that is not a regular file",
		huge:                               "found 3221225472 bytes, expected at most 65536",
		dir:                                "found a folder, expected a file",
		write("utf16", "\xff\xfen\x00"):    "found UTF-16, expected UTF-8",
		filepath.Join(dir, "missing.yaml"): "no such file",
	} {
		_, err := Load(path, nil)
		assert.ErrorContains(t, err, want)
	}
}

// Settings that came later do not change the hash of recipes without them.
func TestFolderSettingsAndHash(t *testing.T) {
	hash := func(sets ...string) string {
		r, err := Load("", append([]string{"data.name=folder", "data.dir=x"}, sets...))
		require.NoError(t, err)
		return r.Hash()
	}
	plain := hash()
	assert.Equal(t, plain, hash("data.folder.parts=auto", "data.folder.skip_unreadable=false"))
	assert.NotEqual(t, plain, hash("data.folder.parts=none"))
	assert.NotEqual(t, plain, hash("data.folder.skip_unreadable=true"))
	_, err := Load("", []string{"data.name=folder", "data.dir=x", "data.folder.parts=both"})
	assert.ErrorContains(t, err, `data.folder.parts: found "both", expected auto, none or the names of two folders`)
}
