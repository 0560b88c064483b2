package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/locimem/locimem/internal/half"
	"github.com/locimem/locimem/tensor"
)

// maxHeader is the longest header that the format allows.
const maxHeader = 100_000_000

// File is an open safetensors file, or the index of several, of which tensors can be
// read one by one.
type File struct {
	path string
	r    io.ReaderAt
	header
	data  int64 // where the values begin
	close func() error
}

// Open reads and checks the header of a file, and its checksum if it was written
// by this package. The error says what is wrong with the file. Close it after
// use.
//
// Of a model in several files path is their index, NAME.safetensors.index.json; the
// files lie beside it. Files of other formats are called what they are.
func Open(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if isIndex(path) {
		defer r.Close()
		return openIndex(path, r)
	}
	info, err := r.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("not a regular file but a folder, expected a file in it, such as %s", inFolder(path))
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err == nil {
		var f *File
		if f, err = parse(r, info.Size()); err == nil {
			f.path, f.close = path, r.Close
			return f, nil
		}
	}
	r.Close()
	return nil, fmt.Errorf("%s: %w", path, err)
}

// parse reads a file of size bytes.
func parse(r io.ReaderAt, size int64) (*File, error) {
	var start [8]byte
	if size < int64(len(start)) {
		return nil, fmt.Errorf("has %d bytes, too few for a safetensors file: truncated?", size)
	}
	in := io.NewSectionReader(r, 0, size)
	if _, err := io.ReadFull(in, start[:]); err != nil {
		return nil, err
	}
	rest := size - int64(len(start))
	n := binary.LittleEndian.Uint64(start[:])
	var brace [1]byte
	if _, err := r.ReadAt(brace[:], int64(len(start))); err != nil || brace[0] != '{' || n > uint64(rest) {
		if err := otherKind(r, size); err != nil {
			return nil, err
		}
	}
	if n > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, expected at most %d: not a safetensors file?", n, maxHeader)
	}
	if int64(n) > rest {
		return nil, fmt.Errorf("header of %d bytes, but the file has only %d more: "+
			"truncated, or not a safetensors file", n, rest)
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(in, raw); err != nil {
		return nil, err
	}
	h, err := parseHeader(raw, rest-int64(n))
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	f := &File{r: r, header: *h, data: int64(len(start)) + int64(n)}
	return f, f.verify(slices.Concat(start[:], raw), rest-int64(n))
}

// verify compares the file with the checksum that it carries, if it does. The
// start of the file up to the values is given.
func (f *File) verify(start []byte, size int64) error {
	sum, has := f.meta[checksumKey]
	if !has {
		if f.meta[kindKey] != "" {
			return fmt.Errorf("metadata: %s without %s: the file is damaged", kindKey, checksumKey)
		}
		return nil
	}
	field := checksumField(sum)
	at := bytes.Index(start, field)
	if at < 0 || len(sum) != hex.EncodedLen(sha256.Size) {
		return fmt.Errorf("metadata: %s: found %q, expected %d digits: the file is damaged",
			checksumKey, sum, hex.EncodedLen(sha256.Size))
	}
	copy(start[at:], checksumField(noChecksum))
	h := sha256.New()
	h.Write(start)
	if _, err := io.Copy(h, io.NewSectionReader(f.r, f.data, size)); err != nil {
		return err
	}
	if found := hex.EncodeToString(h.Sum(nil)); found != sum {
		return fmt.Errorf("checksum %s, expected %s: the file is damaged, "+
			"or another program changed it and kept the metadata entry %s", found, sum, checksumKey)
	}
	return nil
}

// noChecksum stands for the checksum while it is being computed.
var noChecksum = strings.Repeat("0", hex.EncodedLen(sha256.Size))

// checksumField is how the metadata entry is written in the header. Quotes are
// escaped inside JSON strings, so that it cannot be part of another entry.
func checksumField(sum string) []byte {
	return fmt.Appendf(nil, `"%s":"%s"`, checksumKey, sum)
}

// Close closes the file.
func (f *File) Close() error { return f.close() }

// Names returns the names of all tensors in order.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.entries))
	for n := range f.entries {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Shape returns the shape of a tensor as the file has it, nil if there is none of
// that name.
func (f *File) Shape(name string) []int { return f.entries[name].shape }

// Tensor reads one tensor in the file's layout. Types F64, F16 and BF16 become
// float32. It fails for other types, for values that are too large for float32,
// and if there is none of that name.
func (f *File) Tensor(name string) (*tensor.Tensor, error) {
	t, err := f.tensor(name)
	if err != nil {
		return nil, fmt.Errorf("%s: tensor %q: %w", f.path, name, err)
	}
	return t, nil
}

func (f *File) tensor(name string) (*tensor.Tensor, error) {
	e, ok := f.entries[name]
	if !ok {
		return nil, errors.New("not in the file")
	}
	if e.shard != nil {
		if e.stored != "" {
			name = e.stored
		}
		return e.shard.tensor(name)
	}
	decode := floats[e.dtype]
	if decode == nil {
		return nil, fmt.Errorf("type %s, expected %s", e.dtype, floatNames())
	}
	width := int(widths[e.dtype])
	t := tensor.New(e.shape...)
	r := io.NewSectionReader(f.r, f.data+e.begin, e.end-e.begin)
	buf := make([]byte, min(1<<16, e.end-e.begin))
	for dst := t.Data(); len(dst) > 0; {
		n := min(len(buf)/width, len(dst))
		if _, err := io.ReadFull(r, buf[:n*width]); err != nil {
			return nil, err
		}
		if bad := decode(dst[:n], buf); bad >= 0 {
			return nil, fmt.Errorf("value %d is too large for float32", t.Len()-len(dst)+bad)
		}
		dst = dst[n:]
	}
	return t, nil
}

// floats has for each readable type the function that fills dst from the bytes
// of src. It returns the place of a value that float32 cannot hold, or -1.
var floats = map[string]func(dst []float32, src []byte) int{
	"F32": func(dst []float32, src []byte) int {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
		return -1
	},
	"F64": func(dst []float32, src []byte) int {
		for i := range dst {
			v := math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
			dst[i] = float32(v)
			if math.IsInf(float64(dst[i]), 0) && !math.IsInf(v, 0) {
				return i
			}
		}
		return -1
	},
	"BF16": func(dst []float32, src []byte) int {
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
		return -1
	},
	"F16": func(dst []float32, src []byte) int {
		for i := range dst {
			dst[i] = half.Float32(binary.LittleEndian.Uint16(src[2*i:]))
		}
		return -1
	},
}

// floatNames lists the readable types.
func floatNames() string { return "F32, F64, F16 or BF16" }
