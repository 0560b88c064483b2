package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// block is a group of neighbouring columns of row-major matrices [rows x c].
type block struct {
	simd
	base map[string]GPVirtual
	c    GPVirtual // columns of the matrices
	col  GPVirtual // first column of the block
	n    int       // vectors in the block
	tail Op        // mask of the last block, or nil
	row  GPVirtual // element at which the present row starts
	tile GPVirtual // rows to take at a time, or nil for all
	i    GPVirtual // element at the block's first column

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
	Commentf("Add the sums to %s and store it.", param)
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

// start begins a kernel on matrices; parameters "c, rows int" are added, both
// of which must be at least 1.
func (s simd) start(name, does, params string, matrices []string, pool bool) block {
	b := block{simd: s, pool: pool, base: s.function(name, does, params+", c, rows int", matrices...)}
	b.c = Load(Param("c"), GP64()).(GPVirtual)
	b.i, b.col = GP64(), GP64()
	if pool {
		b.left, b.right = GP64(), GP64()
	}
	return b
}

// blocks emits a loop over blocks of columns, the widest first, and the masked
// rest.
func (b block) blocks(work func(block)) {
	XORQ(b.col, b.col)
	for _, b.n = range b.widths() {
		step := b.n * b.lanes
		loop, next := label("block", b.n), label("less", b.n)
		Label(loop)
		Commentf("Blocks of %d vectors, which are %d columns.", b.n, step)
		CMPQ(b.columnsLeft(), U32(step))
		JLT(LabelRef(next))
		work(b)
		ADDQ(U32(step), b.col)
		JMP(LabelRef(loop))
		Label(next)
	}
	if b.pool && !b.wide() {
		return // bytes cannot be masked: c is a multiple of the width
	}
	Comment("Tail: the columns that are left, under a mask.")
	left := b.columnsLeft()
	JZ(LabelRef("whole"))
	b.n, b.tail = 1, b.mask(left)
	work(b)
	Label("whole")
}

// columnsLeft sets the zero flag too.
func (b block) columnsLeft() GPVirtual {
	left := GP64()
	MOVQ(b.c, left)
	SUBQ(b.col, left)
	return left
}

// place sets the indices to the block in the row that starts at b.row.
func (b block) place() {
	LEAQ(Mem{Base: b.row, Index: b.col, Scale: 1}, b.i)
	if b.pool {
		LEAQ(Mem{Base: b.i, Index: b.row, Scale: 1}, b.left)
		LEAQ(Mem{Base: b.left, Index: b.c, Scale: 1}, b.right)
	}
}

// elementwise emits a kernel with one result for each element. It goes through
// memory in order, row by row, and loads the values of the columns each time:
// faster than jumping from row to row as soon as the matrices outgrow the cache.
func (s simd) elementwise(name, does, params string, matrices []string, pool bool, setup func() func(block)) {
	b := s.start(name, does, params, matrices, pool)
	work := setup()
	count := Load(Param("rows"), GP64())
	b.row = GP64()
	XORQ(b.row, b.row)
	Label("row")
	Comment("One row after the other.")
	b.blocks(func(b block) {
		b.place()
		work(b)
	})
	Comment("The next row.")
	ADDQ(b.c, b.row)
	DECQ(count)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// reduction emits a kernel with one result for each column. It goes down all
// rows of a block of columns with the sums in registers; work calls rows.
func (s simd) reduction(name, does, params string, matrices []string, pool bool, setup func() func(block)) {
	b := s.start(name, does, params, matrices, pool)
	work := setup()
	b.row = GP64()
	XORQ(b.row, b.row)
	b.blocks(work)
	VZEROUPPER()
	RET()
}

// rowReduction is a reduction that takes one row at a time where a row is wider
// than a block, and then adds to the results in memory. That keeps the way
// through the matrices in order, which matters where there are several.
func (s simd) rowReduction(name, does, params string, matrices []string, setup func() func(block)) {
	b := s.start(name, does, params, matrices, false)
	work := setup()
	b.row, b.tile = GP64(), GP64()
	XORQ(b.row, b.row)
	Comment("All rows at a time where one block has all columns, else one row at a time.")
	left, one := Load(Param("rows"), GP64()), GP64()
	MOVQ(left, b.tile)
	MOVQ(U32(1), one)
	CMPQ(b.c, U32(b.widths()[0]*s.lanes))
	CMOVQGT(one, b.tile)
	Label("tile")
	b.blocks(work)
	Comment("The next rows.")
	ADDQ(b.c, b.row)
	SUBQ(b.tile, left)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// widths are those of blocks, in vectors, as far as there are registers.
func (b block) widths() []int {
	switch {
	case b.wide():
		return []int{4, 2, 1}
	case b.pool:
		return []int{2, 1}
	}
	return []int{4, 1}
}

// rows emits a loop over the rows to take at a time, or as many as the parameter
// count says; work does one of them.
func (b block) rows(count string, work func(b block)) {
	loop := label(count, b.n)
	if b.tail != nil {
		loop = label(count, 0)
	}
	left := GP64()
	if b.tile == nil {
		Load(Param(count), left)
	} else {
		MOVQ(b.tile, left)
	}
	which := "rows"
	if count == "head" {
		which = "first rows"
	}
	Commentf("Down the %s of these columns, with the sums in registers.", which)
	b.place()
	Label(loop)
	work(b)
	Comment("The row below.")
	ADDQ(b.c, b.i)
	if b.pool {
		LEAQ(Mem{Base: b.right, Index: b.c, Scale: 1}, b.left)
		LEAQ(Mem{Base: b.left, Index: b.c, Scale: 1}, b.right)
	}
	DECQ(left)
	JNZ(LabelRef(loop))
}

func (s simd) columnKernels() {
	s.elementwise("addRow", "dst += row, for each row",
		"dst, row *float32", []string{"dst"}, false, func() func(block) {
			return func(b block) {
				for j, row := range b.column("row") {
					vectorComment(j, b.n)
					v := b.get("dst", j)
					VADDPS(row, v, v)
					b.put(v, "dst", j)
				}
			}
		})
	s.elementwise("affine", "y = max(x*scale + shift, floor), by column",
		"y, x, scale, shift *float32, floor float32", []string{"y", "x"}, false, func() func(block) {
			floor := s.scalar("floor")
			return func(b block) {
				scale, shift := b.column("scale"), b.column("shift")
				for j := range b.n {
					vectorComment(j, b.n)
					v := b.get("x", j)
					VFMADD213PS(shift[j], scale[j], v)
					VMAXPS(v, floor, v)
					b.put(v, "y", j)
				}
			}
		})
	s.elementwise("affineAdd", "y = max(x*scale + shift + r, floor), by column",
		"y, x, r, scale, shift *float32, floor float32", []string{"y", "x", "r"}, false, func() func(block) {
			floor := s.scalar("floor")
			return func(b block) {
				scale, shift := b.column("scale"), b.column("shift")
				for j := range b.n {
					vectorComment(j, b.n)
					v := b.get("x", j)
					VFMADD213PS(shift[j], scale[j], v)
					VADDPS(b.get("r", j), v, v)
					VMAXPS(v, floor, v)
					b.put(v, "y", j)
				}
			}
		})
	s.elementwise("bnGradApply", "dx = dy*a + x*b + c0, by column",
		"dx, dy, x, a, b, c0 *float32", []string{"dx", "dy", "x"}, false, func() func(block) {
			return s.gradApply(block.get)
		})
	s.elementwise("bnGradApplyReLU", "dx = g*a + x*b + c0, by column, where g = dy, but 0 where y <= 0",
		"dx, dy, y, x, a, b, c0 *float32", []string{"dx", "dy", "y", "x"}, false, func() func(block) {
			return s.gradApply(s.gated("y"))
		})

	s.reduction("colSum", "sum += the sum of each column of x",
		"sum, x *float32", []string{"x"}, false, func() func(block) {
			return func(b block) { b.addColumn(b.sumRows("rows"), "sum") }
		})
	s.reduction("colMoments", "mean = the mean and m2 = the sum of squared distances from it, of each column of x",
		"mean, m2, x *float32, headN, n float32, head int", []string{"x"}, false, func() func(block) {
			return s.moments(s.scalar("headN"), s.scalar("n"))
		})
	s.rowReduction("bnGradSums", "By column: db += the sum of dy, dg += that of dy*(x - mean)*invstd",
		"dg, db, dy, x, mean, invstd *float32", []string{"dy", "x"}, func() func(block) {
			return s.gradSums(block.get)
		})
	s.rowReduction("bnGradSumsReLU", "As bnGradSums, but dy counts as 0 where y <= 0",
		"dg, db, dy, y, x, mean, invstd *float32", []string{"dy", "y", "x"}, func() func(block) {
			return s.gradSums(s.gated("y"))
		})
	s.rowReduction("bnGradGateSums", "As bnGradSumsReLU, and dy = 0 where y <= 0",
		"dg, db, dy, y, x, mean, invstd *float32", []string{"dy", "y", "x"}, func() func(block) {
			gated := s.gated("y")
			return s.gradSums(func(b block, dy string, j int) VecVirtual {
				g := gated(b, dy, j)
				b.put(g, dy, j)
				return g
			})
		})
}

// sumRows adds up so many rows of x.
func (b block) sumRows(count string) []VecVirtual {
	sum := b.zeros()
	b.rows(count, func(b block) {
		for j := range b.n {
			VADDPS(b.get("x", j), sum[j], sum[j])
		}
	})
	return sum
}

// moments takes a first mean from the head of the rows, and then the sums d1
// and d2 of the distances from it and of their squares over all rows. They
// give the mean and m2 = d2 - d1*d1/n (Chan, Golub and LeVeque 1983). The head
// is at least 1/8 of the rows, so the first mean is at most sqrt(7) standard
// deviations off, and the difference loses at most a factor of 8 in precision.
func (s simd) moments(headN, n VecVirtual) func(block) {
	return func(b block) {
		first := b.sumRows("head")
		Comment("The first mean, of the head. Then sums of the distances from it and of their squares.")
		for j := range b.n {
			VDIVPS(headN, first[j], first[j])
		}
		d1, d2 := b.zeros(), b.zeros()
		b.rows("rows", func(b block) {
			for j := range b.n {
				vectorComment(j, b.n)
				d := b.get("x", j)
				VSUBPS(first[j], d, d)
				VADDPS(d, d1[j], d1[j])
				VFMADD231PS(d, d, d2[j])
			}
		})
		Comment("Mean and m2 out of those sums; store them.")
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
				vectorComment(j, b.n)
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
	Comment("The other sums, times invstd.")
	for j, invstd := range b.column("invstd") {
		VMULPS(invstd, sumX[j], sumX[j])
	}
	b.addColumn(sumX, "dg")
}

func (s simd) gradApply(grad func(block, string, int) VecVirtual) func(block) {
	return func(b block) {
		a, bx, c0 := b.column("a"), b.column("b"), b.column("c0")
		for j := range b.n {
			vectorComment(j, b.n)
			g, x := grad(b, "dy", j), b.get("x", j)
			VFMADD213PS(c0[j], bx[j], x)
			VFMADD231PS(g, a[j], x)
			b.put(x, "dx", j)
		}
	}
}
