package kernel

import "math"

// bf16Generic emulates the processor's instructions bit by bit; it defines the
// kernels. Its tile is as large as that of AVX-512, because the drivers cut sums
// into parts by the size of the tile, and results shall be the same bits.
var bf16Generic = BF16{
	Name:    "generic",
	MR:      14,
	NR:      32,
	Tile:    tileBF16Generic,
	Convert: convertBF16Generic,
	Pair:    pairBF16Generic,
	missing: func() string { return "" },
}

const (
	signBit  = 1 << 31
	infinity = 0x7f800000
	quiet    = 1 << 22 // what tells a quiet NaN from a signalling one
)

// roundBF16 returns the bits of the bf16 number nearest to x, as VCVTNEPS2BF16
// does: ties go to the even one, denormals to zero, NaN stay NaN.
func roundBF16(x float32) uint32 {
	u := math.Float32bits(x)
	switch exponent := u & infinity; {
	case exponent == 0:
		return (u & signBit) >> 16
	case u&^signBit > infinity:
		return (u | quiet) >> 16
	}
	return (u + 0x7fff + u>>16&1) >> 16 // past the largest number this is infinity
}

// dotBF16 is VDPBF16PS in one lane, on bits: sum + a1*b1, rounded to float32, and
// then + a0*b0, rounded again. Index 1 is the upper half of a pair.
func dotBF16(sum, a, b uint32) uint32 {
	sum = fmaBF16(a&0xffff0000, b&0xffff0000, sum)
	return fmaBF16(a<<16, b<<16, sum)
}

// fmaBF16 is a*b + c, rounded once to the nearest float32, ties to even. Unlike
// other instructions it takes denormals for zero, makes a result below the
// flushed numbers zero, and asks nobody how to round. a and b have at most 8
// significant bits.
//
// float64 holds the product without rounding but not its sum with c. The sum is
// therefore rounded to odd: if bits were lost, the last bit is set, and so tells
// the second rounding, to float32, on which side of a tie the sum lies (Boldo
// and Melquiond, Emulation of FMA and Correctly Rounded Sums, 2008).
func fmaBF16(a, b, c uint32) uint32 {
	p := float64(flushed(a)) * float64(flushed(b))
	d := float64(flushed(c))
	s := p + d
	if s-s != 0 {
		return notFinite(a, b, c, s)
	}
	// lost is what s lacks, exactly (Knuth, The Art of Computer Programming,
	// vol. 2, 4.2.2).
	v := s - p
	lost := (p - (s - v)) + (d - v)
	if bits := math.Float64bits(s); lost != 0 && bits&1 == 0 {
		if lost > 0 == (s > 0) {
			s = math.Float64frombits(bits + 1)
		} else {
			s = math.Float64frombits(bits - 1)
		}
	}
	// A sum that rounds up to the least normal number is one.
	const least = 0x1p-126 - 0x1p-151
	if math.Abs(s) < least {
		return uint32(math.Float64bits(s)>>32) & signBit
	}
	return math.Float32bits(float32(s))
}

// flushed returns the float32 of those bits, zero for a denormal.
func flushed(u uint32) float32 {
	if u&infinity == 0 {
		u &= signBit
	}
	return math.Float32frombits(u)
}

// notFinite is the result of fmaBF16 where s, the sum in float64, is infinite or
// NaN: the first NaN among the arguments made quiet, or a NaN that stands for
// infinity - infinity or 0 * infinity.
func notFinite(a, b, c uint32, s float64) uint32 {
	for _, u := range [3]uint32{a, b, c} {
		if u&^signBit > infinity {
			return u | quiet
		}
	}
	if s != s {
		return signBit | infinity | quiet
	}
	return math.Float32bits(float32(s))
}

// tileBF16Generic is Tile on pairs.
func tileBF16Generic(t *Tile) {
	for s := range max(t.Strips, 1) {
		tileStripBF16(t, t.A[s*t.AS:], t.C[s*t.M*t.CS:])
	}
}

func tileStripBF16(t *Tile, a, c []float32) {
	var sum [14][32]uint32
	for _, s := range t.Segs {
		a, b := a[s.A:], t.B[s.B:]
		for p := range s.K {
			b := b[p*t.BS:][:32]
			for i := range t.M {
				a := math.Float32bits(a[i*t.RS+p*t.KS])
				for j := range t.N {
					sum[i][j] = dotBF16(sum[i][j], a, math.Float32bits(b[j]))
				}
			}
		}
	}
	for i := range t.M {
		c := c[i*t.CS:][:t.N]
		for j := range c {
			v := math.Float32frombits(sum[i][j])
			if t.Acc {
				v += c[j]
			}
			if t.Bias != nil {
				v += t.Bias[j]
			}
			if t.ReLU {
				v = positive(v)
			}
			c[j] = v
		}
	}
}

func convertBF16Generic(dst, src []float32) {
	for i := range (len(src) + 1) / 2 {
		pair := roundBF16(src[2*i])
		if 2*i+1 < len(src) {
			pair |= roundBF16(src[2*i+1]) << 16
		}
		dst[i] = math.Float32frombits(pair)
	}
}

func pairBF16Generic(dst, a, b []float32) {
	for i := range dst {
		dst[i] = math.Float32frombits(roundBF16(a[i]) | roundBF16(b[i])<<16)
	}
}
