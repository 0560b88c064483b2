//go:build !purego

package kernel

// vecNEON has assembly for the sweeps that a training step makes most of. The
// others are the plain loops: maxima and their gradients, with or without batch
// normalisation, the exponential function and the optimizers.
var vecNEON = Vec{
	Add: wrapAdd(addNEON), Acc: wrapAcc(addNEON), Axpy: wrapScale(axpyNEON), Scale: wrapScale(scaleNEON),
	ReLU: wrapReLU(reluNEON), ReLUGrad: wrapAdd(reluGradNEON),
	AddRow: addRowNEON, ColSum: colSumNEON, ColMoments: colMomentsNEON,
	Affine: wrapAffine(affineNEON), AffineAdd: wrapAffineAdd(affineAddNEON),
	BNGradSums:     wrapBNGradSums(bnGradSumsNEON, bnGradSumsReLUNEON),
	BNGradGateSums: wrapBNGradGateSums(bnGradGateSumsNEON),
	BNGradApply:    wrapBNGradApply(bnGradApplyNEON, bnGradApplyReLUNEON),
	Dot:            wrapDot(dotNEON), L1: wrapDot(l1NEON), L2Sq: wrapDot(l2SqNEON),

	MaxUpdate: maxUpdate, AccEqual: accEqual, Exp: exp, SGD: sgd, Adam: adam,
	AffineMaxPool2: affineMaxPool2, BNPoolGradSums: bnPoolGradSums, BNPoolGradApply: bnPoolGradApply,
}

func addRowNEON(dst, row []float32, rows int) {
	c := len(row)
	for r := range rows {
		x := first(dst[r*c:], c)
		addNEON(x, x, first(row, c), c)
	}
}

func colSumNEON(sum, x []float32, rows int) {
	c := len(sum)
	for r := range rows {
		addNEON(first(sum, c), first(sum, c), first(x[r*c:], c), c)
	}
}

// colMomentsNEON takes the columns in groups: a first mean from the head of the
// rows, and then the distances d1 and d2 from it, as in _gen/vec_columns.go.
func colMomentsNEON(mean, m2, x []float32, rows int) {
	c, head := len(mean), (rows+7)/8
	var from [64]float32
	for start := 0; start < c && rows > 0; start += len(from) {
		w := min(len(from), c-start)
		clear(from[:w])
		for r := range head {
			addNEON(&from[0], &from[0], first(x[r*c+start:], w), w)
		}
		scaleNEON(&from[0], &from[0], 1/float32(head), w)
		d1, d2 := mean[start:start+w], m2[start:start+w]
		clear(d1)
		clear(d2)
		distancesNEON(first(d1, w), first(d2, w), first(x[start:], (rows-1)*c+w), &from[0], w, c, rows)
		for j, d := range d1 {
			d1[j] = from[j] + d/float32(rows)
			d2[j] -= d * d / float32(rows)
		}
	}
}
