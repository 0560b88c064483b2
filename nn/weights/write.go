package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/tensor"
)

// item is one tensor to be written.
type item struct {
	name  string
	value *tensor.Tensor
	oihw  bool // HWIO in memory, OIHW in the file
}

func write(path string, items []item, kind string, meta map[string]string) error {
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.name, b.name) })
	head, err := buildHeader(items, kind, meta)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	// The checksum lies before the values, so they are gone through twice.
	h := sha256.New()
	h.Write(head)
	if err := writeValues(h, items); err != nil {
		return err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	head = bytes.Replace(head, checksumField(noChecksum), checksumField(sum), 1)
	err = atomicfile.Write(path, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		return writeValues(w, items)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// buildHeader returns the file up to the values, with noChecksum.
func buildHeader(items []item, kind string, meta map[string]string) ([]byte, error) {
	all := map[string]string{checksumKey: noChecksum, kindKey: kind}
	for k, v := range meta {
		if all[k] != "" {
			return nil, fmt.Errorf("metadata: the key %q is reserved", k)
		}
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return nil, fmt.Errorf("metadata: %q: %q is not UTF-8", k, v)
		}
		all[k] = v
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"%s":{`, metaName)
	for i, k := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", quote(k), quote(all[k]))
	}
	b.WriteByte('}')
	at := 0
	for i, it := range items {
		switch {
		case it.name == "" || it.name == metaName || !utf8.ValidString(it.name):
			return nil, fmt.Errorf("tensor %q: not a possible name", it.name)
		case i > 0 && it.name == items[i-1].name:
			return nil, fmt.Errorf("tensor %q is given twice", it.name)
		}
		shape := it.value.Shape()
		if it.oihw {
			shape = []int{shape[3], shape[2], shape[0], shape[1]}
		}
		end := at + 4*it.value.Len()
		fmt.Fprintf(&b, `,%s:{"dtype":"F32","shape":[%s],"data_offsets":[%d,%d]}`,
			quote(it.name), strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ","), "[]"), at, end)
		at = end
	}
	b.WriteByte('}')
	// The values begin at a multiple of 8, as the format's own writer has it.
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(b.Len())), b.Bytes()...), nil
}

// quote returns valid UTF-8 as a JSON string.
func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be encoded
	}
	return b
}

// writeValues writes all values through a small buffer.
func writeValues(w io.Writer, items []item) error {
	buf := make([]byte, 0, 1<<15)
	put := func(v float32) (err error) {
		if len(buf) == cap(buf) {
			_, err = w.Write(buf)
			buf = buf[:0]
		}
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		return err
	}
	for _, it := range items {
		var err error
		data := it.value.Data()
		if it.oihw {
			s := it.value.Shape()
			hwio(s[0], s[1], s[2], s[3], func(at int) {
				if err == nil {
					err = put(data[at])
				}
			})
		} else {
			for _, v := range data {
				if err = put(v); err != nil {
					break
				}
			}
		}
		if err != nil {
			return err
		}
	}
	_, err := w.Write(buf)
	return err
}
