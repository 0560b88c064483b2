package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"strings"
)

// gemmNEON writes the register tiles for arm64, as text, because avo knows only
// amd64. They are the tiles of gemm with vectors of four floats: 6 rows x 4
// vectors of sums, 4 vectors of B and 4 spread numbers of A fill the 32
// registers. One instruction loads a number of A, spreads it and moves the
// row's pointer on, so every row has a pointer of its own. Wide rows of B are
// better here than many rows of A, because spreading takes a slot of the vector
// unit.
func gemmNEON() {
	s := isa{name: "NEON", width: 4, rows: 6, vectors: 4}
	l := readLayout("../gemm.go", "arm64")
	a := &arm{layout: l}
	fmt.Fprint(a, header(), "\n#include \"textflag.h\"\n")
	for vectors := 1; vectors <= s.vectors; vectors++ {
		for rows := 1; rows <= s.rows; rows++ {
			a.tile(rows, vectors)
		}
	}
	a.peak()
	if err := os.WriteFile("../gemm_arm64.s", a.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	writeStubs("../gemm_tiles_arm64.go", []isa{s})
}

// arm is the text of the assembly so far.
type arm struct {
	bytes.Buffer
	layout
	rows, nv int
}

// The registers: R0 the Tile; R1, R2, R3 bytes between rows of A, steps of A and
// rows of B; R4, R5 the segment and how many are left; R6 scratch; R7 steps
// left; R8 to R13 the rows of A; R14 the row of B; R15, R19 what to fetch and its
// step; R20, R21, R22 the strip's places in A and C and how many strips are left.
// After the sums R1 is bytes between rows of C, R8 a place in C and R9 the columns
// past the last whole vector.
const (
	firstA  = 8
	firstB  = 24 // vector registers V24 to V27
	firstTo = 28 // V28 to V31
)

func (a *arm) line(format string, args ...any) { fmt.Fprintf(a, "\t"+format+"\n", args...) }

// comment begins a block of instructions.
func (a *arm) comment(format string, args ...any) {
	if last := a.Bytes()[a.Len()-2]; last != ':' && last != '8' { // of a label or of TEXT
		a.WriteByte('\n')
	}
	fmt.Fprintf(a, "\t// "+format+"\n", args...)
}
func (a *arm) label(name string) { fmt.Fprintf(a, "\n%s:\n", name) }

// load reads a field of the Tile into a register.
func (a *arm) load(field string, extra int, reg string) {
	a.line("MOVD %d(R0), %s", a.offset("Tile", field)+extra, reg)
}

// vectors lists n vector registers from the first on.
func vectors(first, n int) string {
	v := make([]string, n)
	for i := range v {
		v[i] = fmt.Sprintf("V%d.S4", first+i)
	}
	return "[" + strings.Join(v, ", ") + "]"
}

// three writes an instruction that Go's assembler lacks: d = n op m by lanes.
func (a *arm) three(name string, code uint32, m, n, d int) {
	a.line("WORD $0x%08x // %s V%d.4S, V%d.4S, V%d.4S", code|uint32(m)<<16|uint32(n)<<5|uint32(d), name, d, n, m)
}

const (
	fadd = 0x4e20d400
	fmax = 0x4e20f400 // of NaN and a number it is NaN
)

func (a *arm) acc(i, v int) int { return i*a.nv + v }

func (a *arm) tile(rows, nv int) {
	a.rows, a.nv = rows, nv
	name := (&tile{isa: isa{name: "NEON"}, rows: rows, nv: nv}).funcName()
	fmt.Fprintf(a, "\n// func %s(t *Tile)\nTEXT ·%[1]s(SB), NOSPLIT, $0-8\n", name)
	a.comment("A tile of %d x %d: vector v of row i of the sums stands in V(%d*i + v).", rows, 4*nv, nv)
	a.line("MOVD t+0(FP), R0")
	a.comment("Every step fetches one line of what is needed next; where there is nothing, a line of C.")
	a.load("Fetch", 0, "R15")
	a.load("Fetch", 8, "R6")
	a.load("FS", 0, "R19")
	a.line("LSL $2, R19, R19")
	a.line("CBNZ R19, strided")
	a.line("MOVD $64, R19")
	a.label("strided")
	a.line("CBNZ R6, fetches")
	a.load("C", 0, "R15")
	a.line("MOVD ZR, R19")
	a.label("fetches")
	a.comment("The first strip's places in A and C, and how many strips there are.")
	a.load("A", 0, "R20")
	a.load("C", 0, "R21")
	a.load("Strips", 0, "R22")
	a.label("strip")
	a.comment("A strip: strides of A and B from floats to bytes, and all sums begin at 0.")
	for i, f := range []string{"RS", "KS", "BS"} {
		a.load(f, 0, fmt.Sprintf("R%d", 1+i))
		a.line("LSL $2, R%d, R%[1]d", 1+i)
	}
	for i := range rows * nv {
		a.line("VEOR V%d.B16, V%[1]d.B16, V%[1]d.B16", i)
	}
	a.comment("For every segment of the sum:")
	a.load("Segs", 0, "R4")
	a.load("Segs", 8, "R5")
	a.line("CBZ R5, done")

	a.label("segment")
	a.comment("Where the segment begins in A, one pointer for each row, and in B, and its steps.")
	a.line("MOVD R20, R%d", firstA)
	a.line("MOVD %d(R4), R6", a.offset("Segment", "A"))
	a.line("ADD R6<<2, R%d, R%[1]d", firstA)
	for i := 1; i < rows; i++ {
		a.line("ADD R1, R%d, R%d", firstA+i-1, firstA+i)
	}
	a.load("B", 0, "R14")
	a.line("MOVD %d(R4), R6", a.offset("Segment", "B"))
	a.line("ADD R6<<2, R14, R14")
	a.line("MOVD %d(R4), R7", a.offset("Segment", "K"))
	a.line("CBZ R7, next")

	a.label("step")
	a.comment("Main loop, one step of the sums: load a row of B,")
	a.line("VLD1.P (R14)(R3), %s", vectors(firstB, nv))
	a.comment("and for each row, spread a number of A over a vector and add its product with the row of B.")
	for i := range rows {
		a.line("VLD1R.P (R%d)(R2), %s", firstA+i, vectors(firstTo+i%4, 1))
		for v := range nv {
			a.line("VFMLA V%d.S4, V%d.S4, V%d.S4", firstTo+i%4, firstB+v, a.acc(i, v))
		}
	}
	a.comment("Fetch a line; the next step.")
	a.line("PRFM (R15), PLDL2KEEP")
	a.line("ADD R19, R15, R15")
	a.line("SUB $1, R7, R7")
	a.line("CBNZ R7, step")
	a.label("next")
	a.comment("The next segment.")
	a.line("ADD $%d, R4, R4", a.size("Segment"))
	a.line("SUB $1, R5, R5")
	a.line("CBNZ R5, segment")

	a.label("done")
	a.epilogue()
	a.comment("The strip below, if there is one: its places in A and in C.")
	a.line("SUBS $1, R22, R22")
	a.line("BLE finished")
	a.load("AS", 0, "R6")
	a.line("ADD R6<<2, R20, R20")
	a.line("MOVD $%d, R6", rows)
	a.line("MADD R6, R21, R1, R21")
	a.line("B strip")
	a.label("finished")
	a.line("RET")
}

// epilogue adds what is to be added to the sums and stores them.
func (a *arm) epilogue() {
	a.comment("Tail: how many columns of C are in the last vector of a row, 0 if it is whole.")
	a.load("CS", 0, "R1")
	a.line("LSL $2, R1, R1")
	a.load("N", 0, "R9")
	a.line("AND $3, R9, R9")

	a.comment("Acc: add what C holds.")
	a.line("MOVBU %d(R0), R6", a.offset("Tile", "Acc"))
	a.line("CBZ R6, bias")
	a.each("acc", func(i, v int, whole bool) {
		if whole {
			a.line("VLD1.P 16(R6), %s", vectors(firstB, 1))
		} else {
			a.line("VEOR V%d.B16, V%[1]d.B16, V%[1]d.B16", firstB)
			a.lanes("accRow", i, func(lane int) { a.line("VLD1.P 4(R6), V%d.S[%d]", firstB, lane) })
		}
		a.three("FADD", fadd, firstB, a.acc(i, v), a.acc(i, v))
	})

	a.label("bias")
	a.comment("Bias: add it to every row.")
	a.load("Bias", 0, "R6")
	a.line("CBZ R6, relu")
	a.line("VLD1 (R6), %s", vectors(firstB, a.nv))
	for i := range a.rows {
		for v := range a.nv {
			a.three("FADD", fadd, firstB+v, a.acc(i, v), a.acc(i, v))
		}
	}

	a.label("relu")
	a.comment("ReLU: the larger of the sum and 0.")
	a.line("MOVBU %d(R0), R6", a.offset("Tile", "ReLU"))
	a.line("CBZ R6, store")
	a.line("VEOR V%d.B16, V%[1]d.B16, V%[1]d.B16", firstB)
	for i := range a.rows * a.nv {
		a.three("FMAX", fmax, firstB, i, i)
	}

	a.label("store")
	a.comment("Store the rows, the last vector of each lane by lane where it is not whole.")
	a.each("store", func(i, v int, whole bool) {
		if whole {
			a.line("VST1.P %s, 16(R6)", vectors(a.acc(i, v), 1))
		} else {
			a.lanes("storeRow", i, func(lane int) { a.line("VST1.P V%d.S[%d], 4(R6)", a.acc(i, v), lane) })
		}
	})
}

// each calls f for every vector of every row of C, with R6 at its place, once
// for tiles whose last vectors are whole and once for tiles where R9 lanes of
// them are inside.
func (a *arm) each(name string, f func(i, v int, whole bool)) {
	loop := func(last bool) {
		a.line("MOVD R21, R8")
		for i := range a.rows {
			if last {
				a.comment("Row %d.", i)
			} else {
				a.comment("Row %d, whose last vector is not whole.", i)
			}
			a.line("MOVD R8, R6")
			for v := range a.nv {
				if v < a.nv-1 {
					f(i, v, true)
				} else {
					f(i, v, last)
				}
			}
			a.line("ADD R1, R8, R8")
		}
	}
	a.line("CBNZ R9, %sPart", name)
	loop(true)
	a.line("B %sEnd", name)
	a.label(name + "Part")
	loop(false)
	a.label(name + "End")
}

// lanes does f for as many lanes as R9 says, 1 to 3.
func (a *arm) lanes(name string, i int, f func(lane int)) {
	end := fmt.Sprintf("%s%d", name, i)
	for lane := range 3 {
		f(lane)
		if lane < 2 {
			a.line("CMP $%d, R9", lane+1)
			a.line("BEQ %s", end)
		}
	}
	a.label(end)
}

// peak writes Peak as peakLoop does.
func (a *arm) peak() {
	fmt.Fprint(a, "\n// func peakNEON(steps int)\nTEXT ·peakNEON(SB), NOSPLIT, $0-8\n")
	a.comment("Nothing but multiply-adds on registers, to time them.")
	a.line("MOVD steps+0(FP), R0")
	a.comment("All sums and both factors are 0.")
	for i := range peakSums + 2 {
		a.line("VEOR V%d.B16, V%[1]d.B16, V%[1]d.B16", i)
	}
	a.label("step")
	a.comment("One multiply-add for every sum, twice.")
	for range 2 {
		for i := range peakSums {
			a.line("VFMLA V%d.S4, V%d.S4, V%d.S4", peakSums, peakSums+1, i)
		}
	}
	a.line("SUBS $1, R0, R0")
	a.line("BNE step")
	a.line("RET")
}
