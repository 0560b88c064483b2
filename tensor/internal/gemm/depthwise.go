package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// A depthwise convolution has one filter for each channel, which sees that
// channel alone: groups = C = K. There is nothing to multiply as matrices, so it
// has a tile of its own, kernel.Impl.Depthwise, on the same spans of pixels that
// share their taps. Its weights [KH,KW,C] are used where they lie.

// depthwisePlan is all that the three passes derive from a shape, whose K is C.
type depthwisePlan struct {
	forward, backward sweep
	weights           *weightsPlan
}

// sweep is the forward or the backward-data pass: the rectangles of output
// pixels with the same taps.
type sweep struct {
	rects           []dwRect
	inSize, outSize int // of an image
	byImage         bool
	channels        int // that go together
	rows            int // of all rectangles; a task does some of them
	perTask         int
	work            int
}

// dwRect is a rectangle of pixels; fields as in rect. The steps of the sum go
// along a row of the kernel, and ks and bs are their strides.
type dwRect struct {
	segs       []kernel.Segment
	ks, bs     int
	ni, nj     int
	inI, inJ   int
	out        int
	outI, outJ int
}

// lineRows is how many numbers of input the rows under a window may have, 32 KiB:
// so many channels are done at a time that they stay in the first-level cache
// until the window has passed. Images of more than sweepSize numbers come from
// memory, which is faster in one run and pixel by pixel.
const (
	lineRows  = 8 << 10
	sweepSize = 192 << 10
)

// depthwiseTask is how many numbers a task reads and writes, about.
const depthwiseTask = 64 << 10

func (r *Runner) depthwisePlan(s ConvShape) *depthwisePlan {
	p := r.depthwisePlans[s]
	if p == nil {
		if len(r.depthwisePlans) >= maxPlans {
			clear(r.depthwisePlans)
		}
		p = &depthwisePlan{forward: newSweep(s, false), backward: newSweep(s, true), weights: r.newDepthwiseWeightsPlan(s)}
		r.depthwisePlans[s] = p
	}
	return p
}

func newSweep(s ConvShape, backward bool) sweep {
	h, w := s.axes(backward)
	inW, outW := s.W, s.OW()
	p := sweep{inSize: s.H * s.W * s.C, outSize: s.OH() * s.OW() * s.C}
	if backward {
		inW, outW = outW, inW
		p.inSize, p.outSize = p.outSize, p.inSize
	}
	var byPixel, byImage int
	for _, a := range h {
		for _, b := range w {
			q := newDWRect(s, a, b, inW, outW, backward)
			taps := len(a.taps) * len(b.taps)
			p.rects = append(p.rects, q)
			p.rows += q.ni
			p.work += s.N * q.ni * q.nj * taps * s.C
			// A call takes as long as one of four rows at least, for the sums to come.
			calls := func(n int) int {
				return ceil(n, kernel.DepthwiseRows) * (taps*max(4, min(n, kernel.DepthwiseRows)) + 4)
			}
			byPixel += s.N * q.ni * calls(q.nj)
			byImage += q.ni * q.nj * calls(s.N)
		}
	}
	p.byImage = byImage < byPixel && p.inSize <= sweepSize
	p.channels = s.C
	if p.inSize <= sweepSize {
		p.channels = max(2*line, lineRows/max(1, s.KH*inW)/line*line)
	}
	size := max(1, (p.inSize+p.outSize)/max(1, p.rows))
	if p.byImage {
		size *= kernel.DepthwiseRows
	}
	p.perTask = max(1, depthwiseTask/size)
	return p
}

// newDWRect makes the rectangle of two spans. Backward, places of the kernel are
// counted from its end.
func newDWRect(s ConvShape, a, b span, inW, outW int, backward bool) dwRect {
	c, row := s.C, inW*s.C
	q := dwRect{
		ni: a.n, inI: a.inStep * row, outI: a.outStep * outW * c,
		nj: b.n, inJ: b.inStep * c, outJ: b.outStep * c,
		out: (a.out*outW + b.out) * c,
	}
	if q.ni > q.nj {
		q.ni, q.nj, q.inI, q.inJ, q.outI, q.outJ = q.nj, q.ni, q.inJ, q.inI, q.outJ, q.outI
	}
	if len(a.taps) == 0 || len(b.taps) == 0 {
		q.inI, q.inJ = 0, 0 // nothing is read
		return q
	}
	if len(b.taps) > 1 {
		q.ks = (b.taps[1].in - b.taps[0].in) * c
		q.bs = (b.taps[1].k - b.taps[0].k) * c
	}
	for _, t := range a.taps {
		place := t.k*s.KW + b.taps[0].k
		if backward {
			place = s.KH*s.KW - 1 - place
		}
		q.segs = append(q.segs, kernel.Segment{A: t.in*row + b.taps[0].in*c, B: place * c, K: len(b.taps)})
	}
	if backward {
		q.bs = -q.bs
	}
	return q
}

// newDepthwiseWeightsPlan cuts the weights' gradient as weightsPlan does for few
// channels: a unit for each row of the kernel.
func (r *Runner) newDepthwiseWeightsPlan(s ConvShape) *weightsPlan {
	p := &weightsPlan{s: s, oh: s.OH(), ow: s.OW(), parts: 1}
	p.makeUnits(true)
	for _, u := range p.units {
		for _, q := range u.pieces {
			p.work += s.N * q.rows * (q.h1 - q.h0) * (q.w1 - q.w0)
		}
	}
	if p.work > 0 {
		p.makeBlocks(s.H*s.W*s.C + p.oh*p.ow*s.C)
		for p.parts*2 <= min(p.blocks, maxParts) {
			p.parts *= 2
		}
	}
	return p
}

// depthwiseJob is a pass under way.
type depthwiseJob struct {
	*sweep
	n, c             int
	in, out, w, bias []float32
	acc              bool
	groups           int // of images that go together
}

func (s ConvShape) checkDepthwise(x, w, y []float32) {
	s.K = s.C
	need("the input or its gradient", len(x), s.N*s.H*s.W*s.C, s)
	need("the weight or its gradient", len(w), s.KH*s.KW*s.C, s)
	need("the output or its gradient", len(y), s.N*s.OH()*s.OW()*s.C, s)
}

// DepthwiseForward sets y [N,OH,OW,C] to the depthwise convolution of x [N,H,W,C]
// with the weights w [KH,KW,C], plus bias [C] unless it is nil; s.K is not used:
//
//	y[n,i,j,c] = bias[c] + sum over a,b of x[n, i*StrideH-PadH+a, j*StrideW-PadW+b, c] * w[a,b,c]
func (r *Runner) DepthwiseForward(y, x, w, bias []float32, s ConvShape) {
	s.K = s.C
	s.checkDepthwise(x, w, y)
	if bias != nil {
		need("the bias", len(bias), s.C, s)
	}
	r.depthwise = depthwiseJob{sweep: &r.depthwisePlan(s).forward, n: s.N, c: s.C, in: x, out: y, w: w, bias: bias}
	r.sweepAll()
}

// DepthwiseBackwardData sets dx [N,H,W,C], or adds to it, the gradient of the
// input given that of the output, dy [N,OH,OW,C].
func (r *Runner) DepthwiseBackwardData(dx, dy, w []float32, s ConvShape, accumulate bool) {
	s.K = s.C
	s.checkDepthwise(dx, w, dy)
	r.depthwise = depthwiseJob{sweep: &r.depthwisePlan(s).backward, n: s.N, c: s.C, in: dy, out: dx, w: w, acc: accumulate}
	r.sweepAll()
}

func (r *Runner) sweepAll() {
	j := &r.depthwise
	if j.n > 0 && j.outSize > 0 {
		j.groups = j.n
		if j.byImage {
			j.groups = ceil(j.n, kernel.DepthwiseRows)
		}
		r.run(ceil(j.groups*j.rows, j.perTask), j.work, r.depthwiseTask)
	}
	r.depthwise = depthwiseJob{}
}

// sweepRows computes some rows of the rectangles of some groups of images.
func (r *Runner) sweepRows(task, wk int) {
	j, t := &r.depthwise, &r.workers[wk].tile
	*t = kernel.Tile{Acc: j.acc}
	tasks := ceil(j.groups*j.rows, j.perTask)
	from, to := cut(j.groups*j.rows, tasks, task)
	for group := from / j.rows; group*j.rows < to; group++ {
		lo, hi := max(0, from-group*j.rows), min(j.rows, to-group*j.rows)
		image, end := cut(j.n, j.groups, group)
		for c := 0; c < j.c; c += j.channels {
			t.N = min(j.channels, j.c-c)
			t.B = j.w[c:]
			if j.bias != nil {
				t.Bias = j.bias[c:]
			}
			in, out := j.in[image*j.inSize+c:], j.out[image*j.outSize+c:]
			r.sweepChannels(t, in, out, end-image, lo, hi)
		}
	}
	*t = kernel.Tile{}
}

// sweepChannels computes rows lo to hi-1 of the rectangles for some channels of
// some images.
func (r *Runner) sweepChannels(t *kernel.Tile, in, out []float32, images, lo, hi int) {
	j := &r.depthwise
	for q := range j.rects {
		q := &j.rects[q]
		t.Segs, t.KS, t.BS = q.segs, q.ks, q.bs
		for i := max(lo, 0); i < min(hi, q.ni); i++ {
			a, c := i*q.inI, q.out+i*q.outI
			if j.byImage {
				t.RS, t.CS, t.M = j.inSize, j.outSize, images
				for k := range q.nj {
					t.A, t.C = in[a+k*q.inJ:], out[c+k*q.outJ:]
					r.k.Depthwise(t)
				}
				continue
			}
			t.RS, t.CS = q.inJ, q.outJ
			strips := ceil(q.nj, kernel.DepthwiseRows)
			for k := range strips {
				first, end := cut(q.nj, strips, k)
				t.M = end - first
				t.A, t.C = in[a+first*q.inJ:], out[c+first*q.outJ:]
				r.k.Depthwise(t)
			}
		}
		lo, hi = lo-q.ni, hi-q.ni
	}
}

// DepthwiseBackwardWeights sets dw [KH,KW,C], or adds to it, the gradient of the
// weights given that of the output, dy [N,OH,OW,C], and the input x [N,H,W,C].
// The sum over images is cut into parts at places that only the shape decides.
func (r *Runner) DepthwiseBackwardWeights(dw, dy, x []float32, s ConvShape, accumulate bool) {
	s.K = s.C
	s.checkDepthwise(x, dw, dy)
	p := r.depthwisePlan(s).weights
	size := s.KH * s.KW * s.C
	if p.work == 0 || size == 0 {
		if !accumulate {
			clear(dw[:size])
		}
		return
	}
	r.weights = weightsJob{weightsPlan: p, dw: dw[:size], dy: dy, x: x, acc: accumulate}
	scratch(&r.partial, p.parts*size)
	r.run(p.parts, p.work, r.depthwiseWeightsTask)
	r.run(ceil(size, sumSize), p.parts*size, r.sumPartsTask)
	r.weights = weightsJob{}
}

// depthwiseWeights computes a part of the sum.
func (r *Runner) depthwiseWeights(part, wk int) {
	j, w := &r.weights, &r.workers[wk]
	s, t := &j.s, &w.tile
	dw := r.partial[part*len(j.dw):][:len(j.dw)]
	clear(dw)
	*t = kernel.Tile{N: s.C, RS: s.C, CS: s.C, Acc: true}
	block0, block1 := cut(j.blocks, j.parts, part)
	for i := block0; i < block1; i++ {
		b := j.block(i)
		x := j.x[b.n0*s.H*s.W*s.C:]
		t.B = j.dy[(b.n0*j.oh+b.h0)*j.ow*s.C:]
		for _, u := range j.units {
			for q := range u.pieces {
				q := &u.pieces[q]
				w.segs = j.segments(w.segs[:0], t, q, b, s.C)
				t.Segs = w.segs
				taps := q.rows / s.C
				tiles := ceil(taps, kernel.DepthwiseRows)
				for k := range tiles {
					first, end := cut(taps, tiles, k)
					t.M = end - first
					t.A, t.C = x[first*s.C:], dw[q.row+first*s.C:]
					r.k.Depthwise(t)
				}
			}
		}
	}
	*t = kernel.Tile{}
}
