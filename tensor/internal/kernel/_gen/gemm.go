package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// gemm writes the register tiles of the matrix product, one function for each
// number of rows and of vectors.
//
// How a tile comes about. The processor multiplies and adds whole vectors
// (16 floats in AVX-512, 8 in AVX2), two a cycle, each result ready after four
// cycles; so at least eight independent sums must be under way. The tile keeps
// rows x vectors sums in registers, which are the sums of rows x (vectors*width)
// numbers of C. A step along the sum loads the vectors of one row of B, and for
// every row of the tile spreads one number of A over a vector and multiplies it
// into that row's sums:
//
//	for i < rows:  t = spread(A[i,p]);  sum[i,v] += t * B[p,v]  for v < vectors
//
// With r rows and v vectors that is r*v multiply-adds for r+v loads. A core does
// two of each a cycle, so any tile with r*v >= r+v keeps its multipliers busy as
// long as the data comes; the larger the tile, the less data it asks of the
// caches. The register file sets the limit: AVX-512 has 32 registers, so 14 x 2
// sums, 2 vectors of B and 2 spread numbers; AVX2 has 16, so 6 x 2, 2 and 2.
//
// A tile of few steps is over in some hundred cycles, of which a call from Go would
// take a tenth. So the function has a second loop around the sums: it goes on to
// the strip below, as many times as the Tile says, and the processor begins with
// the next strip's sums while it still stores the last.
//
// Every sum is one chain of fused multiply-adds in the order of the steps. So a
// number of C has the same bits whichever tile computes it, and the drivers may
// cut C into tiles as they like.
func gemm() {
	l := readLayout("../gemm.go", "amd64")
	isas := []isa{avx512, avx2}
	maskTable()
	for _, s := range isas {
		for vectors := 1; vectors <= s.vectors; vectors++ {
			for rows := 1; rows <= s.rows; rows++ {
				(&tile{isa: s, layout: l, rows: rows, nv: vectors}).generate()
			}
		}
	}
	for _, s := range isas {
		copyRows(s)
		dealStrips(s)
		peakLoop(s)
	}
	transposeBlocks()
	writeStubs("../gemm_tiles_amd64.go", isas)
	gemmNEON()
}

// isa is what differs between the instruction sets.
type isa struct {
	name          string
	width         int // floats in a vector
	rows, vectors int // of the largest tile
	reg           []VecPhysical
	dot           bool // A and B hold pairs of bf16 numbers (bf16.go)
}

// multiplyAdd does sum += a*b.
func (s isa) multiplyAdd(a, b, sum VecPhysical) {
	if s.dot {
		vdpbf16ps.emit(a, b, sum)
	} else {
		VFMADD231PS(a, b, sum)
	}
}

var (
	avx512 = isa{name: "AVX512", width: 16, rows: 14, vectors: 2, reg: []VecPhysical{
		Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
		Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31}}
	avx2 = isa{name: "AVX2", width: 8, rows: 6, vectors: 2, reg: []VecPhysical{
		Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}}
)

// tile generates one function.
type tile struct {
	isa
	layout
	rows, nv int
	at       stripState
}

// The general registers. One base register serves five rows of A, which stand
// at 0, 1, 2, 3 and 4 row strides from it.
var (
	args         = RDI // the Tile
	base         = []GPPhysical{RSI, R8, R9}
	stride       = R10 // bytes between rows of A
	stride3      = R11 // three times that
	step         = R12 // bytes between steps of A
	bRow         = RBX // the row of B
	bStep        = RDX // bytes between rows of B
	count        = RCX // steps left
	segment      = R13
	segmentsLeft = RAX
	cRow         = RSI // after the sums are done
	cStride      = R8
	scratch      = RAX // after the sums are done
	fetch        = R14 // the next line to fetch
	fetchStep    = R15 // bytes to the one after it, or 0 if there is nothing to fetch
)

// What changes from strip to strip stands on the stack: no register is left.
type stripState struct{ a, c, left Mem }

func (t *tile) funcName() string { return fmt.Sprintf("tile%sx%dx%d", t.name, t.rows, t.nv) }

// acc is the register of the sums of row i, vector v.
func (t *tile) acc(i, v int) VecPhysical { return t.reg[i*t.nv+v] }

// b is the register of vector v of the row of B; spread holds a number of A.
func (t *tile) b(v int) VecPhysical      { return t.reg[len(t.reg)-4+v] }
func (t *tile) spread(i int) VecPhysical { return t.reg[len(t.reg)-2+i%2] }

// a addresses the number of A in row i.
func (t *tile) a(i int) Mem {
	m := Mem{Base: base[i/5]}
	switch i % 5 {
	case 1, 2, 4:
		m.Index, m.Scale = stride, uint8(i%5)
	case 3:
		m.Index, m.Scale = stride3, 1
	}
	return m
}

// field addresses a field of the Tile.
func (t *tile) field(name string) Mem { return Mem{Base: args, Disp: t.offset("Tile", name)} }

// generate writes the function.
func (t *tile) generate() {
	TEXT(t.funcName(), attr.NOSPLIT, "func(t *byte)")
	Commentf("A tile of %d x %d: vector v of row i of the sums stands in register %d*i + v.",
		t.rows, t.nv*t.width, t.nv)
	Load(Param("t"), args)
	t.loadStrides()
	t.loadFetch()
	t.firstStrip()
	Label("strip")
	t.clearSums()
	t.fetchC()

	Comment("For every segment of the sum:")
	MOVQ(t.field("Segs"), segment)
	MOVQ(t.field("Segs").Offset(8), segmentsLeft)
	TESTQ(segmentsLeft, segmentsLeft)
	JZ(LabelRef("done"))
	Label("segment")
	t.enterSegment()
	TESTQ(count, count)
	JZ(LabelRef("next"))
	Label("step")
	t.step()
	DECQ(count)
	JNZ(LabelRef("step"))
	Label("next")
	Comment("The next segment.")
	ADDQ(Imm(uint64(t.size("Segment"))), segment)
	DECQ(segmentsLeft)
	JNZ(LabelRef("segment"))
	Label("done")

	t.epilogue()
	t.nextStrip()
	VZEROUPPER()
	RET()
}

// firstStrip puts the places of the first strip in A and C, and how many strips
// there are, on the stack.
func (t *tile) firstStrip() {
	Comment("Where the first strip lies in A and C, and how many strips are left, stand on the stack.")
	state := AllocLocal(24)
	t.at = stripState{state, state.Offset(8), state.Offset(16)}
	for _, f := range []struct {
		name string
		to   Mem
	}{{"A", t.at.a}, {"C", t.at.c}, {"Strips", t.at.left}} {
		MOVQ(t.field(f.name), scratch)
		MOVQ(scratch, f.to)
	}
}

// nextStrip moves on by a strip and goes back if there is one. A first strip is
// always done, so that 0 strips are one.
func (t *tile) nextStrip() {
	Comment("The strip below, if there is one: its places in A and in C.")
	DECQ(t.at.left)
	JLE(LabelRef("finished"))
	MOVQ(t.field("AS"), scratch)
	SHLQ(Imm(2), scratch)
	ADDQ(scratch, t.at.a)
	IMUL3Q(Imm(uint64(t.rows)), cStride, scratch)
	ADDQ(scratch, t.at.c)
	JMP(LabelRef("strip"))
	Label("finished")
}

func (t *tile) loadStrides() {
	Comment("Set-up: the strides of A (also times 3) and of B, from floats to bytes.")
	MOVQ(t.field("RS"), stride)
	SHLQ(Imm(2), stride)
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	MOVQ(t.field("KS"), step)
	SHLQ(Imm(2), step)
	MOVQ(t.field("BS"), bStep)
	SHLQ(Imm(2), bStep)
}

func (t *tile) clearSums() {
	Comment("A strip: all sums begin at 0.")
	for i := range t.rows {
		for v := range t.nv {
			r := t.acc(i, v)
			VXORPS(r, r, r)
		}
	}
}

// fetchC has the cache get the tile's part of C while the sums are computed; its
// rows may be far apart, where the hardware does not foresee them.
func (t *tile) fetchC() {
	Comment("The rows of C come into the cache while the sums are computed.")
	MOVQ(t.field("CS"), cStride)
	SHLQ(Imm(2), cStride)
	t.each(func(i, v int) { PREFETCHT0(t.vector(cRow, v)) })
}

// loadFetch readies the fetching of a line a step. With nothing to fetch, every
// step touches the same line of C, which costs less than a branch.
func (t *tile) loadFetch() {
	Comment("Every step fetches one line of what is needed next; where there is nothing, a line of C.")
	MOVQ(t.field("Fetch"), fetch)
	MOVQ(t.field("FS"), fetchStep)
	SHLQ(Imm(2), fetchStep)
	JNZ(LabelRef("strided"))
	MOVQ(U32(64), fetchStep)
	Label("strided")
	CMPQ(t.field("Fetch").Offset(8), Imm(0))
	JNE(LabelRef("fetches"))
	MOVQ(t.field("C"), fetch)
	XORQ(fetchStep, fetchStep)
	Label("fetches")
}

// enterSegment sets the pointers to the segment's first step.
func (t *tile) enterSegment() {
	at := func(f string) Mem { return Mem{Base: segment, Disp: t.offset("Segment", f)} }
	Comment("Where the segment begins in A, one pointer for five rows, and in B, and its steps.")
	MOVQ(t.at.a, base[0])
	MOVQ(at("A"), count)
	LEAQ(Mem{Base: base[0], Index: count, Scale: 4}, base[0])
	for g := 1; g <= (t.rows-1)/5; g++ {
		LEAQ(Mem{Base: base[g-1], Index: stride, Scale: 2}, base[g])
		ADDQ(stride3, base[g])
	}
	MOVQ(t.field("B"), bRow)
	MOVQ(at("B"), count)
	LEAQ(Mem{Base: bRow, Index: count, Scale: 4}, bRow)
	MOVQ(at("K"), count)
}

// step does one step along the sum.
func (t *tile) step() {
	Comment("Main loop, one step of the sums: load a row of B.")
	for v := range t.nv {
		VMOVUPS(t.vector(bRow, v), t.b(v))
	}
	if t.dot {
		Comment("For each row, spread a pair of A over a vector and add its products with the row of B to the sums.")
	} else {
		Comment("For each row, spread a number of A over a vector and add its product with the row of B to the sums.")
	}
	for i := range t.rows {
		VBROADCASTSS(t.a(i), t.spread(i))
		for v := range t.nv {
			t.multiplyAdd(t.spread(i), t.b(v), t.acc(i, v))
		}
	}
	Comment("Go on to the next step in A and in B, and fetch a line.")
	for g := 0; g <= (t.rows-1)/5; g++ {
		ADDQ(step, base[g])
	}
	ADDQ(bStep, bRow)
	PREFETCHT1(Mem{Base: fetch})
	ADDQ(fetchStep, fetch)
}

// vector addresses vector v of a row.
func (t *tile) vector(row Register, v int) Mem { return Mem{Base: row, Disp: 4 * t.width * v} }
