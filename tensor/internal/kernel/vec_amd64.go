//go:build !purego

package kernel

//go:generate go run -C _gen . -part vec_avx2
//go:generate go run -C _gen . -part vec_avx512

var vecAVX2 = Vec{
	Add: wrapAdd(addAVX2), Acc: wrapAcc(addAVX2), Axpy: wrapScale(axpyAVX2), Scale: wrapScale(scaleAVX2),
	ReLU: wrapReLU(reluAVX2), ReLUGrad: wrapAdd(reluGradAVX2),
	AddRow: wrapAddRow(addRowAVX2), ColSum: wrapColSum(colSumAVX2), ColMoments: wrapColMoments(colMomentsAVX2),
	Affine: wrapAffine(affineAVX2), AffineAdd: wrapAffineAdd(affineAddAVX2),
	BNGradSums:     wrapBNGradSums(bnGradSumsAVX2, bnGradSumsReLUAVX2),
	BNGradGateSums: wrapBNGradGateSums(bnGradGateSumsAVX2),
	BNGradApply:    wrapBNGradApply(bnGradApplyAVX2, bnGradApplyReLUAVX2),
	MaxUpdate:      wrapMaxUpdate(maxUpdateAVX2, 8, maxUpdate), AccEqual: wrapMaxUpdate(accEqualAVX2, 8, accEqual),
	Dot: wrapDot(dotAVX2), L1: wrapDot(l1AVX2), L2Sq: wrapDot(l2SqAVX2), Exp: wrapReLU(expAVX2),
	SGD: wrapSGD(sgdAVX2, sgdNesterovAVX2), Adam: wrapAdam(adamAVX2),
	AffineMaxPool2:  wrapAffineMaxPool2(affineMaxPool2AVX2, 8, affineMaxPool2AnyAVX2),
	BNPoolGradSums:  wrapBNPoolGradSums(bnPoolGradSumsAVX2, bnPoolGradSumsReLUAVX2, 8),
	BNPoolGradApply: wrapBNPoolGradApply(bnPoolGradApplyAVX2, bnPoolGradApplyReLUAVX2, 8),
}

var vecAVX512 = Vec{
	Add: wrapAdd(addAVX512), Acc: wrapAcc(addAVX512), Axpy: wrapScale(axpyAVX512), Scale: wrapScale(scaleAVX512),
	ReLU: wrapReLU(reluAVX512), ReLUGrad: wrapAdd(reluGradAVX512),
	AddRow: wrapAddRow(addRowAVX512), ColSum: wrapColSum(colSumAVX512), ColMoments: wrapColMoments(colMomentsAVX512),
	Affine: wrapAffine(affineAVX512), AffineAdd: wrapAffineAdd(affineAddAVX512),
	BNGradSums:     wrapBNGradSums(bnGradSumsAVX512, bnGradSumsReLUAVX512),
	BNGradGateSums: wrapBNGradGateSums(bnGradGateSumsAVX512),
	BNGradApply:    wrapBNGradApply(bnGradApplyAVX512, bnGradApplyReLUAVX512),
	MaxUpdate:      wrapMaxUpdate(maxUpdateAVX512, 1, maxUpdate), AccEqual: wrapMaxUpdate(accEqualAVX512, 1, accEqual),
	Dot: wrapDot(dotAVX512), L1: wrapDot(l1AVX512), L2Sq: wrapDot(l2SqAVX512), Exp: wrapReLU(expAVX512),
	SGD: wrapSGD(sgdAVX512, sgdNesterovAVX512), Adam: wrapAdam(adamAVX512),
	AffineMaxPool2:  wrapAffineMaxPool2(affineMaxPool2AVX512, 1, affineMaxPool2),
	BNPoolGradSums:  wrapBNPoolGradSums(bnPoolGradSumsAVX512, bnPoolGradSumsReLUAVX512, 1),
	BNPoolGradApply: wrapBNPoolGradApply(bnPoolGradApplyAVX512, bnPoolGradApplyReLUAVX512, 1),
}

// affineMaxPool2AnyAVX2 is AffineMaxPool2 for any number of channels, window by
// window. It takes the assembly of Affine, as AffineMaxPool2 has the bits of
// Affine, and that rounds x*scale + shift only once.
func affineMaxPool2AnyAVX2(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool) {
	c, n := len(scale), len(out)
	if c == 0 || n == 0 {
		return
	}
	first(idx, n)
	first(x0, 2*n)
	first(x1, 2*n)
	var y [256]float32
	for i, w := 0, 0; i < n; i += w {
		j := i % c
		w = min(c-j, len(y))
		for k := range uint8(4) {
			affineAVX2(&y[0], window(x0, x1, c, i, k), first(scale[j:], w), first(shift[j:], w), floor(relu), w, 1)
			if k == 0 {
				copy(out[i:], y[:w])
				clear(idx[i : i+w])
			} else {
				maxUpdate(out[i:], idx[i:], y[:w], k)
			}
		}
	}
}
