package gemm

import "github.com/locimem/locimem/tensor/internal/kernel"

// The gradient of the weights in Winograd's way is the chain rule applied to
// its equation. Y = A^T [U * V] A with U = G g G^T, so, summed over the tiles,
//
//	dU = V * (A dY A^T),   dg = G^T dU G
//
// and dU is again one product of matrices for each place: [C, tiles] by [tiles,
// K]. The sum over tiles is cut into parts at places that only the shape
// decides, each done by one worker, and the parts are added in order.

// winogradWeightsJob is a backward-weights pass under way.
type winogradWeightsJob struct {
	*winogradPlan
	dw, dy, x []float32
}

// weightsWinograd adds up the gradient of the weights, of size numbers, or sets
// it.
func (r *Runner) weightsWinograd(p *winogradPlan, dw, dy, x []float32, accumulate bool) {
	r.winogradW = winogradWeightsJob{p, dw, dy, x}
	scratch(&r.partial, p.parts*len(dw))
	r.run(p.parts, p.work, r.winogradPartTask)
	r.winogradW = winogradWeightsJob{}
	r.weights = weightsJob{weightsPlan: &p.sum, dw: dw, acc: accumulate}
	r.run(ceil(len(dw), sumSize), p.parts*len(dw), r.sumPartsTask)
	r.weights = weightsJob{}
}

// winogradPart computes one part of the sum.
func (r *Runner) winogradPart(part, wk int) {
	j, w, nr := &r.winogradW, &r.workers[wk], r.k.NR
	places, sizeU := j.a*j.a, j.inC*j.outC
	du := scratch(&w.c, places*sizeU)
	block0, block1 := cut(j.blocks, j.parts, part)
	t := &w.tile
	*t = kernel.Tile{RS: 1, KS: j.inStride, BS: nr, CS: j.outC}
	for block := block0; block < block1; block++ {
		band0, band1 := cut(j.bands, j.blocks, block)
		tiles := (band1 - band0) * j.tilesW
		v := r.winogradInputs(w, j.winogradPlan, j.x, band0, band1)
		place := tiles * j.inStride
		q := r.winogradGradients(w, band0, band1)
		w.segs = append(w.segs[:0], kernel.Segment{K: tiles})
		t.Segs, t.Acc = w.segs, block > block0
		strips := ceil(j.inC, r.k.MR)
		for at := range places {
			for panel := range j.panels {
				col := panel * nr
				t.N = min(nr, j.outC-col)
				t.B = q[(at*j.panels+panel)*tiles*nr:]
				for s := range strips {
					from, to := cut(j.inC, strips, s)
					t.M = to - from
					t.A, t.C = v[at*place+from:], du[at*sizeU+from*j.outC+col:]
					r.k.Tile(t)
				}
			}
		}
	}
	*t = kernel.Tile{}
	dw := r.partial[part*len(j.dw):]
	for c := range j.inC {
		r.k.WinogradTransform(j.filterT, dw[c*j.outC:], 3*sizeU, sizeU, du[c*j.outC:], j.a*sizeU, sizeU, j.outC)
	}
}

// winogradGradients returns the transformed output gradients of some bands:
// number (place, panel, tile, k) stands at ((place*panels + panel)*tiles + tile)*NR + k.
func (r *Runner) winogradGradients(w *worker, band0, band1 int) []float32 {
	j, nr := &r.winogradW, r.k.NR
	tiles := (band1 - band0) * j.tilesW
	size := j.panels * tiles * nr
	buf := scratch(&w.b, j.a*j.a*size+j.m*j.m*j.outC)
	q, edge := buf[:j.a*j.a*size], buf[j.a*j.a*size:]
	for tile := range tiles {
		band, tw := band0+tile/j.tilesW, tile%j.tilesW
		image, h, wd := band/j.tilesH, band%j.tilesH*j.m, tw*j.m
		dy := j.dy[((image*j.outH+h)*j.outW+wd)*j.outC:]
		si, sj := j.outW*j.outC, j.outC
		if rows, columns := min(j.m, j.outH-h), min(j.m, j.outW-wd); rows < j.m || columns < j.m {
			clear(edge)
			for u := range rows {
				copy(edge[u*j.m*j.outC:], dy[u*si:][:columns*j.outC])
			}
			dy, si = edge, j.m*j.outC
		}
		for panel := range j.panels {
			col := panel * nr
			r.k.WinogradTransform(j.outputT, q[(panel*tiles+tile)*nr:], j.a*size, size, dy[col:], si, sj, min(nr, j.outC-col))
		}
	}
	return q
}
