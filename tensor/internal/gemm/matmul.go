package gemm

// The product is cut as in Goto and van de Geijn, Anatomy of High-Performance
// Matrix Multiplication (2008), and Van Zee and van de Geijn, BLIS (2015). The
// sums, if they are long, are cut into blocks of at most maxK steps. A task has some rows and some
// columns of C to itself, and takes its rows block by block. It brings a block of
// A into the second-level cache, laid out in strips of at most MR rows, then the
// rows of B, one panel of NR columns after the other, and multiplies each panel
// with all the strips.
//
// Laying out costs time, and is left away where a matrix can be used where it
// lies: see plan.
const (
	oneBlock  = 1024      // sums of no more steps are one block, so that C is written once
	maxK      = 576       // steps in a block of longer ones, which leaves room for more rows
	blockA    = 128 << 10 // numbers of A that a task holds, 512 KiB
	blockB    = 2 << 20   // most numbers of B that are packed for all tasks at once
	smallWork = 512 << 10 // multiply-adds that one thread does before two could agree on it
	smallSize = 256 << 10 // a matrix of as many numbers stays in the second-level cache
	ownStrips = 6         // strips of a task that make up for packing B alone
)

// matmulShape is what the plan of a product depends on.
type matmulShape struct {
	m, n, k, lda, ldb int
	transA, transB    bool
}

// matmulJob is a product under way. Its plan is kept for the next one: for small
// matrices, making it takes a part of the time that can be measured.
type matmulJob struct {
	matmulShape
	c, a, b []float32
	ldc     int
	e       Epilogue

	kBlocks, panels  int
	blocks           int  // of the rows of A
	groups, splits   int  // tasks = groups of those blocks x splits of the panels
	strips, height   int  // of the rows, where there is one block
	plainA, plainB   bool // A, and whole panels of B, are used where they lie
	shared           bool // a block of B is packed for all tasks at once
	own              bool // each task packs a block of B for itself
	kBlock0, kBlock1 int  // the blocks of the sum that a task does
}

// MatMul sets C [m x n] = op(A) op(B), where op transposes if told to and e adds
// to it. All matrices are row-major with the given strides; A is [m x k], or [k
// x m] with transA, and B is [k x n], or [n x k] with transB.
func (r *Runner) MatMul(c []float32, ldc int, a []float32, lda int, transA bool, b []float32, ldb int, transB bool, m,
	n, k int, e Epilogue) {
	if m <= 0 || n <= 0 {
		return
	}
	checkMatrix("A", a, lda, transA, m, k)
	checkMatrix("B", b, ldb, transB, k, n)
	checkMatrix("C", c, ldc, false, m, n)
	if e.Bias != nil {
		need("Bias", len(e.Bias), n, [3]int{m, n, k})
	}
	if e.Add != nil {
		checkMatrix("Add", e.Add, ldc, false, m, n)
	}
	j := &r.matmul
	work := m * n * k
	if shape := (matmulShape{m, n, k, lda, ldb, transA, transB}); j.matmulShape != shape {
		j.matmulShape = shape
		j.plan(r.k.MR, r.k.NR, r.p.Threads(), work)
	}
	j.c, j.a, j.b, j.ldc, j.e = c, a, b, ldc, e
	j.kBlock0, j.kBlock1 = 0, 0
	if !j.shared {
		j.kBlock1 = j.kBlocks
		r.run(j.groups*j.splits, work, r.matmulTask)
	}
	for j.kBlock1 < j.kBlocks {
		j.kBlock0, j.kBlock1 = j.kBlock1, j.kBlock1+1
		from, to := cut(k, j.kBlocks, j.kBlock0)
		scratch(&r.packed, j.panels*r.k.NR*(to-from))
		r.run(j.panels, work, r.packMatrixTask)
		r.run(j.groups*j.splits, work, r.matmulTask)
	}
	j.c, j.a, j.b, j.e = nil, nil, nil, Epilogue{} // lets go of the caller's slices
}

func checkMatrix(name string, x []float32, ld int, trans bool, rows, cols int) {
	if trans {
		rows, cols = cols, rows
	}
	if rows > 0 && cols > 0 {
		need(name, len(x), (rows-1)*ld+cols, [2]int{rows, cols})
	}
}

// near says whether a matrix of some rows at stride ld can be read down its
// columns where it lies, many times over. It has to stay in the second-level
// cache, and rows a multiple of 4 KiB apart share few of its sets.
func (j *matmulJob) near(rows, ld int) bool {
	return rows*ld <= smallSize && (ld%1024 != 0 || rows <= 64)
}

// plan decides how the product is cut. Where the sums are cut depends on k alone,
// so that a number of C does not depend on the rest.
func (j *matmulJob) plan(mr, nr, threads, work int) {
	j.kBlocks = 1
	if j.k > oneBlock {
		j.kBlocks = ceil(j.k, maxK)
	}
	j.panels = ceil(j.n, nr)
	if work < smallWork {
		threads = 1
	}
	strips := ceil(j.m, mr)
	if j.transA {
		j.plainA = j.near(j.k, j.lda)
	} else {
		// Rows a multiple of 4 KiB apart share one set of the first-level cache,
		// which holds fewer lines than a strip has rows.
		j.plainA = j.lda%1024 != 0
	}
	j.plainB = !j.transB && (strips == 1 || j.near(j.k, j.ldb) && (j.m <= 1024 || j.k*j.ldb <= smallSize/4))
	kc := max(1, ceil(j.k, j.kBlocks))
	perBlock := blockA / (kc * mr) // strips
	if j.transA && !j.plainA {
		// Beside it there is the next block, fetched ahead; but blocks of few
		// strips would read B too often.
		perBlock = max(perBlock/2, min(perBlock, 9))
	}
	j.blocks = ceil(strips, max(1, perBlock))
	j.groups, j.splits = 1, 1
	// Gradients of weights are sums of many blocks. Were B shared, each block
	// would be two loops of the pool, and half of B would come out of another
	// core's cache.
	j.own = j.kBlocks > 1 && j.transA && !j.plainA && !j.transB && !j.plainB &&
		kc*j.panels*nr <= blockA && strips >= ownStrips*threads
	j.shared = !j.plainB && j.blocks >= 3 && kc*j.panels*nr <= blockB && !j.own
	if j.own {
		j.groups = threads
		j.blocks = ceil(j.blocks, threads) * threads
	} else if threads > 1 {
		tasks := 2 * threads
		if j.shared || j.plainA && j.plainB {
			tasks = 4 * threads // nothing is laid out once for each task
		}
		j.groups = min(j.blocks, tasks)
		if j.shared {
			j.groups = min(strips, tasks)
		} else if j.splits = min(j.panels, ceil(tasks, j.groups)); j.splits*j.groups < threads {
			j.groups = min(strips, ceil(threads, j.splits))
		}
		j.blocks = ceil(j.blocks, j.groups) * j.groups
	}
	j.strips, j.height = cutStrips(j.m, mr, kc)
}
