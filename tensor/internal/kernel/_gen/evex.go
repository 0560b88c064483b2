package main

import (
	"encoding/binary"
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Neither avo nor Go's assembler knows the instructions of AVX512_BF16, so they
// are written as bytes. All that is needed is three registers and no mask, for
// which the encoding (Intel SDM, vol. 2, 2.7 "Intel AVX-512 encoding") is
//
//	62 | R X B R' 0 m m m | W v v v v 1 p p | z L' L b V' a a a | opcode | 11 reg rm
//
// A register number has five bits. The low three stand in the last byte (reg is
// the destination, rm the second source), the others in the prefix, inverted:
// of reg R R', of rm B X; and V' v v v v is the first source. mmm = 2 is the
// opcode map 0F 38, pp stands for an old prefix byte, L'L = 2 means 512 bits.

// evex is an instruction of the map 0F 38 with W = 0.
type evex struct {
	name       string
	pp, opcode byte
}

const prefixF3, prefixF2 = 2, 3

var (
	// vdpbf16ps a, b, sum: sum += a1*b1, then sum += a0*b0, in each lane.
	vdpbf16ps = evex{"VDPBF16PS", prefixF3, 0x52}
	// vcvtne2ps2bf16 hi, lo, dst: dst = the 16 numbers of lo and those of hi, as bf16.
	vcvtne2ps2bf16 = evex{"VCVTNE2PS2BF16", prefixF2, 0x72}
)

// encode returns the bytes for registers of 512 bits, by their numbers.
func (e evex) encode(src1, src2, dst uint8) [6]byte {
	bit := func(r uint8, i int) byte { return ^r >> i & 1 } // inverted
	return [6]byte{
		0x62,
		bit(dst, 3)<<7 | bit(src2, 4)<<6 | bit(src2, 3)<<5 | bit(dst, 4)<<4 | 2,
		(^src1&15)<<3 | 1<<2 | e.pp,
		2<<5 | bit(src1, 4)<<3,
		e.opcode,
		0xc0 | dst&7<<3 | src2&7,
	}
}

// emit writes the instruction into the function under way.
func (e evex) emit(src1, src2, dst reg.VecPhysical) {
	Comment(fmt.Sprintf("%s %s, %s, %s", e.name, src2.Asm(), src1.Asm(), dst.Asm())) // in Go's order
	code := e.encode(number(src1), number(src2), number(dst))
	Instruction(&ir.Instruction{Opcode: "LONG", Operands: []Op{U32(binary.LittleEndian.Uint32(code[:4]))}})
	Instruction(&ir.Instruction{Opcode: "WORD", Operands: []Op{U16(binary.LittleEndian.Uint16(code[4:]))}})
}

// number is a register's number, 0 to 31.
func number(r reg.VecPhysical) uint8 { return uint8(r.PhysicalIndex()) }
