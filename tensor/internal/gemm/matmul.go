package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// The product is cut as in Goto and van de Geijn, Anatomy of High-Performance
// Matrix Multiplication (2008). A block of B, maxK rows deep, is packed into
// panels of NR columns; each task takes some strips of at most MR rows of A,
// lays them out as the tile likes them, and multiplies them with one panel
// after the other. The panel and the strips stay in the second-level cache
// while they are in use, and each is read from it in order.
const (
	maxK      = 1024     // steps along the sum in one block
	blockSize = 1 << 20  // numbers in a packed block of B
	stripSize = 32 << 10 // numbers of A that a task holds
)

// matmulJob is a product under way and the block of it that is being done.
type matmulJob struct {
	c, a, b                []float32
	ldc, lda, ldb          int
	transA, transB         bool
	m                      int
	e                      Epilogue
	j0, nc, p0, kc         int  // columns and steps of the block
	direct                 bool // whole panels of B are used where they lie
	strips, groups, splits int  // tasks = groups of strips x splits of the panels
}

// MatMul sets C [m x n] = op(A) op(B), where op transposes if told to and e adds
// to it. All matrices are row-major with the given strides; A is [m x k], or [k
// x m] with transA, and B is [k x n], or [n x k] with transB.
func (r *Runner) MatMul(c []float32, ldc int, a []float32, lda int, transA bool, b []float32, ldb int, transB bool, m, n, k int, e Epilogue) {
	if m <= 0 || n <= 0 {
		return
	}
	checkMatrix("A", a, lda, transA, m, k)
	checkMatrix("B", b, ldb, transB, k, n)
	checkMatrix("C", c, ldc, false, m, n)
	bias := e.Bias
	if bias != nil {
		need("Bias", len(bias), n, [3]int{m, n, k})
	}
	j := &r.matmul
	*j = matmulJob{c: c, a: a, b: b, ldc: ldc, lda: lda, ldb: ldb, transA: transA, transB: transB, m: m}
	nr := r.k.NR
	kBlocks := max(1, ceil(k, maxK))
	nBlock := max(nr, blockSize/min(maxK, max(k, 1))/nr*nr)
	for j.j0 = 0; j.j0 < n; j.j0 += nBlock {
		j.nc = min(nBlock, n-j.j0)
		for block := range kBlocks {
			from, to := cut(k, kBlocks, block)
			j.p0, j.kc = from, to-from
			j.e = Epilogue{Accumulate: e.Accumulate || block > 0}
			if block == kBlocks-1 {
				j.e.Bias, j.e.ReLU = bias, e.ReLU
			}
			r.multiply()
		}
	}
	*j = matmulJob{} // lets go of the caller's slices
}

func checkMatrix(name string, x []float32, ld int, trans bool, rows, cols int) {
	if trans {
		rows, cols = cols, rows
	}
	if rows > 0 && cols > 0 {
		need(name, len(x), (rows-1)*ld+cols, [2]int{rows, cols})
	}
}

// multiply does one block of columns and steps.
func (r *Runner) multiply() {
	j := &r.matmul
	panels := ceil(j.nc, r.k.NR)
	j.strips = ceil(j.m, r.k.MR)
	perGroup := max(1, stripSize/(r.k.MR*max(j.kc, 1)))
	threads := r.p.Threads()
	j.groups = min(j.strips, ceil(ceil(j.strips, perGroup), threads)*threads)
	j.splits = 1
	if threads > 1 {
		j.splits = min(panels, ceil(4*threads, j.groups))
	}
	work := j.m * j.nc * j.kc
	scratch(&r.packed, panels*r.k.NR*j.kc)
	// With one strip each number of B is used once, too seldom to move it.
	j.direct = j.strips == 1 && !j.transB && j.kc > 0
	r.run(ceil(j.kc, packRows), work, r.packMatrixTask)
	r.run(j.groups*j.splits, work, r.matmulTask)
}

// packRows is how many rows of a block of B a task packs.
const packRows = 128

// packMatrix packs some rows of the block of B into the panels: number (p, j) of
// a panel stands at p*NR + j. Columns past the last are zero.
func (r *Runner) packMatrix(task, _ int) {
	j, nr := &r.matmul, r.k.NR
	from, to := task*packRows, min(j.kc, (task+1)*packRows)
	first := 0
	if j.direct {
		first = j.nc / nr * nr
	}
	for col := first; col < j.nc; col += nr {
		cols := min(nr, j.nc-col)
		dst := r.packed[col*j.kc+from*nr:][:(to-from)*nr]
		if cols < nr {
			clear(dst)
		}
		if j.transB {
			r.k.Transpose(dst, nr, j.b[(j.j0+col)*j.ldb+j.p0+from:], j.ldb, cols, to-from)
		} else {
			r.k.Copy(dst, nr, j.b[(j.p0+from)*j.ldb+j.j0+col:], j.ldb, to-from, cols)
		}
	}
}

// multiplyBlock multiplies a group of strips with a share of the panels.
func (r *Runner) multiplyBlock(task, wk int) {
	j, w := &r.matmul, &r.workers[wk]
	mr, nr := r.k.MR, r.k.NR
	panels := ceil(j.nc, nr)
	group, split := task/j.splits, task%j.splits
	strip0, strip1 := cut(j.strips, j.groups, group)
	panel0, panel1 := cut(panels, j.splits, split)

	// A row of a strip of A is a row of the copy; of a transposed A, a step is.
	rs, ks, size := oddLines(j.kc), 1, mr*oddLines(j.kc)
	if j.transA {
		rs, ks = 1, ceil(mr, 16)*16
		size = ks * j.kc
	}
	pack := scratch(&w.a, (strip1-strip0)*size)
	for s := strip0; s < strip1; s++ {
		row, end := cut(j.m, j.strips, s)
		dst := pack[(s-strip0)*size:]
		if j.kc == 0 {
			continue
		}
		if j.transA {
			r.k.Copy(dst, ks, j.a[j.p0*j.lda+row:], j.lda, j.kc, end-row)
		} else {
			r.k.Copy(dst, rs, j.a[row*j.lda+j.p0:], j.lda, end-row, j.kc)
		}
	}

	w.segs = append(w.segs[:0], kernel.Segment{K: j.kc})
	t := &w.tile
	*t = kernel.Tile{CS: j.ldc, RS: rs, KS: ks, Segs: w.segs, Acc: j.e.Accumulate, ReLU: j.e.ReLU}
	for p := panel0; p < panel1; p++ {
		col := p * nr
		t.N = min(nr, j.nc-col)
		t.B, t.BS = r.packed[col*j.kc:][:nr*j.kc], nr
		if j.direct && t.N == nr {
			t.B, t.BS = j.b[j.p0*j.ldb+j.j0+col:], j.ldb
		}
		t.Bias = r.bias(w, j.e.Bias, j.j0+col)
		if p+1 < panel1 && !j.direct {
			w.next[0] = r.packed[(col+nr)*j.kc:][:nr*j.kc]
		}
		for s := strip0; s < strip1; s++ {
			row, end := cut(j.m, j.strips, s)
			t.M = end - row
			t.A = pack[(s-strip0)*size:][:size]
			t.C = j.c[row*j.ldc+j.j0+col:]
			t.Fetch = w.next.take(j.kc)
			r.k.Tile(t)
		}
	}
	*t, w.next = kernel.Tile{}, fetcher{}
}

// bias returns NR readable numbers of the bias from column col on.
func (r *Runner) bias(w *worker, bias []float32, col int) []float32 {
	nr := r.k.NR
	if bias == nil || len(bias)-col >= nr {
		if bias == nil {
			return nil
		}
		return bias[col:]
	}
	padded := scratch(&w.b, nr)
	clear(padded[copy(padded, bias[col:]):])
	return padded
}
