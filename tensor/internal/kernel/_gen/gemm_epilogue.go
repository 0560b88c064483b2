package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// each calls f for all sums, with cRow at the row of C.
func (t *tile) each(f func(i, v int)) {
	MOVQ(t.at.c, cRow)
	for i := range t.rows {
		for v := range t.nv {
			f(i, v)
		}
		if i < t.rows-1 {
			ADDQ(cStride, cRow)
		}
	}
}

// epilogue adds what is to be added to the sums and stores them. The columns
// past N in the last vector of a row are neither read nor written.
func (t *tile) epilogue() {
	Comment("The sums are complete. The stride of C, from floats to bytes.")
	MOVQ(t.field("CS"), cStride)
	SHLQ(Imm(2), cStride)
	t.loadMask()

	Comment("Acc: add what C holds.")
	CMPB(t.field("Acc"), Imm(0))
	JE(LabelRef("bias"))
	t.each(func(i, v int) { t.addMemory(t.vector(cRow, v), i, v) })

	Label("bias")
	Comment("Bias: add it to every row.")
	MOVQ(t.field("Bias"), scratch)
	TESTQ(scratch, scratch)
	JZ(LabelRef("relu"))
	for v := range t.nv {
		VMOVUPS(t.vector(scratch, v), t.b(v))
	}
	for i := range t.rows {
		for v := range t.nv {
			VADDPS(t.b(v), t.acc(i, v), t.acc(i, v))
		}
	}

	Label("relu")
	Comment("ReLU: the larger of the sum and 0.")
	CMPB(t.field("ReLU"), Imm(0))
	JE(LabelRef("store"))
	zero := t.spread(0)
	VXORPS(zero, zero, zero)
	for i := range t.rows {
		for v := range t.nv {
			// If one is NaN the result is the operand named first here.
			VMAXPS(t.acc(i, v), zero, t.acc(i, v))
		}
	}

	Label("store")
	Comment("Store the rows, the last vector of each as far as the mask says.")
	t.store()
}

// The last vector of a row may reach past N. AVX-512 masks its lanes by the bits
// of a mask register, AVX2 by the signs of a vector that is read out of a table.
var tailBits = K1

func (t *tile) tailSigns() VecPhysical { return t.spread(1) }

// maskTable is 8 words of ones and 8 of zeros: 8 words from place 8-n on are n
// ones and then zeros.
func maskTable() {
	tailTable = GLOBL("tileAVX2_tail", attr.RODATA|attr.NOPTR)
	for i := range 16 {
		word := uint32(0)
		if i < 8 {
			word = 0xffffffff
		}
		DATA(4*i, U32(word))
	}
}

var tailTable Mem

// loadMask readies the mask for the last vector.
func (t *tile) loadMask() {
	Comment("Tail: a mask of the columns of C in the last vector of a row.")
	MOVQ(t.field("N"), count)
	SUBQ(Imm(uint64(t.width*(t.nv-1))), count)
	if t.width == 16 {
		MOVL(I32(-1), scratch.As32())
		SHLXL(count.As32(), scratch.As32(), scratch.As32())
		NOTL(scratch.As32())
		KMOVW(scratch.As32(), tailBits)
		return
	}
	LEAQ(tailTable, scratch)
	NEGQ(count)
	VMOVUPS(Mem{Base: scratch, Index: count, Scale: 4, Disp: 32}, t.tailSigns())
}

// addMemory adds a vector of C to the sums of row i, vector v.
func (t *tile) addMemory(m Mem, i, v int) {
	r := t.acc(i, v)
	switch {
	case v < t.nv-1:
		VADDPS(m, r, r)
	case t.width == 16:
		VADDPS(m, r, tailBits, r) // other lanes keep their sum
	default:
		VMASKMOVPS(m, t.tailSigns(), t.spread(0))
		VADDPS(t.spread(0), r, r)
	}
}

// store stores the sums. Masked stores of AVX2 are slow, so whole vectors go
// another way.
func (t *tile) store() {
	whole := func(i, v int) { VMOVUPS(t.acc(i, v), t.vector(cRow, v)) }
	if t.width == 16 {
		t.each(func(i, v int) {
			if v < t.nv-1 {
				whole(i, v)
				return
			}
			VMOVUPS(t.acc(i, v), tailBits, t.vector(cRow, v))
		})
		return
	}
	CMPQ(count, I8(-t.width))
	JE(LabelRef("whole"))
	t.each(func(i, v int) {
		if v < t.nv-1 {
			whole(i, v)
			return
		}
		VMASKMOVPS(t.acc(i, v), t.tailSigns(), t.vector(cRow, v))
	})
	JMP(LabelRef("end"))
	Label("whole")
	Comment("The last vector is whole: no mask, which is faster.")
	t.each(whole)
	Label("end")
}
