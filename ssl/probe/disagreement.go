package probe

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// Disagreement returns for each of the points x [N,D] the share of its k nearest
// other points, by cosine similarity, that have another label. Of equally similar
// points the first is taken. The error says what is wrong with k or a feature.
func Disagreement(e *tensor.Engine, x *tensor.Tensor, labels []int, k int) ([]float64, error) {
	if x.Rank() != 2 || x.Dim(0) != len(labels) {
		panic(fmt.Sprintf("probe: Disagreement of features %v with %d labels, expected [N,D], N", x.Shape(), len(labels)))
	}
	n := len(labels)
	switch {
	case k < 1 || k > n-1:
		return nil, fmt.Errorf("disagreement: k: found %d, expected 1 to %d, the number of other points", k, n-1)
	case !e.AllFinite(x):
		return nil, fmt.Errorf("disagreement: the features: %w", ssl.ErrNotFinite)
	}
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	unit := tp.L2Normalize(x, normEps)
	out := make([]float64, n)
	best := make([][]neighbour, e.Threads())
	blocks := e.NewTape(tensor.Inference)
	for lo := 0; lo < n; lo += knnBlock {
		rows := upTo(lo, min(lo+knnBlock, n))
		similar := blocks.MatMul(blocks.Gather(unit, rows), unit, false, true) // [rows,N]
		e.Parallel(len(rows), func(row, worker int) {
			s, self := similar.Data()[row*n:(row+1)*n], lo+row
			// One more than asked for: the point itself may be among them.
			best[worker] = nearest(best[worker][:0], s, k+1)
			if at := slices.IndexFunc(best[worker], func(b neighbour) bool { return b.index == self }); at >= 0 {
				best[worker] = slices.Delete(best[worker], at, at+1)
			}
			others := 0
			for _, b := range best[worker][:k] {
				if labels[b.index] != labels[self] {
					others++
				}
			}
			out[self] = float64(others) / float64(k)
		})
		blocks.Release()
	}
	return out, nil
}
