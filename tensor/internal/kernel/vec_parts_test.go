package kernel

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A kernel that does the work of several gives the bits of those, one after
// another, on the same instruction set, whatever the number of columns.
func TestFusedVecIsItsParts(t *testing.T) {
	const w = 6
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		for _, c := range []int{1, 3, 5, 8, 12, 31, 32, 64, 255, 257, 600} {
			for _, relu := range []bool{false, true} {
				a := &arena{r: rand.New(rand.NewPCG(5, uint64(c))), alloc: guarded}
				x0, x1, scale, shift := a.f(w*c), a.f(w*c), a.f(c), a.f(c)
				y0, y1 := make([]float32, w*c), make([]float32, w*c)
				impl.Affine(y0, x0, scale, shift, w, relu)
				impl.Affine(y1, x1, scale, shift, w, relu)

				got, place := guarded(w/2*c, 1), make([]uint8, w/2*c)
				impl.AffineMaxPool2(got, place, x0, x1, scale, shift, relu)
				checkGuards(t, got)
				want, wantPlace := make([]float32, w/2*c), make([]uint8, w/2*c)
				for i := range want {
					want[i] = *window(y0, y1, c, i, 0)
					for k := range uint8(4) {
						impl.MaxUpdate(want[i:i+1], wantPlace[i:i+1], []float32{*window(y0, y1, c, i, k)}, k)
					}
				}
				requireSameBits(t, want, got)
				require.Equal(t, wantPlace, place, "%d columns", c)

				sum := guarded(w*c, 1)
				impl.AffineAdd(sum, x0, x1, scale, shift, w, relu)
				checkGuards(t, sum)
				impl.Affine(y0, x0, scale, shift, w, false)
				impl.Add(y0, y0, x1)
				if relu {
					impl.ReLU(y0, y0)
				}
				requireSameBits(t, y0, sum)
			}
		}
	})
}
