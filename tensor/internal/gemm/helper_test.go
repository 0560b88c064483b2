package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// forEach runs a test on every implementation that the CPU can run. One that it
// cannot run is skipped by name, and fails where LOCIMEM_REQUIRE_ISA lists it.
func forEach(t *testing.T, f func(t *testing.T, k *kernel.Impl)) {
	for _, k := range kernel.All() {
		t.Run(k.Name, func(t *testing.T) {
			if m := k.Missing(); m != "" {
				testutil.MissingISA(t, k.Name, fmt.Errorf("this CPU lacks %s", m))
			}
			f(t, checked(t, k))
		})
	}
}

// checked returns k with a tile that first checks that all it will touch lies
// inside its slices, which the assembly does not.
func checked(t *testing.T, k *kernel.Impl) *kernel.Impl {
	c := *k
	inside := func(name string, x []float32, first, last int) {
		if first < 0 || last >= len(x) {
			t.Errorf("tile reads %s[%d:%d], which has %d numbers", name, first, last+1, len(x))
			t.FailNow()
		}
	}
	c.Tile = func(a *kernel.Tile) {
		if a.M < 1 || a.M > k.MR || a.N < 1 || a.N > k.NR {
			t.Errorf("tile of %d x %d, the largest is %d x %d", a.M, a.N, k.MR, k.NR)
		}
		below := max(a.Strips, 1) - 1 // strips below the first
		inside("C", a.C, 0, (below*a.M+a.M-1)*a.CS+a.N-1)
		for _, s := range a.Segs {
			if s.K > 0 {
				inside("A", a.A, s.A, s.A+below*a.AS+(a.M-1)*a.RS+(s.K-1)*a.KS)
				inside("B", a.B, s.B, s.B+(s.K-1)*a.BS+k.NR-1)
			}
		}
		if a.Bias != nil {
			inside("Bias", a.Bias, 0, k.NR-1)
		}
		k.Tile(a)
	}
	return &c
}

// withThreads calls f with Runners of 1, 2 and 3 threads.
func withThreads(k *kernel.Impl, f func(threads int, r *Runner)) {
	for threads := 1; threads <= 3; threads++ {
		p := pool.New(threads)
		f(threads, New(k, p))
		p.Close()
	}
}

// guard is written around every buffer: a NaN with a pattern of its own.
const guard = 0x7fc5a5a5

// guarded is a slice x = all[from:to] between guard words.
type guarded struct {
	all, x   []float32
	from, to int
}

// newGuarded returns n numbers. The shift tries all alignments.
func newGuarded(n, shift int) guarded {
	from := 40 + shift%16
	all := make([]float32, n+from+40)
	for i := range all {
		all[i] = math.Float32frombits(guard)
	}
	return guarded{all, all[from : from+n : from+n], from, from + n}
}

// random fills the slice with numbers in [-1, 1).
func (g guarded) random(r *rand.Rand) guarded {
	for i := range g.x {
		g.x[i] = 2*r.Float32() - 1
	}
	return g
}

// check fails if a guard word was written.
func (g guarded) check(t *testing.T, what string) {
	t.Helper()
	for i, v := range g.all {
		if (i < g.from || i >= g.to) && math.Float32bits(v) != guard {
			t.Fatalf("%s: wrote at %d, outside its %d numbers", what, i-g.from, len(g.x))
		}
	}
}

// sum is a reference sum in float64 with the sum of the absolute values of its
// terms, which bounds the rounding error of any order of summing in float32.
type sum struct{ v, abs float64 }

func (s *sum) add(v float64) { s.v += v; s.abs += math.Abs(v) }

// compare fails where got differs from want by more than the rounding of terms
// additions allows.
func compare(t *testing.T, got []float32, want []sum, terms int, what string, args ...any) {
	t.Helper()
	require.Len(t, got, len(want))
	const eps = 1.0 / (1 << 24)
	for i, w := range want {
		g := float64(got[i])
		switch {
		case math.IsNaN(w.v) && math.IsNaN(g), g == w.v:
		case math.Abs(g-w.v) <= float64(terms+2)*eps*w.abs:
		default:
			t.Fatalf("%s: at %d is %v, want %v (sum of absolute values %v)", fmt.Sprintf(what, args...), i, g, w.v, w.abs)
		}
	}
}

// sameBits fails where two results differ in a bit.
func sameBits(t *testing.T, want, got []float32, what string, args ...any) {
	t.Helper()
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			t.Fatalf("%s: at %d %v is not %v", fmt.Sprintf(what, args...), i, got[i], want[i])
		}
	}
}
