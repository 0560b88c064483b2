package pickle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValues(t *testing.T) {
	for src, want := range map[string]any{
		"N.":                              nil,
		"\x88.":                           true,
		"K\xff.":                          int64(255),
		"M\x00\x01.":                      int64(256),
		"J\xfe\xff\xff\xff.":              int64(-2),
		"U\x02ab.":                        "ab",
		"\x8c\x02ab\x94.":                 "ab",
		"K\x01K\x02\x86.":                 Tuple{int64(1), int64(2)},
		"(K\x01K\x02K\x03t.":              Tuple{int64(1), int64(2), int64(3)},
		"](K\x01Ne.":                      &List{Items: []any{int64(1), nil}},
		"]K\x01a.":                        &List{Items: []any{int64(1)}},
		"}U\x01aK\x01s.":                  Dict{"a": int64(1)},
		"}(U\x01aq\x05K\x01U\x01bh\x05u.": Dict{"a": int64(1), "b": "a"},
		"c_codecs\nencode\nX\x02\x00\x00\x00\xc3\xbfU\x06latin1\x86R.": "\xff",
	} {
		v, err := Decode([]byte("\x80\x02" + src))
		require.NoError(t, err, "%q", src)
		assert.Equal(t, want, v, "%q", src)
	}
}

// Nothing but plain values and arrays of bytes is read, and nothing is carried out.
func TestRefused(t *testing.T) {
	array := "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" +
		"K\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x02abtb"
	v, err := Decode([]byte("\x80\x02" + array + "."))
	require.NoError(t, err)
	assert.Equal(t, &Array{Shape: []int{2}, Data: []byte("ab")}, v)
	for src, want := range map[string]string{
		"cposix\nsystem\nU\x02ls\x85R.":    `found "posix.system", which is no array`,
		"\x8c\x05posix\x8c\x06system\x93.": `found "posix.system", which is no array`,
		"cnumpy\ndtype\nU\x02u1\x85R.":     `found a call of "numpy.dtype" that makes no array`,
		strings.Replace(array, "u1", "f4", 1) +
			".": `found an array of "f4", expected one of bytes (u1)`,
		strings.Replace(array, "K\x01K\x02\x85", "K\x01K\x03\x85", 1) + ".": "found an array with a side of 3 in 2 bytes",
		"I1\n.":                            "found the opcode 0x49",
		"K\x01K\x02.":                      "found 2 values at the end, expected 1",
		"U\xffab.":                         "the pickle ends too early",
		"B\xff\xff\xff\xff.":               "the pickle ends too early",
		"\x8e" + strings.Repeat("\xff", 8): "the pickle ends too early",
		"K\x01":                            "the pickle ends too early",
		"\x85.":                            "found too few values",
		"e.":                               "found no mark",
		"(e.":                              "found values without a list",
		"h\x01.":                           "found no value 1",
		"q\x01.":                           "found no value to remember",
		"}K\x01K\x02s.":                    "found a key that is a int64",
		"Nb.":                              "found too few values",
		"NNb.":                             "found a state of a <nil>",
		"NN\x93.":                          "found a function without a name",
	} {
		_, err := Decode([]byte("\x80\x02" + src))
		assert.ErrorContains(t, err, want, "%q", src)
	}
	_, err = Decode([]byte("hello"))
	assert.ErrorContains(t, err, "found no pickle of protocol 2 to 5")
	// A dictionary that holds itself is no dimension, and is not printed.
	_, err = Decode([]byte("\x80\x02" + strings.Replace(array, "K\x01K\x02\x85", "K\x01}q\x01U\x01ah\x01s\x85", 1) + "."))
	assert.ErrorContains(t, err, "found a shape that holds a pickle.Dict, expected numbers")
	// A text that is turned into bytes again and again would fill the memory.
	bomb := "c_codecs\nencode\nq\x01X\x00\x01\x00\x00" + strings.Repeat("a", 256) + "q\x02U\x06latin1\x86q\x03R" +
		strings.Repeat("h\x01h\x03R", 1000)
	_, err = Decode([]byte("\x80\x02" + bomb + "."))
	assert.ErrorContains(t, err, "found arrays of")
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../../data/testdata/pickles/*")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte("\x80\x02}(U\x01aK\x01u."))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Decode(b)
		if a, ok := v.(*Array); ok && err == nil {
			n := 1
			for _, d := range a.Shape {
				n *= d
			}
			if n != len(a.Data) && len(a.Shape) > 0 {
				t.Fatalf("shape %v, %d bytes", a.Shape, len(a.Data))
			}
		}
	})
}
