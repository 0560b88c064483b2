package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// Winograd's convolution (Lavin and Gray 2016, arXiv 1509.09308) makes m x m
// outputs of a 3 x 3 window out of a x a inputs, a = m + 2, with a*a
// multiplications for each pair of channels where the definition takes 9*m*m:
//
//	Y = A^T [ sum over c of (G g G^T) * (B^T d B) ] A
//
// with * number by number. The inputs d and the weights g are transformed once
// and used for all pairs of channels. What is left is one product of matrices,
// [tiles, C] by [C, K], for each of the a*a places, and the register tile does
// those.
//
// The result is a sum in another order than the definition's, with factors that
// are not exact. Measured (TestWinogradErrorByLayer), for m = 2 the error is
// about that of the direct way, whose sums are longer, and for m = 4 about five
// times as large. NaN and infinity spread over the outputs of their tile. So
// this is an option.

// Winograd is the largest m of F(m x m, 3 x 3) that a convolution may use where it
// should be faster: Direct, 2 or 4.
type Winograd int

// Direct convolves by the definition.
const Direct Winograd = 0

// winogradKind is one choice of m with its transforms.
type winogradKind struct {
	m                                       int // outputs along each side of a tile
	input, filter, output, outputT, filterT kernel.Transform
	// What the transforms of a tile cost for each channel of the input and of
	// the output, in multiply-adds of the register tile that take as long.
	inCost, outCost int
}

// winogradKinds are the choices, the larger m first.
var winogradKinds = []winogradKind{
	{4, kernel.Input4, kernel.Filter4, kernel.Output4, kernel.OutputT4, kernel.FilterT4, 900, 600},
	{2, kernel.Input2, kernel.Filter2, kernel.Output2, kernel.OutputT2, kernel.FilterT2, 300, 200},
}

// winogradTiles is about how many tiles of outputs a block has, and
// winogradNumbers how many transformed inputs at most unless the tiles are few.
const (
	winogradTiles   = 56
	winogradNumbers = 1 << 20
)

// winogradPlan is what a pass derives from its shape. Tiles are numbered by
// image, row and column; a row of tiles is a band.
type winogradPlan struct {
	winogradKind
	a                int // m + 2
	n                int
	inH, inW, inC    int
	outH, outW, outC int
	padH, padW       int
	tilesH, tilesW   int
	bands, blocks    int // a block is some bands
	maxTiles         int // of a block
	panels           int
	inStride         int // from one tile's channels to the next one's
	paddedW          int
	parts            int         // of the sum over tiles, backward weights only
	sum              weightsPlan // says as much to sumParts
	work             int
}

// winogradPass is one of the three passes of a convolution.
type winogradPass int

const (
	winogradForward winogradPass = iota
	winogradData
	winogradWeights
)

type winogradKey struct {
	s    ConvShape
	pass winogradPass
	most Winograd
}

// winogradPlan returns the plan of a pass with F(m x m, 3 x 3), m <= most, if the
// shape allows it and it should be faster than the definition, which takes direct
// multiply-adds; else nil.
func (r *Runner) winogradPlan(s ConvShape, pass winogradPass, most Winograd, direct int) *winogradPlan {
	if most == Direct || s.KH != 3 || s.KW != 3 || s.StrideH != 1 || s.StrideW != 1 || s.PadH > 2 || s.PadW > 2 {
		return nil
	}
	key := winogradKey{s, pass, most}
	best, known := r.winogradPlans[key]
	if known {
		return best
	}
	if len(r.winogradPlans) >= maxPlans {
		clear(r.winogradPlans)
	}
	least := direct
	for _, kind := range winogradKinds {
		if kind.m > int(most) {
			continue
		}
		p := newWinogradPlan(s, pass, kind, r.k.NR)
		if p.work < least && p.bands > 0 {
			best, least = p, p.work
		}
	}
	r.winogradPlans[key] = best
	return best
}

func newWinogradPlan(s ConvShape, pass winogradPass, kind winogradKind, nr int) *winogradPlan {
	p := &winogradPlan{winogradKind: kind, a: kind.m + 2, n: s.N,
		inH: s.H, inW: s.W, inC: s.C, outH: s.OH(), outW: s.OW(), outC: s.K, padH: s.PadH, padW: s.PadW}
	if pass == winogradData {
		// The gradient of the input is the convolution of the output's with the
		// weights turned by half a turn.
		p.inH, p.inW, p.inC, p.outH, p.outW, p.outC = p.outH, p.outW, p.outC, p.inH, p.inW, p.inC
		p.padH, p.padW = 2-p.padH, 2-p.padW
	}
	p.tilesH, p.tilesW = ceil(p.outH, p.m), ceil(p.outW, p.m)
	p.bands = p.n * p.tilesH
	p.inStride, p.paddedW, p.panels = oddLines(p.inC), p.tilesW*p.m+2, ceil(p.outC, nr)
	tiles := min(winogradTiles, max(14, winogradNumbers/(p.a*p.a*max(p.inC, 1))))
	perBlock := max(1, tiles/max(p.tilesW, 1))
	p.blocks = ceil(p.bands, perBlock)
	p.maxTiles = ceil(p.bands, max(p.blocks, 1)) * p.tilesW
	for p.parts = 1; p.parts < maxParts/2 && p.parts*2 <= p.blocks; {
		p.parts *= 2
	}
	p.sum.parts = p.parts
	all := p.bands * p.tilesW
	p.work = all * (p.a*p.a*p.inC*p.outC + p.inC*p.inCost + p.outC*p.outCost)
	p.work += p.inC * p.outC * p.a * p.a * 2 // the weights
	return p
}

// winogradJob is a forward or backward-data pass under way.
type winogradJob struct {
	*winogradPlan
	in, out, w, bias []float32
	acc, turned      bool
}

// convolveWinograd does the pass that r.winograd describes.
func (r *Runner) convolveWinograd() {
	j := &r.winograd
	scratch(&r.packed, j.a*j.a*j.panels*j.inC*r.k.NR)
	r.run(j.panels, j.inC*j.outC*j.a*j.a, r.winogradFiltersTask)
	r.run(j.blocks, j.work, r.winogradBlockTask)
	*j = winogradJob{}
}

// winogradFilters transforms and packs the weights of one panel of output
// channels: number (place, c, k) stands at ((place*panels + panel)*inC + c)*NR + k.
func (r *Runner) winogradFilters(panel, wk int) {
	j, w, nr := &r.winograd, &r.workers[wk], r.k.NR
	col := panel * nr
	cols := min(nr, j.outC-col)
	src, row, from := j.w, j.outC, col // [3,3,inC,outC]
	if j.turned {
		src = scratch(&w.a, 9*j.inC*nr)
		for place := range 9 {
			r.k.Transpose(src[place*j.inC*nr:], nr, j.w[((8-place)*j.outC+col)*j.inC:], j.inC, cols, j.inC)
		}
		row, from = nr, 0
	}
	size := j.panels * j.inC * nr
	for c := range j.inC {
		r.k.WinogradTransform(j.filter, r.packed[(panel*j.inC+c)*nr:], j.a*size, size, src[c*row+from:], 3*j.inC*row, j.inC*row, cols)
	}
}

// winogradBlock computes the outputs of one block of tiles.
func (r *Runner) winogradBlock(block, wk int) {
	j, w, nr := &r.winograd, &r.workers[wk], r.k.NR
	band0, band1 := cut(j.bands, j.blocks, block)
	tiles := (band1 - band0) * j.tilesW
	v := r.winogradInputs(w, j.winogradPlan, j.in, band0, band1)
	place := tiles * j.inStride
	buf := scratch(&w.b, j.a*j.a*tiles*nr+j.m*j.m*nr)
	products, edge := buf[:j.a*j.a*tiles*nr], buf[j.a*j.a*tiles*nr:]

	t := &w.tile
	*t = kernel.Tile{KS: 1, RS: j.inStride, BS: nr, CS: nr}
	w.segs = append(w.segs[:0], kernel.Segment{K: j.inC})
	t.Segs = w.segs
	strips := ceil(tiles, r.k.MR)
	for panel := range j.panels {
		col := panel * nr
		t.N = min(nr, j.outC-col)
		for q := range j.a * j.a {
			t.B = r.packed[(q*j.panels+panel)*j.inC*nr:]
			for s := range strips {
				from, to := cut(tiles, strips, s)
				t.M = to - from
				t.A, t.C = v[q*place+from*j.inStride:], products[(q*tiles+from)*nr:]
				r.k.Tile(t)
			}
		}
		for tile := range tiles {
			r.winogradOutput(products[tile*nr:], tiles*nr, edge, band0+tile/j.tilesW, tile%j.tilesW, col, t.N)
		}
	}
	*t = kernel.Tile{}
}

// winogradOutput transforms one tile of one panel back and stores what of it
// lies inside the output.
func (r *Runner) winogradOutput(products []float32, place int, edge []float32, band, tw, col, cols int) {
	j, nr := &r.winograd, r.k.NR
	image, h, w := band/j.tilesH, band%j.tilesH*j.m, tw*j.m
	rows, columns := min(j.m, j.outH-h), min(j.m, j.outW-w)
	out := j.out[((image*j.outH+h)*j.outW+w)*j.outC+col:]
	if rows == j.m && columns == j.m && !j.acc && j.bias == nil {
		r.k.WinogradTransform(j.output, out, j.outW*j.outC, j.outC, products, j.a*place, place, cols)
		return
	}
	r.k.WinogradTransform(j.output, edge, j.m*nr, nr, products, j.a*place, place, cols)
	for u := range rows {
		for v := range columns {
			x, to := edge[(u*j.m+v)*nr:][:cols], out[(u*j.outW+v)*j.outC:][:cols]
			if j.bias != nil {
				r.k.Acc(x, j.bias[col:][:cols])
			}
			if j.acc {
				r.k.Acc(to, x)
			} else {
				copy(to, x)
			}
		}
	}
}

// winogradInputs returns the transformed inputs of some bands: number (place,
// tile, c) stands at (place*tiles + tile)*inStride + c.
func (r *Runner) winogradInputs(w *worker, p *winogradPlan, in []float32, band0, band1 int) []float32 {
	tiles := (band1 - band0) * p.tilesW
	place := tiles * p.inStride
	v := scratch(&w.a, p.a*p.a*place)
	padded := scratch(&w.b, p.a*p.paddedW*p.inC)
	row := p.paddedW * p.inC
	for band := band0; band < band1; band++ {
		image, h := band/p.tilesH, band%p.tilesH*p.m-p.padH
		for u := range p.a {
			p.padRow(padded[u*row:][:row], in[image*p.inH*p.inW*p.inC:], h+u)
		}
		for tw := range p.tilesW {
			tile := (band-band0)*p.tilesW + tw
			r.k.WinogradTransform(p.input, v[tile*p.inStride:], p.a*place, place, padded[tw*p.m*p.inC:], row, p.inC, p.inC)
		}
	}
	return v
}

// padRow copies row h of an image between its zeros; all of a row outside of
// the image is zeros.
func (p *winogradPlan) padRow(dst, image []float32, h int) {
	if h < 0 || h >= p.inH {
		clear(dst)
		return
	}
	left := p.padW * p.inC
	clear(dst[:left])
	n := copy(dst[left:], image[h*p.inW*p.inC:][:p.inW*p.inC])
	clear(dst[left+n:])
}
