package settings

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type inner struct {
	Rate  float64    `yaml:"rate"`
	Range [2]float64 `yaml:"range"`
	Seed  *uint64    `yaml:"seed"`
}

type outer struct {
	Name   string   `yaml:"name"`
	Count  int      `yaml:"count"`
	On     bool     `yaml:"on"`
	Words  []string `yaml:"words"`
	Sizes  []int    `yaml:"sizes"`
	In     inner    `yaml:"in"`
	May    *inner   `yaml:"may"`
	Hidden int      `yaml:"-"`
}

func TestDecodeReadsEveryKind(t *testing.T) {
	v := outer{Count: 7}
	origins := map[string]string{}
	err := Decode(&v, "a.yaml", []byte("name: x\non: true\nwords: all\nsizes: [1, 2]\nin:\n  rate: 1e-3\n"+
		"  range: [0.5, 2]\n  seed: 18446744073709551615\n"), origins)
	require.NoError(t, err)
	seed := uint64(1<<64 - 1)
	assert.Equal(t, outer{Name: "x", Count: 7, On: true, Words: []string{"all"}, Sizes: []int{1, 2},
		In: inner{Rate: 1e-3, Range: [2]float64{.5, 2}, Seed: &seed}}, v)
	assert.Equal(t, "a.yaml:6", origins["in.rate"])
	assert.NotContains(t, origins, "count")
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"nmae: x", "a.yaml:1: no field nmae; did you mean name?"},
		{"name: x\nin:\n  zzzzzzzz: 1", "a.yaml:3: no field in.zzzzzzzz; known are rate, range, seed"},
		{"Hidden: 1", "a.yaml:1: no field Hidden; known are name, count, on, words, sizes, in, may"},
		{"count: ten", `a.yaml:1: count: want a whole number, found the text "ten"`},
		{"count: 1.5", "a.yaml:1: count: want a whole number, found 1.5"},
		{"count: 99999999999999999999", "a.yaml:1: count: want a whole number, found 99999999999999999999"},
		{"count:", "a.yaml:1: count: want a whole number, found nothing"},
		{"on: 1", "a.yaml:1: on: want true or false, found 1"},
		{"name: 12", "a.yaml:1: name: want a text, found 12"},
		{"name: [a]", "a.yaml:1: name: want a text, found a list"},
		{"in: 3", "a.yaml:1: in: want a section with the fields rate, range, seed, found 3"},
		{"in:\n  rate: .nan", "a.yaml:2: in.rate: want a number, found .nan"},
		{`in: {rate: "1"}`, `a.yaml:1: in.rate: want a number, found the text "1"`},
		{"in: {rate: .inf}", "a.yaml:1: in.rate: want a number, found .inf"},
		{"in: {range: [1]}", "a.yaml:1: in.range: want a list of 2, each item a number, found a list of 1"},
		{"in: {range: 1}", "a.yaml:1: in.range: want a list of 2, each item a number, found 1"},
		{"in: {seed: -1}", "a.yaml:1: in.seed: want a whole number of at least 0, found -1"},
		{"sizes: [1, a]", `a.yaml:1: sizes[1]: want a whole number, found the text "a"`},
		{"name: &x y", `a.yaml:1: name: want a text, found anchor "&", which recipes do not use`},
		{"- a", "a.yaml:1: want a section with the fields name, count, on, words, sizes, in, may, found a list"},
		{"name: x\n---\nname: y", "a.yaml: more than one document"},
	} {
		assert.EqualError(t, Decode(&outer{}, "a.yaml", []byte(c.src), nil), c.want, c.src)
	}
	for _, src := range []string{"name: x\nname: y", "name: [", "\t- x", "a: b: c"} {
		assert.ErrorContains(t, Decode(&outer{}, "a.yaml", []byte(src), nil), "a.yaml: not YAML", src)
	}
	assert.ErrorContains(t, Decode(&outer{}, "a.yaml", bytes.Repeat([]byte("#"), MaxSize+1), nil), "more than")
	err := Decode(&outer{}, "a.yaml", []byte("count: a\non: b"), nil)
	assert.Len(t, err, 2, "all problems are reported at once")
}

func TestDecodeOfNothingChangesNothing(t *testing.T) {
	v := outer{Name: "kept"}
	for _, src := range []string{"", "# only a comment\n", "---\n"} {
		require.NoError(t, Decode(&v, "a.yaml", []byte(src), nil), src)
	}
	assert.Equal(t, outer{Name: "kept"}, v)
}

func TestSet(t *testing.T) {
	v := outer{}
	for _, s := range []string{"in.rate=.25", "words=[a, b]", "sizes=3", "name=a=b"} {
		require.NoError(t, Set(&v, s, nil), s)
	}
	assert.Equal(t, outer{Name: "a=b", Words: []string{"a", "b"}, Sizes: []int{3}, In: inner{Rate: .25}}, v)
	for _, c := range []struct{ set, want string }{
		{"in.rat=1", "--set in.rat=1: no field in.rat; did you mean in.rate?"},
		{"in=1", "--set in=1: no field in; it is a section, set its fields one by one, for instance in.rate"},
		{"count", `--set count: want field=value, found no "="`},
		{"count=", "--set count=: count: want a whole number, found nothing"},
		{"count=x", `--set count=x: count: want a whole number, found the text "x"`},
		{"sizes=[", "--set sizes=[: sizes: not YAML"},
	} {
		assert.ErrorContains(t, Set(&v, c.set, nil), c.want)
	}
}

func TestSectionsThatMayBeAbsent(t *testing.T) {
	paths := func(v *outer) string {
		var out []string
		for _, l := range Leaves(v)[8:] {
			out = append(out, l.Path)
		}
		return strings.Join(out, " ")
	}
	var v outer
	assert.Equal(t, "may", paths(&v))
	require.NoError(t, Decode(&v, "x", []byte("may: null"), nil))
	assert.Nil(t, v.May)
	origins := map[string]string{}
	require.NoError(t, Decode(&v, "x", []byte("may: {rate: 2}"), origins))
	assert.Equal(t, &inner{Rate: 2}, v.May)
	assert.Equal(t, map[string]string{"may.rate": "x:1"}, origins)
	assert.Equal(t, "may.rate may.range may.seed", paths(&v))
	require.NoError(t, Decode(&v, "x", []byte("may:\n  seed: 4"), nil))
	assert.EqualValues(t, 2, v.May.Rate, "what is not named stays")
	require.NoError(t, Decode(&v, "x", []byte("may:"), nil))
	assert.Nil(t, v.May)

	require.NoError(t, Set(&v, "may.rate=.5", nil))
	assert.Equal(t, &inner{Rate: .5}, v.May)
	v = outer{}
	assert.ErrorContains(t, Set(&v, "may.rat=1", nil), "no field may.rat; did you mean may.rate?")
	assert.ErrorContains(t, Set(&v, "may.rate=x", nil), "may.rate: want a number")
	assert.Nil(t, v.May, "an assignment that fails leaves no section behind")
	require.NoError(t, Set(&v, "may={rate: 3}", nil))
	assert.Equal(t, &inner{Rate: 3}, v.May)
	assert.EqualError(t, Decode(&v, "x", []byte("may: 3"), nil),
		"x:1: may: want a section with the fields rate, range, seed, found 3")
	v = outer{}
	assert.ErrorContains(t, Set(&v, "may=", nil), "may: want a section with the fields rate, range, seed or null, "+
		"found nothing")
}

func TestEncodeReadsBack(t *testing.T) {
	seed := uint64(3)
	for _, v := range []outer{
		{},
		{May: &inner{Rate: 3}},
		{Name: "true", Words: []string{"a b", "", "null", "x:y", "\"\\\n\tß", "12", "~"}, Sizes: []int{-1, 0},
			In: inner{Rate: 1e-9, Range: [2]float64{1. / 3, 1e21}, Seed: &seed}},
	} {
		var b bytes.Buffer
		require.NoError(t, Encode(&b, &v))
		got := outer{Words: v.Words[:0:0], Sizes: v.Sizes[:0:0]}
		require.NoError(t, Decode(&got, "x", b.Bytes(), nil), b.String())
		if v.Words == nil {
			v.Words, v.Sizes = []string{}, []int{}
			got.Words, got.Sizes = append([]string{}, got.Words...), append([]int{}, got.Sizes...)
		}
		assert.Equal(t, v, got, b.String())
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "name: x", "in: {rate: 1e-3, range: [0.5, 2]}", "words: [a, b]\n", "may: {seed: 1}",
		"count: 0x1", "- a", "a: &b c", "? x\n: y", "name: |\n  x\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var v outer
		if Decode(&v, "x", src, nil) != nil {
			return
		}
		// What was read survives writing and reading.
		var b, c bytes.Buffer
		require.NoError(t, Encode(&b, &v))
		var again outer
		require.NoError(t, Decode(&again, "x", b.Bytes(), nil), b.String())
		require.NoError(t, Encode(&c, &again))
		require.Equal(t, b.String(), c.String())
	})
}
