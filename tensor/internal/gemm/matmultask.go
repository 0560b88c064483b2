package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// packMatrix packs a panel of a block of B for all tasks.
func (r *Runner) packMatrix(panel, _ int) {
	j, nr := &r.matmul, r.k.NR
	p0, p1 := cut(j.k, j.kBlocks, j.kBlock0)
	size := (p1 - p0) * nr
	r.packPanel(r.packed[panel*size:][:size], panel, p0, p1)
}

// packPanel packs steps p0 to p1 of a panel of B: number (p, j) of the panel comes
// to stand at p*NR + j, and columns past the last are zero.
func (r *Runner) packPanel(dst []float32, panel, p0, p1 int) {
	j, nr := &r.matmul, r.k.NR
	col := panel * nr
	cols := min(nr, j.n-col)
	if cols < nr {
		clear(dst)
	}
	switch {
	case p0 == p1:
	case j.transB:
		r.k.Transpose(dst, nr, j.b[col*j.ldb+p0:], j.ldb, cols, p1-p0)
	default:
		r.k.Copy(dst, nr, j.b[p0*j.ldb+col:], j.ldb, p1-p0, cols)
	}
}

// stripRun is some strips of equal height, one below the other.
type stripRun struct{ row, height, strips, a, step int }

// cutStrips returns how many strips of at most mr rows some rows are cut into, and
// the height of the highest.
func cutStrips(rows, mr, kc int) (strips, height int) {
	if kc <= evenSteps {
		// One call does all strips of a panel if they are of one height. Eight
		// rows are as fast as more while the panel is near.
		for h := mr; h >= 8; h-- {
			if rows%h == 0 {
				return rows / h, h
			}
		}
	}
	strips = ceil(rows, mr)
	return strips, ceil(rows, strips)
}

// evenSteps is how long a panel may be so that it stays in the first-level cache
// beside a strip.
const evenSteps = 256

// layStrips brings rows row0 to row1 of A, steps p0 to p1, into the form that the
// tile likes, and returns it with the strides of rows and steps. The strips are
// as equal as they can be, the higher ones first.
func (r *Runner) layStrips(w *worker, row0, row1, p0, p1 int) (a []float32, rs, ks int, runs [2]stripRun) {
	j, mr := &r.matmul, r.k.MR
	rows, kc := row1-row0, p1-p0
	strips, height := j.strips, j.height
	if j.blocks > 1 {
		strips, height = cutStrips(rows, mr, kc)
	}
	high := rows - (height-1)*strips
	runs[0] = stripRun{row: row0, height: height, strips: high}
	runs[1] = stripRun{row: row0 + high*height, height: height - 1, strips: strips - high}
	switch {
	case kc == 0:
	case j.plainA && j.transA:
		a, rs, ks = j.a[p0*j.lda+row0:], 1, j.lda
	case j.plainA:
		a, rs, ks = j.a[row0*j.lda+p0:], j.lda, 1
	case j.transA:
		rs, ks = 1, ceil(mr, 8)*8
		step := kc*ks + 16 // an odd number of lines: strips share no set of the cache
		a = scratch(&w.a, strips*step)
		for i := range runs {
			q := &runs[i]
			q.step = step
			q.a = i * high * step
			if q.strips > 0 {
				r.k.Deal(a[q.a:], q.step, ks, j.a[p0*j.lda+q.row:], j.lda, kc, q.height, q.strips)
			}
		}
		return a, rs, ks, runs
	default:
		rs, ks = oddLines(kc), 1
		a = scratch(&w.a, rows*rs)
		r.k.Copy(a, rs, j.a[row0*j.lda+p0:], j.lda, rows, kc)
	}
	for i := range runs {
		runs[i].a, runs[i].step = (runs[i].row-row0)*rs, runs[i].height*rs
	}
	return a, rs, ks, runs
}

// multiplyTask computes the numbers of C in a group of blocks of rows and a share
// of the panels.
func (r *Runner) multiplyTask(task, wk int) {
	j, w := &r.matmul, &r.workers[wk]
	block0, block1, panel0, panel1 := 0, j.blocks, 0, j.panels
	if j.groups*j.splits > 1 {
		block0, block1 = cut(j.blocks, j.groups, task/j.splits)
		panel0, panel1 = cut(j.panels, j.splits, task%j.splits)
	}
	for kBlock := j.kBlock0; kBlock < j.kBlock1; kBlock++ {
		p0, p1 := 0, j.k
		if j.kBlocks > 1 {
			p0, p1 = cut(j.k, j.kBlocks, kBlock)
		}
		if size := (p1 - p0) * r.k.NR; j.own {
			packed := scratch(&w.own, (panel1-panel0)*size)
			for p := panel0; p < panel1; p++ {
				r.packPanel(packed[(p-panel0)*size:][:size], p, p0, p1)
			}
		}
		for b := block0; b < block1; b++ {
			row0, row1 := cut(j.m, j.blocks, b)
			w.ahead = [2]ahead{}
			if deal := j.transA && !j.plainA; deal && b+1 < block1 {
				end := j.m * (b + 2) / j.blocks
				w.ahead[1] = ahead{j.a[p0*j.lda+row1:], 16, j.lda, ceil(end-row1, 16)}
			} else if deal && kBlock+1 < j.kBlock1 { // the next block of the sum
				first, end := cut(j.m, j.blocks, block0)
				w.ahead[1] = ahead{j.a[p1*j.lda+first:], 16, j.lda, ceil(end-first, 16)}
				if j.own {
					w.ahead[0] = ahead{j.b[p1*j.ldb:], 16, j.ldb, ceil(j.n, 16)}
				}
			}
			r.multiplyBlock(w, row0, row1, panel0, panel1, p0, p1)
		}
	}
	w.tile, w.ahead = kernel.Tile{}, [2]ahead{}
}

// multiplyBlock multiplies a block of rows with the panels, steps p0 to p1.
func (r *Runner) multiplyBlock(w *worker, row0, row1, panel0, panel1, p0, p1 int) {
	j, t, nr, kc := &r.matmul, &w.tile, r.k.NR, p1-p0
	a, rs, ks, runs := r.layStrips(w, row0, row1, p0, p1)
	w.segs = append(w.segs[:0], kernel.Segment{K: kc})
	first, last := p0 == 0, p1 == j.k
	t.CS, t.RS, t.KS, t.Segs, t.Bias = j.ldc, rs, ks, w.segs, nil
	t.Acc, t.ReLU = j.e.Accumulate || j.e.Add != nil || !first, last && j.e.ReLU
	if first && j.e.Add != nil {
		const some = 64 // rows
		from := panel0 * nr
		for row := row0; row < row1; row += some {
			at := row*j.ldc + from
			r.k.Copy(j.c[at:], j.ldc, j.e.Add[at:], j.ldc, min(some, row1-row), min(panel1*nr, j.n)-from)
		}
	}
	for p := panel0; p < panel1; p++ {
		col := p * nr
		t.N = min(nr, j.n-col)
		if last && j.e.Bias != nil {
			t.Bias = r.bias(w, j.e.Bias, col)
		}
		more := p+1 < panel1 && kc > 0
		switch {
		case j.plainB && t.N == nr && kc > 0:
			t.B, t.BS = j.b[p0*j.ldb+col:], j.ldb
		case j.shared:
			t.B, t.BS = r.packed[p*kc*nr:][:kc*nr], nr
			if more {
				w.ahead[0] = ahead{r.packed[(p+1)*kc*nr:], 16 * kc, 16, nr / 16}
			}
		case j.own:
			t.B, t.BS = w.own[(p-panel0)*kc*nr:][:kc*nr], nr
		default:
			t.B, t.BS = scratch(&w.panel, kc*nr), nr
			r.packPanel(t.B, p, p0, p1)
			if more && !j.transB {
				w.ahead[0] = ahead{j.b[p0*j.ldb+col+nr:], 16, j.ldb, ceil(min(nr, j.n-col-nr), 16)}
			}
		}
		for i := range runs {
			r.multiplyStrips(w, a, &runs[i], j.c[col:], kc)
		}
	}
}

// multiplyStrips multiplies some strips of A with the panel of the tile.
func (r *Runner) multiplyStrips(w *worker, a []float32, q *stripRun, c []float32, kc int) {
	t := &w.tile
	t.M, t.AS = q.height, q.step
	for s := 0; s < q.strips; s += t.Strips {
		t.A, t.C, t.Fetch, t.FS = a, c[(q.row+s*q.height)*t.CS:], nil, 0
		if kc > 0 {
			t.A = a[q.a+s*q.step:]
		}
		switch {
		case w.ahead[0].n > 0:
			t.Strips = 1
			t.Fetch, t.FS = w.ahead[0].take()
		case w.ahead[1].n > 0:
			t.Strips = 1
			t.Fetch, t.FS = w.ahead[1].take()
		case (q.strips-s)*kc > callSteps:
			t.Strips = max(1, callSteps/kc)
		default:
			t.Strips = q.strips - s
		}
		r.k.Tile(t)
	}
}

// ahead is memory that is needed soon and lies in pieces: while a strip is under
// way, each step fetches a line, and the next line is step floats on. There are n
// such series of lines left, of which each begins next floats after the other.
type ahead struct {
	x          []float32
	next, step int
	n          int
}

// take returns what the next strip fetches.
func (a *ahead) take() (x []float32, step int) {
	x = a.x
	a.n--
	a.x = x[min(a.next, len(x)):]
	return x, a.step
}

// callSteps bounds one call of the tile to some dozens of microseconds, in which
// the goroutine cannot be preempted.
const callSteps = 8 << 10

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
