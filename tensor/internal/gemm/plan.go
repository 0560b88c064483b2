package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// plan is all that a forward or backward-data pass derives from its shape.
//
// An output pixel is a sum over taps, and the tile wants rows, at a constant
// stride, that share their taps. There are two ways to find such rows. By
// pixel: the pixels of a rectangle, which is a span of each axis, along its
// longer side. By image: one pixel of many images, whose rows have all taps in
// common, even at the borders and where an image has only four pixels. The
// first reads its input where it lies and the second needs enough images.
type plan struct {
	backward          bool
	byImage           bool
	n                 int
	inH, inW, inC     int
	outH, outW, outC  int
	kh, kw            int
	panels, panelSize int // of the packed filters
	work              int // multiply-adds
	rects             []rect
	perImage          int // by pixel: strips in an image
	perChunk          int // strips that a task does at most, unless there are few tasks
	inStride          int // by image: numbers from one gathered image to the next
}

// rect is a rectangle of output pixels which share their taps. Offsets and
// steps count floats within an image.
type rect struct {
	segs         []kernel.Segment // the taps of the first pixel
	ni, nj       int              // pixels; strips run along j
	inI, inJ     int              // steps of the input along i and j
	out          int              // offset of the first pixel in the output
	outI, outJ   int              // steps of the output along i and j
	strips, taps int              // strips along j; steps of the sum
}

type planKey struct {
	s        ConvShape
	backward bool
}

// maxPlans bounds the memory of plans where shapes vary without end.
const maxPlans = 256

// plan returns the plan for a shape, from memory if it was made before.
func (r *Runner) plan(s ConvShape, backward bool) *plan {
	key := planKey{s, backward}
	p := r.plans[key]
	if p == nil {
		if len(r.plans) >= maxPlans {
			clear(r.plans)
		}
		p = r.newPlan(s, backward)
		r.plans[key] = p
	}
	return p
}

func (r *Runner) newPlan(s ConvShape, backward bool) *plan {
	p := &plan{backward: backward, n: s.N, kh: s.KH, kw: s.KW}
	spansH, spansW := s.axes(backward)
	p.inH, p.inW, p.inC, p.outH, p.outW, p.outC = s.H, s.W, s.C, s.OH(), s.OW(), s.K
	if backward {
		p.inH, p.inW, p.inC, p.outH, p.outW, p.outC = s.OH(), s.OW(), s.K, s.H, s.W, s.C
	}
	p.panels, p.panelSize = ceil(p.outC, r.k.NR), s.KH*s.KW*p.inC*r.k.NR
	for _, h := range spansH {
		for _, w := range spansW {
			q := p.rect(h, w, r.k)
			p.rects = append(p.rects, q)
			p.perImage += q.ni * q.strips
			p.work += s.N * q.ni * q.nj * q.taps * p.outC
		}
	}
	size := p.inH * p.inW * p.inC
	p.byImage = p.imagesAreCheaper(r.k.MR) && min(p.n, r.k.MR)*size <= gatherSize
	p.perChunk = max(1, stripSize*p.perImage/max(size, 1))
	if p.byImage {
		p.inStride = oddLines(size)
		p.perChunk = max(1, stripSize/(r.k.MR*max(size, 1)))
	}
	return p
}

// gatherSize is the most numbers in a strip of gathered images, 1 MiB.
const gatherSize = 256 << 10

// rect makes the rectangle of two spans.
func (p *plan) rect(h, w span, k *kernel.Impl) rect {
	row := p.inW * p.inC
	q := rect{
		ni: h.n, inI: h.inStep * row, outI: h.outStep * p.outW * p.outC,
		nj: w.n, inJ: w.inStep * p.inC, outJ: w.outStep * p.outC,
		out:  (h.out*p.outW + w.out) * p.outC,
		taps: len(h.taps) * len(w.taps) * p.inC,
	}
	if q.ni > q.nj {
		q.ni, q.nj, q.inI, q.inJ, q.outI, q.outJ = q.nj, q.ni, q.inJ, q.inI, q.outJ, q.outI
	}
	q.strips = ceil(q.nj, k.MR)
	if q.taps == 0 {
		q.inI, q.inJ = 0, 0 // nothing is read
		return q
	}
	for _, a := range h.taps {
		for _, b := range w.taps {
			s := kernel.Segment{A: a.in*row + b.in*p.inC, B: (a.k*p.kw + b.k) * p.inC * k.NR, K: p.inC}
			q.segs = join(q.segs, s, 1, k.NR)
		}
	}
	return q
}

// join appends s to segs, to the last segment if s continues it.
func join(segs []kernel.Segment, s kernel.Segment, ks, bs int) []kernel.Segment {
	if len(segs) > 0 {
		last := &segs[len(segs)-1]
		if last.A+last.K*ks == s.A && last.B+last.K*bs == s.B && last.K+s.K <= maxSteps {
			last.K += s.K
			return segs
		}
	}
	return append(segs, s)
}

// imagesAreCheaper estimates the time of both ways. A tile of few rows takes as
// long as one of four, because then it waits for its own sums, and every step
// has some cost beside the rows.
func (p *plan) imagesAreCheaper(mr int) bool {
	cost := func(rows int) int {
		strips := ceil(rows, mr)
		return strips * (max(ceil(rows, max(strips, 1)), 4) + 1)
	}
	var byPixel, byImage int
	for _, q := range p.rects {
		byPixel += p.n * q.ni * cost(q.nj) * q.taps
		byImage += q.ni * q.nj * cost(p.n) * q.taps
	}
	return byImage*10 < byPixel*9
}

// panelsAreOwn says whether a task packs one panel and does all strips with it.
// Filters that outgrow the cache are else read anew for every chunk of the input,
// after they were packed through memory. Then it may cost less to read the input
// anew for every panel, which counts double as it is not in one run. By image it
// is done if one chunk is all, which then stays.
func (p *plan) panelsAreOwn(threads, mr int) bool {
	packed := p.panels * p.panelSize
	if packed < ownSize || threads > 1 && p.panels < 4*threads {
		return false
	}
	chunks := ceil(p.strips(mr), p.perChunk)
	return chunks == 1 || !p.byImage && 2*p.panels*p.n*p.inH*p.inW*p.inC < (chunks+2)*packed
}

// ownSize is the fewest numbers in filters that tasks pack for themselves, 512 KiB.
const ownSize = 128 << 10

// strips returns the number of strips of all images.
func (p *plan) strips(mr int) int {
	if p.byImage {
		return ceil(p.n, mr)
	}
	return p.n * p.perImage
}
