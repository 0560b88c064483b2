package tensor

import (
	"slices"
	"sync/atomic"
)

// AllFinite reports whether no element is NaN or infinite.
func (e *Engine) AllFinite(t *Tensor) bool {
	var bad atomic.Bool
	e.chunks(len(t.data), sweep, func(lo, hi int) {
		if !bad.Load() && !e.finite(t.data[lo:hi]) {
			bad.Store(true)
		}
	})
	return !bad.Load()
}

// finite squares and adds up, which is quick and keeps every NaN and infinity;
// only where that gives one, which large numbers can do as well, it looks closer.
func (e *Engine) finite(x []float32) bool {
	if s := e.k.Dot(x, x); s-s == 0 {
		return true
	}
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// SumSquares returns the sum of the squared elements. It takes them in pieces, as
// a kernel cannot be interrupted.
func (e *Engine) SumSquares(t *Tensor) (sum float64) {
	for x := range slices.Chunk(t.data, sweep) {
		sum += e.k.Dot(x, x)
	}
	return sum
}
