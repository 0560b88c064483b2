package data

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// maxRatio is the most that deflate (gzip, zlib, PNG) can shrink: 258 bytes to 2
// bits. What claims more is a lie.
const maxRatio = 1032

// regular returns the size of the file at path, or says why it is none. set is
// the name of the data, for errors.
func regular(set, path string) (int64, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fmt.Errorf("%s: %s: file is missing: %w", set, path, fs.ErrNotExist)
	case err != nil:
		return 0, fmt.Errorf("%s: %w", set, err)
	case info.IsDir():
		return 0, fmt.Errorf("%s: %s: found a folder, expected a file", set, path)
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%s: %s: found something that is not a regular file (%s)", set, path, info.Mode().Type())
	}
	return info.Size(), nil
}

// checkSize tells whether the file at path has that many bytes.
func checkSize(set, path string, want int64) error {
	size, err := regular(set, path)
	switch {
	case err != nil:
		return err
	case size == want:
		return nil
	case size == 0:
		return fmt.Errorf("%s: %s: file is empty, expected %d bytes", set, path, want)
	}
	return fmt.Errorf("%s: %s: %s: found %d bytes, expected %d", set, path, tooShortOrLong(size, want), size, want)
}

// checkRecords tells whether the file at path holds n records of that many bytes.
func checkRecords(set, path string, record, n int) error {
	size, err := regular(set, path)
	if err != nil {
		return err
	}
	want, each := int64(record)*int64(n), int64(record)
	switch what := tooShortOrLong(size, want); {
	case size == want:
		return nil
	case size == 0:
		return fmt.Errorf("%s: %s: file is empty, expected %d bytes (%d records)", set, path, want, n)
	case size%each != 0:
		return fmt.Errorf("%s: %s: %s: found %d bytes, which is %d records of %d bytes and %d bytes more, "+
			"expected %d bytes (%d records)", set, path, what, size, size/each, each, size%each, want, n)
	default:
		return fmt.Errorf("%s: %s: %s: found %d records, expected %d", set, path, what, size/each, n)
	}
}

func tooShortOrLong(size, want int64) string {
	if size < want {
		return "truncated"
	}
	return "oversized"
}

// readFile opens the file at path for read, and names the file in its errors.
func readFile(set, path string, read func(r io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", set, err)
	}
	defer f.Close()
	if err := read(f); err != nil {
		return fmt.Errorf("%s: %s: %w", set, path, err)
	}
	return nil
}

// readRecords hands over n records of that many bytes one by one, each valid until
// the next. It fails if r has fewer or more.
func readRecords(r io.Reader, record, n int, take func(i int, rec []byte) error) error {
	b := bufio.NewReaderSize(r, 1<<16)
	rec := make([]byte, record)
	for i := range n {
		if k, err := io.ReadFull(b, rec); err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("truncated: found %d bytes, expected %d (%d records)", i*record+k, n*record, n)
		} else if err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
		if err := take(i, rec); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	return atEnd(b, int64(n)*int64(record))
}

// readExactly returns n bytes, all that r has. It asks for memory as they come,
// so that a wrong n does no harm.
func readExactly(r io.Reader, n int64) ([]byte, error) {
	var b []byte
	for int64(len(b)) < n {
		at := len(b)
		more := min(n-int64(at), max(int64(at), 1<<20))
		b = slices.Grow(b, int(more))[:at+int(more)]
		if m, err := io.ReadFull(r, b[at:]); err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, fmt.Errorf("truncated: found %d bytes, expected %d", at+m, n)
		} else if err != nil {
			return nil, err
		}
	}
	return b, atEnd(r, n)
}

// atEnd fails unless r has nothing more to give after n bytes.
func atEnd(r io.Reader, n int64) error {
	var one [1]byte
	if k, err := io.ReadFull(r, one[:]); k > 0 {
		return fmt.Errorf("oversized: more than the expected %d bytes", n)
	} else if err != io.EOF {
		return err
	}
	return nil
}

// source is a file that may be packed by gzip.
type source struct {
	io.Reader
	path  string
	most  int64 // bytes that it can hold at most
	close func() error
}

// openSource opens the file at path, or the one with .gz behind its name.
func openSource(set, path string) (*source, error) {
	packed := false
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(path + ".gz"); err == nil {
			path, packed = path+".gz", true
		}
	}
	size, err := regular(set, path)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return nil, fmt.Errorf("%s: %s: file is empty", set, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", set, err)
	}
	s := &source{Reader: bufio.NewReaderSize(f, 1<<16), path: path, most: size, close: f.Close}
	if packed {
		z, err := gzip.NewReader(s.Reader)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %s: %w", set, path, err)
		}
		s.Reader, s.most = z, size*maxRatio
	}
	return s, nil
}

// folder returns the first of dir and its subfolders that holds the file name,
// or name.gz.
func folder(set, dir, name string, subfolders ...string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("%s: data folder: %w", set, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s: data folder: %s is a file, "+
			"expected a folder (an archive must be unpacked first)", set, dir)
	}
	tried := []string{name}
	for _, sub := range append([]string{"."}, subfolders...) {
		for _, ext := range []string{"", ".gz"} {
			if _, err := os.Stat(dir + "/" + sub + "/" + name + ext); err == nil {
				return dir + "/" + sub, nil
			}
		}
		if sub != "." {
			tried = append(tried, sub+"/"+name)
		}
	}
	return "", fmt.Errorf("%s: %s: found none of %s", set, dir, strings.Join(tried, ", "))
}

// readNames reads a file of n names, one a line.
func readNames(set, path string, n int) ([]string, error) {
	if _, err := regular(set, path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", set, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", set, path, err)
	}
	names := strings.Fields(string(text))
	if len(names) != n {
		return nil, fmt.Errorf("%s: %s: class names: found %d, expected %d", set, path, len(names), n)
	}
	return names, nil
}
