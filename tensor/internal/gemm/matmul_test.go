package gemm

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// product is one call of MatMul.
type product struct {
	m, n, k, pad int // pad: floats between the rows of every matrix
	transA       bool
	transB       bool
	e            Epilogue // Bias and Add are made if they are not nil
}

// reference is the definition of MatMul in float64.
func (p product) reference(c, a, b []float32) []sum {
	ldc, lda, ldb := p.strides()
	want := make([]sum, p.m*p.n)
	for i := range p.m {
		for j := range p.n {
			s := &want[i*p.n+j]
			for q := range p.k {
				ai, bi := i*lda+q, q*ldb+j
				if p.transA {
					ai = q*lda + i
				}
				if p.transB {
					bi = j*ldb + q
				}
				s.add(float64(a[ai]) * float64(b[bi]))
			}
			if p.e.Add != nil {
				s.add(float64(p.e.Add[i*ldc+j]))
			} else if p.e.Accumulate {
				s.add(float64(c[i*ldc+j]))
			}
			if p.e.Bias != nil {
				s.add(float64(p.e.Bias[j]))
			}
			if p.e.ReLU && s.v < 0 {
				s.v = 0
			}
		}
	}
	return want
}

func (p product) strides() (ldc, lda, ldb int) {
	ldc, lda, ldb = p.n+p.pad, p.k+p.pad, p.n+p.pad
	if p.transA {
		lda = p.m + p.pad
	}
	if p.transB {
		ldb = p.k + p.pad
	}
	return
}

// test runs p on all numbers of threads and compares with the reference.
func (p product) test(t *testing.T, k *kernel.Impl, seed uint64) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	ldc, lda, ldb := p.strides()
	size := func(rows, cols, ld int) int {
		if rows == 0 || cols == 0 {
			return 0
		}
		return (rows-1)*ld + cols
	}
	sa, sb := size(p.m, p.k, lda), size(p.k, p.n, ldb)
	if p.transA {
		sa = size(p.k, p.m, lda)
	}
	if p.transB {
		sb = size(p.n, p.k, ldb)
	}
	a := newGuarded(sa, int(seed)).random(r)
	b := newGuarded(sb, int(seed/2)).random(r)
	start := newGuarded(size(p.m, p.n, ldc), int(seed/3)).random(r)
	if p.e.Bias != nil {
		p.e.Bias = newGuarded(p.n, int(seed)).random(r).x
	}
	var add guarded
	if p.e.Add != nil {
		add = newGuarded(len(start.x), int(seed/5)).random(r)
		p.e.Add = add.x
	}
	want := p.reference(start.x, a.x, b.x)
	var first []float32
	withThreads(k, func(threads int, run *Runner) {
		c := newGuarded(len(start.x), int(seed/3))
		copy(c.x, start.x)
		run.MatMul(c.x, ldc, a.x, lda, p.transA, b.x, ldb, p.transB, p.m, p.n, p.k, p.e)
		a.check(t, "A")
		b.check(t, "B")
		if p.e.Add != nil {
			add.check(t, "Add")
		}
		c.check(t, "C")
		if first == nil {
			first = slices.Clone(c.x)
			got := make([]float32, 0, len(want))
			for i := 0; i < p.m && p.n > 0; i++ {
				row := c.x[i*ldc:]
				got = append(got, row[:p.n]...)
				if i < p.m-1 {
					sameBits(t, start.x[i*ldc+p.n:(i+1)*ldc], row[p.n:ldc], "%+v: between the rows of C", p)
				}
			}
			compare(t, got, want, p.k, "%+v", p)
		}
		sameBits(t, first, c.x, "%+v: %d threads", p, threads)
	})
}

// variant gives p the options that the bits of i say.
func (p product) variant(i int) product {
	p.transA, p.transB = i&1 != 0, i&2 != 0
	p.e.Accumulate, p.e.ReLU = i&4 != 0, i&8 != 0
	if i&16 != 0 {
		p.e.Bias = []float32{}
	}
	p.pad = 3 * (i >> 5 & 1)
	if i%3 == 0 {
		p.e.Add = []float32{}
	}
	return p
}

func TestMatMulTails(t *testing.T) {
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		i := 0
		for m := 1; m <= 2*k.MR+1; m++ {
			for n := 1; n <= 2*k.NR+1; n++ {
				if testing.Short() && i%7 != 0 {
					i++
					continue
				}
				product{m: m, n: n, k: 1 + i%19}.variant(i*13%64).test(t, k, uint64(i))
				i++
			}
		}
	})
}

func TestMatMulEmpty(t *testing.T) {
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		for i := range 64 {
			for _, s := range [][3]int{{0, 3, 4}, {3, 0, 4}, {3, 4, 0}, {0, 0, 0}, {1, 1, 1}, {40, 70, 0}, {3, 70, 0}} {
				product{m: s[0], n: s[1], k: s[2]}.variant(i).test(t, k, uint64(i))
			}
		}
	})
}

func TestMatMulBlocks(t *testing.T) {
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		sizes := [][3]int{{100, 90, 80}, {129, 65, 300}, {33, 40, oneBlock + 1}, {3, 5, 3*maxK - 7}, {1, 2000, 33},
			{300, 1, 50}, {15, 2057, maxK + 2}, {400, 200, 2*maxK + 170}, {700, 65, 2*maxK + 1}}
		for i, s := range sizes {
			if k.Name == "generic" && s[0]*s[1]*s[2] > 4e6 {
				continue
			}
			for v := range 4 {
				product{m: s[0], n: s[1], k: s[2]}.variant(v+i*4).test(t, k, uint64(i+v))
			}
		}
	})
}

// However a product is planned, which depends on its size and the threads, a
// number of C has the same bits: a part of a large product, where B is packed for
// all tasks or A in blocks, is the product of the parts, used where they lie.
func TestMatMulSameBitsInAnyPlan(t *testing.T) {
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		if testing.Short() {
			t.Skip("not in short runs: under an emulator these products take minutes")
		}
		seen := map[string]bool{}
		for i, s := range [][3]int{{700, 240, 1153}, {600, 160, 1700}, {900, 1024, 290}, {300, 1030, 300}, {1500, 100, 200},
			{64, 3000, 576}, {128, 128, 128}, {300, 70, 1024}, {260, 512, 512}} {
			m, n, kk := s[0], s[1], s[2]
			r := rand.New(rand.NewPCG(uint64(i), 5))
			for v := range 4 {
				transA, transB := v&1 != 0, v&2 != 0
				lda, ldb := kk, n
				if transA {
					lda = m
				}
				if transB {
					ldb = kk
				}
				a, b := newGuarded(m*kk, i).random(r), newGuarded(kk*n, v).random(r)
				// The part: some rows and columns.
				r0, c0 := r.IntN(m/2), r.IntN(n/2)
				pm, pn := 1+r.IntN(min(40, m-r0)), 1+r.IntN(n-c0)
				at, bt := r0*lda, c0
				if transA {
					at = r0
				}
				if transB {
					bt = c0 * ldb
				}
				pa, pb := a.x[at:], b.x[bt:]
				part := make([]float32, pm*pn)
				withThreads(k, func(threads int, run *Runner) {
					c := newGuarded(m*n, i+v)
					run.MatMul(c.x, n, a.x, lda, transA, b.x, ldb, transB, m, n, kk, Epilogue{})
					c.check(t, "C")
					j := &run.matmul
					for name, is := range map[string]bool{"shared": j.shared, "own": !j.shared && !j.plainB, "own blocks": j.own,
						"plain A": j.plainA, "plain B": j.plainB,
						"rows": !j.transA && !j.plainA, "columns": j.transA && !j.plainA, "blocks": j.blocks > j.groups,
						"splits": j.splits > 1} {
						seen[name] = seen[name] || is
					}
					run.MatMul(part, pn, pa, lda, transA, pb, ldb, transB, pm, pn, kk, Epilogue{})
					for row := range pm {
						sameBits(t, c.x[(r0+row)*n+c0:][:pn], part[row*pn:][:pn], "%v, %v, %v, %d threads: part of %d x %d, row %d", s,
							transA, transB, threads, pm, pn, row)
					}
				})
			}
		}
		assert.Len(t, seen, 9)
		for name, is := range seen {
			assert.True(t, is, "no product was planned with %s", name)
		}
	})
}

func TestMatMulPropagatesNaNAndInf(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	forEach(t, func(t *testing.T, k *kernel.Impl) {
		withThreads(k, func(_ int, r *Runner) {
			for _, relu := range []bool{false, true} {
				const m, n, kk = 20, 50, 9
				a, b, c := make([]float32, m*kk), make([]float32, kk*n), make([]float32, m*n)
				for i := range a {
					a[i] = 1
				}
				for i := range b {
					b[i] = 1
				}
				a[3*kk+4], a[7*kk], a[9*kk] = nan, inf, -inf
				b[2*n+45] = nan
				r.MatMul(c, n, a, kk, false, b, n, false, m, n, kk, Epilogue{ReLU: relu})
				for i := range m {
					for j := range n {
						v := float64(c[i*n+j])
						switch {
						case i == 3 || j == 45:
							assert.True(t, math.IsNaN(v), "%d,%d is %v", i, j, v)
						case i == 7:
							assert.True(t, math.IsInf(v, 1), "%d,%d is %v", i, j, v)
						case i == 9 && relu:
							assert.Zero(t, v)
						case i == 9:
							assert.True(t, math.IsInf(v, -1), "%d,%d is %v", i, j, v)
						default:
							assert.EqualValues(t, kk, v)
						}
					}
				}
			}
		})
	})
}

func TestMatMulRefusesShortSlices(t *testing.T) {
	p := pool.New(1)
	k, err := kernel.Get("generic")
	assert.NoError(t, err)
	r := New(k, p)
	x := make([]float32, 12)
	assert.PanicsWithValue(t, "gemm: A has 11 numbers, needs 12 for [3 4]", func() {
		r.MatMul(make([]float32, 6), 2, x[:11], 4, false, x, 2, false, 3, 2, 4, Epilogue{})
	})
}
