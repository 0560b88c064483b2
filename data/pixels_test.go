package data

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Three images of one row, two columns and one channel.
var (
	threePixels = []uint8{1, 2, 3, 4, 5, 6}
	threeLabels = []int{1, 0, 2}
)

func TestPixels(t *testing.T) {
	d, err := Pixels("three", threePixels, [3]int{1, 2, 1}, threeLabels, PixelOptions{})
	require.NoError(t, err)
	h, w, c := d.Shape()
	assert.Equal(t, [3]int{1, 2, 1}, [3]int{h, w, c})
	assert.Equal(t, "three", d.Name())
	assert.Equal(t, []string{"0", "1", "2"}, d.Classes())
	require.Equal(t, 3, d.Len())
	for i, want := range threeLabels {
		assert.Equal(t, want, d.Label(i))
		assert.Equal(t, threePixels[2*i:2*i+2], d.Image(i))
		assert.False(t, Atypical(d, i))
		assert.Empty(t, Group(d, i))
	}
	_, ok := d.(Grouped)
	assert.False(t, ok, "nothing is known of groups")
	assert.Zero(t, Check(d).Groups)
}

// Marks and groups go with the images into data sets made of others.
func TestPixelsWithMarksAndGroups(t *testing.T) {
	o := PixelOptions{Classes: []string{"a", "b", "c", "d"}, Atypical: []bool{false, true, false},
		Groups: []string{"x", "y", "x"}}
	d, err := Pixels("three", threePixels, [3]int{1, 2, 1}, threeLabels, o)
	require.NoError(t, err)
	o.Atypical[0], o.Groups[0], o.Classes[0] = true, "z", "z"
	assert.Equal(t, "a", d.Classes()[0])
	reshaped, err := Reshape(d, 2, 2, 3)
	require.NoError(t, err)
	for _, d := range []Dataset{d, reshaped, Repeat(d, []int{0, 1, 2}, 1)} {
		for i := range 3 {
			assert.Equal(t, i == 1, Atypical(d, i), d.Name())
			assert.Equal(t, []string{"x", "y", "x"}[i], Group(d, i), d.Name())
		}
		s := Check(d)
		assert.Equal(t, 2, s.Groups)
		assert.Equal(t, 1, s.Atypical)
		assert.Equal(t, ClassSize{"d", 0}, s.Classes[3])
	}
}

// bare is a data set of someone who knows nothing but pixels and labels.
type bare struct{}

func (bare) Name() string         { return "bare" }
func (bare) Len() int             { return 1 }
func (bare) Shape() (h, w, c int) { return 1, 1, 1 }
func (bare) Classes() []string    { return []string{"all"} }
func (bare) Label(int) int        { return 0 }
func (bare) Image(i int) []uint8  { return []uint8{uint8(i)} }

func TestAbilitiesAreOptional(t *testing.T) {
	var d Dataset = bare{}
	assert.False(t, Atypical(d, 0))
	assert.Empty(t, Group(d, 0))
	r := Repeat(d, []int{0}, 2)
	assert.False(t, Atypical(r, 1))
	assert.Empty(t, Group(r, 1))
}

func TestPixelsRefuses(t *testing.T) {
	for want, c := range map[string]struct {
		name   string
		pixels []uint8
		shape  [3]int
		labels []int
		o      PixelOptions
	}{
		"name: found none":                  {"", threePixels, [3]int{1, 2, 1}, threeLabels, PixelOptions{}},
		"labels: found none":                {"x", nil, [3]int{1, 2, 1}, nil, PixelOptions{}},
		"shape: found height 0, expected 1": {"x", threePixels, [3]int{0, 2, 1}, threeLabels, PixelOptions{}},
		"shape: found channels 4097":        {"x", threePixels, [3]int{1, 2, 4097}, threeLabels, PixelOptions{}},
		"pixels: found 5, expected 6: 3 la": {"x", threePixels[:5], [3]int{1, 2, 1}, threeLabels, PixelOptions{}},
		"atypical marks: found 1, expected 3": {"x", threePixels, [3]int{1, 2, 1}, threeLabels,
			PixelOptions{Atypical: []bool{true}}},
		"groups: found 0, expected 3": {"x", threePixels, [3]int{1, 2, 1}, threeLabels, PixelOptions{Groups: []string{}}},
		"label of image 2: found 2, expected 0 to 1": {"x", threePixels, [3]int{1, 2, 1}, threeLabels,
			PixelOptions{Classes: []string{"a", "b"}}},
		"label of image 0: found -1":    {"x", threePixels, [3]int{1, 2, 1}, []int{-1, -1, -1}, PixelOptions{}},
		"label of image 1: found 65536": {"x", threePixels, [3]int{1, 2, 1}, []int{0, 1 << 16, 0}, PixelOptions{}},
		"classes: found 65537, expected at most 65536": {"x", threePixels, [3]int{1, 2, 1}, threeLabels,
			PixelOptions{Classes: make([]string, 1<<16+1)}},
	} {
		_, err := Pixels(c.name, c.pixels, c.shape, c.labels, c.o)
		assert.ErrorContains(t, err, want)
	}
}
