package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// weightsJob is a backward-weights pass under way.
type weightsJob struct {
	*weightsPlan
	dw, dy, x []float32
	acc       bool
	splits    int // tasks = parts of the sum x splits of the gradient
}

// ConvBackwardWeights sets dw [KH,KW,C,K], or adds to it, the gradient of the
// weights given that of the output, dy [N,OH,OW,K], and the input x [N,H,W,C], by
// Winograd's way as in ConvForward:
//
//	dw[a,b,c,k] = sum over n,i,j of x[n, i*StrideH-PadH+a, j*StrideW-PadW+b, c] * dy[n,i,j,k]
//
// The sum over images is cut into parts at places that only the shape decides,
// and the parts are added in order.
func (r *Runner) ConvBackwardWeights(dw, dy, x []float32, s ConvShape, accumulate bool, m Winograd) {
	s.check(x, dw, dy)
	p := r.weightsPlan(s)
	size := s.KH * s.KW * s.C * s.K
	if size == 0 {
		return
	}
	if p.blocks == 0 || p.work == 0 {
		if !accumulate {
			clear(dw[:size])
		}
		return
	}
	if wp := r.winogradPlan(s, winogradWeights, m, p.work); wp != nil {
		r.weightsWinograd(wp, dw[:size], dy, x, accumulate)
		return
	}
	j := &r.weights
	*j = weightsJob{weightsPlan: p, dw: dw[:size], dy: dy, x: x, acc: accumulate, splits: 1}
	if threads := r.p.Threads(); threads > 1 {
		j.splits = min(p.panels*len(p.units), ceil(4*threads, p.parts))
	}
	if p.parts > 1 {
		scratch(&r.partial, p.parts*size)
	}
	r.run(p.parts*j.splits, p.work, r.convWeightsTask)
	if p.parts > 1 {
		r.run(ceil(size, sumSize), p.parts*size, r.sumPartsTask)
	}
	*j = weightsJob{}
}

// sumSize is how many numbers of the gradient a task sums over the parts.
const sumSize = 4096

// sumParts adds up the parts of some numbers of the gradient.
func (r *Runner) sumParts(task, _ int) {
	j := &r.weights
	from, to := task*sumSize, min(len(j.dw), (task+1)*sumSize)
	dst := j.dw[from:to]
	for part := range j.parts {
		src := r.partial[part*len(j.dw):][from:to]
		if part == 0 && !j.acc {
			copy(dst, src)
		} else {
			r.k.Acc(dst, src)
		}
	}
}

// convWeights computes a part of the sum for some units of some panels.
func (r *Runner) convWeights(task, wk int) {
	j, w := &r.weights, &r.workers[wk]
	part, split := task/j.splits, task%j.splits
	block0, block1 := cut(j.blocks, j.parts, part)
	item0, item1 := cut(j.panels*len(j.units), j.splits, split)
	panel0, panel1 := item0/len(j.units), (item1-1)/len(j.units)+1
	dw, acc := j.dw, j.acc
	if j.parts > 1 {
		dw, acc = r.partial[part*len(j.dw):][:len(j.dw)], false
	}

	nr := r.k.NR
	t := &w.tile
	*t = kernel.Tile{RS: 1, CS: j.s.K}
	for block := block0; block < block1; block++ {
		b := j.block(block)
		x, dy := r.layOut(w, b, panel0, panel1)
		if block+1 < block1 {
			w.next = r.rawBlock(j.block(block+1), panel1-panel0)
		}
		for item := item0; item < item1; item++ {
			panel, u := item/len(j.units), &j.units[item%len(j.units)]
			col := panel * nr
			t.N = min(nr, j.s.K-col)
			t.B = dy[(panel-panel0)*b.outputs(j.ow)*nr:]
			t.Acc = acc || block > block0
			if !t.Acc && (len(u.pieces) != 1 || u.pieces[0].rows != u.rows) {
				for row := u.row; row < u.row+u.rows; row++ {
					clear(dw[row*j.s.K+col:][:t.N])
				}
				t.Acc = true
			}
			for i := range u.pieces {
				q := &u.pieces[i]
				w.segs = j.segments(w.segs[:0], t, q, b, nr)
				r.pieceTiles(w, w.segs, q, x, dw[col:])
			}
		}
	}
	*t, w.next = kernel.Tile{}, fetcher{}
}

// rawBlock returns the input and the output gradient of a block where they lie,
// the latter only if most of it is for the panels of this task.
func (r *Runner) rawBlock(b block, panels int) fetcher {
	j, s := &r.weights, &r.weights.s
	h0 := max(0, b.h0*s.StrideH-s.PadH)
	h1 := min(s.H, (b.h1-1)*s.StrideH-s.PadH+s.KH)
	var f fetcher
	if j.gathered == nil {
		f[0] = j.x[(b.n0*s.H+h0)*s.W*s.C : ((b.n1-1)*s.H+max(h0, h1))*s.W*s.C]
	}
	if 2*panels >= j.panels {
		f[1] = j.dy[(b.n0*j.oh+b.h0)*j.ow*s.K : ((b.n1-1)*j.oh+b.h1)*j.ow*s.K]
	}
	return f
}

// pieceTiles computes the tiles of one piece, in strips of its rows. So that no
// call of the tile is long, the segments are handed to it in portions.
func (r *Runner) pieceTiles(w *worker, segs []kernel.Segment, q *piece, x, dw []float32) {
	t := &w.tile
	strips := ceil(q.rows, r.k.MR)
	for {
		n, steps := 0, 0
		for n < len(segs) && (n == 0 || steps+segs[n].K <= maxSteps) {
			steps += segs[n].K
			n++
		}
		t.Segs = segs[:n]
		for s := range strips {
			from, to := cut(q.rows, strips, s)
			t.M = to - from
			t.C = dw[(q.row+from)*t.CS:]
			t.A = x[from:]
			t.Fetch = w.next.take(steps)
			r.k.Tile(t)
		}
		t.Acc = true
		if segs = segs[n:]; len(segs) == 0 {
			return
		}
	}
}

// gatherPixels copies the pixels that a 1 x 1 window with a stride sees in a
// band of output rows.
func (r *Runner) gatherPixels(w *worker, b block) []float32 {
	j := &r.weights
	s, ow := j.gathered, j.ow
	oh := s.OH()
	dst := scratch(&w.a, (b.h1-b.h0)*ow*s.C)
	for row := b.h0; row < b.h1; row++ {
		src := j.x[(row/oh*s.H+row%oh*s.StrideH)*s.W*s.C:]
		r.k.Copy(dst[(row-b.h0)*ow*s.C:], s.C, src, s.StrideW*s.C, ow, s.C)
	}
	return dst
}

// layOut returns a block's input and the panels of its output gradient in the
// layout of the plan.
func (r *Runner) layOut(w *worker, b block, panel0, panel1 int) (x, dy []float32) {
	j, nr := &r.weights, r.k.NR
	s := j.s
	images := b.n1 - b.n0
	if j.gathered != nil {
		x = r.gatherPixels(w, b)
	} else {
		x = j.x[b.n0*s.H*s.W*s.C:][:images*s.H*s.W*s.C]
	}
	if j.imagesInside {
		pixels := s.H * s.W
		packed := scratch(&w.a, len(x))
		for i := range images {
			r.k.Copy(packed[i*s.C:], images*s.C, x[i*pixels*s.C:], s.C, pixels, s.C)
		}
		x = packed
	}
	outputs := j.oh * j.ow
	if s.K == nr && !j.imagesInside && (images == 1 || j.bands == 1) {
		return x, j.dy[(b.n0*outputs+b.h0*j.ow)*nr:]
	}
	count := b.outputs(j.ow)
	rows := (b.h1 - b.h0) * j.ow
	dy = scratch(&w.b, (panel1-panel0)*count*nr)
	for p := panel0; p < panel1; p++ {
		dst := dy[(p-panel0)*count*nr:][:count*nr]
		cols := min(nr, s.K-p*nr)
		if cols < nr {
			clear(dst)
		}
		for i := range images {
			src := j.dy[((b.n0+i)*outputs+b.h0*j.ow)*s.K+p*nr:]
			if j.imagesInside {
				r.k.Copy(dst[i*nr:], images*nr, src, s.K, rows, cols)
			} else {
				r.k.Copy(dst[i*rows*nr:], nr, src, s.K, rows, cols)
			}
		}
	}
	return x, dy
}
