package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// block is a group of neighbouring columns of row-major matrices [rows x c].
// What belongs to a column stays in registers while the kernel goes down it.
type block struct {
	simd
	base map[string]GPVirtual
	c    GPVirtual // columns of the matrices
	col  GPVirtual // first column of the block
	n    int       // vectors in the block
	tail Op        // mask of the last block, or nil
	i    GPVirtual // element at the first column of the row that the loop has come to

	// Of the unpooled rows x0 and x1 in the kernels with pooling: the element
	// at the left and the right place of the window.
	pool        bool
	left, right GPVirtual
}

// column loads the values of the block's columns from the vector param.
func (b block) column(param string) []VecVirtual {
	p := Load(Param(param), GP64())
	v := make([]VecVirtual, b.n)
	for j := range v {
		v[j] = b.load(Mem{Base: p, Index: b.col, Scale: 4, Disp: 4 * j * b.lanes}, b.tail)
	}
	return v
}

func (b block) putColumn(v []VecVirtual, param string) {
	p := Load(Param(param), GP64())
	for j := range v {
		b.store(v[j], Mem{Base: p, Index: b.col, Scale: 4, Disp: 4 * j * b.lanes}, b.tail)
	}
}

// addColumn does param += v.
func (b block) addColumn(v []VecVirtual, param string) {
	for j, old := range b.column(param) {
		VADDPS(old, v[j], v[j])
	}
	b.putColumn(v, param)
}

func (b block) zeros() []VecVirtual {
	v := make([]VecVirtual, b.n)
	for j := range v {
		v[j] = b.zero()
	}
	return v
}

// at is vector j of the block in the present row of matrix p.
func (b block) at(p string, j, size int) Mem {
	return Mem{Base: b.base[p], Index: b.i, Scale: uint8(size), Disp: j * b.lanes * size}
}
func (b block) get(p string, j int) VecVirtual    { return b.load(b.at(p, j, 4), b.tail) }
func (b block) put(v VecVirtual, p string, j int) { b.store(v, b.at(p, j, 4), b.tail) }

// rows emits a loop over the rows; work does one of them. name is for the label.
func (b block) rows(name string, work func(b block)) {
	loop := label(name, b.n)
	if b.tail != nil {
		loop = label(name, 0)
	}
	count := Load(Param("rows"), GP64())
	b.i = GP64()
	MOVQ(b.col, b.i)
	if b.pool {
		b.left, b.right = GP64(), GP64()
		MOVQ(b.col, b.left)
		LEAQ(Mem{Base: b.col, Index: b.c, Scale: 1}, b.right)
	}
	Label(loop)
	work(b)
	ADDQ(b.c, b.i)
	if b.pool {
		LEAQ(Mem{Base: b.right, Index: b.c, Scale: 1}, b.left)
		LEAQ(Mem{Base: b.left, Index: b.c, Scale: 1}, b.right)
	}
	DECQ(count)
	JNZ(LabelRef(loop))
}

// columns emits a kernel that takes the columns in blocks of so many vectors,
// the widest first, and the masked rest. Parameters "c, rows int" are added;
// both must be at least 1.
func (s simd) columns(name, params string, matrices []string, widths []int, setup func() func(block)) {
	s.blocks(name, params, matrices, widths, block{}, setup)
}

func (s simd) blocks(name, params string, matrices []string, widths []int, b block, setup func() func(block)) {
	b.simd = s
	b.base = s.function(name, params+", c, rows int", matrices...)
	b.c = Load(Param("c"), GP64()).(GPVirtual)
	work := setup()
	left := GP64()
	MOVQ(b.c, left)
	b.col = GP64()
	XORQ(b.col, b.col)
	for _, b.n = range widths {
		step := b.n * s.lanes
		loop, next := label("block", b.n), label("less", b.n)
		Label(loop)
		CMPQ(left, U32(step))
		JLT(LabelRef(next))
		work(b)
		ADDQ(U32(step), b.col)
		SUBQ(U32(step), left)
		JMP(LabelRef(loop))
		Label(next)
	}
	if !b.pool || s.wide() {
		TESTQ(left, left)
		JZ(LabelRef("done"))
		b.tail = s.mask(left)
		work(b)
		Label("done")
	}
	VZEROUPPER()
	RET()
}

func (s simd) columnKernels() {
	widths := []int{4, 1}
	if s.wide() {
		widths = []int{4, 2, 1}
	}
	s.columns("addRow", "dst, row *float32", []string{"dst"}, widths, func() func(block) {
		return func(b block) {
			row := b.column("row")
			b.rows("rows", func(b block) {
				for j := range b.n {
					v := b.get("dst", j)
					VADDPS(row[j], v, v)
					b.put(v, "dst", j)
				}
			})
		}
	})
	s.columns("colSum", "sum, x *float32", []string{"x"}, widths, func() func(block) {
		return func(b block) {
			sum := b.zeros()
			b.sumRows("rows", sum)
			b.addColumn(sum, "sum")
		}
	})
	s.columns("colMoments", "mean, m2, x *float32, n float32", []string{"x"}, widths, func() func(block) {
		return s.moments(s.scalar("n"))
	})
	s.columns("affine", "y, x, scale, shift *float32, floor float32", []string{"y", "x"}, widths, func() func(block) {
		floor := s.scalar("floor")
		return func(b block) {
			scale, shift := b.column("scale"), b.column("shift")
			b.rows("rows", func(b block) {
				for j := range b.n {
					v := b.get("x", j)
					VFMADD213PS(shift[j], scale[j], v)
					VMAXPS(v, floor, v)
					b.put(v, "y", j)
				}
			})
		}
	})
	s.columns("bnGradSums", "dg, db, dy, x, mean, invstd *float32", []string{"dy", "x"}, widths, func() func(block) {
		return s.gradSums(block.get)
	})
	s.columns("bnGradSumsReLU", "dg, db, dy, y, x, mean, invstd *float32", []string{"dy", "y", "x"}, widths, func() func(block) {
		return s.gradSums(s.gated("y"))
	})
	s.columns("bnGradApply", "dx, dy, x, a, b, c0 *float32", []string{"dx", "dy", "x"}, widths, func() func(block) {
		return s.gradApply(block.get)
	})
	s.columns("bnGradApplyReLU", "dx, dy, y, x, a, b, c0 *float32", []string{"dx", "dy", "y", "x"}, widths, func() func(block) {
		return s.gradApply(s.gated("y"))
	})
}

// sumRows adds all rows of x to sum.
func (b block) sumRows(name string, sum []VecVirtual) {
	b.rows(name, func(b block) {
		for j := range b.n {
			VADDPS(b.get("x", j), sum[j], sum[j])
		}
	})
}

// moments goes over a block twice. Were the mean of the first pass exact, the
// differences d1 from it would add up to 0; what they do add up to corrects the
// mean and the sum of squares for its rounding (Chan, Golub and LeVeque 1983).
func (s simd) moments(n VecVirtual) func(block) {
	return func(b block) {
		first := b.zeros()
		b.sumRows("first", first)
		for j := range b.n {
			VDIVPS(n, first[j], first[j])
		}
		d1, d2 := b.zeros(), b.zeros()
		b.rows("second", func(b block) {
			for j := range b.n {
				d := b.get("x", j)
				VSUBPS(first[j], d, d)
				VADDPS(d, d1[j], d1[j])
				VFMADD231PS(d, d, d2[j])
			}
		})
		for j := range b.n {
			shift := s.vector()
			VDIVPS(n, d1[j], shift)
			VFNMADD231PS(shift, d1[j], d2[j])
			VADDPS(shift, first[j], first[j])
		}
		b.putColumn(first, "mean")
		b.putColumn(d2, "m2")
	}
}

// gated gives what loads dy with the places of out <= 0 set to 0.
func (s simd) gated(out string) func(block, string, int) VecVirtual {
	zero := s.zero()
	return func(b block, dy string, j int) VecVirtual {
		open := s.compare(isNotLE, b.get(out, j), zero)
		g := b.get(dy, j)
		s.clear(g, open)
		return g
	}
}

func (s simd) gradSums(grad func(block, string, int) VecVirtual) func(block) {
	return func(b block) {
		mean, sum, sumX := b.column("mean"), b.zeros(), b.zeros()
		b.rows("rows", func(b block) {
			for j := range b.n {
				g, d := grad(b, "dy", j), b.get("x", j)
				VSUBPS(mean[j], d, d)
				VADDPS(g, sum[j], sum[j])
				VFMADD231PS(d, g, sumX[j])
			}
		})
		b.finishSums(sum, sumX)
	}
}

func (b block) finishSums(sum, sumX []VecVirtual) {
	b.addColumn(sum, "db")
	for j, invstd := range b.column("invstd") {
		VMULPS(invstd, sumX[j], sumX[j])
	}
	b.addColumn(sumX, "dg")
}

func (s simd) gradApply(grad func(block, string, int) VecVirtual) func(block) {
	return func(b block) {
		a, bx, c0 := b.column("a"), b.column("b"), b.column("c0")
		b.rows("rows", func(b block) {
			for j := range b.n {
				g, x := grad(b, "dy", j), b.get("x", j)
				VFMADD213PS(c0[j], bx[j], x)
				VFMADD231PS(g, a[j], x)
				b.put(x, "dx", j)
			}
		})
	}
}
