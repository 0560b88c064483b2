package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/tensor/internal/arena"
	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// onBF16 runs a test on every implementation of the bf16 kernels, with the
// other kernels of the CPU's best, and with 1, 2 and 3 threads.
func onBF16(t *testing.T, f func(t *testing.T, each func(do func(b *BF16)))) {
	k, err := kernel.Choose()
	require.NoError(t, err)
	for _, b := range kernel.AllBF16() {
		t.Run(b.Name, func(t *testing.T) {
			if m := b.Missing(); m != "" {
				testutil.MissingISA(t, b.Name, fmt.Errorf("this CPU lacks %s", m))
			}
			safe := *b
			safe.Tile = checked(t, b.OverPairs(k)).Tile
			f(t, func(do func(b *BF16)) {
				for threads := 1; threads <= 3; threads++ {
					p := pool.New(threads)
					do(newBF16(k, &safe, p, &arena.Arena{}))
					p.Close()
				}
			})
		})
	}
}

// rounded returns x as bf16 numbers.
func rounded(x []float32) []float64 {
	pair := []float32{0}
	out := make([]float64, len(x))
	for i, v := range x {
		kernel.AllBF16()[len(kernel.AllBF16())-1].Convert(pair, []float32{v})
		out[i] = float64(math.Float32frombits(math.Float32bits(pair[0]) << 16))
	}
	return out
}

var bf16Shapes = append([]ConvShape{
	{N: 5, H: 6, W: 6, C: 7, KH: 3, KW: 3, K: 9, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1},
	{N: 64, H: 4, W: 4, C: 16, KH: 3, KW: 3, K: 40, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1},
}, convShapes...)

// The three passes against sums in float64 of the rounded numbers, and against
// each other: every implementation and any number of threads gives the same bits.
func TestBF16Conv(t *testing.T) {
	shapes := bf16Shapes
	if testing.Short() {
		shapes = shapes[:9] // the emulation is slow
	}
	results := map[int][][]float32{} // of the first implementation
	onBF16(t, func(t *testing.T, each func(func(*BF16))) {
		for i, s := range shapes {
			r := rand.New(rand.NewPCG(uint64(i), 4))
			x := newGuarded(s.N*s.H*s.W*s.C, i).random(r)
			w := newGuarded(s.KH*s.KW*s.C*s.K, i/2).random(r)
			y := newGuarded(s.N*s.OH()*s.OW()*s.K, i/3).random(r)
			bias := newGuarded(s.K, i).random(r)
			accumulate := i%2 == 0
			want := [3][]sum{make([]sum, len(x.x)), make([]sum, len(w.x)), make([]sum, len(y.x))}
			rx, rw, ry := rounded(x.x), rounded(w.x), rounded(y.x)
			s.each(func(xi, wi, yi int) {
				want[0][xi].add(rw[wi] * ry[yi])
				want[1][wi].add(rx[xi] * ry[yi])
				want[2][yi].add(rx[xi] * rw[wi])
			})
			for j := range want[2] {
				want[2][j].add(float64(bias.x[j%s.K]))
			}
			if accumulate {
				for j := range x.x {
					want[0][j].add(float64(x.x[j]))
				}
				for j := range w.x {
					want[1][j].add(float64(w.x[j]))
				}
			}
			each(func(b *BF16) {
				got := [3]guarded{newGuarded(len(x.x), i+1), newGuarded(len(w.x), i+2), newGuarded(len(y.x), i+3)}
				alone := [2]guarded{newGuarded(len(x.x), i), newGuarded(len(w.x), i)}
				if accumulate {
					for _, g := range []guarded{got[0], alone[0]} {
						copy(g.x, x.x)
					}
					for _, g := range []guarded{got[1], alone[1]} {
						copy(g.x, w.x)
					}
				}
				b.ConvForward(got[2].x, x.x, w.x, bias.x, s)
				b.ConvBackward(got[0].x, got[1].x, y.x, x.x, w.x, s, accumulate, accumulate)
				b.ConvBackward(alone[0].x, nil, y.x, nil, w.x, s, accumulate, false)
				b.ConvBackward(nil, alone[1].x, y.x, x.x, nil, s, false, accumulate)
				for _, g := range append([]guarded{x, w, y, bias}, append(got[:], alone[:]...)...) {
					g.check(t, "a buffer")
				}
				sameBits(t, got[0].x, alone[0].x, "backward data alone")
				sameBits(t, got[1].x, alone[1].x, "backward weights alone")
				if results[i] == nil {
					compare(t, got[0].x, want[0], s.KH*s.KW*(s.K+1), "backward data %+v", s)
					compare(t, got[1].x, want[1], (s.N+1)*s.OH()*s.OW(), "backward weights %+v", s)
					compare(t, got[2].x, want[2], s.KH*s.KW*(s.C+1), "forward %+v", s)
					results[i] = [][]float32{got[0].x, got[1].x, got[2].x}
				}
				for j, name := range []string{"backward data", "backward weights", "forward"} {
					sameBits(t, results[i][j], got[j].x, "%s %+v", name, s)
				}
			})
		}
	})
}

func TestBF16MatMul(t *testing.T) {
	results := map[int][]float32{}
	onBF16(t, func(t *testing.T, each func(func(*BF16))) {
		shapes := [][3]int{{0, 3, 4}, {3, 4, 0}, {1, 1, 1}, {15, 33, 2049}, {14, 32, 64}, {30, 20, 7}, {129, 65, 31},
			{3, 100, 40}}
		for i := range 4 * len(shapes) {
			m, n, k := shapes[i/4][0], shapes[i/4][1], shapes[i/4][2]
			transA, transB := i&1 != 0, i&2 != 0
			r := rand.New(rand.NewPCG(uint64(i), 5))
			matrix := func(rows, cols int, trans bool) (guarded, int) {
				if trans {
					rows, cols = cols, rows
				}
				ld := cols + r.IntN(3)
				return newGuarded(rows*ld, i).random(r), ld
			}
			a, lda := matrix(m, k, transA)
			bm, ldb := matrix(k, n, transB)
			c, ldc := matrix(m, n, false)
			bias := newGuarded(n, i).random(r)
			e := Epilogue{Accumulate: i%3 == 0, Bias: bias.x, ReLU: i%5 == 0}
			ra, rb := rounded(a.x), rounded(bm.x)
			at := func(x []float64, ld int, trans bool, i, j int) float64 {
				if trans {
					i, j = j, i
				}
				return x[i*ld+j]
			}
			want := make([]sum, len(c.x))
			for j := range want {
				row, col := 0, 0
				if ldc > 0 {
					row, col = j/ldc, j%ldc
				}
				if col >= n {
					want[j].add(float64(c.x[j]))
					continue
				}
				for p := range k {
					want[j].add(at(ra, lda, transA, row, p) * at(rb, ldb, transB, p, col))
				}
				if e.Accumulate {
					want[j].add(float64(c.x[j]))
				}
				want[j].add(float64(bias.x[col]))
				if e.ReLU {
					want[j].v = max(want[j].v, 0)
				}
			}
			each(func(b *BF16) {
				got := newGuarded(len(c.x), i+1)
				copy(got.x, c.x)
				b.MatMul(got.x, ldc, a.x, lda, transA, bm.x, ldb, transB, m, n, k, e)
				for _, g := range []guarded{a, bm, got, bias} {
					g.check(t, "a matrix")
				}
				if results[i] == nil {
					compare(t, got.x, want, k+2, "%d x %d x %d", m, n, k)
					results[i] = got.x
				}
				sameBits(t, results[i], got.x, "%d x %d x %d", m, n, k)
			})
		}
	})
}

// The emulation has one tile for all instruction sets, whose own may be smaller;
// the product is one for which A is laid out in strips.
func TestBF16EmulatedOnEveryISA(t *testing.T) {
	const m, n, k = 192, 16, 4400
	r := rand.New(rand.NewPCG(9, 9))
	a, bm := newGuarded(k*m, 0).random(r), newGuarded(k*n, 0).random(r)
	all := kernel.AllBF16()
	var first []float32
	for _, impl := range kernel.All() {
		t.Run(impl.Name, func(t *testing.T) {
			if missing := impl.Missing(); missing != "" {
				testutil.MissingISA(t, impl.Name, fmt.Errorf("this CPU lacks %s", missing))
			}
			p := pool.New(1)
			defer p.Close()
			got := newGuarded(m*n, 0)
			newBF16(impl, all[len(all)-1], p, &arena.Arena{}).MatMul(got.x, n, a.x, m, true, bm.x, n, false, m, n, k, Epilogue{})
			got.check(t, "the product")
			if first == nil {
				first = got.x
			}
			sameBits(t, first, got.x, "%s", impl.Name)
		})
	}
}

// Sizes past one task and one chunk of the conversions, odd rows among them.
func TestBF16PairsOfLargeArrays(t *testing.T) {
	onBF16(t, func(t *testing.T, each func(func(*BF16))) {
		r := rand.New(rand.NewPCG(8, 8))
		for _, s := range [][3]int{{1, 5, 3*pairChunk + 10}, {3, 7, 64}, {1, 900, 80}, {1, 1, 2 * pairTaskSize}} {
			groups, rows, cols := s[0], s[1], s[2]
			half := ceil(rows, 2)
			src := newGuarded(groups*rows*cols, 1).random(r)
			bits := func(i int) uint32 { // of number i of the source
				pair := []float32{0}
				kernel.AllBF16()[len(kernel.AllBF16())-1].Convert(pair, src.x[i:i+1])
				return math.Float32bits(pair[0])
			}
			each(func(b *BF16) {
				pairs, both, alone := newGuarded(groups*half*cols, 2), newGuarded(groups*rows*cols/2, 3),
					newGuarded(groups*rows*cols/2, 4)
				b.pairRows(pairs.x, both.x, src.x, groups, rows, cols, cols)
				b.convertRows(alone.x, src.x, groups*rows, cols, cols)
				for _, g := range []guarded{src, pairs, both, alone} {
					g.check(t, "pairs")
				}
				sameBits(t, both.x, alone.x, "both and alone")
				for i, v := range pairs.x {
					group, row, col := i/cols/half, i/cols%half*2, i%cols
					at := (group*rows+row)*cols + col
					want := bits(at)
					if row+1 < rows {
						want |= bits(at+cols) << 16
					}
					require.Equal(t, want, math.Float32bits(v), "%v at %d", s, i)
				}
				for i, v := range both.x {
					require.Equal(t, bits(2*i)|bits(2*i+1)<<16, math.Float32bits(v), "%v at %d", s, i)
				}
			})
		}
	})
}

func TestBF16SteadyStateAllocatesNothing(t *testing.T) {
	k, err := kernel.Choose()
	assert.NoError(t, err)
	withThreads(k, func(threads int, _ *Runner) {
		p := pool.New(threads)
		defer p.Close()
		b := NewBF16(k, p, &arena.Arena{})
		s := square(4, 4, 16, 40)
		x, w, y := make([]float32, s.N*s.H*s.W*s.C), make([]float32, 9*s.C*s.K), make([]float32, s.N*s.H*s.W*s.K)
		bias := make([]float32, s.K)
		dx, dw := slices.Clone(x), slices.Clone(w)
		assert.Zero(t, testing.AllocsPerRun(20, func() {
			b.ConvForward(y, x, w, bias, s)
			b.ConvBackward(dx, dw, y, x, w, s, true, false)
			b.MatMul(y, 40, x, 16, false, w, 40, false, 64, 40, 16, Epilogue{Bias: bias})
		}), "%d threads", threads)
	})
}

func TestBF16RefusesShortSlices(t *testing.T) {
	p := pool.New(1)
	k, err := kernel.Get("generic")
	assert.NoError(t, err)
	s := ConvShape{N: 1, H: 2, W: 2, C: 1, KH: 1, KW: 1, K: 1, StrideH: 1, StrideW: 1}
	b := NewBF16(k, p, &arena.Arena{})
	assert.Panics(t, func() { b.ConvForward(make([]float32, 3), make([]float32, 4), make([]float32, 1), nil, s) })
	assert.Panics(t, func() {
		b.ConvBackward(nil, make([]float32, 1), make([]float32, 4), make([]float32, 3), nil, s, false, false)
	})
	assert.Panics(t, func() {
		b.ConvBackward(make([]float32, 3), nil, make([]float32, 4), nil, make([]float32, 1), s, false, false)
	})
	assert.Panics(t, func() {
		b.MatMul(make([]float32, 3), 2, make([]float32, 4), 2, false, make([]float32, 4), 2, false, 2, 2, 2, Epilogue{})
	})
}

func BenchmarkBF16Conv(b *testing.B) {
	k, err := kernel.Choose()
	require.NoError(b, err)
	for threads := 1; threads <= 2; threads++ {
		p := pool.New(threads)
		defer p.Close()
		r := NewBF16(k, p, &arena.Arena{})
		for _, l := range resNet9[1:] {
			s := l.ConvShape
			x, w, y := numbers(s.N*s.H*s.W*s.C), numbers(s.KH*s.KW*s.C*s.K), numbers(s.N*s.OH()*s.OW()*s.K)
			dx, dw := slices.Clone(x), slices.Clone(w)
			work := 2e-9 * float64(len(y)*s.KH*s.KW*s.C) // padding counts, as in BenchmarkConv
			run := func(name string, times float64, f func()) {
				b.Run(fmt.Sprintf("%s/%s/%d", l.name, name, threads), func(b *testing.B) {
					for b.Loop() {
						f()
					}
					b.ReportMetric(times*work*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
				})
			}
			run("forward", 1, func() { r.ConvForward(y, x, w, nil, s) })
			run("backward", 2, func() { r.ConvBackward(dx, dw, y, x, w, s, false, false) })
		}
	}
}
