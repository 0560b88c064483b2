package nn_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
)

// The matrix of the grid is that of PyTorch's interpolation, rounded from float64;
// the class token's position stays and is no part of another.
func TestResizePositionsIsPyTorchs(t *testing.T) {
	g := testutil.OpenGolden(t, "testdata/positions.npz")
	var about struct{ Grids [][2][2]int }
	g.About(&about)
	require.Len(t, about.Grids, 7)
	for _, grids := range about.Grids {
		of, to := grids[0], grids[1]
		name := fmt.Sprintf("%dx%d to %dx%d", of[0], of[1], to[0], to[1])
		want := g.Float64(name)
		got := nn.ResizePositions(of[0], of[1], to[0], to[1])
		cells, from := to[0]*to[1], of[0]*of[1]
		require.Len(t, got, (1+cells)*(1+from), name)
		for i := range 1 + cells {
			for j := range 1 + from {
				v := float64(got[i*(1+from)+j])
				switch {
				case i > 0 && j > 0:
					assert.InDelta(t, want[(i-1)*from+j-1], v, 1e-7, "%s: cell %d of cell %d", name, i, j)
				case i == j:
					assert.Equal(t, 1.0, v, name)
				default:
					assert.Zero(t, v, name)
				}
			}
		}
		if of == to {
			for i := range 1 + cells {
				for j := range 1 + from {
					assert.Equal(t, i == j, got[i*(1+from)+j] == 1, name)
				}
			}
		}
	}
}
