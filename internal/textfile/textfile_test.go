package textfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUTF8(t *testing.T) {
	for _, text := range []string{"\xef\xbb\xbfa", "a"} {
		b, err := UTF8([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, "a", string(b))
	}
	for _, text := range []string{"", "\xef\xbb", "\x00\x00", "\x00"} {
		b, err := UTF8([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, text, string(b))
	}
	for _, text := range []string{"\xff\xfea\x00", "\xfe\xff\x00a", "a\x00b\x00", "\x00a\x00b"} {
		_, err := UTF8([]byte(text))
		assert.ErrorContains(t, err, "found UTF-16, expected UTF-8")
	}
	for _, text := range []string{"\xff\xfe\x00\x00a\x00\x00\x00", "\x00\x00\xfe\xff\x00\x00\x00a"} {
		_, err := UTF8([]byte(text))
		assert.ErrorContains(t, err, "found UTF-32, expected UTF-8")
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file, pipe, huge := filepath.Join(dir, "a"), filepath.Join(dir, "pipe"), filepath.Join(dir, "huge")
	require.NoError(t, os.WriteFile(file, []byte("12345"), 0o644))
	require.NoError(t, syscall.Mkfifo(pipe, 0o644))
	require.NoError(t, os.WriteFile(huge, nil, 0o644))
	require.NoError(t, os.Truncate(huge, 3<<30))
	b, err := Read(file, 5)
	require.NoError(t, err)
	assert.Equal(t, "12345", string(b))
	for path, want := range map[string]string{
		file:        "found 5 bytes, expected at most 4",
		huge:        "found 3221225472 bytes, expected at most 4",
		pipe:        "found something that is not a regular file (p---------)",
		"/dev/zero": "found something that is not a regular file (Dc---------)",
		dir:         "found a folder, expected a file",
	} {
		_, err := Read(path, 4)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, path+": ")
	}
	_, err = Read(filepath.Join(dir, "none"), 4)
	assert.ErrorIs(t, err, os.ErrNotExist)

	// What a shell gives as <(...).
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	_, err = w.WriteString("1234567")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	_, err = Read("/dev/fd/"+itoa(r.Fd()), 4)
	assert.ErrorContains(t, err, "found more than 4 bytes")
}

func itoa(fd uintptr) string {
	if fd < 10 {
		return string(rune('0' + fd))
	}
	return itoa(fd/10) + itoa(fd%10)
}
