package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// bf16 writes the kernels on bf16 numbers, for CPUs with AVX512_BF16.
//
// The register tile is that of float32 with one instruction changed: where that
// multiplies a vector of B by a spread number of A and adds, VDPBF16PS takes a
// vector of pairs and a spread pair, multiplies both numbers of each lane's
// pairs and adds both products to the lane's float32 sum. A pair has the size of
// a float32, so loads, strides and tails stay as they are, and a step does twice
// the work.
//
// The conversions make the pairs: of numbers that follow each other, or of
// numbers of two rows.
func bf16() {
	l := readLayout("../gemm.go", "amd64")
	s := avx512
	s.name, s.dot = "BF16", true
	for vectors := 1; vectors <= s.vectors; vectors++ {
		for rows := 1; rows <= s.rows; rows++ {
			(&tile{isa: s, layout: l, rows: rows, nv: vectors}).generate()
		}
	}
	convertBF16()
	pairBF16()
	writeStubs("../bf16_tiles_amd64.go", []isa{s})
}

// lowBits sets bits to n ones, for n < 64.
func lowBits(n, bits Register) {
	MOVQ(I32(-1), bits)
	SHLXQ(n, bits, bits)
	NOTQ(bits)
}

// convertBF16 writes dst[i] = the pair of src[2i] and src[2i+1], for n numbers of
// src; a missing last one is 0.
func convertBF16() {
	TEXT("convertBF16", attr.NOSPLIT, "func(dst, src *float32, n int)")
	Comment("dst[i] = the pair of src[2i] and src[2i+1].")
	to, from, left, bits := RDI, RSI, RCX, RAX
	Load(Param("dst"), to)
	Load(Param("src"), from)
	Load(Param("n"), left)
	Comment("Main loop: 32 numbers, two vectors, become one vector of 16 pairs.")
	lo, hi := Z0, Z1
	at := func(r Register, disp int) Mem { return Mem{Base: r, Disp: disp} }
	SUBQ(Imm(32), left)
	JL(LabelRef("tail"))
	Label("whole")
	VMOVUPS(at(from, 0), lo)
	VMOVUPS(at(from, 64), hi)
	vcvtne2ps2bf16.emit(hi, lo, lo)
	VMOVUPS(lo, at(to, 0))
	ADDQ(U32(128), from)
	ADDQ(Imm(64), to)
	SUBQ(Imm(32), left)
	JGE(LabelRef("whole"))
	Label("tail")
	Comment("Tail: masks of what is left of the first 16 numbers, of the others, and of their pairs.")
	ADDQ(Imm(32), left)
	JZ(LabelRef("end"))
	lowBits(left, bits)
	KMOVW(bits.As32(), K1) // of the first 16
	SHRQ(Imm(16), bits)
	KMOVW(bits.As32(), K2)
	INCQ(left)
	SHRQ(Imm(1), left)
	lowBits(left, bits)
	KMOVW(bits.As32(), K3) // of the pairs
	Comment("What the masks leave out is 0 and not read.")
	VMOVUPS_Z(at(from, 0), K1, lo)
	VMOVUPS_Z(at(from, 64), K2, hi)
	vcvtne2ps2bf16.emit(hi, lo, lo)
	VMOVUPS(lo, K3, at(to, 0))
	Label("end")
	VZEROUPPER()
	RET()
}

// pairBF16 writes dst[i] = the pair of a[i] and b[i]. The conversion leaves the
// 16 numbers of a before those of b, and a permutation brings them together.
func pairBF16() {
	order := GLOBL("pairBF16_order", attr.RODATA|attr.NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i|(16+i)<<16))
	}
	TEXT("pairBF16", attr.NOSPLIT, "func(dst, a, b *float32, n int)")
	Comment("dst[i] = the pair of a[i] and b[i]. The order of the numbers for the permutation stays in a register.")
	to, fromA, fromB, left, bits := RDI, RSI, RDX, RCX, RAX
	Load(Param("dst"), to)
	Load(Param("a"), fromA)
	Load(Param("b"), fromB)
	Load(Param("n"), left)
	Comment("Main loop: 16 numbers of each, which a permutation brings together.")
	a, b, index := Z0, Z1, Z2
	VMOVUPS(order, index)
	SUBQ(Imm(16), left)
	JL(LabelRef("tail"))
	Label("whole")
	VMOVUPS(Mem{Base: fromA}, a)
	VMOVUPS(Mem{Base: fromB}, b)
	vcvtne2ps2bf16.emit(b, a, a)
	VPERMW(a, index, a)
	VMOVUPS(a, Mem{Base: to})
	ADDQ(Imm(64), fromA)
	ADDQ(Imm(64), fromB)
	ADDQ(Imm(64), to)
	SUBQ(Imm(16), left)
	JGE(LabelRef("whole"))
	Label("tail")
	Comment("Tail: the same under a mask of what is left.")
	ADDQ(Imm(16), left)
	JZ(LabelRef("end"))
	lowBits(left, bits)
	KMOVW(bits.As32(), K1)
	VMOVUPS_Z(Mem{Base: fromA}, K1, a)
	VMOVUPS_Z(Mem{Base: fromB}, K1, b)
	vcvtne2ps2bf16.emit(b, a, a)
	VPERMW(a, index, a)
	VMOVUPS(a, K1, Mem{Base: to})
	Label("end")
	VZEROUPPER()
	RET()
}
