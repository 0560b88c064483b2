package memorize

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
)

// Z is the difference of means by its standard deviation over all divisions of the
// points, which this test goes through one by one.
func TestPreferenceByHand(t *testing.T) {
	o := pairs()
	sets := []Set{{Candidate, []int{0, 1, 2}}, {Independent, []int{3, 4}}}
	twice := func(values ...float32) (rows []float32) {
		for _, v := range values { // both views alike
			rows = append(rows, v, v)
		}
		return rows
	}
	f := []float32{5, 7, 1, 2, 0}
	s, err := fromRows(t, o, sets, 1, [][]float32{twice(f[:3]...), twice(f[3:]...)}, [][]float32{twice(1, 1, 1),
		twice(1, 1)})
	require.NoError(t, err)
	require.Len(t, s.Preferences, 2)
	var differences []float64
	for a := range f {
		for b := range a {
			others := float64(f[a] + f[b])
			differences = append(differences, (15-others)/3-others/2)
		}
	}
	require.Len(t, differences, 10)
	assert.InDelta(t, 0, stat.Mean(differences, nil), 1e-12)
	_, variance := stat.PopMeanVariance(differences, nil)
	got := s.Preferences[0]
	assert.Equal(t, Preference{Encoder: "f", Tap: "only", Members: 13. / 3, Others: 1}, Preference{got.Encoder, got.Tap,
		got.Unit, got.Members, got.Others, 0})
	assert.InDelta(t, (13./3-1)/math.Sqrt(variance), got.Z, 1e-12)
	assert.Equal(t, Preference{Encoder: "g", Tap: "only", Members: 1, Others: 1}, s.Preferences[1],
		"a dead unit prefers nothing")
}
