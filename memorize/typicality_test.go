package memorize

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/tensor"
)

// handLabelled is a data set of which only labels and marks matter.
type handLabelled struct {
	data.Dataset
	labels []int
	marked []bool
}

func (d handLabelled) Name() string         { return "hand" }
func (d handLabelled) Len() int             { return len(d.labels) }
func (d handLabelled) Shape() (h, w, c int) { return 1, 1, 1 }
func (d handLabelled) Label(i int) int      { return d.labels[i] }
func (d handLabelled) Atypical(i int) bool  { return d.marked[i] }

// Class 0 lies at (1,0), (1,2), (1,4) and (5,2), class 1 at (9,9) and (9,12); image
// 0 is left out, so that points are not positions.
func handTypicality(t testing.TB) (*Typicality, handLabelled, *tensor.Tensor) {
	e := engine(t, 2)
	d := handLabelled{labels: []int{0, 0, 0, 0, 0, 1, 1}, marked: []bool{false, true, false, false, true, false, false}}
	x := tensor.FromSlice([]float32{1, 0, 1, 2, 1, 4, 5, 2, 9, 9, 9, 12}, 6, 2)
	ty, err := NewTypicality(e, x, Images{Set{"all", []int{1, 2, 3, 4, 5, 6}}, d}, 1, probe.Disagreement)
	require.NoError(t, err)
	return ty, d, x
}

func TestTypicalityByHand(t *testing.T) {
	ty, _, _ := handTypicality(t)
	// Means of the others: (7/3,8/3), (7/3,2), (7/3,4/3), (1,2).
	far := math.Hypot(4./3, 8./3)
	want := []float64{far, 4. / 3, far, 4, 3, 3}
	mean := (2*far + 4./3 + 4) / 4
	for i, d := range want {
		assert.InDelta(t, d, ty.Distance[i], 1e-5)
		if i < 4 {
			assert.InDelta(t, d/mean, ty.Relative[i], 1e-5)
		} else {
			assert.InDelta(t, 1, ty.Relative[i], 1e-5)
		}
	}
	assert.Equal(t, []bool{true, false, false, true, false, false}, ty.Marked)
	// By angle: 0, 63, 76, 22, 45 and 53 degrees.
	assert.Equal(t, []float64{0, 1, 0, 0, 0, 0}, ty.Disagreement)

	most, least, err := ty.Split(ByDistance, 2)
	require.NoError(t, err)
	assert.Equal(t, [][]int{{2, 5}, {4, 1}}, [][]int{most, least})
	most, least, err = ty.Split(ByNeighbours, 2)
	require.NoError(t, err)
	assert.Equal(t, [][]int{{5, 6}, {2, 4}}, [][]int{most, least})
	most, least, err = ty.Split(ByMark, 3)
	require.NoError(t, err)
	assert.Equal(t, [][]int{{2, 3, 5}, {1, 4}}, [][]int{most, least})
}

func TestTypicalityErrors(t *testing.T) {
	e := engine(t, 2)
	ty, d, x := handTypicality(t)
	_, _, err := ty.Split("looks", 1)
	assert.ErrorContains(t, err, `criterion: found "looks"`)
	_, _, err = ty.Split(ByDistance, 4)
	assert.ErrorContains(t, err, "found 4 points to take of each end, expected 1 to 3")
	ty.Marked = make([]bool, 6)
	_, _, err = ty.Split(ByMark, 1)
	assert.ErrorContains(t, err, "only the synthetic set has marks")

	points := []int{1, 2, 3, 4, 5, 6}
	_, err = NewTypicality(e, x, Images{Set{"all", points[:5]}, d}, 1, probe.Disagreement)
	assert.ErrorContains(t, err, "features of shape [6 2] for 5 points")
	_, err = NewTypicality(e, x, Images{Set{"all", points}, d}, 6, probe.Disagreement)
	assert.ErrorContains(t, err, "k: found 6")
	d.labels[6] = 2
	_, err = NewTypicality(e, x, Images{Set{"all", points}, d}, 1, probe.Disagreement)
	assert.ErrorContains(t, err, "image 5 is the only one of class 1")
	d.labels[6] = -1
	_, err = NewTypicality(e, x, Images{Set{"all", points}, d}, 1, probe.Disagreement)
	assert.ErrorContains(t, err, "image 6 of hand has no class")
}

// On the synthetic set, whose atypical images are known, both scores of plain
// pixels can be had, and marks come through.
func TestTypicalityOfSynthetic(t *testing.T) {
	e := engine(t, 2)
	d, err := data.NewSynthetic(data.SyntheticOptions{N: 120, Classes: 3, Size: 16, AtypicalShare: .2, Seed: 1})
	require.NoError(t, err)
	a, err := augment.New(augment.None(), 16, 16, 3)
	require.NoError(t, err)
	set := Images{Set: Set{Name: "all"}, Data: d}
	marked := 0
	for i := range d.Len() {
		set.Points = append(set.Points, i)
		if data.Atypical(d, i) {
			marked++
		}
	}
	ty, err := NewTypicality(e, probe.Pixels(e, d, set.Points, a), set, 5, probe.Disagreement)
	require.NoError(t, err)
	_, least, err := ty.Split(ByMark, 60)
	require.NoError(t, err)
	assert.Len(t, least, marked)
	for _, p := range least {
		assert.True(t, data.Atypical(d, p))
	}
}
