package tensor

import (
	"fmt"
	"math"
)

// SharpSoftmax returns softmax((x - centre) / temperature) of every row of
// x [N,K], centre being [K], as a constant: what DINO's teacher says (Caron et al.
// 2021, Algorithm 1).
func (tp *Tape) SharpSoftmax(x, centre *Tensor, temperature float32) *Tensor {
	x.mustRank("SharpSoftmax", 2)
	n, k := x.shape[0], x.shape[1]
	centre.mustShape("SharpSoftmax: the centre", k)
	y := tp.Buffer(n, k)
	tp.e.samples(n, k, func(i int) {
		r := y.data[i*k : (i+1)*k]
		copy(r, x.data[i*k:])
		tp.e.k.Axpy(r, centre.data, -1)
		tp.e.k.Scale(r, r, 1/temperature)
	})
	tp.e.softmaxRows(y.data, n, k, nil)
	return y
}

// SoftCrossEntropy returns the mean over the rows of
// -sum over k of targets[k] log softmax(logits)[k], both [N,K], shape [1]. Every
// row of targets adds up to 1; no gradient flows into it.
func (tp *Tape) SoftCrossEntropy(logits, targets *Tensor) *Tensor {
	logits.mustRank("SoftCrossEntropy", 2)
	sameShape("SoftCrossEntropy", logits, targets)
	n, k := logits.shape[0], logits.shape[1]
	if n == 0 || k == 0 {
		panic(fmt.Sprintf("tensor: SoftCrossEntropy of shape %v", logits.shape))
	}
	loss := tp.result([]*Tensor{logits}, 1)
	prob := tp.scratch(n * k)
	part := make([]float64, n) // log of the sum of exponentials, then the row's loss
	copy(prob, logits.data)
	tp.e.softmaxRows(prob, n, k, part)
	tp.e.samples(n, k, func(i int) {
		part[i] -= tp.e.k.Dot(targets.data[i*k:(i+1)*k], logits.data[i*k:(i+1)*k])
	})
	sum := 0.0
	for _, v := range part {
		sum += v
	}
	loss.data[0] = float32(sum / float64(n))
	tp.record(loss, func() {
		s := loss.grad.data[0] / float32(n)
		tp.addGradFrom(logits, func(dst []float32) {
			tp.e.chunks(n*k, sweep, func(lo, hi int) {
				tp.e.k.Scale(dst[lo:hi], prob[lo:hi], s)
				tp.e.k.Axpy(dst[lo:hi], targets.data[lo:hi], -s)
			})
		})
	})
	return loss
}

// softmaxRows replaces the n rows of k numbers in p by their softmax. logSum, if
// not nil, gets the logarithm of each row's sum of exponentials.
func (e *Engine) softmaxRows(p []float32, n, k int, logSum []float64) {
	rows := e.arena.Get(3 * n)
	defer e.arena.Put(rows)
	e.chunks(n, rowChunk(k), func(lo, hi int) {
		p, top, sums, inverse := p[lo*k:hi*k], rows[lo:hi], rows[n+lo:n+hi], rows[2*n+lo:2*n+hi]
		for i := range top {
			top[i] = float32(math.Inf(-1))
		}
		e.k.RowMax(top, p, k, k)
		for i := range inverse {
			inverse[i] = 0
		}
		// Sums of some columns in float32 are added up in float64.
		const columns = 1024
		total := make([]float64, hi-lo)
		for j := 0; j < k; j += columns {
			clear(sums)
			e.k.RowExp(sums, p[j:], k, min(columns, k-j), top, 1)
			for i, v := range sums {
				total[i] += float64(v)
			}
		}
		for i, v := range total {
			inverse[i] = float32(1 / v)
			if logSum != nil {
				logSum[lo+i] = float64(top[i]) + math.Log(v)
			}
		}
		e.k.RowScale(p, k, k, inverse)
	})
}
