package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/locimem/locimem/nn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// file returns a file with that header and so many bytes of values.
func file(header string, values int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, values)...)
}

func parseBytes(b []byte) (*File, error) { return parse(bytes.NewReader(b), int64(len(b))) }

func TestBadFiles(t *testing.T) {
	one := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"a":{"dtype":%s,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	two := func(a, b string) string {
		return fmt.Sprintf(`{"a":{"dtype":"F32","shape":[2],"data_offsets":%s},"b":{"dtype":"F32","shape":[2],`+
			`"data_offsets":%s}}`, a, b)
	}
	length := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	for want, data := range map[string][]byte{
		"has 0 bytes, too few for a safetensors file":                      nil,
		"has 7 bytes, too few for a safetensors file":                      make([]byte, 7),
		"header of 18446744073709551615 bytes, expected at most 100000000": length(1<<64 - 1),
		"header of 100000001 bytes, expected at most 100000000":            length(100_000_001),
		"a zip archive or a pickle, as torch.save writes them":             []byte("PK\x03\x04\x00\x00\x08\x08\x00"),
		"in Python, safetensors.torch.save_file(state_dict, path)":         []byte("\x80\x02}q\x00(X\x07\x00"),
		"header of 3 bytes, but the file has only 2 more":                  append(length(3), "{}"...),
		`header: starts with "", expected {`:                               length(0),
		`header: starts with "PK\x03\x04", expected {`:                     file("PK\x03\x04", 0),
		`header: starts with " {}", expected {`:                            file(" {}", 0),
		"header: not UTF-8":                                                file("{\"\xff\":1}", 0),
		"header: the header ends too early":                                file("{", 0),
		"header: goes on after its closing brace":                          file("{}{}", 0),
		"header: invalid character":                                        file("{]", 0),
		"header: invalid character '1'":                                    file("{1:2}", 0),
		`header: tensor "a": found [, expected {`:                          file(`{"a":[]}`, 0),
		`header: tensor "a": found <nil>, expected {`:                      file(`{"a":null}`, 0),
		`header: "a" is given twice`: file(strings.Replace(two("[0,8]",
			"[8,16]"), `"b"`, `"a"`, 1), 16),
		`header: tensor "a": "shape" is given twice`: file(`{"a":{"shape":[],"shape":[],"dtype":"F32",`+
			`"data_offsets":[0,4]}}`, 4),
		`header: "__metadata__" is given twice`:                 file(`{"__metadata__":{},"__metadata__":{}}`, 0),
		`header: __metadata__: "k" is given twice`:              file(`{"__metadata__":{"k":"1","k":"2"}}`, 0),
		`header: __metadata__: "k": found 1, expected a string`: file(`{"__metadata__":{"k":1}}`, 0),
		`header: tensor "a": expected all of dtype, shape and data_offsets`: file(`{"a":{"dtype":"F32","shape":[]}}`,
			0),
		`header: tensor "a": strides: unknown field`:                    file(`{"a":{"strides":[]}}`, 0),
		`header: tensor "a": dtype: found "F31", which is unknown`:      file(one(`"F31"`, "[1]", "[0,4]"), 4),
		`header: tensor "a": dtype: found 3, expected a string`:         file(one("3", "[1]", "[0,4]"), 4),
		`header: tensor "a": shape: found -1, expected a whole number`:  file(one(`"F32"`, "[-1]", "[0,4]"), 4),
		`header: tensor "a": shape: found 1.5, expected a whole number`: file(one(`"F32"`, "[1.5]", "[0,4]"), 4),
		`header: tensor "a": shape: found 1e2, expected a whole number`: file(one(`"F32"`, "[1e2]", "[0,4]"), 4),
		`header: tensor "a": shape: found 9223372036854775808, expected`: file(one(`"F32"`,
			"[9223372036854775808]", "[0,4]"), 4),
		`header: tensor "a": shape: found [, expected a whole number`: file(one(`"F32"`, "[[1]]", "[0,4]"), 4),
		`header: tensor "a": shape: found x, expected [`:              file(one(`"F32"`, `"x"`, "[0,4]"), 4),
		`tensor "a": shape: [4294967296 4294967296 4] has too many values`: file(one(`"F32"`,
			"[4294967296,4294967296,4]", "[0,0]"), 0),
		`tensor "a": shape: [4611686018427387904] has too many values`: file(one(`"F32"`,
			"[4611686018427387904]", "[0,0]"), 0),
		`tensor "a": shape [2] of F32 takes 8 bytes, but data_offsets [0 4]`:      file(one(`"F32"`, "[2]", "[0,4]"), 4),
		`tensor "a": data_offsets: found [4 0]`:                                   file(one(`"F32"`, "[1]", "[4,0]"), 4),
		`tensor "a": data_offsets: found [0 4 8]`:                                 file(one(`"F32"`, "[1]", "[0,4,8]"), 8),
		`data_offsets: found [0 8], expected [begin, end] with begin <= end <= 7`: file(one(`"F32"`, "[2]", "[0,8]"), 7),
		`tensor "b" at bytes 4 to 12 overlaps tensor "a", which ends at 8`:        file(two("[0,8]", "[4,12]"), 12),
		`tensor "b" at bytes 0 to 8 overlaps tensor "a", which ends at 8`:         file(two("[0,8]", "[0,8]"), 8),
		`4 bytes between tensor "b" and tensor "a" belong to no tensor`:           file(two("[12,20]", "[0,8]"), 20),
		`4 bytes between the header and tensor "a" belong to no tensor`:           file(one(`"F32"`, "[1]", "[4,8]"), 8),
		`1 bytes after tensor "a" belong to no tensor`:                            file(one(`"F32"`, "[1]", "[0,4]"), 5),
		`9 bytes after the header belong to no tensor`:                            file("{}", 9),
		`metadata: locimem.kind without locimem.sha256: the file is damaged`: file(
			`{"__metadata__":{"locimem.kind":"weights"}}`, 0),
		`metadata: locimem.sha256: found "12", expected 64 digits`: file(
			`{"__metadata__":{"locimem.sha256":"12"}}`, 0),
		`the file is damaged, or another program changed it`: file(
			`{"__metadata__":{"locimem.sha256":"`+noChecksum+`"}}`, 0),
	} {
		_, err := parseBytes(data)
		assert.ErrorContains(t, err, want)
	}
}

func TestGoodFiles(t *testing.T) {
	for _, data := range [][]byte{
		file("{}", 0),
		file("{}  ", 0),
		file(`{"__metadata__":{}}`, 0),
		file(`{"b":{"data_offsets":[4,8],"shape":[],"dtype":"F32"},"a":{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]}}`,
			8),
		file(`{"a":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]},`+
			`"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4),
	} {
		_, err := parseBytes(data)
		assert.NoError(t, err, "%q", data)
	}
}

// Whatever the header and the values, reading them does not panic, and a file
// that is accepted survives being written and read again.
func FuzzRead(f *testing.F) {
	own := filepath.Join(f.TempDir(), "own.safetensors")
	require.NoError(f, Save(own, []*nn.Param{{Name: "w", Value: ramp(2, 2, 1, 2)}}, map[string]string{"k": "v"}))
	for _, path := range []string{peer, own} {
		b, err := os.ReadFile(path)
		require.NoError(f, err)
		n := 8 + binary.LittleEndian.Uint64(b)
		f.Add(b[8:n], b[n:])
	}
	f.Add([]byte(`{"__metadata__":{"a":"b"},"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]},`+
		`"b":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}`), make([]byte, 8))
	f.Add([]byte(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`), []byte{})
	f.Fuzz(func(t *testing.T, header, values []byte) {
		file, err := parseBytes(append(file(string(header), 0), values...))
		if err != nil {
			return
		}
		var tensors []nn.NamedTensor
		for _, name := range file.Names() {
			v, err := file.Tensor(name)
			if err != nil {
				return
			}
			if name == "" {
				return // can be read, but is not written
			}
			tensors = append(tensors, nn.NamedTensor{Name: name, Value: v})
		}
		path := filepath.Join(t.TempDir(), "again.safetensors")
		require.NoError(t, Write(path, tensors, file.Meta()))
		again, meta, err := Read(path)
		require.NoError(t, err)
		require.Len(t, again, len(tensors))
		for k, v := range file.Meta() {
			require.Equal(t, v, meta[k])
		}
		for _, n := range tensors {
			require.Equal(t, n.Value.Shape(), again[n.Name].Shape())
			require.Equal(t, bitsOf(n.Value.Data()), bitsOf(again[n.Name].Data()))
		}
	})
}

// bitsOf makes NaNs comparable.
func bitsOf(v []float32) []byte {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		panic(err)
	}
	return b.Bytes()
}
