package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// depthwiseReference is the definition of Depthwise in float64, with bounds of
// its rounding.
func depthwiseReference(a *Tile) (want, bound []float64) {
	for i := range a.M {
		for j := range a.N {
			var v, abs float64
			steps := 2
			add := func(x float64) { v += x; abs += math.Abs(x) }
			for _, s := range a.Segs {
				steps += s.K
				for p := range s.K {
					add(float64(a.A[s.A+i*a.RS+p*a.KS+j]) * float64(a.B[s.B+p*a.BS+j]))
				}
			}
			if a.Acc {
				add(float64(a.C[i*a.CS+j]))
			}
			if a.Bias != nil {
				add(float64(a.Bias[j]))
			}
			want, bound = append(want, v), append(bound, float64(steps)*abs/(1<<24))
		}
	}
	return
}

// Every number of rows, all tails, rows of A that overlap, and B read backwards.
func TestDepthwise(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		r := rand.New(rand.NewPCG(1, 3))
		for m := 1; m <= DepthwiseRows; m++ {
			for try, n := range append(r.Perm(51)[:20], 1, 7, 8, 15, 16, 17, 31, 32, 33, 256, 257, 300) {
				if n == 0 {
					n = 64
				}
				a := &Tile{CS: n + r.IntN(3), RS: r.IntN(2 * n), KS: n + r.IntN(3), BS: n + r.IntN(3), M: m, N: n, Acc: try&1 == 0}
				var endA, endB int
				for range r.IntN(4) {
					s := Segment{A: endA, B: endB, K: r.IntN(5)}
					endA, endB = endA+s.K*a.KS+1, endB+s.K*a.BS
					a.Segs = append(a.Segs, s)
				}
				if try%3 == 0 { // from the last step to the first
					for i := range a.Segs {
						s := &a.Segs[i]
						s.B += max(0, s.K-1) * a.BS
					}
					a.BS = -a.BS
				}
				ia, ib := newIsland(r, endA+(m-1)*a.RS+n, try), newIsland(r, endB+n, try/2)
				ic, bias := newIsland(r, (m-1)*a.CS+n, try/3), newIsland(r, n, try)
				a.A, a.B, a.C = ia.x, ib.x, ic.x
				if try&4 == 0 {
					a.Bias = bias.x
				}
				want, bound := depthwiseReference(a)
				before := append([]float32(nil), ic.x...)
				k.Depthwise(a)
				for _, g := range []island{ia, ib, ic, bias} {
					g.check(t, "depthwise")
				}
				for i := range ic.x {
					row, col := i/a.CS, i%a.CS
					if col >= n {
						require.Equal(t, before[i], ic.x[i], "between the rows of C")
						continue
					}
					require.InDelta(t, want[row*n+col], float64(ic.x[i]), bound[row*n+col], "%d rows of %d at %d,%d", m, n, row, col)
				}
			}
		}
	})
}

// NaN and infinities go their way and stay in their channel.
func TestDepthwiseKeepsNaNAndInf(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		const n = 37
		for m := 1; m <= DepthwiseRows; m++ {
			a, b, c := make([]float32, m*n), make([]float32, n), make([]float32, m*n)
			for i := range b {
				b[i] = 1
			}
			a[(m-1)*n+3], a[(m-1)*n+36] = float32(math.NaN()), float32(math.Inf(-1))
			k.Depthwise(&Tile{C: c, CS: n, A: a, RS: n, KS: n, B: b, BS: n, Segs: []Segment{{0, 0, 1}}, M: m, N: n})
			for i, v := range c {
				require.Equal(t, i == (m-1)*n+3, math.IsNaN(float64(v)), "at %d", i)
				require.Equal(t, i == (m-1)*n+36, math.IsInf(float64(v), -1), "at %d", i)
			}
		}
	})
}
