package gemm

import (
	"math"

	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// AttentionShape describes scaled dot-product attention (Vaswani et al. 2017,
// equation 1) of N sequences of T tokens with Heads heads of D numbers. Queries,
// keys and values come as one array qkv [N,T,3,Heads,D], the result and its
// gradient are [N,T,Heads,D].
type AttentionShape struct{ N, T, Heads, D int }

// scale is what the products of queries and keys are multiplied by.
func (s AttentionShape) scale() float32 { return float32(1 / math.Sqrt(float64(s.D))) }

// Attention computes attention on the register tile. Each task is one head of
// one sequence, so results are the same bits for any number of workers. The
// scores of the head, T x T, never exist as a whole: they are made block by
// block, turned into probabilities by a softmax that goes along (Milakov and
// Gimelshein 2018; Dao et al. 2022), multiplied with the values and forgotten.
// The way back makes them again from the logarithm of each row's sum.
type Attention struct {
	k       *kernel.Impl
	p       *pool.Pool
	workers []attentionWorker

	// The call under way.
	s              AttentionShape
	qkv, out, lse  []float32
	dqkv, dout     []float32
	forward, grads func(task, worker int) // made once: a method value allocates
}

// attentionWorker is what each worker has for itself.
type attentionWorker struct {
	tile   kernel.Tile
	segs   [1]kernel.Segment
	memory []float32
	_      [64]byte // keeps neighbours off the cache line
}

// Scores are made in blocks of at most this many queries, as equal as they can
// be, and keys. A block and what it is multiplied with stay in the second-level
// cache.
const (
	queryBlock = 70
	keyBlock   = 512 // a multiple of every NR
)

// NewAttention returns an Attention that computes with k on the workers of p.
func NewAttention(k *kernel.Impl, p *pool.Pool) *Attention {
	a := &Attention{k: k, p: p, workers: make([]attentionWorker, p.Threads())}
	a.forward, a.grads = a.forwardHead, a.gradHead
	return a
}

// Forward sets out and, if lse [N,Heads,T] is not nil, the logarithm of the sum
// of e^score of every query, divided by the scale of the scores.
func (a *Attention) Forward(out, lse, qkv []float32, s AttentionShape) {
	a.check(s, qkv, out)
	if lse != nil {
		need("lse", len(lse), s.N*s.Heads*s.T, s)
	}
	a.s, a.qkv, a.out, a.lse = s, qkv, out, lse
	a.p.Run(s.N*s.Heads, a.forward)
	a.qkv, a.out, a.lse = nil, nil, nil
}

// Backward sets dqkv, the gradient of qkv, from dout, the gradient of out; lse
// and out are those of Forward.
func (a *Attention) Backward(dqkv, dout, qkv, out, lse []float32, s AttentionShape) {
	a.check(s, qkv, out)
	a.check(s, dqkv, dout)
	need("lse", len(lse), s.N*s.Heads*s.T, s)
	a.s, a.qkv, a.out, a.lse, a.dqkv, a.dout = s, qkv, out, lse, dqkv, dout
	a.p.Run(s.N*s.Heads, a.grads)
	a.qkv, a.out, a.lse, a.dqkv, a.dout = nil, nil, nil, nil, nil
}

func (a *Attention) check(s AttentionShape, qkv, out []float32) {
	n := s.N * s.T * s.Heads * s.D
	need("qkv", len(qkv), 3*n, s)
	need("out", len(out), n, s)
}

// head gives queries, keys and values of a task's head, rows of D numbers at a
// stride of 3*Heads*D, from an array like qkv.
func (a *Attention) head(qkv []float32, task int) (q, k, v []float32) {
	s := a.s
	c := s.Heads * s.D
	x := qkv[task/s.Heads*s.T*3*c+task%s.Heads*s.D:]
	return x, x[c:], x[2*c:]
}

// rows gives the rows of a task's head, at a stride of Heads*D, from an array
// like out.
func (a *Attention) rows(out []float32, task int) []float32 {
	s := a.s
	return out[task/s.Heads*s.T*s.Heads*s.D+task%s.Heads*s.D:]
}

// forwardHead computes one head.
func (a *Attention) forwardHead(task, wk int) {
	s, w, scale := a.s, &a.workers[wk], a.s.scale()
	c := s.Heads * s.D
	q, k, v := a.head(a.qkv, task)
	out := a.rows(a.out, task)
	bq, bk := ceil(s.T, ceil(s.T, queryBlock)), min(keyBlock, s.T)
	stride := oddLines(bk)
	across, down := a.panelSize(s.D, s.T), a.panelSize(s.T, s.D)
	rest := w.scratch(across + down + bq*stride + 3*bq)
	kt := a.packTransposed(carve(&rest, across), k, 3*c, s.T, s.D)
	vp := a.pack(carve(&rest, down), v, 3*c, s.T, s.D)
	score := carve(&rest, bq*stride)
	sum, top, before := carve(&rest, bq), carve(&rest, bq), carve(&rest, bq)
	for q0 := 0; q0 < s.T; q0 += bq {
		n := min(bq, s.T-q0)
		sum, top, before := sum[:n], top[:n], before[:n]
		clear(sum)
		for i := range top {
			top[i] = float32(math.Inf(-1))
		}
		y := out[q0*c:]
		for k0 := 0; k0 < s.T; k0 += bk {
			kn := min(bk, s.T-k0)
			a.product(w, score, stride, q[q0*3*c:], 3*c, 1, kt[k0*s.D:], s.D, n, kn, s.D, false)
			copy(before, top)
			a.k.RowMax(top, score, stride, kn)
			if k0 > 0 { // what was summed up to here was relative to the old maximum
				for i, m := range before {
					before[i] = scale * (m - top[i])
				}
				a.k.Exp(before, before)
				for i, f := range before {
					sum[i] *= f
				}
				a.k.RowScale(y, c, s.D, before)
			}
			a.k.RowExp(sum, score, stride, kn, top, scale)
			a.product(w, y, c, score, stride, 1, vp[k0*a.k.NR:], s.T, n, s.D, kn, k0 > 0)
		}
		for i, v := range sum {
			before[i] = 1 / v
		}
		a.k.RowScale(y, c, s.D, before)
		if a.lse != nil {
			lse := a.lse[task*s.T+q0:]
			for i, v := range sum {
				lse[i] = top[i] + float32(math.Log(float64(v)))/scale
			}
		}
	}
}

// gradHead computes the gradients of one head. With P the probabilities, O the
// result and S the scores,
//
//	dV = P^T dO,  dP = dO V^T,  dS = P * (dP - rowsum(dO * O)),
//	dQ = scale dS K,  dK = scale dS^T Q
func (a *Attention) gradHead(task, wk int) {
	s, w, scale := a.s, &a.workers[wk], a.s.scale()
	c := s.Heads * s.D
	q, k, v := a.head(a.qkv, task)
	dq, dk, dv := a.head(a.dqkv, task)
	out, dout, lse := a.rows(a.out, task), a.rows(a.dout, task), a.lse[task*s.T:]
	bq, bk := ceil(s.T, ceil(s.T, queryBlock)), min(keyBlock, s.T)
	stride := oddLines(bk)
	across, down, block := a.panelSize(s.D, s.T), a.panelSize(s.T, s.D), a.panelSize(bq, s.D)
	rest := w.scratch(2*across + down + 2*block + 2*bq*stride + 2*bq)
	kt := a.packTransposed(carve(&rest, across), k, 3*c, s.T, s.D)
	vt := a.packTransposed(carve(&rest, across), v, 3*c, s.T, s.D)
	kp := a.pack(carve(&rest, down), k, 3*c, s.T, s.D)
	qp, op := carve(&rest, block), carve(&rest, block)
	prob, ds := carve(&rest, bq*stride), carve(&rest, bq*stride)
	dot, sum := carve(&rest, bq), carve(&rest, bq)
	for q0 := 0; q0 < s.T; q0 += bq {
		n := min(bq, s.T-q0)
		q, dq, dout := q[q0*3*c:], dq[q0*3*c:], dout[q0*c:]
		a.pack(qp, q, 3*c, n, s.D)
		a.pack(op, dout, c, n, s.D)
		a.k.RowDot(dot[:n], dout, out[q0*c:], c, s.D)
		for k0 := 0; k0 < s.T; k0 += bk {
			kn := min(bk, s.T-k0)
			a.product(w, prob, stride, q, 3*c, 1, kt[k0*s.D:], s.D, n, kn, s.D, false)
			a.k.RowExp(sum[:n], prob, stride, kn, lse[q0:], scale)
			a.product(w, dv[k0*3*c:], 3*c, prob, 1, stride, op, n, kn, s.D, n, q0 > 0)
			a.product(w, ds, stride, dout, c, 1, vt[k0*s.D:], s.D, n, kn, s.D, false)
			a.k.SoftmaxGrad(ds, prob, stride, kn, dot[:n], scale)
			a.product(w, dq, 3*c, ds, stride, 1, kp[k0*a.k.NR:], s.T, n, s.D, kn, k0 > 0)
			a.product(w, dk[k0*3*c:], 3*c, ds, 1, stride, qp, n, kn, s.D, n, q0 > 0)
		}
	}
}

// scratch returns memory of the worker for pieces of so many numbers together,
// of which carve cuts one after the other.
func (w *attentionWorker) scratch(total int) []float32 {
	const pieces = 16 // at most; each may waste a line
	return scratch(&w.memory, total+16*pieces)
}

// carve cuts n numbers off the front of rest, which starts on a cache line.
func carve(rest *[]float32, n int) []float32 {
	piece := (*rest)[:n:n]
	*rest = (*rest)[ceil(n, 16)*16:]
	return piece
}

// panelSize is the size of a matrix [k x n] in panels.
func (a *Attention) panelSize(k, n int) int { return ceil(n, a.k.NR) * a.k.NR * k }

// pack lays a matrix [k x n] out in panels of NR columns: number (p, j) of a
// panel stands at p*NR + j, columns past the last are zero.
func (a *Attention) pack(dst, x []float32, ld, k, n int) []float32 {
	nr := a.k.NR
	for col := 0; col < n; col += nr {
		panel := dst[col*k:][:nr*k]
		cols := min(nr, n-col)
		if cols < nr {
			clear(panel)
		}
		a.k.Copy(panel, nr, x[col:], ld, k, cols)
	}
	return dst
}

// packTransposed lays the transpose of a matrix [n x k] out in panels.
func (a *Attention) packTransposed(dst, x []float32, ld, n, k int) []float32 {
	nr := a.k.NR
	for col := 0; col < n; col += nr {
		panel := dst[col*k:][:nr*k]
		cols := min(nr, n-col)
		if cols < nr {
			clear(panel)
		}
		a.k.Transpose(panel, nr, x[col*ld:], ld, cols, k)
	}
	return dst
}

// product sets C [m x n] = A B, added to C if acc. A has strides rs and ks, as in
// a Tile; B comes in panels of depth numbers a column, of which the first k
// count.
func (a *Attention) product(w *attentionWorker, c []float32, ldc int, x []float32, rs, ks int, b []float32, depth, m,
	n, k int, acc bool) {
	mr, nr := a.k.MR, a.k.NR
	strips := ceil(m, mr)
	w.segs[0] = kernel.Segment{K: k}
	t := &w.tile
	*t = kernel.Tile{CS: ldc, RS: rs, KS: ks, BS: nr, Segs: w.segs[:], Acc: acc}
	for col := 0; col < n; col += nr {
		t.N = min(nr, n-col)
		t.B = b[col*depth:][:nr*k]
		for i := range strips {
			row, end := cut(m, strips, i)
			t.M = end - row
			t.A = x[row*rs:]
			t.C = c[row*ldc+col:]
			a.k.Tile(t)
		}
	}
	*t = kernel.Tile{}
}
