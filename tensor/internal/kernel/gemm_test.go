package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// guardWord stands around every buffer of these tests: a NaN of its own.
const guardWord = 0x7fc5a5a5

// island is a slice x = all[from:to] in a sea of guard words.
type island struct {
	all, x   []float32
	from, to int
}

// newIsland returns n random numbers in [-1, 1). The shift tries all alignments.
func newIsland(r *rand.Rand, n, shift int) island {
	from := 40 + shift%16
	all := make([]float32, n+from+40)
	for i := range all {
		all[i] = math.Float32frombits(guardWord)
		if i >= from && i < from+n {
			all[i] = 2*r.Float32() - 1
		}
	}
	return island{all, all[from : from+n : from+n], from, from + n}
}

func (g island) check(t *testing.T, what string) {
	t.Helper()
	for i, v := range g.all {
		if (i < g.from || i >= g.to) && math.Float32bits(v) != guardWord {
			t.Fatalf("%s: wrote at %d, outside its %d numbers", what, i-g.from, len(g.x))
		}
	}
}

// tileReference is the definition of Tile in float64, with the sums of absolute
// values that bound its rounding.
func tileReference(a *Tile) (want, bound []float64) {
	for i := range a.M {
		for j := range a.N {
			var v, abs float64
			add := func(x float64) { v += x; abs += math.Abs(x) }
			steps := 2
			for _, s := range a.Segs {
				steps += s.K
				for p := range s.K {
					add(float64(a.A[s.A+i*a.RS+p*a.KS]) * float64(a.B[s.B+p*a.BS+j]))
				}
			}
			if a.Acc {
				add(float64(a.C[i*a.CS+j]))
			}
			if a.Bias != nil {
				add(float64(a.Bias[j]))
			}
			if a.ReLU && v < 0 {
				v = 0
			}
			want, bound = append(want, v), append(bound, float64(steps)*abs/(1<<24))
		}
	}
	return
}

func TestTile(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		r := rand.New(rand.NewPCG(1, 2))
		try := 0
		for m := 1; m <= k.MR; m++ {
			for n := 1; n <= k.NR; n++ {
				for layout := range 2 {
					try++
					segs := make([]Segment, r.IntN(4))
					total := 0
					for i := range segs {
						segs[i] = Segment{K: r.IntN(9)}
						total += segs[i].K + 2
					}
					a := &Tile{CS: n + r.IntN(3), RS: total + r.IntN(3), KS: 1, BS: k.NR + r.IntN(5), Segs: segs,
						M: m, N: n, Acc: try&1 == 0, ReLU: try&2 == 0}
					if layout == 1 {
						a.RS, a.KS = 1, m+r.IntN(3)
					}
					for i := range segs { // in any order, with gaps
						at := 0
						if i > 0 {
							at = segs[i-1].A/a.KS + segs[i-1].K + 1
						}
						segs[i].A, segs[i].B = at*a.KS, at*a.BS
					}
					r.Shuffle(len(segs), func(i, j int) { segs[i], segs[j] = segs[j], segs[i] })
					ia := newIsland(r, m*a.RS+total*a.KS+1, try)
					ib := newIsland(r, (total+1)*a.BS, try/2)
					ic := newIsland(r, (m-1)*a.CS+n, try/3)
					bias := newIsland(r, k.NR, try)
					a.A, a.B, a.C = ia.x, ib.x, ic.x
					if try&4 == 0 {
						a.Bias = bias.x
					}
					if try&8 == 0 {
						a.Fetch = ia.x
					}
					want, bound := tileReference(a)
					before := append([]float32(nil), ic.x...)
					k.Tile(a)
					for _, g := range []island{ia, ib, ic, bias} {
						g.check(t, fmt.Sprintf("%d x %d", m, n))
					}
					for i := range ic.x {
						row, col := i/a.CS, i%a.CS
						if col >= n {
							require.Equal(t, before[i], ic.x[i], "between the rows of C")
							continue
						}
						require.InDelta(t, want[row*n+col], float64(ic.x[i]), bound[row*n+col], "%d x %d at %d,%d", m, n, row, col)
					}
				}
			}
		}
	})
}

// A number of C has the same bits in whichever tile it is computed.
func TestTilesAgree(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		r := rand.New(rand.NewPCG(3, 4))
		const steps = 100
		a, b := newIsland(r, k.MR*steps, 0), newIsland(r, k.NR*steps, 0)
		whole := make([]float32, k.MR*k.NR)
		full := Tile{C: whole, CS: k.NR, A: a.x, RS: steps, KS: 1, B: b.x, BS: k.NR, Segs: []Segment{{0, 0, steps}},
			M: k.MR, N: k.NR}
		k.Tile(&full)
		for m := 1; m <= k.MR; m++ {
			for n := 1; n <= k.NR; n++ {
				c := make([]float32, len(whole))
				part := full
				part.C, part.M, part.N = c, m, n
				part.Segs = []Segment{{0, 0, 37}, {37, 37 * k.NR, steps - 37}}
				k.Tile(&part)
				for i := range m {
					require.Equal(t, whole[i*k.NR:][:n], c[i*k.NR:][:n], "%d x %d", m, n)
				}
			}
		}
	})
}

// Strips one below the other are what as many calls make of them.
func TestTileStrips(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		r := rand.New(rand.NewPCG(7, 8))
		for m := 1; m <= k.MR; m++ {
			for try := range 8 {
				n, strips := 1+r.IntN(k.NR), 1+r.IntN(4)
				const steps = 12
				a := &Tile{CS: n + r.IntN(3), RS: steps + 1, KS: 1, BS: k.NR, M: m, N: n, Acc: try&1 == 0, ReLU: try&2 == 0,
					Segs: []Segment{{0, 0, 5}, {5, 5 * k.NR, steps - 5}}, AS: m*(steps+1) + r.IntN(5)}
				if try&4 == 0 {
					a.RS, a.KS = 1, m+r.IntN(3)
					a.AS = steps*a.KS + r.IntN(5)
				}
				ia, ib := newIsland(r, strips*a.AS+m*a.RS+steps*a.KS, try), newIsland(r, steps*k.NR, try)
				ic, bias := newIsland(r, (strips*m-1)*a.CS+n, try), newIsland(r, k.NR, try)
				a.A, a.B, a.C, a.Bias = ia.x, ib.x, ic.x, bias.x
				want := append([]float32(nil), ic.x...)
				for s := range strips {
					one := *a
					one.A, one.C = ia.x[s*a.AS:], want[s*m*a.CS:]
					k.Tile(&one)
				}
				if a.Strips = strips; strips == 1 {
					a.Strips = r.IntN(2) // 0 is 1
				}
				if try >= 4 {
					a.Fetch, a.FS = ia.x, r.IntN(100)
				}
				k.Tile(a)
				require.Equal(t, want, ic.x, "%d strips of %d x %d", strips, m, n)
				for _, g := range []island{ia, ib, ic, bias} {
					g.check(t, fmt.Sprintf("%d strips of %d x %d", strips, m, n))
				}
			}
		}
	})
}

func TestDeal(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		r := rand.New(rand.NewPCG(9, 10))
		ks := (k.MR + 7) / 8 * 8
		for try := range 200 {
			rows, cols, strips := r.IntN(40), 1+r.IntN(k.MR), r.IntN(6)
			if try == 0 {
				rows, strips = 3000, 30 // more than a call of the assembly
			}
			ss := strips*cols + r.IntN(5)
			ds := rows*ks + r.IntN(9)
			src := newIsland(r, max(0, (rows-1)*ss+strips*cols), try)
			dst := newIsland(r, strips*ds, try/2)
			k.Deal(dst.x, ds, ks, src.x, ss, rows, cols, strips)
			src.check(t, "the source")
			dst.check(t, "the strips")
			for s := range strips {
				for i := range rows {
					require.Equal(t, src.x[i*ss+s*cols:][:cols], dst.x[s*ds+i*ks:][:cols], "%d rows, %d strips of %d", rows, strips,
						cols)
				}
			}
		}
		x := make([]float32, 64*64)
		require.Panics(t, func() { k.Deal(x[:ks:ks], ks, ks, x, 64, 2, 4, 2) })
		require.Panics(t, func() { k.Deal(x, 2*ks, ks, x[:67:67], 64, 2, 4, 1) })
	})
}

func TestPeak(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		began := time.Now()
		rate := 2 * float64(k.Peak()) / time.Since(began).Seconds()
		require.Greater(t, rate, 1e7)
		require.Less(t, rate, 1e12)
	})
}

func TestTileKeepsNaNAndInf(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	onEachImpl(t, func(t *testing.T, k *Impl) {
		for m := 1; m <= k.MR; m++ {
			for _, special := range []float32{nan, inf, -inf} {
				a, b := make([]float32, m*3), make([]float32, 3*k.NR)
				for i := range a {
					a[i] = 1
				}
				for i := range b {
					b[i] = 1
				}
				a[(m-1)*3+1] = special
				c := make([]float32, m*k.NR)
				k.Tile(&Tile{C: c, CS: k.NR, A: a, RS: 3, KS: 1, B: b, BS: k.NR, Segs: []Segment{{0, 0, 3}}, M: m, N: k.NR,
					ReLU: true})
				for i, v := range c {
					switch {
					case i/k.NR < m-1:
						require.EqualValues(t, 3, v)
					case special != special:
						require.True(t, v != v, "NaN became %v", v)
					default:
						require.Equal(t, max(special, 0), v)
					}
				}
			}
		}
	})
}

func TestMoves(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		r := rand.New(rand.NewPCG(5, 6))
		sizes := [][2]int{{0, 3}, {3, 0}, {0, 0}, {3, moveLimit}, {2000, 33}, {70, 3000}, {moveLimit, 2}}
		for range 300 {
			sizes = append(sizes, [2]int{1 + r.IntN(70), 1 + r.IntN(80)})
		}
		for i, s := range sizes {
			rows, cols := s[0], s[1]
			ss := cols + r.IntN(4)
			src := newIsland(r, rows*ss, i)
			for _, transpose := range []bool{false, true} {
				dr, dc, move := rows, cols, k.Copy
				if transpose {
					dr, dc, move = cols, rows, k.Transpose
				}
				ds := dc + r.IntN(4)
				dst := newIsland(r, dr*ds, i/2)
				before := append([]float32(nil), dst.x...)
				move(dst.x, ds, src.x, ss, rows, cols)
				dst.check(t, "the copy")
				for at, got := range dst.x {
					i, j := at/ds, at%ds
					want := before[at]
					if j < dc && transpose {
						want = src.x[j*ss+i]
					} else if j < dc {
						want = src.x[i*ss+j]
					}
					if got != want {
						t.Fatalf("%d x %d, transpose %t: at %d,%d is %v, want %v", rows, cols, transpose, i, j, got, want)
					}
				}
			}
		}
	})
}

// moveLimit is past what the assembly moves in one call.
const moveLimit = 1<<15 + 5

func TestMovesRefuseShortSlices(t *testing.T) {
	onEachImpl(t, func(t *testing.T, k *Impl) {
		x := make([]float32, 64*64)
		for _, f := range []func([]float32, int, []float32, int, int, int){k.Copy, k.Transpose} {
			require.Panics(t, func() { f(x[:64*64-1:64*64-1], 64, x, 64, 64, 64) })
			require.Panics(t, func() { f(x, 64, x[:64*64-1:64*64-1], 64, 64, 64) })
		}
	})
}

func BenchmarkTile(b *testing.B) {
	for _, k := range All() {
		if k.Missing() != "" {
			continue
		}
		for _, m := range []int{1, k.MR / 2, k.MR} {
			for _, steps := range []int{27, 256, 1024} {
				b.Run(fmt.Sprintf("%s/%dx%dx%d", k.Name, m, k.NR, steps), func(b *testing.B) {
					t := &Tile{C: make([]float32, m*k.NR), CS: k.NR, A: make([]float32, m*(steps+16)), RS: steps + 16, KS: 1,
						B: make([]float32, k.NR*steps), BS: k.NR, Segs: []Segment{{0, 0, steps}}, M: m, N: k.NR}
					for b.Loop() {
						k.Tile(t)
					}
					b.ReportMetric(2e-9*float64(m*k.NR*steps)*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
				})
			}
		}
	}
}
