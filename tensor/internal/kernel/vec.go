package kernel

// Vec holds the kernels that sweep once over memory. Slices of one call have
// the lengths that the shapes say; "rows x c" matrices are dense and row-major,
// c is the channel. No kernel reads or writes past its slices, and results are
// the same for the same arguments, whatever the alignment. A destination may be
// one of the sources, but slices may not overlap in any other way.
type Vec struct {
	Add      func(dst, a, b []float32)         // dst = a + b
	Acc      func(dst, a []float32)            // dst += a
	Axpy     func(dst, x []float32, s float32) // dst += s*x
	Scale    func(dst, x []float32, s float32) // dst = s*x
	ReLU     func(dst, x []float32)            // dst = max(x, 0); NaN stays NaN
	ReLUGrad func(dx, dy, y []float32)         // dx = dy, but 0 where y <= 0

	AddRow func(dst, row []float32, rows int) // every row of dst [rows x c] += row [c]
	ColSum func(sum, x []float32, rows int)   // sum[c] += the sum of column c of x [rows x c]

	// ColMoments gives mean[c] and m2[c], the sum of squared distances from
	// that mean, of the columns of x [rows x c]. It sums distances, not x^2, so
	// that a large mean costs no precision. rows >= 1.
	ColMoments func(mean, m2, x []float32, rows int)
	// Affine is y = x*scale + shift by column, then max(., 0) if relu.
	Affine func(y, x, scale, shift []float32, rows int, relu bool)
	// AffineAdd is y = x*scale + shift + r, then max(., 0) if relu: the same bits
	// as Affine, Add and ReLU one after another.
	AffineAdd func(y, x, r, scale, shift []float32, rows int, relu bool)
	// BNGradSums adds to db[c] the column sums of g and to dg[c] those of
	// g*(x-mean)*invstd, where g is dy, or where y is not nil dy with the
	// places of y <= 0 set to 0.
	BNGradSums func(dg, db, dy, y, x, mean, invstd []float32, rows int)
	// BNGradGateSums is BNGradSums with y, which leaves g where dy was.
	BNGradGateSums func(dg, db, dy, y, x, mean, invstd []float32, rows int)
	// BNGradApply is dx = g*a + x*b + c0 by column, with g as in BNGradSums.
	BNGradApply func(dx, dy, y, x, a, b, c0 []float32, rows int)

	// MaxUpdate sets dst[i] = src[i], idx[i] = k wherever src[i] > dst[i] or
	// src[i] is NaN: one step of max pooling.
	MaxUpdate func(dst []float32, idx []uint8, src []float32, k uint8)
	// AccEqual does dst[i] += src[i] wherever idx[i] == k: the same step back.
	AccEqual func(dst []float32, idx []uint8, src []float32, k uint8)

	Dot  func(a, b []float32) float64 // sum a*b
	L1   func(a, b []float32) float64 // sum |a-b|
	L2Sq func(a, b []float32) float64 // sum (a-b)^2
	Exp  func(dst, x []float32)       // dst = e^x, relative error below 2e-7; 0 below -87.3, +Inf above 88.7

	SGD  func(p, v, g []float32, a SGDArgs)
	Adam func(p, m, v, g []float32, a AdamArgs)

	// AffineMaxPool2 is one output row of the 2x2 max pooling with stride 2 of
	// Affine: x0 and x1 [w x c], w even, are two rows of an image, out is
	// [w/2 x c]. idx [w/2 x c] says which of the window (0 1 over 2 3) was the
	// maximum: the first of equal ones, the last NaN if there is one.
	AffineMaxPool2 func(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool)
	// BNPoolGradSums is BNGradSums for the inputs x0 and x1 of AffineMaxPool2:
	// their gradient is dy [w/2 x c] at the places of idx and 0 elsewhere. out
	// is the result of AffineMaxPool2 if that had relu, or nil.
	BNPoolGradSums func(dg, db, dy []float32, idx []uint8, out, x0, x1, mean, invstd []float32)
	// BNPoolGradApply is BNGradApply in the same way; dx0 and dx1 are [w x c].
	BNPoolGradApply func(dx0, dx1, dy []float32, idx []uint8, out, x0, x1, a, b, c0 []float32)
}

// SGDArgs are the numbers of one step of stochastic gradient descent as
// PyTorch does it: g += Decay*p; v = Momentum*v + g; p -= LR*v (with Nesterov
// p -= LR*(g + Momentum*v)).
type SGDArgs struct {
	LR, Momentum, Decay float32
	Nesterov            bool
}

// AdamArgs are the numbers of one step of Adam (Kingma and Ba 2015, Algorithm
// 1): g += L2*p; p *= Keep; m = B1*m + (1-B1)*g; v = B2*v + (1-B2)*g*g;
// p -= Step*m / (sqrt(v)*InvSqrtC2 + Eps), where Step = LR/(1-B1^t) and
// InvSqrtC2 = 1/sqrt(1-B2^t). Keep is 1 - LR*decay for AdamW and 1 for Adam.
type AdamArgs struct {
	Step, B1, B2, InvSqrtC2, Eps, L2, Keep float32
}
