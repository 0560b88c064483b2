package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
)

// onEachBF16 runs test on every implementation of the bf16 kernels, as
// onEachImpl does.
func onEachBF16(t *testing.T, test func(t *testing.T, k *BF16)) {
	for _, k := range AllBF16() {
		t.Run(k.Name, func(t *testing.T) {
			if missing := k.Missing(); missing != "" {
				testutil.MissingISA(t, k.Name, fmt.Errorf("this CPU lacks %s", missing))
			}
			test(t, k)
		})
	}
}

// dot is one product of pairs, by a tile of one number: sum + a . b.
func (b *BF16) dot(sum, x, y uint32) uint32 {
	c := make([]float32, 1)
	row := make([]float32, 2*b.NR)
	// The first step makes the sum: 1 * sum, whose parts are bf16 numbers.
	row[0], row[b.NR] = math.Float32frombits(sum), math.Float32frombits(y)
	b.Tile(&Tile{C: c, CS: 1, A: []float32{math.Float32frombits(0x3f80), math.Float32frombits(x)}, RS: 2, KS: 1, B: row,
		BS:   b.NR,
		Segs: []Segment{{0, 0, 2}}, M: 1, N: 1})
	return math.Float32bits(c[0])
}

// What the instruction does, seen on a Zen 5 core. sum is a bf16 number here.
func TestBF16Dot(t *testing.T) {
	const one = 0x3f80
	cases := []struct {
		what            string
		sum, a, b, want uint32 // sum is a bf16 number
	}{
		{"1 + 1*1 + 2*1", one, 0x40003f80, 0x3f803f80, 0x40800000},
		{"the upper product first: 1 + 2^24 is 2^24", one, 0x4b80_0000 | 0xcb80, 0x3f803f80, 0},
		{"the lower product second: 2^24 - 2^24 + 1", 0xcb80, 0x4b80_0000 | one, 0x3f803f80, 0x3f800000},
		{"a denormal sum is 0", 0x0001, 0, 0, 0},
		{"denormal factors are 0", 0, 0x007f007f, 0x7f007f00, 0},
		{"infinity * denormal is NaN", 0, 0x7f803f80, 0x0001_3f80, 0xffc03f80 &^ 0xffff},
		{"a small result is 0", 0, 0x00000080, 0x00003f00, 0},
		{"and keeps its sign", 0, 0x00008080, 0x00003f00, 0x80000000},
		{"2^-126 - 2^-151 rounds up", 0x0080, 0x9a00, 0x1980, 0x00800000},
		{"2^-126 - 3*2^-152 does not", 0x0080, 0x99c0, 0x1a00, 0},
		{"overflow", 0x7f7f, 0x5f00, 0x5f80, 0x7f800000},
		{"infinity - infinity", 0x7f80, 0xff800000, 0x3f803f80, 0xffc00000},
		{"a0 is the first NaN", 0x7fd1, 0x7fc37fc2, 0x7fc57fc4, 0x7fc20000},
		{"b0 the second", 0x7fd1, 0x7fc33f80, 0x7fc57fc4, 0x7fc40000},
		{"a1 the third", 0x7fd1, 0x7fc33f80, 0x7fc53f80, 0x7fc30000},
		{"b1 the fourth", 0x7fd1, 0x3f803f80, 0x7fc53f80, 0x7fc50000},
		{"the sum the last", 0x7fd1, 0x3f803f80, 0x3f803f80, 0x7fd10000},
		{"NaN become quiet", 0, 0x3f803f80, 0xff813f80, 0xffc10000},
		{"-0 - 0 - 0", 0x8000, 0x80008000, 0x3f803f80, 0x80000000},
		{"-0 + 0 - 0", 0x8000, 0x00008000, 0x3f803f80, 0},
	}
	onEachBF16(t, func(t *testing.T, k *BF16) {
		for _, c := range cases {
			// -0 cannot be made from +0 + 1*x, so for it the emulation stands in.
			got := k.dot(c.sum, c.a, c.b)
			if c.sum == 0x8000 {
				got = dotBF16(c.sum<<16, c.a, c.b)
			}
			require.Equalf(t, c.want, got, "%s: got %#x, want %#x", c.what, got, c.want)
		}
	})
}

// wild returns bits of which many are special or meet at nearby exponents.
func wild(r *rand.Rand) uint32 {
	u := r.Uint32()
	special := [...]uint32{0, 0x8000, 1, 0x7f, 0x80, 0x7f7f, 0x7f80, 0x7f81, 0x7fc0, 0xff80, 0xffc5, 0x3f80}
	for shift := 0; shift < 32; shift += 16 {
		half := u >> shift & 0xffff
		switch kind := r.IntN(16); {
		case kind == 0:
			half = special[r.IntN(len(special))]
		case kind < 6:
			half = half&0x83ff | 0x3c00
		case kind < 12:
			half = half&0x80ff | 0x1f00 // products near the least normal number
		}
		u = u&^(0xffff<<shift) | half<<shift
	}
	return u
}

// The emulation against exact arithmetic.
func TestBF16FMAIsRoundedOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 1))
	rounded := 0
	for range 200_000 {
		a, b, c := wild(r)<<16, wild(r)<<16, r.Uint32()
		if e := a>>23&0xff + b>>23&0xff; r.IntN(8) > 0 && e > 127 && e < 127+254 { // c near the product
			c = c&0x807fffff | (e-127+r.Uint32N(40)-20)&0xff<<23
		}
		x, y, z := flushed(a), flushed(b), flushed(c)
		if s := float64(x)*float64(y) + float64(z); s-s != 0 {
			continue // TestBF16Dot
		}
		exact := new(big.Float).SetPrec(2000).Mul(big.NewFloat(float64(x)), big.NewFloat(float64(y)))
		exact.Add(exact, big.NewFloat(float64(z)))
		round := new(big.Float).SetPrec(24).SetMode(big.ToNearestEven).Set(exact)
		want, _ := round.Float32()
		if round.Cmp(exact) != 0 {
			rounded++
		}
		if exact.Sign() == 0 {
			want = float32(float64(x)*float64(y) + float64(z)) // the sign of a zero
		} else if m := round.MantExp(nil); m < -125 {
			want = float32(math.Copysign(0, float64(exact.Sign())))
		}
		got := fmaBF16(a, b, c)
		require.Equalf(t, math.Float32bits(want), got, "%#x * %#x + %#x", a, b, c)
	}
	require.Greater(t, rounded, 50_000)
}

func wildIsland(r *rand.Rand, n, shift int) island {
	g := newIsland(r, n, shift)
	for i := range g.x {
		g.x[i] = math.Float32frombits(wild(r))
	}
	return g
}

// Every implementation gives the bits of the emulation: tiles of all sizes, with
// segments, gaps and both layouts of A.
func TestBF16Tile(t *testing.T) {
	onEachBF16(t, func(t *testing.T, k *BF16) {
		r := rand.New(rand.NewPCG(1, 3))
		try := 0
		for m := 1; m <= k.MR; m++ {
			for n := 1; n <= k.NR; n++ {
				try++
				steps := 1 + r.IntN(9)
				a := &Tile{CS: n + r.IntN(3), RS: 2*steps + r.IntN(3), KS: 1, BS: k.NR + r.IntN(5), M: m, N: n, Acc: try&1 == 0,
					ReLU: try&2 == 0}
				if r.IntN(2) == 0 {
					a.RS, a.KS = 1, m+r.IntN(3)
				}
				a.Segs = []Segment{{A: steps * a.KS, B: 0, K: steps}, {A: 0, B: steps * a.BS, K: r.IntN(steps + 1)}}
				random := newIsland
				if try%3 == 0 {
					random = wildIsland
				}
				pairs := func(n, shift int) island {
					g := random(r, n, shift)
					if try%3 != 0 {
						for i := range g.x { // numbers of like size: pairs of random mantissas
							g.x[i] = math.Float32frombits(math.Float32bits(g.x[i]) | uint32(0x3c00+r.IntN(0x400)))
						}
					}
					return g
				}
				ia, ib := pairs((m-1)*a.RS+2*steps*a.KS+1, try), pairs(2*steps*a.BS, try/2)
				ic, bias := newIsland(r, (m-1)*a.CS+n, try/3), newIsland(r, k.NR, try)
				a.A, a.B, a.C = ia.x, ib.x, ic.x
				if try&4 == 0 {
					a.Bias = bias.x
				}
				want := append([]float32(nil), ic.x...)
				reference := *a
				reference.C = want
				tileBF16Generic(&reference)
				k.Tile(a)
				for _, g := range []island{ia, ib, ic, bias} {
					g.check(t, fmt.Sprintf("%d x %d", m, n))
				}
				for i := range want {
					w, g := want[i], ic.x[i]
					if w != w && g != g && (a.Acc || a.Bias != nil) {
						continue // which NaN an addition passes on is not fixed
					}
					require.Equalf(t, math.Float32bits(w), math.Float32bits(g), "%d x %d at %d: %v, want %v", m, n, i, g, w)
				}
			}
		}
	})
}

func TestBF16Convert(t *testing.T) {
	golden := [][2]uint32{ // float32 and bf16, seen on a Zen 5 core
		{0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81}, {0x3f807fff, 0x3f80}, {1, 0}, {0x007fffff, 0},
		{0x80400000, 0x8000}, {0x00800000, 0x0080}, {0x7f800001, 0x7fc0}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80},
		{0x7f7fffff, 0x7f80}, {0x7fbfffff, 0x7fff}, {0xffffffff, 0xffff}, {0x00808000, 0x0080}, {0x00ff8000, 0x0100}}
	onEachBF16(t, func(t *testing.T, k *BF16) {
		for _, g := range golden {
			x, dst := []float32{math.Float32frombits(g[0])}, make([]float32, 1)
			k.Convert(dst, x)
			require.Equal(t, g[1], math.Float32bits(dst[0]), "%#x", g[0])
			k.Pair(dst, []float32{1}, x)
			require.Equal(t, 0x3f80|g[1]<<16, math.Float32bits(dst[0]), "%#x", g[0])
		}
		r := rand.New(rand.NewPCG(5, 5))
		sizes := []int{moveLimit, moveLimit + 1}
		for n := range 140 {
			sizes = append(sizes, n)
		}
		for try, n := range sizes {
			a, b := wildIsland(r, n, try), wildIsland(r, n, try/2)
			for _, f := range []struct {
				name string
				size int
				do   func(k *BF16, dst []float32)
			}{{"Convert", (n + 1) / 2, func(k *BF16, dst []float32) { k.Convert(dst, a.x) }},
				{"Pair", n, func(k *BF16, dst []float32) { k.Pair(dst, a.x, b.x) }}} {
				got, want := newIsland(r, f.size, try/3), make([]float32, f.size)
				f.do(k, got.x)
				f.do(&bf16Generic, want)
				got.check(t, f.name)
				for i := range want {
					require.Equal(t, math.Float32bits(want[i]), math.Float32bits(got.x[i]), "%s of %d at %d", f.name, n, i)
				}
			}
		}
		x := make([]float32, 10)
		require.Panics(t, func() { k.Convert(x[:4:4], x) })
		require.Panics(t, func() { k.Pair(x, x, x[:9:9]) })
	})
}

// The choice goes with the float32 kernels, so that LOCIMEM_ISA forces both.
func TestBF16Choice(t *testing.T) {
	for _, k := range All() {
		got := k.BF16()
		require.NotNil(t, got.Tile)
		if k.Name == "avx512" && AllBF16()[0].Missing() == "" {
			require.Equal(t, "avx512bf16", got.Name)
		} else {
			require.Equal(t, "generic", got.Name)
		}
	}
}

func BenchmarkBF16Tile(b *testing.B) {
	for _, k := range AllBF16() {
		if k.Missing() != "" {
			continue
		}
		for _, m := range []int{1, 4, 7, k.MR} {
			for _, steps := range []int{27, 256, 1024} {
				b.Run(fmt.Sprintf("%s/%dx%dx%d", k.Name, m, k.NR, steps), func(b *testing.B) {
					t := &Tile{C: make([]float32, m*k.NR), CS: k.NR, A: make([]float32, m*(steps+16)), RS: steps + 16, KS: 1,
						B: make([]float32, k.NR*steps), BS: k.NR, Segs: []Segment{{0, 0, steps}}, M: m, N: k.NR}
					for b.Loop() {
						k.Tile(t)
					}
					b.ReportMetric(4e-9*float64(m*k.NR*steps)*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
				})
			}
		}
	}
}

func BenchmarkBF16Convert(b *testing.B) {
	for _, k := range AllBF16() {
		if k.Missing() != "" {
			continue
		}
		const n = 1 << 12
		x, y, dst := make([]float32, n), make([]float32, n), make([]float32, n)
		b.Run(k.Name+"/Convert", func(b *testing.B) {
			b.SetBytes(6 * n)
			for b.Loop() {
				k.Convert(dst, x)
			}
		})
		b.Run(k.Name+"/Pair", func(b *testing.B) {
			b.SetBytes(12 * n)
			for b.Loop() {
				k.Pair(dst, x, y)
			}
		})
	}
}
