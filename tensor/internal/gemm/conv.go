package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// ConvShape is the shape of a convolution of N images of H x W pixels with C
// channels by K filters of KH x KW, without dilation or groups. Strides are at
// least 1.
type ConvShape struct {
	N, H, W, C, KH, KW, K        int
	StrideH, StrideW, PadH, PadW int
}

// OH returns the height of the output, 0 where the kernel is higher than the
// padded image.
func (s ConvShape) OH() int { return outSize(s.H, s.KH, s.StrideH, s.PadH) }

// OW returns the width of the output, 0 where the kernel is wider than the
// padded image.
func (s ConvShape) OW() int { return outSize(s.W, s.KW, s.StrideW, s.PadW) }

func outSize(in, kernel, stride, pad int) int {
	if in+2*pad < kernel {
		return 0
	}
	return (in+2*pad-kernel)/stride + 1
}

func (s ConvShape) check(x, w, y []float32) {
	need("the input or its gradient", len(x), s.N*s.H*s.W*s.C, s)
	need("the weight or its gradient", len(w), s.KH*s.KW*s.C*s.K, s)
	need("the output or its gradient", len(y), s.N*s.OH()*s.OW()*s.K, s)
}

// isProduct says whether the convolution is one product of matrices: every output
// pixel sees the input pixel of its own place and no other.
func (s ConvShape) isProduct() bool {
	return s.KH == 1 && s.KW == 1 && s.StrideH == 1 && s.StrideW == 1 && s.PadH == 0 && s.PadW == 0
}

// convJob is a forward or backward-data pass under way. Both are one thing: the
// numbers of out are sums over taps of in, by the filters in Runner.packed.
type convJob struct {
	*plan
	in, out, w, bias []float32
	acc              bool
	tasks, splits    int  // shares of the strips x shares of the panels
	ownPanels        bool // each task packs the filters that it needs
}

// ConvForward sets y [N,OH,OW,K] to the convolution of x [N,H,W,C] with the
// weights w [KH,KW,C,K], plus bias [K] unless it is nil, by Winograd's way where m
// allows it and it should be faster:
//
//	y[n,i,j,k] = bias[k] + sum over a,b,c of x[n, i*StrideH-PadH+a, j*StrideW-PadW+b, c] * w[a,b,c,k]
func (r *Runner) ConvForward(y, x, w, bias []float32, s ConvShape, m Winograd) {
	s.check(x, w, y)
	if bias != nil {
		need("the bias", len(bias), s.K, s)
	}
	if s.isProduct() {
		r.MatMul(y, s.K, x, s.C, false, w, s.K, false, s.N*s.H*s.W, s.K, s.C, Epilogue{Bias: bias})
		return
	}
	plan := r.plan(s, false)
	if p := r.winogradPlan(s, winogradForward, m, plan.work); p != nil {
		r.winograd = winogradJob{winogradPlan: p, in: x, out: y, w: w, bias: bias}
		r.convolveWinograd()
		return
	}
	r.conv = convJob{plan: plan, in: x, out: y, w: w, bias: bias}
	r.convolveAll()
}

// ConvBackwardData sets dx [N,H,W,C], or adds to it, the gradient of the input
// given that of the output, dy [N,OH,OW,K], by Winograd's way as in ConvForward.
func (r *Runner) ConvBackwardData(dx, dy, w []float32, s ConvShape, accumulate bool, m Winograd) {
	s.check(dx, w, dy)
	if s.isProduct() {
		r.MatMul(dx, s.C, dy, s.K, false, w, s.K, true, s.N*s.H*s.W, s.C, s.K, Epilogue{Accumulate: accumulate})
		return
	}
	if s.scatters() {
		r.scatterAll(dx, dy, w, s, accumulate)
		return
	}
	plan := r.plan(s, true)
	if p := r.winogradPlan(s, winogradData, m, plan.work); p != nil {
		r.winograd = winogradJob{winogradPlan: p, in: dy, out: dx, w: w, acc: accumulate, turned: true}
		r.convolveWinograd()
		return
	}
	r.conv = convJob{plan: plan, in: dy, out: dx, w: w, acc: accumulate}
	r.convolveAll()
}

func (r *Runner) convolveAll() {
	j := &r.conv
	if j.n > 0 && j.outH > 0 && j.outW > 0 && j.outC > 0 {
		threads := r.p.Threads()
		units := j.strips(r.k.MR)
		j.tasks = min(ceil(units, j.perChunk), 8*threads)
		j.splits = 1
		if threads > 1 {
			j.splits = min(j.panels, ceil(4*threads, j.tasks))
		}
		if j.ownPanels = j.panelsAreOwn(threads, r.k.MR); j.ownPanels {
			j.tasks, j.splits = 1, j.panels
			if j.byImage {
				j.splits = threads // each gathers for itself
			}
		} else {
			scratch(&r.packed, j.panels*j.panelSize)
			r.run(j.panels*j.kh*j.kw, j.panels*j.panelSize, r.packFiltersTask)
		}
		r.run(j.tasks*j.splits, j.work, r.convTask)
	}
	r.conv = convJob{}
}

// packFilters packs one panel's weights at one place of the kernel into
// Runner.packed.
func (r *Runner) packFilters(task, _ int) {
	j := &r.conv
	places := j.kh * j.kw
	r.packPlace(r.packed[task/places*j.panelSize:], task/places, task%places)
}

// packPlace packs the weights of one panel of output channels at one place of
// the kernel: number (place, c, k) stands at (place*inC + c)*NR + k of its panel.
// Backward, the roles of the channels are exchanged and places are counted from
// the kernel's end, as backwardAxis does.
func (r *Runner) packPlace(packed []float32, panel, place int) {
	j, nr := &r.conv, r.k.NR
	places := j.kh * j.kw
	col := panel * nr
	cols := min(nr, j.outC-col)
	dst := packed[place*j.inC*nr:][:j.inC*nr]
	if cols < nr {
		clear(dst)
	}
	if j.inC == 0 {
		return
	}
	if j.backward {
		w := j.w[(places-1-place)*j.inC*j.outC:]
		r.k.Transpose(dst, nr, w[col*j.inC:], j.inC, cols, j.inC)
	} else {
		w := j.w[place*j.inC*j.outC:]
		r.k.Copy(dst, nr, w[col:], j.outC, j.inC, cols)
	}
}

// convolve computes a share of the panels of a share of the strips, chunk by
// chunk. What a chunk reads stays in the cache for all panels or, where each task
// packs its own, a panel does for all chunks.
func (r *Runner) convolve(task, wk int) {
	j, w := &r.conv, &r.workers[wk]
	strip0, strip1 := cut(j.strips(r.k.MR), j.tasks, task/j.splits)
	panel0, panel1 := cut(j.panels, j.splits, task%j.splits)
	w.tile = kernel.Tile{KS: 1, BS: r.k.NR, Acc: j.acc}
	chunks := ceil(strip1-strip0, j.perChunk)
	chunk := func(c int) (from, to int) {
		from, to = cut(strip1-strip0, chunks, c)
		w.next[0] = r.inputOf(strip0+to, min(strip0+to+to-from, strip1))
		return strip0 + from, strip0 + to
	}
	if j.ownPanels {
		var gathered []float32
		if j.byImage {
			gathered = r.gather(w, strip0, strip1)
		}
		for p := panel0; p < panel1; p++ {
			packed := scratch(&w.panel, j.panelSize)
			for place := range j.kh * j.kw {
				r.packPlace(packed, p, place)
			}
			for c := range chunks {
				from, to := chunk(c)
				r.convolvePanel(w, packed, gathered, p, from, to)
			}
		}
	} else {
		for c := range chunks {
			from, to := chunk(c)
			var gathered []float32
			if j.byImage {
				gathered = r.gather(w, from, to)
			}
			for p := panel0; p < panel1; p++ {
				r.convolvePanel(w, r.packed[p*j.panelSize:][:j.panelSize], gathered, p, from, to)
			}
		}
	}
	w.tile, w.next = kernel.Tile{}, fetcher{}
}

// convolvePanel computes one panel of some strips.
func (r *Runner) convolvePanel(w *worker, packed, gathered []float32, p, from, to int) {
	j, t, nr := &r.conv, &w.tile, r.k.NR
	t.N = min(nr, j.outC-p*nr)
	t.B = packed
	t.Bias = r.bias(w, j.bias, p*nr)
	if j.byImage {
		r.convolveImages(w, gathered, j.out[p*nr:], from, to)
	} else {
		r.convolvePixels(w, j.out[p*nr:], from, to)
	}
}

// inputOf returns the images that strips from, from+1, ..., to-1 read, but for
// one that an earlier strip reads too.
func (r *Runner) inputOf(from, to int) []float32 {
	j := &r.conv
	size := j.inH * j.inW * j.inC
	image0, image1 := ceil(from, max(j.perImage, 1)), ceil(to, max(j.perImage, 1))
	if j.byImage {
		strips := j.strips(r.k.MR)
		image0, _ = cut(j.n, strips, from)
		image1, _ = cut(j.n, strips, to)
	}
	return j.in[image0*size : max(image0, image1)*size]
}

// gather copies the images of some strips to where their rows do not share
// cache sets.
func (r *Runner) gather(w *worker, from, to int) []float32 {
	j := &r.conv
	strips, size := j.strips(r.k.MR), j.inH*j.inW*j.inC
	image0, _ := cut(j.n, strips, from)
	_, image1 := cut(j.n, strips, to-1)
	dst := scratch(&w.a, (image1-image0)*j.inStride)
	for i := image0; i < image1; i++ {
		copy(dst[(i-image0)*j.inStride:], j.in[i*size:][:size])
	}
	return dst
}

// convolveImages computes one panel of strips of images: every pixel in turn.
func (r *Runner) convolveImages(w *worker, in, out []float32, from, to int) {
	j, t := &r.conv, &w.tile
	strips := j.strips(r.k.MR)
	base, _ := cut(j.n, strips, from)
	t.RS, t.CS = j.inStride, j.outH*j.outW*j.outC
	for s := from; s < to; s++ {
		image, end := cut(j.n, strips, s)
		t.M = end - image
		in, out := in[(image-base)*j.inStride:], out[image*t.CS:]
		for q := range j.rects {
			q := &j.rects[q]
			t.Segs = q.segs
			for i := range q.ni {
				for k := range q.nj {
					t.A, t.C = in[i*q.inI+k*q.inJ:], out[q.out+i*q.outI+k*q.outJ:]
					t.Fetch = w.next.take(q.taps)
					r.k.Tile(t)
				}
			}
		}
	}
}

// convolvePixels computes one panel of strips of pixels.
func (r *Runner) convolvePixels(w *worker, out []float32, from, to int) {
	j, t := &r.conv, &w.tile
	inSize, outSize := j.inH*j.inW*j.inC, j.outH*j.outW*j.outC
	for image := from / j.perImage; image*j.perImage < to; image++ {
		in, out := j.in[image*inSize:], out[image*outSize:]
		lo, hi := from-image*j.perImage, to-image*j.perImage
		for q := range j.rects {
			q := &j.rects[q]
			t.Segs, t.RS, t.CS = q.segs, q.inJ, q.outJ
			for s := max(lo, 0); s < min(hi, q.ni*q.strips); s++ {
				i := s / q.strips
				first, end := cut(q.nj, q.strips, s%q.strips)
				t.M = end - first
				t.A, t.C = in[i*q.inI+first*q.inJ:], out[q.out+i*q.outI+first*q.outJ:]
				t.Fetch = w.next.take(q.taps)
				r.k.Tile(t)
			}
			lo, hi = lo-q.ni*q.strips, hi-q.ni*q.strips
		}
	}
}
