package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// Backward data of a convolution with few input channels, as that of images. As
// in plan.go, each row of a tile would be a pixel and its columns the channels:
// with three, most of the vector is empty. But an output pixel touches KW
// neighbouring pixels of an input row, KW*C numbers that lie together. Here
// those are the columns, and the rows are pixels of a row of dy:
//
//	row[(j*StrideW + b)*C + c] += sum over a, k of dy[i(a), j, k] * w[a, b, c, k]
//
// Neighbours in dy add to the same numbers, so a tile takes pixels that are far
// enough apart, and the tiles follow each other. The row stands in a buffer with
// its padding; what lies inside of the image is then copied.

// scatterPlan is what backward data with few channels derives from its shape.
type scatterPlan struct {
	s              ConvShape
	rows           [][]kernel.Segment // by row of the image: the rows of dy that see it
	panels         int                // of the KW*C columns
	phases         int                // pixels of dy this far apart touch different numbers
	width          int                // numbers in a row with padding
	work           int
	tasks, perTask int
}

// scatterJob is such a pass under way.
type scatterJob struct {
	*scatterPlan
	dx, dy, w []float32
	acc       bool
}

// scatters says whether a shape goes this way.
func (s ConvShape) scatters() bool { return s.C < fewChannels && s.KW > 1 && s.OW() > 0 }

func (r *Runner) scatterPlan(s ConvShape) *scatterPlan {
	p := r.scatterPlans[s]
	if p == nil {
		if len(r.scatterPlans) >= maxPlans {
			clear(r.scatterPlans)
		}
		p = r.newScatterPlan(s)
		r.scatterPlans[s] = p
	}
	return p
}

func (r *Runner) newScatterPlan(s ConvShape) *scatterPlan {
	oh, ow := s.OH(), s.OW()
	p := &scatterPlan{s: s, rows: make([][]kernel.Segment, s.H), panels: ceil(s.KW*s.C, r.k.NR),
		phases: ceil(s.KW, s.StrideW)}
	p.width = max((ow-1)*s.StrideW+s.KW, s.PadW+s.W) * s.C
	for _, span := range backwardAxis(s.H, oh, s.KH, s.StrideH, s.PadH) {
		for n := range span.n {
			i := span.out + n*span.outStep
			for _, t := range span.taps {
				a := s.KH - 1 - t.k
				p.rows[i] = append(p.rows[i], kernel.Segment{A: (t.in + n*span.inStep) * ow * s.K, B: a * p.panels * s.K * r.k.NR,
					K: s.K})
			}
			p.work += s.N * len(span.taps) * ow * s.KW * s.C * s.K
		}
	}
	// Some rows of an image share rows of dy: 128 KiB of it.
	p.perTask = max(1, stripSize*s.H/max(1, oh*ow*s.K))
	p.tasks = ceil(s.N*s.H, p.perTask)
	return p
}

// scatterAll runs the pass.
func (r *Runner) scatterAll(dx, dy, w []float32, s ConvShape, accumulate bool) {
	p := r.scatterPlan(s)
	r.scatter = scatterJob{scatterPlan: p, dx: dx, dy: dy, w: w, acc: accumulate}
	if s.N*s.H*s.W*s.C > 0 {
		scratch(&r.packed, s.KH*p.panels*s.K*r.k.NR)
		r.run(s.KH, len(r.packed), r.packScatterTask)
		r.run(p.tasks, p.work, r.scatterTask)
	}
	r.scatter = scatterJob{}
}

// packScatter packs the weights of row a of the kernel: number (k, b*C + c) of a
// panel is w[a,b,c,k].
func (r *Runner) packScatter(a, _ int) {
	j, nr := &r.scatter, r.k.NR
	s, columns := &j.s, j.s.KW*j.s.C
	for p := range j.panels {
		dst := r.packed[(a*j.panels+p)*s.K*nr:][:s.K*nr]
		cols := min(nr, columns-p*nr)
		if cols < nr {
			clear(dst)
		}
		if s.K > 0 {
			r.k.Transpose(dst, nr, j.w[(a*columns+p*nr)*s.K:], s.K, cols, s.K)
		}
	}
}

// scatterRows computes some rows of the images.
func (r *Runner) scatterRows(task, wk int) {
	j, w := &r.scatter, &r.workers[wk]
	s, t, nr := &j.s, &w.tile, r.k.NR
	oh, ow := s.OH(), s.OW()
	row := scratch(&w.a, j.width)
	*t = kernel.Tile{RS: j.phases * s.K, KS: 1, BS: nr, CS: j.phases * s.StrideW * s.C, Acc: true}
	from, to := cut(s.N*s.H, j.tasks, task)
	ahead := func(i int) int { return min(s.N*oh, i*oh/s.H+2) * ow * s.K }
	for i := from; i < to; i++ {
		clear(row)
		w.next[0] = j.dy[ahead(i+1):ahead(i+2)]
		dy := j.dy[i/s.H*oh*ow*s.K:]
		t.Segs = j.rows[i%s.H]
		for phase := range min(j.phases, ow) {
			if len(t.Segs) == 0 || s.K == 0 {
				break
			}
			pixels := ceil(ow-phase, j.phases)
			strips := ceil(pixels, r.k.MR)
			for strip := range strips {
				first, end := cut(pixels, strips, strip)
				pixel := phase + first*j.phases
				t.M, t.A = end-first, dy[pixel*s.K:]
				for p := range j.panels {
					t.N = min(nr, s.KW*s.C-p*nr)
					t.B = r.packed[p*s.K*nr:]
					t.C = row[pixel*s.StrideW*s.C+p*nr:]
					t.Fetch = w.next.take(len(t.Segs) * s.K)
					r.k.Tile(t)
				}
			}
		}
		dst, src := j.dx[i*s.W*s.C:][:s.W*s.C], row[s.PadW*s.C:][:s.W*s.C]
		if j.acc {
			r.k.Acc(dst, src)
		} else {
			copy(dst, src)
		}
	}
	*t, w.next = kernel.Tile{}, fetcher{}
}
