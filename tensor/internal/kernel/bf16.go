package kernel

import "strings"

// BF16 is one implementation of the kernels on bf16 numbers (bfloat16: the upper
// half of a float32, with 8 bits of precision and the whole range).
//
// They come in pairs of numbers that follow each other along a sum, and a pair
// takes the place of one float32: the first number in the lower half of its
// bits, the second in the upper. A slice of pairs has the type []float32 but
// holds no float32 numbers; only these kernels and moves may touch it.
type BF16 struct {
	Name string // avx512bf16 or generic

	// The register tile is as that of Gemm, but A and B hold pairs, and a step
	// along the sum adds two products. C and Bias are float32.
	MR, NR int
	Tile   func(t *Tile)

	// Convert sets dst[i] to the pair of src[2i] and src[2i+1], rounded to
	// nearest, ties to even; a missing last number is 0. Denormals become 0.
	Convert func(dst, src []float32)
	// Pair sets dst[i] to the pair of a[i] and b[i].
	Pair func(dst, a, b []float32)

	missing func() string
}

// Missing names the CPU features that the kernels need and the CPU lacks; "" if
// they can run here.
func (b *BF16) Missing() string { return b.missing() }

// AllBF16 returns every implementation built into this program, the fastest
// first and the generic one last, whether or not the CPU can run it. Their
// results are the same bits.
func AllBF16() []*BF16 { return append(archBF16(), &bf16Generic) }

// For tells whether the kernels extend the instruction set of an implementation:
// their name begins with its own.
func (b *BF16) For(i *Impl) bool { return strings.HasPrefix(b.Name, i.Name) }

// BF16 returns the bf16 kernels that go with an implementation: those that extend
// it where the CPU can run them, else the generic emulation, which is some
// hundred times slower.
func (i *Impl) BF16() *BF16 {
	for _, b := range archBF16() {
		if b.For(i) && b.Missing() == "" {
			return b
		}
	}
	return &bf16Generic
}

// OverPairs returns k with the register tile of b in the place of its own. The
// moves of k serve pairs as well: they do not look at what they move.
func (b *BF16) OverPairs(k *Impl) *Impl {
	i := *k
	i.MR, i.NR, i.Tile = b.MR, b.NR, b.Tile
	return &i
}
