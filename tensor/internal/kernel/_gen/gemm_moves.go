package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// moveArgs are the registers of the arguments that Copy and Transpose share.
type moveArgs struct {
	dst, ds, src, ss, rows, cols Register
}

// loadMove loads the arguments and turns the strides into bytes.
func loadMove() moveArgs {
	Comment("Set-up: the arguments, with strides in bytes.")
	a := moveArgs{dst: RDI, ds: R8, src: RSI, ss: R9, rows: R10, cols: R11}
	Load(Param("dst"), a.dst)
	Load(Param("ds"), a.ds)
	Load(Param("src"), a.src)
	Load(Param("ss"), a.ss)
	Load(Param("rows"), a.rows)
	Load(Param("cols"), a.cols)
	SHLQ(Imm(2), a.ds)
	SHLQ(Imm(2), a.ss)
	return a
}

const moveSignature = "func(dst *float32, ds int, src *float32, ss, rows, cols int)"

// copyRows writes the copy of a matrix, row by row, for rows >= 1 and columns >=
// 1, with AVX2 for columns >= 8. Rows are short, some dozens of numbers, and the
// general memmove spends longer on finding out than on copying.
func copyRows(s isa) {
	TEXT("copyRows"+s.name, attr.NOSPLIT, moveSignature)
	a := loadMove()
	from, to, left := RAX, RBX, RCX
	two, one, v0, v1 := int(2*s.width), int(s.width), s.reg[0], s.reg[1]
	at := func(r Register, disp int) Mem { return Mem{Base: r, Disp: disp} }
	if s.width == 16 {
		Comment("A mask of the columns past the last whole vector.")
		MOVQ(a.cols, RCX)
		ANDQ(Imm(15), RCX)
		MOVL(I32(-1), EAX)
		SHLXL(ECX, EAX, EAX)
		NOTL(EAX)
		KMOVW(EAX, tailBits)
	}

	Label("row")
	Comment("One row: two vectors at a time,")
	MOVQ(a.src, from)
	MOVQ(a.dst, to)
	MOVQ(a.cols, left)
	SUBQ(U8(two), left)
	JL(LabelRef("single"))
	Label("pair")
	VMOVUPS(at(from, 0), v0)
	VMOVUPS(at(from, 4*one), v1)
	VMOVUPS(v0, at(to, 0))
	VMOVUPS(v1, at(to, 4*one))
	ADDQ(I32(4*two), from)
	ADDQ(I32(4*two), to)
	SUBQ(U8(two), left)
	JGE(LabelRef("pair"))
	Label("single")
	Comment("then one,")
	ADDQ(U8(two), left)
	SUBQ(U8(one), left)
	JL(LabelRef("tail"))
	VMOVUPS(at(from, 0), v0)
	VMOVUPS(v0, at(to, 0))
	ADDQ(I32(4*one), from)
	ADDQ(I32(4*one), to)
	SUBQ(U8(one), left)
	Label("tail")
	if s.width == 16 {
		Comment("then the columns that are left, by the mask.")
	} else {
		Comment("then the row's last vector, some of which has been copied already.")
	}
	ADDQ(U8(one), left)
	JZ(LabelRef("next"))
	if s.width == 16 {
		VMOVUPS_Z(at(from, 0), tailBits, v0)
		VMOVUPS(v0, tailBits, at(to, 0))
	} else {
		VMOVUPS(Mem{Base: from, Index: left, Scale: 4, Disp: -4 * one}, v0)
		VMOVUPS(v0, Mem{Base: to, Index: left, Scale: 4, Disp: -4 * one})
	}
	Label("next")
	Comment("The next row.")
	ADDQ(a.ss, a.src)
	ADDQ(a.ds, a.dst)
	DECQ(a.rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// transposeBlocks writes the transpose of a matrix whose rows and columns are
// multiples of eight and not zero, in blocks of 8 x 8.
//
// A block is loaded as half rows: register r holds four numbers of row r and,
// in its upper half, of row r+4. Then each half is a 4 x 4 matrix over four
// registers, and all that is left is to transpose those, which unpack and
// shuffle do in both halves at once.
func transposeBlocks() {
	TEXT("transposeBlocks", attr.NOSPLIT, moveSignature)
	a := loadMove()
	from, from4, to, left, ss3, ds3 := RAX, RBX, RCX, RDX, R12, R13
	LEAQ(Mem{Base: a.ss, Index: a.ss, Scale: 2}, ss3)
	LEAQ(Mem{Base: a.ds, Index: a.ds, Scale: 2}, ds3)
	row := func(base, stride, stride3 Register, i int) Mem {
		switch i {
		case 0:
			return Mem{Base: base}
		case 3:
			return Mem{Base: base, Index: stride3, Scale: 1}
		}
		return Mem{Base: base, Index: stride, Scale: uint8(i)}
	}

	Label("columns")
	Comment("Eight columns of the source, which are eight rows of the result.")
	MOVQ(a.src, from)
	MOVQ(a.dst, to)
	MOVQ(a.rows, left)
	Label("block")
	Comment("A block of 8 x 8. Load half rows: four numbers of row r and, above them, of row r+4.")
	LEAQ(Mem{Base: from, Index: a.ss, Scale: 4}, from4)
	y, x := avx2.reg, []VecPhysical{X0, X1, X2, X3, X4, X5, X6, X7}
	for half := range 2 {
		for r := range 4 {
			i := 4*half + r
			VMOVUPS(row(from, a.ss, ss3, r).Offset(16*half), x[i])
			VINSERTF128(Imm(1), row(from4, a.ss, ss3, r).Offset(16*half), y[i], y[i])
		}
	}
	LEAQ(Mem{Base: to, Index: a.ds, Scale: 4}, from4) // the result's row 4
	for half, base := range []Register{to, from4} {
		Commentf("Transpose the two 4 x 4 matrices side by side; they are rows %d to %d of the result.",
			4*half, 4*half+3)
		in, t := y[4*half:], y[8:]
		VUNPCKLPS(in[1], in[0], t[0])
		VUNPCKHPS(in[1], in[0], t[1])
		VUNPCKLPS(in[3], in[2], t[2])
		VUNPCKHPS(in[3], in[2], t[3])
		for r, imm := range []uint64{0x44, 0xee, 0x44, 0xee} {
			VSHUFPS(Imm(imm), t[2+r/2], t[r/2], t[4])
			VMOVUPS(t[4], row(base, a.ds, ds3, r))
		}
	}
	Comment("The block below, then the next eight columns.")
	LEAQ(Mem{Base: from, Index: a.ss, Scale: 8}, from)
	ADDQ(Imm(32), to)
	SUBQ(Imm(8), left)
	JNZ(LabelRef("block"))
	ADDQ(Imm(32), a.src)
	LEAQ(Mem{Base: a.dst, Index: a.ds, Scale: 8}, a.dst)
	SUBQ(Imm(8), a.cols)
	JNZ(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// dealStrips writes Deal for rows, cols and strips that are not 0: row by row
// of the source, which is read from one end to the other. A row of a strip is
// one vector. AVX2 stores it whole, so its strips have rows of eight numbers.
func dealStrips(s isa) {
	TEXT("dealStrips"+s.name, attr.NOSPLIT,
		"func(dst *float32, ds, ks int, src *float32, ss, rows, cols, strips int)")
	Comment("Set-up: the arguments.")
	dst, ds, ks, src, ss, rows, cols, strips := RDI, R8, R9, RSI, R10, R11, R12, R13
	for _, p := range []struct {
		name string
		to   Register
	}{
		{"dst", dst}, {"ds", ds}, {"ks", ks}, {"src", src},
		{"ss", ss}, {"rows", rows}, {"cols", cols}, {"strips", strips},
	} {
		Load(Param(p.name), p.to)
	}
	Comment("A mask of the columns of a strip.")
	from, to, left := RAX, RBX, RDX
	signs := s.reg[15]
	if s.width == 16 {
		MOVQ(cols, RCX)
		MOVL(I32(-1), EAX)
		SHLXL(ECX, EAX, EAX)
		NOTL(EAX)
		KMOVW(EAX, tailBits)
	} else {
		LEAQ(tailTable, RCX)
		MOVQ(cols, RAX)
		NEGQ(RAX)
		VMOVUPS(Mem{Base: RCX, Index: RAX, Scale: 4, Disp: 32}, signs)
	}
	Comment("Strides in bytes.")
	for _, r := range []Register{ds, ks, ss, cols} {
		SHLQ(Imm(2), r)
	}
	Label("row")
	Comment("One row of the source: a vector of it goes to every strip.")
	MOVQ(src, from)
	MOVQ(dst, to)
	MOVQ(strips, left)
	Label("strip")
	if s.width == 16 {
		VMOVUPS_Z(Mem{Base: from}, tailBits, s.reg[0])
		VMOVUPS(s.reg[0], tailBits, Mem{Base: to})
	} else {
		VMASKMOVPS(Mem{Base: from}, signs, s.reg[0])
		VMOVUPS(s.reg[0], Mem{Base: to})
	}
	ADDQ(cols, from)
	ADDQ(ds, to)
	DECQ(left)
	JNZ(LabelRef("strip"))
	Comment("The next row.")
	ADDQ(ss, src)
	ADDQ(ks, dst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
