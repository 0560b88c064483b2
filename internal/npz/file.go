package npz

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxRatio is the most that deflate can shrink: 258 bytes to 2 bits. An entry
// that claims more is a lie.
const maxRatio = 1032

// File is an open .npz or .npy file.
type File struct {
	path    string
	r       io.ReaderAt
	size    int64
	names   []string
	entries map[string]*zip.File // nil for .npy
	close   func() error
}

// Open opens a .npz or .npy file; which one it is, its first bytes tell. Close
// it after use. Errors name the file.
func Open(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := r.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err == nil {
		var f *File
		if f, err = open(r, info.Size(), path); err == nil {
			f.close = r.Close
			return f, nil
		}
	}
	r.Close()
	return nil, fmt.Errorf("%s: %w", path, err)
}

func open(r io.ReaderAt, size int64, path string) (*File, error) {
	f := &File{path: path, r: r, size: size}
	start := make([]byte, min(size, int64(len(magic))))
	if _, err := r.ReadAt(start, 0); err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case size == 0:
		return nil, errors.New("file is empty, expected .npz or .npy")
	case string(start) == magic:
		f.names = []string{strings.TrimSuffix(filepath.Base(path), ".npy")}
		return f, nil
	case !strings.HasPrefix(string(start), "PK"):
		return nil, fmt.Errorf("starts with %q, expected %q (.npz) or %q (.npy)", start, "PK", magic)
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: truncated, or not .npz", err)
	}
	f.entries = map[string]*zip.File{}
	for _, e := range z.File {
		name, ok := strings.CutSuffix(e.Name, ".npy")
		if !ok {
			continue
		}
		if f.entries[name] != nil {
			return nil, fmt.Errorf("array %q is in the file twice", name)
		}
		f.entries[name] = e
		f.names = append(f.names, name)
	}
	if len(f.names) == 0 {
		return nil, fmt.Errorf("found no arrays (names with .npy) among %d entries", len(z.File))
	}
	return f, nil
}

// Close closes the file. Its arrays can no longer be read.
func (f *File) Close() error { return f.close() }

// Names returns the names of the arrays in the order of the file, without .npy.
// The one of a .npy file is that of the file.
func (f *File) Names() []string { return f.names }

// Array reads the header of an array. Errors name the file and the array.
func (f *File) Array(name string) (*Array, error) {
	a := &Array{where: fmt.Sprintf("%s: array %q", f.path, name)}
	var err error
	switch e, ok := f.entries[name]; {
	case f.entries == nil && name == f.names[0]:
		err = a.open(f.r, f.size)
	case !ok:
		return nil, fmt.Errorf("%s: array %q is not in the file; there are %s", f.path, name, list(f.names))
	default:
		err = f.entry(a, e)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.where, err)
	}
	return a, nil
}

// entry opens an array of a zip archive.
func (f *File) entry(a *Array, e *zip.File) error {
	offset, err := e.DataOffset()
	if err != nil {
		return fmt.Errorf("zip entry: %w", err)
	}
	if left := f.size - offset; left < 0 || e.CompressedSize64 > uint64(left) {
		return fmt.Errorf("zip entry: found %d bytes, expected %d: truncated?", max(left, 0), e.CompressedSize64)
	}
	if e.Method == zip.Store && e.Flags&1 == 0 && e.UncompressedSize64 == e.CompressedSize64 {
		return a.open(io.NewSectionReader(f.r, offset, int64(e.CompressedSize64)), int64(e.CompressedSize64))
	}
	if e.Flags&1 != 0 {
		return errors.New("zip entry: is encrypted")
	}
	if e.UncompressedSize64 > maxRatio*e.CompressedSize64 {
		return fmt.Errorf("zip entry: claims %d bytes packed into %d, which is not possible", e.UncompressedSize64,
			e.CompressedSize64)
	}
	s := &stream{size: int64(e.UncompressedSize64), open: e.Open}
	return a.open(s, s.size)
}

func list(names []string) string {
	if len(names) > 20 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:20], ", "), len(names)-20)
	}
	return strings.Join(names, ", ")
}

// stream gives access by position to bytes that can only be read in order:
// forwards it skips, backwards it begins anew.
type stream struct {
	size, at int64
	open     func() (io.ReadCloser, error)
	r        io.ReadCloser
}

// ReadAt implements io.ReaderAt. The last byte is given only if the checksum of
// the archive fits.
func (s *stream) ReadAt(p []byte, off int64) (int, error) {
	if s.r == nil || off < s.at {
		if s.r != nil {
			s.r.Close()
		}
		r, err := s.open()
		if err != nil {
			s.r = nil
			return 0, err
		}
		s.r, s.at = r, 0
	}
	n, err := io.CopyN(io.Discard, s.r, off-s.at)
	if s.at += n; err != nil {
		return 0, err
	}
	want := min(int64(len(p)), s.size-off)
	m, err := io.ReadFull(s.r, p[:max(want, 0)])
	if s.at += int64(m); err != nil {
		return m, err
	}
	if s.at == s.size { // only the read after the last byte compares checksums
		var b [1]byte
		if k, err := s.r.Read(b[:]); k != 0 || err != io.EOF {
			if err == nil || err == io.EOF {
				err = fmt.Errorf("zip entry: more than the expected %d bytes", s.size)
			}
			return m, err
		}
	}
	if m < len(p) {
		return m, io.EOF
	}
	return m, nil
}
