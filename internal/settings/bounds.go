package settings

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/locimem/locimem/internal/textfile"
)

// Bounds on a document. The parser takes time and memory that grow with the square of a
// line's length, of the number of keys and of the depth of brackets; nobody writes a
// recipe that comes near to any of them.
const (
	MaxSize     = 1 << 16 // bytes
	maxLine     = 1 << 13 // bytes of a line
	maxLines    = 2000
	maxBrackets = 1000 // [ and {, in texts and comments too
)

// bounded returns a document without its byte order mark and its %YAML directive, or says
// which bound it exceeds.
func bounded(src []byte) ([]byte, error) {
	if len(src) > MaxSize {
		return nil, fmt.Errorf("%d bytes are more than the %d allowed", len(src), MaxSize)
	}
	src, err := textfile.UTF8(src)
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(src, []byte("\n"))
	if len(lines) > maxLines {
		return nil, fmt.Errorf("found %d lines, expected at most %d", len(lines), maxLines)
	}
	for i, line := range lines {
		if len(line) > maxLine {
			return nil, fmt.Errorf("line %d: found %d bytes, expected at most %d", i+1, len(line), maxLine)
		}
	}
	if n := bytes.Count(src, []byte("[")) + bytes.Count(src, []byte("{")); n > maxBrackets {
		return nil, fmt.Errorf("found %d opening brackets, expected at most %d", n, maxBrackets)
	}
	return withoutDirective(src, lines)
}

// withoutDirective makes a comment of the directive %YAML before the document, so that
// lines keep their numbers. Other directives are errors.
func withoutDirective(src []byte, lines [][]byte) ([]byte, error) {
	var out [][]byte
	found := 0
	for i, line := range lines {
		text := strings.TrimRight(string(line), " \t\r")
		switch {
		case text == "" || text[0] == '#':
			continue
		case text[0] != '%' && found == 0:
			return src, nil
		case text[0] != '%':
			if text != "---" && !strings.HasPrefix(text, "--- ") {
				return nil, fmt.Errorf("line %d: found %.20q, expected --- after the directive %%YAML", i+1, text)
			}
			return bytes.Join(append(out, lines[len(out):]...), []byte("\n")), nil
		}
		words := strings.Fields(text)
		if words[0] != "%YAML" || found > 0 {
			return nil, fmt.Errorf("line %d: the directive %s is not taken", i+1, words[0])
		}
		if len(words) < 2 || words[1] != "1.1" && words[1] != "1.2" {
			return nil, fmt.Errorf("line %d: found %q, expected %%YAML 1.1 or 1.2", i+1, text)
		}
		found++
		out = append(out, lines[len(out):i]...)
		out = append(out, append([]byte("#"), line[1:]...))
	}
	if found > 0 {
		return nil, fmt.Errorf("found the directive %%YAML and no --- after it")
	}
	return src, nil
}
