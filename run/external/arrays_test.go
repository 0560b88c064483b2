package external

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/tensor"
)

// array is one array of a test file.
type array struct {
	name   string
	t      npz.DType
	shape  []int
	floats []float64
	ints   []int64
}

func ints(name string, v ...int64) array {
	return array{name: name, t: npz.Int64, shape: []int{len(v)}, ints: v}
}

// noise is an array of random numbers of size 1, positive ones.
func noise(name string, t npz.DType, seed uint64, shape ...int) array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	a := array{name: name, t: t, shape: shape, floats: make([]float64, n)}
	r := rng.New(seed, name)
	for i := range a.floats {
		a.floats[i] = float64(float32(math.Abs(r.NormFloat64())))
	}
	return a
}

func save(t testing.TB, deflate bool, arrays []array, elem ...string) string {
	t.Helper()
	path := filepath.Join(elem...)
	require.NoError(t, npz.Create(path, func(w *npz.Writer) error {
		w.Deflate = deflate
		for _, a := range arrays {
			out, err := w.Array(a.name, a.t, a.shape...)
			if err == nil && a.ints != nil {
				err = npz.Append(out, a.ints)
			} else if err == nil {
				err = npz.Append(out, a.floats)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	return path
}

// The sets of the test files: rows in any order, row 4 in none.
func setArrays() []array {
	return []array{ints("candidate", 7, 0, 2), ints("independent", 1, 8), ints("external", 5, 6, 3),
		ints("points", 10, 11, 12, 13, 14, 15, 16, 17, 18), ints("labels", 0, 1, 1, 0, 1, 0, 1, 0, 0)}
}

func activations(seed uint64) []array {
	return append([]array{noise("tokens", npz.Float32, seed, 9, 3, 5, 4), noise("map", npz.Float64, seed, 9, 3, 2, 3, 4),
		noise("vector", npz.Float32, seed, 9, 3, 6)}, setArrays()...)
}

func scoreRecipe(t testing.TB, sets ...string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Load("", append([]string{"score.resamples=99", "score.distances=[l2, cosine]"}, sets...))
	require.NoError(t, err)
	return r
}

func scoreArrays(t testing.TB, c ArraysConfig, sets ...string) (dir string, err error) {
	t.Helper()
	c.Out = filepath.Join(t.TempDir(), "scores")
	_, err = ScoreActivations(context.Background(), scoreRecipe(t, sets...), c, run.Silent{})
	return c.Out, err
}

// What comes out of files is what an accumulator makes of the same numbers, set
// by set in the order of the rows, whatever is between them.
func TestScoreActivationsIsTheAccumulator(t *testing.T) {
	tmp := t.TempDir()
	files := [2][]array{activations(1), activations(2)}
	f, g := save(t, false, files[0], tmp, "f.npz"), save(t, true, files[1], tmp, "g.npz")
	dir, err := scoreArrays(t, ArraysConfig{F: f, G: g})
	require.NoError(t, err)

	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	o := scoreRecipe(t, "score.views=3").ScoreOptions()
	sets := []memorize.Set{{Name: "candidate", Points: []int{10, 12, 17}}, {Name: "independent", Points: []int{11, 18}},
		{Name: "external", Points: []int{13, 15, 16}}}
	acc, err := memorize.NewAccumulator(e, o, []memorize.Tap{{Name: "tokens", Depth: 1}, {Name: "map", Depth: 2},
		{Name: "vector", Depth: 3}}, sets)
	require.NoError(t, err)
	require.NoError(t, acc.WithLabels([][]int{{0, 1, 0}, {1, 0}, {0, 0, 1}}))
	for side, arrays := range files {
		for tap, a := range arrays[:3] {
			width := len(a.floats) / 9
			for s, set := range sets {
				for _, p := range set.Points {
					x := tensor.New(append([]int{3}, a.shape[2:]...)...)
					for i := range x.Data() {
						x.Data()[i] = float32(a.floats[(p-10)*width+i])
					}
					require.NoError(t, acc.Add(memorize.Side(side), s, tap, x))
				}
			}
		}
	}
	want, err := acc.Scores()
	require.NoError(t, err)
	want.Provenance.Seeds = map[string]uint64{"score": 1}
	other := t.TempDir()
	_, err = want.WriteFiles(other)
	require.NoError(t, err)
	for _, name := range memorize.Files() {
		assert.Equal(t, read(t, other, name), read(t, dir, name), name)
	}
	assert.Contains(t, read(t, dir, "classmem.csv"), "mean-views")
	for _, name := range []string{"layermem.svg", "layermem.png", "unitmem.svg"} {
		assert.FileExists(t, filepath.Join(dir, "figures", name))
	}
}

func rowsOf(rows ...int) Indices { return Indices{List: rows} }

// Lists take the place of the sets of the files; a file without any needs them.
func TestSetsOfArraysByLists(t *testing.T) {
	tmp := t.TempDir()
	f, g := save(t, false, activations(1), tmp, "f.npz"), save(t, false, activations(2), tmp, "g.npz")
	bare := func(seed uint64, name string) string {
		return save(t, false, append(activations(seed)[:3], setArrays()[3:]...), tmp, name)
	}
	lists := map[string]Indices{"candidate": rowsOf(0, 2, 7), "independent": rowsOf(8, 1), "external": rowsOf(3, 5, 6)}
	want, err := scoreArrays(t, ArraysConfig{F: f, G: g})
	require.NoError(t, err)
	got, err := scoreArrays(t, ArraysConfig{F: bare(1, "f0.npz"), G: bare(2, "g0.npz"), Sets: lists})
	require.NoError(t, err)
	assert.Equal(t, read(t, want, "layermem.csv"), read(t, got, "layermem.csv"))
	got, err = scoreArrays(t, ArraysConfig{F: f, G: g, Layers: []string{"vec*"},
		Sets: map[string]Indices{"candidate": rowsOf(0, 1, 2, 3)}})
	require.NoError(t, err)
	assert.NotContains(t, read(t, got, "layermem.csv"), "independent")
	assert.NotContains(t, read(t, got, "layermem.csv"), "map")
}

// Units before H and W give the same scores as behind them.
func TestArraysWithChannelsFirst(t *testing.T) {
	tmp := t.TempDir()
	var files [4]string
	for seed := range 2 {
		last := activations(uint64(seed))[1:2]
		first := []array{last[0]}
		first[0].shape, first[0].floats = []int{9, 3, 4, 2, 3}, make([]float64, len(last[0].floats))
		for i, v := range last[0].floats {
			row, p, u := i/24, i%24/4, i%4
			first[0].floats[row*24+u*6+p] = v
		}
		files[seed] = save(t, false, append(last, setArrays()...), tmp, "last"+string(rune('0'+seed))+".npz")
		files[2+seed] = save(t, false, append(first, setArrays()...), tmp, "first"+string(rune('0'+seed))+".npz")
	}
	want, err := scoreArrays(t, ArraysConfig{F: files[0], G: files[1]})
	require.NoError(t, err)
	got, err := scoreArrays(t, ArraysConfig{F: files[2], G: files[3], NCHW: new(true)})
	require.NoError(t, err)
	for _, name := range memorize.Files() {
		assert.Equal(t, read(t, want, name), read(t, got, name), name)
	}
}

func TestFloat16Activations(t *testing.T) {
	tmp := t.TempDir()
	half, single := activations(1)[:1], activations(1)[:1]
	for i := range half[0].floats {
		half[0].floats[i] = math.Round(half[0].floats[i]*64) / 64 // fits float16
	}
	single[0].floats = half[0].floats
	half[0].t = npz.Float16
	var dirs []string
	for i, a := range [][]array{half, single} {
		f := save(t, false, append(slices.Clone(a), setArrays()...), tmp, "f"+string(rune('0'+i))+".npz")
		g := save(t, false, append(activations(2)[:1], setArrays()...), tmp, "g.npz")
		dir, err := scoreArrays(t, ArraysConfig{F: f, G: g})
		require.NoError(t, err)
		dirs = append(dirs, dir)
	}
	assert.Equal(t, read(t, dirs[1], "layermem.csv"), read(t, dirs[0], "layermem.csv"))
}

func TestBadActivations(t *testing.T) {
	tmp := t.TempDir()
	good := save(t, false, activations(2), tmp, "g.npz")
	with := func(name string, change func(a []array) []array) string {
		return save(t, false, change(activations(1)), tmp, name)
	}
	text := filepath.Join(tmp, "text.npz")
	require.NoError(t, os.WriteFile(text, []byte("not an archive"), 0o644))
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	cut := filepath.Join(tmp, "cut.npz")
	require.NoError(t, os.WriteFile(cut, whole[:len(whole)/2], 0o644))
	one := append([]array{noise("v", npz.Float32, 1, 1, 3, 4)}, ints("candidate", 0))

	for _, c := range []struct {
		name, f, g string
		want       []string
	}{
		{"no file", filepath.Join(tmp, "none.npz"), good, []string{"none.npz", "no such file"}},
		{"no archive", text, good, []string{"text.npz", "not a"}},
		{"truncated", cut, good, []string{"cut.npz", "truncated"}},
		{"no layers", save(t, false, setArrays(), tmp, "sets.npz"), good, []string{"sets.npz", "no layers"}},
		{"no sets", with("f.npz", func(a []array) []array { return a[:3] }), save(t, false, activations(2)[:3], tmp,
			"g3.npz"), []string{"f.npz", "no set", "candidate"}},
		{"a layer is missing", save(t, false, activations(1)[1:], tmp, "f1.npz"), good, []string{`layer "tokens" of`,
			"g.npz", "f1.npz"}},
		{"shapes differ", save(t, false, func() []array {
			a := activations(1)
			a[2] = noise("vector", npz.Float32, 1, 9, 3, 7)
			return a
		}(), tmp, "f2.npz"), good, []string{`"vector"`, "[7]", "[6]"}},
		{"points differ between layers", save(t, false, func() []array {
			a := activations(1)
			a[2] = noise("vector", npz.Float32, 1, 8, 3, 6)
			return a
		}(), tmp, "f3.npz"), good, []string{`"vector" has 8 points`, "9 and 3"}},
		{"points differ between files", save(t, false, one, tmp, "f4.npz"), good,
			[]string{"f4.npz has 1 points", "9 with 3"}},
		{"no views", save(t, false, append([]array{noise("v", npz.Float32, 1, 9, 6)}, setArrays()...), tmp, "f5.npz"), good,
			[]string{`layer "v"`, "[9 6]", "points x views x units"}},
		{"zero points", save(t, false, append([]array{noise("v", npz.Float32, 1, 0, 3, 6)}, setArrays()...), tmp, "f6.npz"),
			good, []string{`layer "v"`, "[0 3 6]"}},
		{"one view", save(t, false, append([]array{noise("v", npz.Float32, 1, 9, 1, 6)}, setArrays()...), tmp, "f7.npz"),
			save(t, false, append([]array{noise("v", npz.Float32, 1, 9, 1, 6)}, setArrays()...), tmp, "g7.npz"),
			[]string{"f7.npz", "1 view", "at least 2"}},
		{"one point", save(t, false, one, tmp, "f8.npz"), save(t, false, one, tmp, "g8.npz"),
			[]string{"f8.npz", "set candidate: found 1 points"}},
		{"whole numbers", save(t, false, append([]array{ints("layer", 1, 2)}, setArrays()...), tmp, "f9.npz"), good,
			[]string{`"layer"`, "int64", "float32"}},
		{"row outside", save(t, false, append(activations(1)[:3], ints("candidate", 3, 9)), tmp, "fa.npz"), good,
			[]string{`"candidate"`, "entry 1 is row 9", "9 points"}},
		{"row twice", save(t, false, append(activations(1)[:3], ints("candidate", 3, 4), ints("shared", 4)), tmp, "fb.npz"),
			save(t, false, activations(2)[:3], tmp, "gb.npz"), []string{`"shared"`, "row 4", "candidate"}},
		{"other sets in g", save(t, false, append(activations(1)[:3], ints("candidate", 3, 4)), tmp, "fc.npz"), good,
			[]string{`"candidate"`, "same points"}},
		{"labels too few", save(t, false, append(activations(1)[:3], ints("candidate", 3, 4), ints("labels", 1)), tmp,
			"fd.npz"), save(t, false, activations(2)[:3], tmp, "gd.npz"), []string{`"labels"`, "1 entries", "9 points"}},
		{"label negative", save(t, false, append(activations(1)[:3], ints("candidate", 0, 1), ints("labels", 0, -1, 0, 0, 0,
			0, 0, 0, 0)), tmp, "fe.npz"), save(t, false, activations(2)[:3], tmp, "ge.npz"), []string{"point 1", "-1"}},
		{"NaN", with("nan.npz", func(a []array) []array { a[1].floats[7*72+5] = math.NaN(); return a }), good,
			[]string{"encoder f, tap map, set candidate, point 17", "NaN"}},
		{"too large", with("large.npz", func(a []array) []array { a[1].floats[3*72] = 1e300; return a }), good,
			[]string{"large.npz", `"map"`, "float32 cannot hold"}},
	} {
		_, err := scoreArrays(t, ArraysConfig{F: c.f, G: c.g})
		require.Error(t, err, c.name)
		for _, want := range c.want {
			assert.Contains(t, err.Error(), want, c.name)
		}
	}
	_, err = scoreArrays(t, ArraysConfig{F: good, G: good, Sets: map[string]Indices{"candidate": rowsOf(0, 12)}})
	assert.ErrorContains(t, err, "set candidate: entry 1 is row 12")
	_, err = scoreArrays(t, ArraysConfig{F: good, G: good, Layers: []string{"nothing"}})
	assert.ErrorContains(t, err, `no tap matches "nothing"`)
}

func TestReadIndices(t *testing.T) {
	tmp := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(tmp, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	for _, c := range []struct {
		spec string
		want []int
	}{
		{"7", []int{7}}, {"3-5,9", []int{3, 4, 5, 9}},
		{file("a.txt", "# the first\n3 4\t5\r\n9-10 # and more\n"), []int{3, 4, 5, 9, 10}},
		{file("empty.txt", "\n"), nil},
		{file("bom.txt", "\xef\xbb\xbf0\n1\n2\n"), []int{0, 1, 2}},
		{save(t, false, []array{noise("external", npz.Float64, 1, 0)}, tmp, "empty.npz"), []int{}},
		{save(t, false, []array{ints("anything", 5, 1)}, tmp, "one.npz"), []int{5, 1}},
		{save(t, false, []array{ints("shared", 2), ints("candidate", 8, 9)}, tmp, "two.npz"), []int{8, 9}},
	} {
		got, err := ReadIndices(c.spec, "candidate")
		require.NoError(t, err, c.spec)
		assert.Equal(t, Indices{List: c.want}, got, c.spec)
	}
	for spec, want := range map[string]string{
		"5-3":                          `found "5-3"`,
		"0-999999999999":               "more than",
		"99999999999999999999":         "found",
		filepath.Join(tmp, "no"):       "no such file",
		file("b.txt", "1 2 three"):     `b.txt: found "three"`,
		file("c.txt", "-4"):            `found "-4"`,
		file("d.txt", "\xff\xfe0\x00"): "found UTF-16, expected UTF-8",
		tmp:                            "found a folder",
		save(t, false, []array{ints("shared", 2), ints("external", 8)}, tmp,
			"x.npz"): `"candidate" is not in the file`,
		save(t, false, []array{noise("candidate", npz.Float32, 1, 3)}, tmp,
			"y.npz"): "whole numbers",
		save(t, false, []array{{name: "c", t: npz.Int64, shape: []int{1, 2}, ints: []int64{1, 2}}}, tmp, "z.npz"): "[1 2]",
	} {
		_, err := ReadIndices(spec, "candidate")
		assert.ErrorContains(t, err, want, strings.TrimPrefix(spec, tmp))
		assert.ErrorContains(t, err, "candidate", spec)
	}
}

// What may be a list or a file is not guessed.
func TestListOrFile(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("7", []byte("3"), 0o644))
	_, err := ReadIndices("7", "candidate")
	assert.ErrorContains(t, err, "candidate: found 7, which is a list of indices and a file, expected ./7 for the file")
	got, err := ReadIndices("./7", "candidate")
	require.NoError(t, err)
	assert.Equal(t, []int{3}, got.List)
}

func read(t testing.TB, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(b)
}
