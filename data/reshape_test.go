package data

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twoGray are two gray images of 2x2.
func twoGray() Dataset {
	d := newImages("gray/test", 2, 2, 2, 1, []string{"a", "b"})
	copy(d.pixels, []uint8{0, 100, 200, 40, 9, 9, 9, 9})
	d.labels[1] = 1
	d.atypical = []bool{false, true}
	return d
}

func TestReshape(t *testing.T) {
	d := twoGray()
	c, err := Reshape(d, 2, 2, 3)
	require.NoError(t, err)
	assert.Equal(t, []uint8{0, 0, 0, 100, 100, 100, 200, 200, 200, 40, 40, 40}, c.Image(0))
	assert.Equal(t, "gray/test at 2x2x3", c.Name())
	assert.True(t, Atypical(c, 1))

	// Twice the size, bilinear, by hand: weights 1, 3/4 and 1/4, 1/4 and 3/4, 1.
	c, err = Reshape(d, 4, 4, 3)
	require.NoError(t, err)
	h, w, ch := c.Shape()
	assert.Equal(t, []int{4, 4, 3}, []int{h, w, ch})
	img := c.Image(0)
	require.Len(t, img, 48)
	for i, want := range []int{0, 25, 75, 100} { // the first row
		assert.Equal(t, uint8(want), img[3*i])
	}
	assert.Equal(t, uint8(9), c.Image(1)[20])

	back, err := Reshape(c, 4, 4, 1)
	require.NoError(t, err)
	assert.Equal(t, []uint8{0, 25, 75, 100}, back.Image(0)[:4])
	assert.Equal(t, []uint8{76, 150, 29}, gray([]uint8{255, 0, 0, 0, 255, 0, 0, 0, 255}))

	same, err := Reshape(d, 2, 2, 1)
	require.NoError(t, err)
	assert.Same(t, d, same)
	_, err = Reshape(d, 2, 2, 2)
	assert.ErrorContains(t, err, "gray/test: found 2x2x1 to be made 2x2x2")
}

func TestRepeat(t *testing.T) {
	r := Repeat(twoGray(), []int{1, 0}, 2)
	assert.Equal(t, 4, r.Len())
	for i, want := range []int{1, 0, 1, 0} {
		assert.Equal(t, want, r.Label(i))
		assert.Equal(t, want == 1, Atypical(r, i))
		assert.Equal(t, twoGray().Image(want), r.Image(i))
	}
	assert.Equal(t, "2 images of gray/test, 2 times", r.Name())
	assert.PanicsWithValue(t, "data: Repeat of image 2 of gray/test, which has 2", func() { Repeat(twoGray(), []int{2}, 1) })
	assert.Panics(t, func() { Repeat(twoGray(), nil, 1) })
}
