package external

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/npz"
	"github.com/locimem/locimem/run"
)

// notes keeps what a scoring says.
type notes struct {
	run.Silent
	lines []string
}

func (n *notes) Printf(format string, args ...any) {
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// scoreWith scores a pair of files of one layer and other arrays, and returns what it says.
func scoreWith(t *testing.T, c ArraysConfig, layer array, more ...array) (dir, said string, err error) {
	t.Helper()
	tmp := t.TempDir()
	other := noise(layer.name, layer.t, 77, layer.shape...)
	c.F = save(t, false, append([]array{layer}, more...), tmp, "f.npz")
	c.G = save(t, false, append([]array{other}, more...), tmp, "g.npz")
	c.Out = filepath.Join(tmp, "scores")
	n := &notes{}
	_, err = ScoreActivations(context.Background(), scoreRecipe(t), c, n)
	return c.Out, strings.Join(n.lines, "\n"), err
}

func mask(name string, v ...int64) array {
	return array{name: name, t: npz.Bool, shape: []int{len(v)}, ints: v}
}

// A mask of truth values is a mask: the rows that it marks. Numbers that look like one are
// refused, and an empty array of any type is an empty set.
func TestMasksAndEmptySets(t *testing.T) {
	layer := noise("layer", npz.Float32, 5, 12, 3, 8)
	lists := []array{ints("candidate", 0, 1, 2, 3), ints("independent", 8, 9, 10, 11)}
	want, _, err := scoreWith(t, ArraysConfig{}, layer, lists...)
	require.NoError(t, err)
	same := func(c ArraysConfig, more ...array) {
		t.Helper()
		got, _, err := scoreWith(t, c, layer, more...)
		require.NoError(t, err)
		assert.Equal(t, read(t, want, "layermem.csv"), read(t, got, "layermem.csv"))
	}
	first := mask("candidate", 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0)
	last := mask("independent", 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1)
	same(ArraysConfig{}, first, last)
	same(ArraysConfig{}, append(lists, noise("external", npz.Float64, 1, 0))...)
	read := func(a array) Indices {
		i, err := ReadIndices(save(t, false, []array{a}, t.TempDir(), "mask.npz"), "candidate")
		require.NoError(t, err)
		return i
	}
	assert.Equal(t, Indices{List: []int{0, 1, 2, 3}, Mask: 12}, read(first))
	same(ArraysConfig{Sets: map[string]Indices{"candidate": read(first), "independent": read(last)}})

	_, _, err = scoreWith(t, ArraysConfig{}, layer, mask("candidate", 1, 1, 0), lists[1])
	assert.ErrorContains(t, err, `array "candidate": found a mask of 3 entries, expected one for each of the 12 points`)
	_, _, err = scoreWith(t, ArraysConfig{Sets: map[string]Indices{"candidate": read(mask("x", 1, 1, 0))}}, layer)
	assert.ErrorContains(t, err, "set candidate: found a mask of 3 entries")
	_, _, err = scoreWith(t, ArraysConfig{}, layer, ints("candidate", first.ints...))
	assert.ErrorContains(t, err, "found 0 or 1 for each of the 12 points, expected rows, or a mask of truth values")
	// Of two points the second alone, so too few to score units; not rows 0 and 1.
	_, _, err = scoreWith(t, ArraysConfig{}, noise("layer", npz.Float32, 5, 2, 3, 8), mask("candidate", 0, 1))
	assert.ErrorContains(t, err, "set candidate: found 1 points")
}

// Maps whose last two dimensions are equal have their units before H and W, as far as can
// be seen: nothing is scored until somebody says so.
func TestOrderOfUnits(t *testing.T) {
	sets := []array{ints("candidate", 0, 1), ints("independent", 2, 3)}
	score := func(nchw *bool, shape ...int) (string, error) {
		_, said, err := scoreWith(t, ArraysConfig{NCHW: nchw}, noise("layer", npz.Float32, 5, shape...), sets...)
		return said, err
	}
	_, err := score(nil, 4, 3, 6, 5, 5)
	assert.ErrorContains(t, err, `layer "layer": found shape [4 3 6 5 5], whose last two dimensions look like height and `+
		"width, expected points x views x H x W x units; --nchw takes the units before H and W, --no-nchw takes the array "+
		"as it stands")
	said, err := score(new(true), 4, 3, 6, 5, 5)
	require.NoError(t, err)
	assert.Contains(t, said, `4 points with 3 views; after --nchw units come last: "layer" [4 3 5 5 6]`)
	said, err = score(new(false), 4, 3, 6, 5, 5)
	require.NoError(t, err)
	assert.Contains(t, said, `units come last: "layer" [4 3 6 5 5]`)
	for _, shape := range [][]int{{4, 3, 5, 5, 6}, {4, 3, 5, 5, 5}, {4, 3, 2, 5, 6}, {4, 3, 5, 6}, {4, 3, 8}} {
		_, err = score(nil, shape...)
		assert.NoError(t, err, shape)
	}
	_, err = score(nil, 4, 16, 7, 7) // [N,C,H,W], views forgotten
	assert.ErrorContains(t, err, "points x views x H x W x units for maps")
	_, err = score(new(true), 4, 3, 8)
	assert.ErrorContains(t, err, "found no maps, which --nchw is about")
}

// What plays no part is said: rows in no set, sets of the file next to lists, missing
// controls. Rows that come twice, as of a module that runs twice, are named.
func TestWhatPlaysNoPartIsSaid(t *testing.T) {
	layer := noise("layer", npz.Float32, 5, 12, 3, 8)
	_, said, err := scoreWith(t, ArraysConfig{}, layer, ints("candidate", 0, 1, 6), ints("independent", 8, 9))
	require.NoError(t, err)
	assert.Contains(t, said, "7 of 12 rows are in no set and play no part")
	assert.NotContains(t, said, "several times")
	assert.NotContains(t, said, "no independents")
	_, said, err = scoreWith(t, ArraysConfig{}, layer, ints("candidate", 0, 1, 5), ints("independent", 3, 4))
	require.NoError(t, err)
	assert.Contains(t, said, "all sets lie in the first 6 rows. A module that runs several times in a forward pass")
	_, said, err = scoreWith(t, ArraysConfig{Sets: map[string]Indices{"candidate": rowsOf(0, 1, 2)}}, layer,
		ints("independent", 3, 4))
	require.NoError(t, err)
	assert.Contains(t, said, `the array "independent" is passed over: flags say what the sets are`)
	assert.Contains(t, said, "there are no independents")
}

// Alignment matrices of activations are those of the formula: 1 - cos of the matrices of
// cosines between the first and the second view.
func TestAlignmentOfActivations(t *testing.T) {
	tmp := t.TempDir()
	const points, views, units = 8, 3, 6
	f, g := noise("layer", npz.Float32, 1, points, views, units), noise("layer", npz.Float32, 2, points, views, units)
	sets := []array{ints("candidate", 0, 1, 2, 5), ints("independent", 3, 4, 6)}
	c := ArraysConfig{F: save(t, false, append([]array{f}, sets...), tmp, "f.npz"),
		G: save(t, false, append([]array{g}, sets...), tmp, "g.npz")}
	for mode, first := range map[string]int{"pair": 0, "original": 1} {
		dir, err := scoreArrays(t, c, "score.alignment=true", "score.mode="+mode)
		require.NoError(t, err)
		rows := strings.Split(strings.TrimSpace(read(t, dir, "alignment.csv")), "\n")
		require.Len(t, rows, 3, mode)
		for k, set := range [][]int{{0, 1, 2}, {3, 4, 6}} { // all sets have as many points as the smallest
			var matrices [2][]float64
			for side, a := range []array{f, g} {
				view := func(p, v int) []float64 { return a.floats[(p*views+v)*units:][:units] }
				for _, i := range set {
					for _, j := range set {
						matrices[side] = append(matrices[side], cosine(view(i, first), view(j, first+1)))
					}
				}
			}
			cells := strings.Split(rows[1+k], ",")
			mean, err := strconv.ParseFloat(cells[3], 64)
			require.NoError(t, err, rows[1+k])
			assert.InDelta(t, 1-cosine(matrices[0], matrices[1]), mean, 1e-6, "%s: %s", mode, rows[1+k])
		}
	}
	sets[1] = ints("independent", 3, 4)
	c.F = save(t, false, append([]array{f}, sets...), tmp, "f2.npz")
	c.G = save(t, false, append([]array{g}, sets...), tmp, "g2.npz")
	_, err := scoreArrays(t, c, "score.alignment=true")
	assert.ErrorContains(t, err, "the smallest set has 2 points, expected at least 3")
}

func cosine(a, b []float64) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}
