// Package half converts numbers of 16 bits: IEEE 754 binary16, Python's float16.
package half

import "math"

// Float32 returns the value of a half; every one has its float32.
func Float32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac * 2^-24 is exact in float32
		return math.Float32frombits(math.Float32bits(float32(frac)*0x1p-24) | sign)
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// FromFloat64 returns the half nearest to v, the even one of two; what rounds to
// 65520 or more in size becomes an infinity. It takes float64 so that no number
// is rounded twice.
func FromFloat64(v float64) uint16 {
	var sign uint16
	if math.Signbit(v) {
		sign, v = 0x8000, -v
	}
	switch {
	case v != v:
		return sign | 0x7e00
	case v >= 65520: // halfway between the largest half and 2^16
		return sign | 0x7c00
	case v < 0x1p-14: // subnormal: multiples of 2^-24; 1024 of them are the smallest normal
		return sign | uint16(math.RoundToEven(v*0x1p24))
	}
	frac, exp := math.Frexp(v) // v = frac * 2^exp, frac in [0.5, 1)
	// A mantissa that rounds up to 2048 carries into the exponent, as it should.
	return sign | (uint16((exp+13)<<10) + uint16(math.RoundToEven(frac*2048)))
}
