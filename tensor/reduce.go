package tensor

import "fmt"

// sum adds up in float64, in fixed chunks of the sweep size.
func (e *Engine) sum(x []float32) float64 {
	part, buf := e.doubles((len(x) + sweep - 1) / sweep)
	defer e.arena.Put(buf)
	e.chunks(len(x), sweep, func(lo, hi int) {
		// Four sums at a time: each waits for its own last addition.
		var s [4]float64
		x := x[lo:hi]
		for ; len(x) >= 4; x = x[4:] {
			s[0] += float64(x[0])
			s[1] += float64(x[1])
			s[2] += float64(x[2])
			s[3] += float64(x[3])
		}
		for _, v := range x {
			s[0] += float64(v)
		}
		part[lo/sweep] = s[0] + s[1] + (s[2] + s[3])
	})
	s := 0.0
	for _, p := range part {
		s += p
	}
	return s
}

// colSums adds the column sums of x [rows x c] to sum [c]: sums of fixed chunks
// of rows in float32, which are added in order in float64.
func (e *Engine) colSums(sum, x []float32, rows, c int) {
	size := max(rowChunk(c), min(rows, 16))
	n := (rows + size - 1) / size
	part := e.arena.Get(n * c)
	defer e.arena.Put(part)
	// Where rows are long, their columns are shared out.
	const width = 1 << 11
	pieces := max(1, (c+width-1)/width)
	e.pool.Run(n*pieces, func(task, _ int) {
		i, from := task/pieces, task%pieces*width
		rows, to := x[i*size*c:min((i+1)*size, rows)*c], min(from+width, c)
		p := part[i*c:][from:to]
		clear(p)
		if pieces == 1 {
			e.k.ColSum(p, rows, len(rows)/max(c, 1))
			return
		}
		for ; len(rows) > 0; rows = rows[c:] {
			e.k.Acc(p, rows[from:to])
		}
	})
	e.foldParts(sum, part, n, c, true)
}

// foldParts sets dst, or adds to it if it holds something, the sum of n parts,
// which stand stride numbers apart: in order and in float64.
func (e *Engine) foldParts(dst, part []float32, n, stride int, holds bool) {
	const width = 128
	e.chunks(len(dst), 8*width, func(lo, hi int) {
		var sum [width]float64
		for ; lo < hi; lo += width {
			dst := dst[lo:min(lo+width, hi)]
			clear(sum[:])
			for i := range n {
				for j, v := range part[i*stride+lo:][:len(dst)] {
					sum[j] += float64(v)
				}
			}
			for j := range dst {
				if holds {
					dst[j] += float32(sum[j])
				} else {
					dst[j] = float32(sum[j])
				}
			}
		}
	})
}

// Sum returns the sum of all elements, shape [1].
func (tp *Tape) Sum(x *Tensor) *Tensor { return tp.scaledSum(x, 1) }

// Mean returns the mean of all elements, shape [1]. It panics if there are none.
func (tp *Tape) Mean(x *Tensor) *Tensor {
	if len(x.data) == 0 {
		panic(fmt.Sprintf("tensor: Mean of shape %v", x.shape))
	}
	return tp.scaledSum(x, 1/float64(len(x.data)))
}

func (tp *Tape) scaledSum(x *Tensor, s float64) *Tensor {
	y := tp.result([]*Tensor{x}, 1)
	y.data[0] = float32(s * tp.e.sum(x.data))
	tp.record(y, func() {
		v := y.grad.data[0] * float32(s)
		tp.addGradFrom(x, func(dst []float32) {
			tp.e.chunks(len(dst), sweep, func(lo, hi int) {
				for i := lo; i < hi; i++ {
					dst[i] = v
				}
			})
		})
	})
	return y
}

// MeanAxis0 returns the mean over the first dimension: [N,...] to [...]. It
// panics if N is 0.
func (tp *Tape) MeanAxis0(x *Tensor) *Tensor {
	if x.Rank() == 0 || x.shape[0] == 0 {
		panic(fmt.Sprintf("tensor: MeanAxis0 of shape %v", x.shape))
	}
	n := x.shape[0]
	c := len(x.data) / n
	y := tp.result([]*Tensor{x}, x.shape[1:]...)
	clear(y.data)
	tp.e.colSums(y.data, x.data, n, c)
	tp.e.k.Scale(y.data, y.data, 1/float32(n))
	tp.record(y, func() {
		tp.addGradFrom(x, func(dst []float32) {
			tp.e.chunks(n, rowChunk(c), func(lo, hi int) {
				for i := lo; i < hi; i++ {
					tp.e.k.Scale(dst[i*c:(i+1)*c], y.grad.data, 1/float32(n))
				}
			})
		})
	})
	return y
}
