package tensor

import "fmt"

// Averages are tensors that follow others as exponential moving averages.
type Averages struct {
	avg, of []*Tensor
	start   []int // elements before each tensor, and all of them
}

// NewAverages pairs averages with what they are of. It panics if a count or a
// shape differs.
func NewAverages(avg, of []*Tensor) *Averages {
	if len(avg) != len(of) {
		panic(fmt.Sprintf("tensor: NewAverages: %d averages of %d tensors", len(avg), len(of)))
	}
	a := &Averages{avg: avg, of: of, start: []int{0}}
	for i, t := range avg {
		t.mustShape(fmt.Sprintf("NewAverages: average %d", i), of[i].shape...)
		a.start = append(a.start, a.start[i]+len(t.data))
	}
	return a
}

// Average sets every average to keep*average + (1-keep)*tensor, keep in [0,1], in
// one sweep over memory. The two weights add up to 1 exactly, so that an average
// stays where it has met its tensor.
func (e *Engine) Average(a *Averages, keep float64) {
	k := float32(keep)
	e.pieces(a.start, func(i, lo, hi int) {
		avg := a.avg[i].data[lo:hi]
		e.k.Scale(avg, avg, k)
		e.k.Axpy(avg, a.of[i].data[lo:hi], 1-k)
	})
}

// PushRows writes rows [N,D] over the rows of the ring [K,D] from number at on,
// going on at its beginning after its end, and returns where the next ones go. It
// panics if at is not in [0,K), if the widths differ or if N is more than K.
func PushRows(ring, rows *Tensor, at int) (next int) {
	k, d := ring.shape[0], ring.Dim(1)
	rows.mustShape("PushRows: the rows", rows.shape[0], d)
	n := rows.shape[0]
	if at < 0 || at >= k || n > k {
		panic(fmt.Sprintf("tensor: PushRows of %d rows at %d into shape %v", n, at, ring.shape))
	}
	first := copy(ring.data[at*d:], rows.data)
	copy(ring.data, rows.data[first:])
	return (at + n) % k
}
