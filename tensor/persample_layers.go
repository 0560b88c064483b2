package tensor

import "github.com/locimem/locimem/tensor/internal/gemm"

// linearBySample notes the gradients dy^T x of the weight w [out,in] of a linear
// layer, x [rows,in] and dy [rows,out] having t rows of each sample. Where there are
// few, the norm comes from products of rows, without the gradient (Goodfellow 2015,
// arXiv 1510.01799, and for t > 1 Li et al. 2022, arXiv 2110.05679, Section 4):
//
//	|dy^T x|^2 = sum over r, s of <x_r, x_s> <dy_r, dy_s>
//
// Else one sample's gradient after the other is made and measured.
func (tp *Tape) linearBySample(w, x, dy *Tensor) {
	in, out := x.Dim(1), dy.Dim(1)
	s, e, t := tp.samplesOf, tp.e, tp.rowsBySample(x.Dim(0))
	s.once(w)
	x, dy = tp.holdSampled(x, dy)
	of := func(v *Tensor, i, c int) []float32 { return v.data[i*t*c : (i+1)*t*c] }
	if t == 1 || ghostIsCheaper(t, in, out) {
		e.pool.Run(s.n, func(i, _ int) { s.squares[i] += e.productNorm(of(x, i, in), of(dy, i, out), t) })
	} else {
		one := &Tensor{shape: []int{out, in}, data: e.arena.Get(out * in)}
		for i := range s.n {
			e.matmul(one.data, &Tensor{shape: []int{t, out}, data: of(dy, i, out)}, true, &Tensor{shape: []int{t, in}, data: of(x, i, in)}, false, gemm.Epilogue{})
			s.squares[i] += e.SumSquares(one)
		}
		e.arena.Put(one.data)
	}
	s.later = append(s.later, func(weights []float64) {
		e.scaleSamples(dy, weights)
		g, holds := tp.gradOf(w)
		e.matmul(g, dy, true, x, false, gemm.Epilogue{Accumulate: holds})
	})
}

// ghostIsCheaper weighs t*(t+1)/2 products of rows, which take about four times as
// long for a number as a matrix product, against the gradient.
func ghostIsCheaper(t, in, out int) bool { return 2*(t+1)*(in+out) <= in*out }

// productNorm returns |dy^T x|^2 of t rows.
func (e *Engine) productNorm(x, dy []float32, t int) (sum float64) {
	in, out := len(x)/t, len(dy)/t
	for r := range t {
		xr, dr := x[r*in:(r+1)*in], dy[r*out:(r+1)*out]
		for s := range r {
			sum += 2 * e.k.Dot(xr, x[s*in:(s+1)*in]) * e.k.Dot(dr, dy[s*out:(s+1)*out])
		}
		sum += e.k.Dot(xr, xr) * e.k.Dot(dr, dr)
	}
	return sum
}

// convBySample notes the gradients of the weight w of a convolution: one sample's
// after the other is made and measured.
func (tp *Tape) convBySample(w, x, dy *Tensor, shape gemm.ConvShape) {
	s, e := tp.samplesOf, tp.e
	s.once(w)
	tp.rowsBySample(shape.N)
	x, dy = tp.holdSampled(x, dy)
	own := shape
	own.N = shape.N / s.n
	sx, sy := len(x.data)/s.n, len(dy.data)/s.n
	one := &Tensor{shape: w.shape, data: e.arena.Get(len(w.data))}
	// Both passes are Direct: what is measured is what is added.
	for i := range s.n {
		e.gemm.ConvBackwardWeights(one.data, dy.data[i*sy:(i+1)*sy], x.data[i*sx:(i+1)*sx], own, false, gemm.Direct)
		s.squares[i] += e.SumSquares(one)
	}
	e.arena.Put(one.data)
	s.later = append(s.later, func(weights []float64) {
		e.scaleSamples(dy, weights)
		g, holds := tp.gradOf(w)
		e.gemm.ConvBackwardWeights(g, dy.data, x.data, shape, holds, gemm.Direct)
	})
}

// holdSampled makes x live until Release and copies dy, whose buffer the gradient of
// another tensor may take over.
func (tp *Tape) holdSampled(x, dy *Tensor) (held, own *Tensor) {
	if x.tape != nil {
		tp.Keep(x)
	}
	own = &Tensor{shape: dy.shape, data: tp.scratch(len(dy.data))}
	tp.e.chunks(len(own.data), sweep, func(lo, hi int) { copy(own.data[lo:hi], dy.data[lo:hi]) })
	return x, own
}

// scaleSamples multiplies each sample's part of t by its weight.
func (e *Engine) scaleSamples(t *Tensor, weights []float64) {
	size := len(t.data) / len(weights)
	e.samples(len(weights), size, func(i int) {
		v := t.data[i*size : (i+1)*size]
		e.k.Scale(v, v, float32(weights[i]))
	})
}

// layerNormBySample is the way back of LayerNorm with gamma's and beta's gradients by
// sample.
func (tp *Tape) layerNormBySample(x, gamma, beta, dy *Tensor, mean, invstd []float32) {
	rows, c := x.rows()
	e, n, t := tp.e, tp.samplesOf.n, tp.rowsBySample(rows)
	part := e.arena.Get(2 * n * c)
	defer e.arena.Put(part)
	clear(part)
	work := func(dst []float32, i int, lo, hi int) {
		p := part[2*c*i:][:2*c]
		e.k.LayerNormGrad(dst, p[:c], p[c:], dy.data[lo*c:hi*c], x.data[lo*c:hi*c], gamma.data, mean[lo:hi], invstd[lo:hi])
	}
	tp.addGradAnyway(x, func(dx []float32) {
		e.pool.Run(n, func(i, _ int) {
			eachChunk(t, c, func(lo, hi int) {
				lo, hi = i*t+lo, i*t+hi
				work(dx[lo*c:hi*c], i, lo, hi)
			})
		})
	})
	tp.addParts(gamma, part, n, 2*c)
	tp.addParts(beta, part[c:], n, 2*c)
}

// addGradAnyway is addGradFrom also where nobody wants the gradient.
func (tp *Tape) addGradAnyway(t *Tensor, fill func(dst []float32)) {
	if t.needs {
		tp.addGradFrom(t, fill)
		return
	}
	b := tp.e.arena.Get(len(t.data))
	fill(b)
	tp.e.arena.Put(b)
}
