// Package textfile reads texts as other programs leave them: with a byte order mark, in
// UTF-16, or in a file that is none.
package textfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// UTF8 returns a text without its byte order mark. A text in UTF-16 or UTF-32 is an error
// that says so.
func UTF8(b []byte) ([]byte, error) {
	has := func(mark string) bool { return bytes.HasPrefix(b, []byte(mark)) }
	switch {
	case has("\xef\xbb\xbf"):
		return b[3:], nil
	case has("\xff\xfe\x00\x00"), has("\x00\x00\xfe\xff"):
		return nil, errors.New("found UTF-32, expected UTF-8: save the file in that encoding")
	case has("\xff\xfe"), has("\xfe\xff"), len(b) >= 2 && (b[0] == 0) != (b[1] == 0):
		return nil, errors.New("found UTF-16, expected UTF-8: save the file in that encoding")
	}
	return b, nil
}

// Read reads a file of at most so many bytes. A device, or a named pipe that may have
// nobody at its other end, is an error; /dev/stdin and /dev/fd, as the shell's <(...)
// gives them, are read like files.
func Read(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	stream := path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
	switch {
	case info.IsDir():
		return nil, fmt.Errorf("%s: found a folder, expected a file", path)
	case !info.Mode().IsRegular() && !(stream && info.Mode()&os.ModeNamedPipe != 0):
		return nil, fmt.Errorf("%s: found something that is not a regular file (%s), expected a file", path,
			info.Mode().Type())
	case info.Size() > most:
		return nil, fmt.Errorf("%s: found %d bytes, expected at most %d", path, info.Size(), most)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		return nil, fmt.Errorf("%s: found more than %d bytes, expected at most that", path, most)
	}
	return b, err
}
