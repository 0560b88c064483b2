package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rowKernels emits the kernels of Row into one file.
func rowKernels(s simd) {
	s.file = "row"
	s.softmaxKernels()
	s.layerNormKernels()
	s.geluKernels()
}

// row is a loop over rows of cols floats; each row is swept several times while
// it is in the first-level cache.
type row struct {
	simd
	base   map[string]GPVirtual // of each matrix, where the present row starts
	cols   GPVirtual
	tail   Op // mask of what is left after whole vectors
	r      GPVirtual
	stride GPVirtual // bytes from row to row
	sweeps *int      // emitted so far, for the names of labels
}

// rows emits a kernel that works on one row after the other; parameters "stride,
// cols, rows int" are added, of which the last two are at least 1. setup emits
// what comes before the loop and returns what emits the work on one row.
func (s simd) rows(name, does, params string, matrices []string, setup func() func(row)) {
	w := row{simd: s, base: s.function(name, does, params+", stride, cols, rows int", matrices...), sweeps: new(int)}
	w.cols = Load(Param("cols"), GP64()).(GPVirtual)
	w.stride = Load(Param("stride"), GP64()).(GPVirtual)
	SHLQ(U8(2), w.stride)
	left := GP64()
	MOVQ(w.cols, left)
	ANDQ(U32(s.lanes-1), left)
	w.tail = s.mask(left)
	work := setup()
	w.r = GP64()
	XORQ(w.r, w.r)
	Label("row")
	work(w)
	Comment("The next row.")
	for _, m := range matrices {
		ADDQ(w.stride, w.base[m])
	}
	INCQ(w.r)
	count := Load(Param("rows"), GP64())
	CMPQ(w.r, count)
	JLT(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// unrolled is how many vectors of a row are in work at the same time.
const unrolled = 4

// sweep emits the work on each vector of the row; u counts the vectors in work at
// the same time, so that work may spread sums over as many registers. does says what
// is computed; vectors are pointers to rows that stay where they are, such as gamma.
func (w row) sweep(does string, vectors map[string]GPVirtual, work func(l lane, u int)) {
	Comment(does)
	*w.sweeps++
	name := func(s string, n int) string { return label(s, 10**w.sweeps+n) }
	l := lane{simd: w.simd, base: map[string]GPVirtual{}, i: GP64()}
	for _, from := range []map[string]GPVirtual{w.base, vectors} {
		for p, r := range from {
			l.base[p] = r
		}
	}
	left := GP64()
	MOVQ(w.cols, left)
	XORQ(l.i, l.i)
	for _, unroll := range []int{unrolled, 1} {
		step := unroll * w.lanes
		loop, next := name("loop", unroll), name("less", unroll)
		Label(loop)
		sweepComment(unroll, step)
		CMPQ(left, U32(step))
		JLT(LabelRef(next))
		for u := range unroll {
			vectorComment(u, unroll)
			l.skip = u * w.lanes
			work(l, u)
		}
		ADDQ(U32(step), l.i)
		SUBQ(U32(step), left)
		JMP(LabelRef(loop))
		Label(next)
	}
	tailComment()
	TESTQ(left, left)
	JZ(LabelRef(name("done", 0)))
	l.skip, l.tail = 0, w.tail
	work(l, 0)
	Label(name("done", 0))
}

// value is number r of the vector param, in all lanes.
func (w row) value(param string) VecVirtual {
	p, v := Load(Param(param), GP64()), w.vector()
	VBROADCASTSS(Mem{Base: p, Index: w.r, Scale: 4}, v)
	return v
}

// putValue stores the first lane as number r of the vector param.
func (w row) putValue(v VecVirtual, param string) {
	Commentf("Store the row's %s.", param)
	p := Load(Param(param), GP64())
	VMOVSS(v.AsX(), Mem{Base: p, Index: w.r, Scale: 4})
}

// zeros gives n vectors of zeros.
func (s simd) zeros(n int) []VecVirtual {
	v := make([]VecVirtual, n)
	for i := range v {
		v[i] = s.zero()
	}
	return v
}

// keep clears the lanes past the end of the row, which a load leaves 0 but
// arithmetic may not.
func (l lane) keep(v VecVirtual) {
	if l.tail != nil {
		l.clear(v, l.tail)
	}
}

// total adds up vectors and their lanes, in a fixed order, and spreads the sum
// over all lanes of the first.
func (s simd) total(v []VecVirtual) VecVirtual {
	return s.reduce(v, func(a Op, b, dst VecVirtual) { VADDPS(a, b, dst) })
}

func (s simd) reduce(v []VecVirtual, join func(a Op, b, dst VecVirtual)) VecVirtual {
	Comment("Reduction: the vectors in pairs, then halves of one vector, and the result in all lanes.")
	for n := len(v) / 2; n > 0; n /= 2 {
		for i := range n {
			join(v[i+n], v[i], v[i])
		}
	}
	y := v[0].AsY().(VecVirtual)
	if s.wide() {
		upper := YMM()
		VEXTRACTF64X4(U8(1), v[0], upper)
		join(upper, y, y)
	}
	x, t := v[0].AsX().(VecVirtual), XMM()
	VEXTRACTF128(U8(1), y, t)
	join(t, x, x)
	VPERMILPD(U8(1), x, t)
	join(t, x, x)
	VMOVSHDUP(x, t)
	join(t, x, x)
	VBROADCASTSS(x, v[0])
	return v[0]
}
