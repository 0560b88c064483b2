package tensor

import (
	"fmt"
	"math"
)

// L2Normalize divides every row of x [N,D] by its Euclidean norm, or by eps
// where the norm is smaller (PyTorch's F.normalize).
func (tp *Tape) L2Normalize(x *Tensor, eps float32) *Tensor {
	x.mustRank("L2Normalize", 2)
	n, d := x.shape[0], x.shape[1]
	y := tp.result([]*Tensor{x}, n, d)
	norm := tp.scratch(n)
	tp.e.chunks(n, rowChunk(d), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			r := x.data[i*d : (i+1)*d]
			norm[i] = float32(math.Sqrt(tp.e.k.Dot(r, r)))
			tp.e.k.Scale(y.data[i*d:(i+1)*d], r, 1/max(norm[i], eps))
		}
	})
	tp.record(y, func() {
		tp.addGradFrom(x, func(dst []float32) {
			tp.e.chunks(n, rowChunk(d), func(lo, hi int) {
				for i := lo; i < hi; i++ {
					// dx = (dy - y (y.dy)) / norm; below eps the divisor is constant.
					dx, dy, yr := dst[i*d:(i+1)*d], y.grad.data[i*d:(i+1)*d], y.data[i*d:(i+1)*d]
					inv := 1 / max(norm[i], eps)
					tp.e.k.Scale(dx, dy, inv)
					if norm[i] > eps {
						tp.e.k.Axpy(dx, yr, -inv*float32(tp.e.k.Dot(yr, dy)))
					}
				}
			})
		})
	})
	return y
}

// SoftmaxCrossEntropy returns the mean over the rows of logits [N,K] of
// -log softmax(row)[target], shape [1]. Logits may be -Inf (a class that is
// ruled out) but not in the whole row. It panics if a target is not in [0,K).
func (tp *Tape) SoftmaxCrossEntropy(logits *Tensor, targets []int) *Tensor {
	logits.mustRank("SoftmaxCrossEntropy: the logits", 2)
	n, k := logits.shape[0], logits.shape[1]
	if len(targets) != n || n == 0 {
		panic(fmt.Sprintf("tensor: SoftmaxCrossEntropy of logits %v with %d targets", logits.shape, len(targets)))
	}
	for i, t := range targets {
		if t < 0 || t >= k {
			panic(fmt.Sprintf("tensor: SoftmaxCrossEntropy: target %d of row %d, logits %v", t, i, logits.shape))
		}
	}
	loss := tp.result([]*Tensor{logits}, 1)
	prob := tp.scratch(n * k)
	part, buf := tp.e.doubles(n)
	defer tp.e.arena.Put(buf)
	clear(part)
	rows := tp.scratch(3 * n)
	top, sums, inverse := rows[:n], rows[n:2*n], rows[2*n:]
	tp.e.chunks(n, rowChunk(k), func(lo, hi int) {
		p, top, sums, inverse := prob[lo*k:hi*k], top[lo:hi], sums[lo:hi], inverse[lo:hi]
		for i := range top {
			top[i] = float32(math.Inf(-1))
		}
		tp.e.k.RowMax(top, logits.data[lo*k:hi*k], k, k)
		copy(p, logits.data[lo*k:hi*k])
		// Sums of some columns in float32 are added up in float64.
		const columns = 1024
		for j := 0; j < k; j += columns {
			clear(sums)
			tp.e.k.RowExp(sums, p[j:], k, min(columns, k-j), top, 1)
			for i, v := range sums {
				part[lo+i] += float64(v)
			}
		}
		for i, sum := range part[lo:hi] {
			inverse[i] = float32(1 / sum)
			part[lo+i] = math.Log(sum) - (float64(logits.data[(lo+i)*k+targets[lo+i]]) - float64(top[i]))
		}
		tp.e.k.RowScale(p, k, k, inverse)
	})
	sum := 0.0
	for _, v := range part {
		sum += v
	}
	loss.data[0] = float32(sum / float64(n))
	tp.record(loss, func() {
		// d loss / d logit = (softmax - one at the target) / N
		scale := loss.grad.data[0] / float32(n)
		tp.addGradFrom(logits, func(dst []float32) {
			tp.e.chunks(n, rowChunk(k), func(lo, hi int) {
				tp.e.k.Scale(dst[lo*k:hi*k], prob[lo*k:hi*k], scale)
				for i := lo; i < hi; i++ {
					dst[i*k+targets[i]] -= scale
				}
			})
		})
	})
	return loss
}
