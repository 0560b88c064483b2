//go:build !purego

package kernel

import "github.com/klauspost/cpuid/v2"

//go:generate go run -C _gen . -part bf16

var bf16AVX512 = BF16{
	Name:    "avx512bf16",
	MR:      14,
	NR:      32,
	Tile:    tileBF16,
	Convert: convertAVX512,
	Pair:    pairAVX512,
	missing: lacking(cpuid.AVX512BF16, cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512BW, cpuid.AVX512VL, cpuid.AVX2, cpuid.BMI2),
}

func archBF16() []*BF16 { return []*BF16{&bf16AVX512} }

func tileBF16(t *Tile) { tilesBF16[(t.N-1)/16][t.M-1](t) }

// The assembly of the conversions; n is not 0.
//
//go:noescape
func convertBF16(dst, src *float32, n int)

//go:noescape
func pairBF16(dst, a, b *float32, n int)

// convertAVX512 makes calls of moveSize numbers, which is even.
func convertAVX512(dst, src []float32) {
	first(dst, (len(src)+1)/2)
	for len(src) > 0 {
		n := min(len(src), moveSize)
		convertBF16(&dst[0], &src[0], n)
		dst, src = dst[(n+1)/2:], src[n:]
	}
}

func pairAVX512(dst, a, b []float32) {
	first(a, len(dst))
	first(b, len(dst))
	for len(dst) > 0 {
		n := min(len(dst), moveSize)
		pairBF16(&dst[0], &a[0], &b[0], n)
		dst, a, b = dst[n:], a[n:], b[n:]
	}
}
