package ladder

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/tensor/internal/kernel"
)

// sizes are m, n, k: smaller than any tile, odd, whole blocks, one more and one
// less than those, and longer than a block along the sum.
var sizes = [][3]int{{1, 1, 1}, {2, 4, 1}, {3, 5, 7}, {14, 32, 16}, {15, 33, 17}, {13, 31, 257}, {224, 64, 256},
	{225, 257, 33}, {61, 300, 513}, {1, 97, 40}, {97, 1, 40}}

func TestStepsAgreeWithTheFirst(t *testing.T) {
	for _, impl := range kernel.All() {
		t.Run(impl.Name, func(t *testing.T) {
			l, err := New(impl.Name, 2)
			if err != nil {
				testutil.MissingISA(t, impl.Name, err)
			}
			defer l.Close()
			require.Len(t, l.Steps, 8)
			r := rand.New(rand.NewPCG(1, 2))
			for _, s := range sizes {
				m, n, k := s[0], s[1], s[2]
				a, b := numbers(r, m*k), numbers(r, k*n)
				want := make([]float32, m*n)
				loops(want, a, b, m, n, k)
				// Sums of k products in [-1, 1], in any order.
				tolerance := float64(k) * math.Sqrt(float64(k)) * 1.2e-7
				for _, step := range l.Steps {
					guarded := numbers(r, m*n+2)
					before, after := guarded[0], guarded[m*n+1]
					c := guarded[1:][: m*n : m*n]
					for i := range c {
						c[i] = float32(math.NaN()) // must be overwritten
					}
					for range 2 { // the second time with used buffers
						step.Multiply(c, a, b, m, n, k)
						if i := differ(c, want, tolerance); i >= 0 {
							assert.Failf(t, "wrong", "%s, %dx%dx%d: number %d is %v, want %v", step.Name, m, n, k, i, c[i], want[i])
						}
					}
					assert.True(t, guarded[0] == before && guarded[m*n+1] == after, "%s, %v: wrote outside of C", step.Name, s)
				}
			}
		})
	}
}

// TestFirstStepByHand checks the step that the others are checked against.
func TestFirstStepByHand(t *testing.T) {
	c := make([]float32, 4)
	loops(c, []float32{1, 2, 3, 4, 5, 6}, []float32{7, 8, 9, 10, 11, 12}, 2, 2, 3)
	assert.Equal(t, []float32{58, 64, 139, 154}, c)
}

func TestDifferSees(t *testing.T) {
	assert.Equal(t, 1, differ([]float32{1, 2}, []float32{1, 2.1}, .05))
	assert.Equal(t, 0, differ([]float32{float32(math.NaN())}, []float32{1}, .05))
	assert.Equal(t, -1, differ([]float32{1, 2}, []float32{1, 2.01}, .05))
}

func TestNewRefuses(t *testing.T) {
	_, err := New("mmx", 1)
	assert.ErrorContains(t, err, "mmx")
	_, err = New("", 0)
	assert.ErrorContains(t, err, "threads: found 0")
}

func BenchmarkSteps(b *testing.B) {
	const n = 512
	l, err := New("", 1)
	require.NoError(b, err)
	defer l.Close()
	r := rand.New(rand.NewPCG(1, 2))
	x, y, c := numbers(r, n*n), numbers(r, n*n), make([]float32, n*n)
	for i, s := range l.Steps {
		b.Run(fmt.Sprint(i+1, "/", s.Name), func(b *testing.B) {
			for b.Loop() {
				s.Multiply(c, x, y, n, n, n)
			}
			b.ReportMetric(2*n*n*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func numbers(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return x
}

// differ returns the first place where two slices differ by more than tolerance,
// or -1.
func differ(got, want []float32, tolerance float64) int {
	for i := range want {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= tolerance) {
			return i
		}
	}
	return -1
}
