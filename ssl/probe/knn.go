package probe

import (
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/tensor"
)

// normEps is the least norm that features are divided by.
const normEps = 1e-8

// knnBlock is the number of test points whose similarities to the whole bank
// are in memory at once.
const knnBlock = 256

// KNN is the accuracy of the weighted k-nearest-neighbour classifier of Wu,
// Xiong, Yu and Lin, "Unsupervised Feature Learning via Non-Parametric Instance
// Discrimination" (CVPR 2018), section 3.4: the k points of the bank with the
// highest cosine similarity s vote for their class with weight exp(s/t).
//
// bank [N,D] and test [M,D] are features, labels start at 0. Of equally similar
// points the first in the bank is taken, of classes with equal votes the lowest.
// The error says what is wrong with k, t, a label or a feature.
func KNN(e *tensor.Engine, bank *tensor.Tensor, bankLabels []int, test *tensor.Tensor, testLabels []int, k int, t float64) (float64, error) {
	classes, err := checkKNN(e, bank, bankLabels, test, testLabels, k, t)
	if err != nil {
		return 0, err
	}
	tp := e.NewTape(tensor.Inference)
	defer tp.Release()
	unit := tp.L2Normalize(bank, normEps)
	neighbours := make([][]neighbour, e.Threads())
	right := make([]bool, len(testLabels))
	blocks := e.NewTape(tensor.Inference)
	for lo := 0; lo < len(testLabels); lo += knnBlock {
		rows := upTo(lo, min(lo+knnBlock, len(testLabels)))
		some := blocks.L2Normalize(blocks.Gather(test, rows), normEps)
		similar := blocks.MatMul(some, unit, false, true) // [rows,N]
		e.Parallel(len(rows), func(row, worker int) {
			n := len(bankLabels)
			s := similar.Data()[row*n : (row+1)*n]
			neighbours[worker] = nearest(neighbours[worker][:0], s, k)
			right[lo+row] = vote(neighbours[worker], bankLabels, classes, t) == testLabels[lo+row]
		})
		blocks.Release()
	}
	hits := 0
	for _, r := range right {
		if r {
			hits++
		}
	}
	return float64(hits) / float64(len(right)), nil
}

// checkKNN checks the arguments of KNN and returns the number of classes.
func checkKNN(e *tensor.Engine, bank *tensor.Tensor, bankLabels []int, test *tensor.Tensor, testLabels []int, k int, t float64) (classes int, err error) {
	if bank.Rank() != 2 || test.Rank() != 2 || bank.Dim(1) != test.Dim(1) || bank.Dim(0) != len(bankLabels) || test.Dim(0) != len(testLabels) {
		panic(fmt.Sprintf("probe: KNN of features %v with %d labels and %v with %d labels, expected [N,D], N, [M,D], M",
			bank.Shape(), len(bankLabels), test.Shape(), len(testLabels)))
	}
	switch {
	case len(testLabels) == 0:
		return 0, fmt.Errorf("kNN: there are no test points")
	case k < 1 || k > len(bankLabels):
		return 0, fmt.Errorf("kNN: k: found %d, expected 1 to %d, the number of points in the bank", k, len(bankLabels))
	case !(t > 0) || math.IsInf(t, 0):
		return 0, fmt.Errorf("kNN: t: found %v, expected a number above 0", t)
	case !e.AllFinite(bank):
		return 0, fmt.Errorf("kNN: the features of the bank have a NaN or an infinity")
	case !e.AllFinite(test):
		return 0, fmt.Errorf("kNN: the features of the test points have a NaN or an infinity")
	}
	for _, labels := range [][]int{bankLabels, testLabels} {
		if l := slices.Min(labels); l < 0 {
			return 0, fmt.Errorf("kNN: found label %d, expected 0 or more", l)
		}
	}
	return slices.Max(bankLabels) + 1, nil
}

// neighbour is a point of the bank seen from a test point.
type neighbour struct {
	index int
	s     float32 // cosine similarity
}

// nearest appends to best the k points of highest similarity, the most similar
// first, of equal ones the lower index first.
func nearest(best []neighbour, s []float32, k int) []neighbour {
	for i, v := range s {
		if len(best) == k {
			if v <= best[k-1].s {
				continue
			}
			best = best[:k-1]
		}
		at, _ := slices.BinarySearchFunc(best, v, func(n neighbour, v float32) int {
			if n.s >= v { // an equal one has come earlier and stays before
				return -1
			}
			return 1
		})
		best = slices.Insert(best, at, neighbour{i, v})
	}
	return best
}

// vote returns the class with the highest sum of exp(s/t), divided by that of
// the nearest so that a small t cannot overflow.
func vote(best []neighbour, labels []int, classes int, t float64) int {
	votes := make([]float64, classes)
	for _, n := range best {
		votes[labels[n.index]] += math.Exp((float64(n.s) - float64(best[0].s)) / t)
	}
	winner := 0
	for c, v := range votes {
		if v > votes[winner] {
			winner = c
		}
	}
	return winner
}

// upTo returns lo, lo+1, ..., hi-1.
func upTo(lo, hi int) []int {
	r := make([]int, hi-lo)
	for i := range r {
		r[i] = lo + i
	}
	return r
}
