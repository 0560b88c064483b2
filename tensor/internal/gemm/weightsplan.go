package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// weightsPlan is all that a backward-weights pass derives from its shape.
//
// The gradient is a matrix of KH*KW*C rows (the input channels at each place of
// the kernel) by K columns, and every one of its numbers a sum over output
// pixels: those for which the place falls inside the image. A piece is a group
// of rows that lie together in the input too, so that the tile reads them at
// one stride, and a rectangle of output pixels to sum over. The steps of the
// tile's sum are those pixels, in segments.
//
// With many channels there is one piece for each place of the kernel. With few,
// the places of a kernel row are taken together, because a tile of three rows
// could not be fast, in one piece for every span of output pixels that sees the
// same of them.
//
// The sum is done block by block: some images, or a band of one large image,
// that fit into the second-level cache and are used from there by all tiles.
// For small images a block is laid out anew with the images inside: [H, W,
// images, C]. Then the same pixel of all images is one long segment.
//
// A 1 x 1 window with a stride sees one pixel of several, and knows no images:
// the pixels that it sees are gathered block by block, and all that follows works
// on one image of N*OH rows without a stride.
type weightsPlan struct {
	s            ConvShape
	gathered     *ConvShape // the shape before gathering, or nil
	oh, ow       int
	panels       int // of NR columns
	units        []unit
	imagesInside bool
	groups       int // of images
	bands        int // of the rows of output pixels
	blocks       int // groups x bands
	parts        int // parts of the sum, each a run of blocks
	work         int // multiply-adds
}

// unit is a group of rows of the gradient that one task sums up, piece by piece.
type unit struct {
	row, rows int
	pieces    []piece
}

// piece adds the sum over a rectangle of output pixels to some rows.
type piece struct {
	row, rows      int
	ih, iw         int // the input pixel of output pixel (0, 0); it may lie outside
	h0, h1, w0, w1 int // the rectangle
}

// block is a range of images and a band of output rows.
type block struct{ n0, n1, h0, h1 int }

func (b block) outputs(ow int) int { return (b.n1 - b.n0) * (b.h1 - b.h0) * ow }

const (
	// blockNumbers is about how many numbers of input and output gradient a
	// block holds, 320 KiB.
	blockNumbers = 80 << 10
	// maxSteps bounds one call of the tile to some hundred microseconds, in
	// which the goroutine cannot be preempted.
	maxSteps = 32 << 10
	// partNumbers is how many numbers the parts of a gradient may have together.
	partNumbers = 512 << 10
	maxParts    = 16
	// fewChannels: with fewer, a piece joins places of the kernel.
	fewChannels = 8
	// longRow: images with as many output pixels are read where they lie.
	longRow = 128
)

// weightsPlan returns the plan for a shape, from memory if it was made before.
func (r *Runner) weightsPlan(s ConvShape) *weightsPlan {
	p := r.weightsPlans[s]
	if p == nil {
		if len(r.weightsPlans) >= maxPlans {
			clear(r.weightsPlans)
		}
		p = r.newWeightsPlan(s)
		r.weightsPlans[s] = p
	}
	return p
}

func (r *Runner) newWeightsPlan(s ConvShape) *weightsPlan {
	p := &weightsPlan{panels: ceil(s.K, r.k.NR)}
	if s.KH == 1 && s.KW == 1 && s.PadH == 0 && s.PadW == 0 && max(s.StrideH, s.StrideW) > 1 {
		whole := s
		p.gathered = &whole
		s = ConvShape{N: 1, H: s.N * s.OH(), W: s.OW(), C: s.C, KH: 1, KW: 1, K: s.K, StrideH: 1, StrideW: 1}
	}
	p.s, p.oh, p.ow = s, s.OH(), s.OW()
	p.imagesInside = p.gathered == nil && s.C >= fewChannels && p.oh*p.ow < longRow
	p.makeUnits()
	for _, u := range p.units {
		for _, q := range u.pieces {
			p.work += s.N * q.rows * (q.h1 - q.h0) * (q.w1 - q.w0) * s.K
		}
	}
	if p.work == 0 {
		return p
	}
	p.makeBlocks(s.H*s.W*s.C + p.oh*p.ow*2*r.k.NR)
	for p.parts = 1; p.parts*2 <= min(p.blocks, maxParts, partNumbers/(s.KH*s.KW*s.C*s.K)); {
		p.parts *= 2
	}
	return p
}

// makeBlocks cuts the sum into blocks, where an image has size numbers.
func (p *weightsPlan) makeBlocks(size int) {
	p.groups = ceil(p.s.N, max(1, blockNumbers/size))
	p.bands = 1
	if !p.imagesInside {
		p.bands = min(p.oh, ceil(size, blockNumbers))
	}
	p.blocks = p.groups * p.bands
}

// makeUnits cuts the rows of the gradient into units. With few channels the places
// of a kernel row go together.
func (p *weightsPlan) makeUnits() {
	s := p.s
	add := func(u *unit, a, b, places, w0, w1 int) {
		h0, h1 := seen(p.oh, s.H, a, s.StrideH, s.PadH)
		if h0 < h1 && w0 < w1 {
			u.pieces = append(u.pieces, piece{(a*s.KW + b) * s.C, places * s.C, a - s.PadH, b - s.PadW, h0, h1, w0, w1})
		}
	}
	for a := range s.KH {
		if s.C < fewChannels {
			u := unit{row: a * s.KW * s.C, rows: s.KW * s.C}
			for _, w := range forwardAxis(p.ow, s.W, s.KW, s.StrideW, s.PadW) {
				if len(w.taps) > 0 {
					add(&u, a, w.taps[0].k, len(w.taps), w.out, w.out+w.n)
				}
			}
			p.units = append(p.units, u)
			continue
		}
		for b := range s.KW {
			u := unit{row: (a*s.KW + b) * s.C, rows: s.C}
			w0, w1 := seen(p.ow, s.W, b, s.StrideW, s.PadW)
			add(&u, a, b, 1, w0, w1)
			p.units = append(p.units, u)
		}
	}
}

// seen returns the outputs for which place k of the kernel falls on the input.
func seen(out, in, k, stride, pad int) (from, to int) {
	from = min(out, ceil(max(0, pad-k), stride))
	to = min(out, ceil(max(0, in+pad-k), stride))
	return from, max(from, to)
}

// block returns block i.
func (p *weightsPlan) block(i int) block {
	var b block
	b.n0, b.n1 = cut(p.s.N, p.groups, i/p.bands)
	b.h0, b.h1 = cut(p.oh, p.bands, i%p.bands)
	return b
}

// segments appends a piece's segments in a block and sets the tile's strides
// along the sum. Offsets are from the start of the block's input and of its
// panel of the output gradient.
func (p *weightsPlan) segments(segs []kernel.Segment, t *kernel.Tile, q *piece, b block, nr int) []kernel.Segment {
	s := p.s
	images := b.n1 - b.n0
	h0, h1 := max(q.h0, b.h0), min(q.h1, b.h1)
	t.KS, t.BS = s.StrideW*s.C, nr
	if p.imagesInside {
		t.KS = s.C
		for i := h0; i < h1; i++ {
			for j := q.w0; j < q.w1; j++ {
				in := (i*s.StrideH+q.ih)*s.W + j*s.StrideW + q.iw
				segs = join(segs, kernel.Segment{A: in * images * s.C, B: ((i-b.h0)*p.ow + j) * images * nr, K: images}, t.KS, t.BS)
			}
		}
		return segs
	}
	bandOutputs := (b.h1 - b.h0) * p.ow
	whole := s.StrideW == 1 && s.StrideH == 1 && q.w1-q.w0 == s.W // rows continue each other
	alongH := h1-h0 > q.w1-q.w0 && !whole
	if alongH {
		t.KS, t.BS = s.StrideH*s.W*s.C, p.ow*nr
	}
	for n := range images {
		a0, b0 := n*s.H*s.W*s.C, n*bandOutputs*nr
		if p.gathered != nil {
			a0 = -b.h0 * s.W * s.C // only the band is there
		}
		if alongH {
			for j := q.w0; j < q.w1; j++ {
				in := (h0*s.StrideH+q.ih)*s.W + j*s.StrideW + q.iw
				segs = join(segs, kernel.Segment{A: a0 + in*s.C, B: b0 + ((h0-b.h0)*p.ow+j)*nr, K: h1 - h0}, t.KS, t.BS)
			}
			continue
		}
		for i := h0; i < h1; i++ {
			in := (i*s.StrideH+q.ih)*s.W + q.w0*s.StrideW + q.iw
			segs = join(segs, kernel.Segment{A: a0 + in*s.C, B: b0 + ((i-b.h0)*p.ow+q.w0)*nr, K: q.w1 - q.w0}, t.KS, t.BS)
		}
	}
	return segs
}
