package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func label(name string, n int) string { return fmt.Sprintf("%s%d", name, n) }

// partials is the number of vectors that a sum is spread over.
const partials = 8

// sum emits a sum over n floats of a and b. Each lane of the partial sums gets
// at most 8 terms in float32 before they are added up in float64, so that the
// rounding does not grow with n.
func (s simd) sum(name, does string, setup func() func(partial, a, b VecVirtual)) {
	l := lane{simd: s}
	TEXT(name+s.suffix, NOSPLIT, "func(a, b *float32, n int) float64")
	Pragma("noescape")
	Comment(does, "Set-up: two vectors of float64 for the total.")
	l.base = map[string]GPVirtual{"a": Load(Param("a"), GP64()).(GPVirtual), "b": Load(Param("b"), GP64()).(GPVirtual)}
	left := Load(Param("n"), GP64()).(GPVirtual)
	l.i = GP64()
	XORQ(l.i, l.i)
	term := setup()
	total := []VecVirtual{s.zero(), s.zero()}
	block := 8 * partials * s.lanes

	Label("block")
	Commentf("A block of at most %d floats, in %d vectors of float32 sums, which begin at 0.", block, partials)
	TESTQ(left, left)
	JZ(LabelRef("done"))
	partial := make([]VecVirtual, partials)
	for v := range partial {
		partial[v] = s.zero()
	}
	now := GP64()
	MOVQ(U32(block), now)
	CMPQ(left, now)
	CMOVQLT(left, now)
	SUBQ(now, left)
	for _, unroll := range []int{partials, 1} {
		step := unroll * s.lanes
		loop, next := label("loop", unroll), label("less", unroll)
		Label(loop)
		sweepComment(unroll, step)
		CMPQ(now, U32(step))
		JLT(LabelRef(next))
		for v := range unroll {
			vectorComment(v, unroll)
			l.skip = v * s.lanes
			term(partial[v], l.get("a"), l.get("b"))
		}
		ADDQ(U32(step), l.i)
		SUBQ(U32(step), now)
		JMP(LabelRef(loop))
		Label(next)
	}
	tailComment()
	TESTQ(now, now)
	JZ(LabelRef("flush"))
	l.skip, l.tail = 0, s.mask(now)
	term(partial[partials-1], l.get("a"), l.get("b"))
	Label("flush")
	Comment("Reduction of the block: the float32 sums in pairs, then as float64 to the total.")
	for n := partials / 2; n > 0; n /= 2 {
		for v := range n {
			VADDPS(partial[v+n], partial[v], partial[v])
		}
	}
	half, d := s.narrow(), s.vector()
	if s.wide() {
		VEXTRACTF64X4(U8(1), partial[0], half)
		VCVTPS2PD(partial[0].AsY(), d)
	} else {
		VEXTRACTF128(U8(1), partial[0], half)
		VCVTPS2PD(partial[0].AsX(), d)
	}
	VADDPD(d, total[0], total[0])
	VCVTPS2PD(half, d)
	VADDPD(d, total[1], total[1])
	JMP(LabelRef("block"))

	Label("done")
	Comment("Reduction of the total: its vectors, its halves, its last two numbers.")
	VADDPD(total[1], total[0], total[0])
	y, x := total[0].AsY().(VecVirtual), XMM()
	if s.wide() {
		upper := YMM()
		VEXTRACTF64X4(U8(1), total[0], upper)
		VADDPD(upper, y, y)
	}
	VEXTRACTF128(U8(1), y, x)
	VADDPD(x, y.AsX(), x)
	swapped := XMM()
	VPERMILPD(U8(1), x, swapped)
	VADDSD(swapped, x, x)
	VZEROUPPER()
	Store(x, ReturnIndex(0))
	RET()
}

func (s simd) sumKernels() {
	s.sum("dot", "The sum of a*b.", func() func(partial, a, b VecVirtual) {
		return func(partial, a, b VecVirtual) { VFMADD231PS(b, a, partial) }
	})
	s.sum("l1", "The sum of |a - b|.", func() func(partial, a, b VecVirtual) {
		abs := s.bits(0x7fffffff)
		return func(partial, a, b VecVirtual) {
			VSUBPS(b, a, a)
			if s.wide() {
				VPANDD(abs, a, a)
			} else {
				VANDPS(abs, a, a)
			}
			VADDPS(a, partial, partial)
		}
	})
	s.sum("l2Sq", "The sum of (a - b)^2.", func() func(partial, a, b VecVirtual) {
		return func(partial, a, b VecVirtual) {
			VSUBPS(b, a, a)
			VFMADD231PS(a, a, partial)
		}
	})
}
