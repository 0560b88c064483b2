package kernel

import "math"

// vecGeneric defines every kernel of Vec as a plain loop. The assembly is
// tested against these loops; they also run where there is no assembly.
var vecGeneric = Vec{
	Add: add, Acc: acc, Axpy: axpy, Scale: scale, ReLU: relu, ReLUGrad: reluGrad,
	AddRow: addRow, ColSum: colSum, ColMoments: colMoments, Affine: affine, AffineAdd: affineAdd,
	BNGradSums: bnGradSums, BNGradGateSums: bnGradGateSums, BNGradApply: bnGradApply,
	MaxUpdate: maxUpdate, AccEqual: accEqual,
	Dot: dot, L1: l1, L2Sq: l2Sq, Exp: exp,
	SGD: sgd, Adam: adam,
	AffineMaxPool2: affineMaxPool2, BNPoolGradSums: bnPoolGradSums, BNPoolGradApply: bnPoolGradApply,
}

func add(dst, a, b []float32) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func acc(dst, a []float32) {
	for i := range dst {
		dst[i] += a[i]
	}
}

func axpy(dst, x []float32, s float32) {
	for i := range dst {
		dst[i] += s * x[i]
	}
}

func scale(dst, x []float32, s float32) {
	for i := range dst {
		dst[i] = s * x[i]
	}
}

func relu(dst, x []float32) {
	for i, v := range x {
		dst[i] = positive(v)
	}
}

// positive is max(v, 0) with NaN kept, as a comparison with NaN is false.
func positive(v float32) float32 {
	if v < 0 {
		return 0
	}
	return v
}

func reluGrad(dx, dy, y []float32) {
	for i := range dx {
		dx[i] = gate(dy[i], y, i)
	}
}

// gate is the gradient dy that a ReLU of output y[i] lets through; all of it
// where there is no ReLU (y is nil).
func gate(dy float32, y []float32, i int) float32 {
	if y != nil && y[i] <= 0 {
		return 0
	}
	return dy
}

func maxUpdate(dst []float32, idx []uint8, src []float32, k uint8) {
	for i, v := range src {
		if v > dst[i] || v != v {
			dst[i], idx[i] = v, k
		}
	}
}

func accEqual(dst []float32, idx []uint8, src []float32, k uint8) {
	for i, v := range src {
		if idx[i] == k {
			dst[i] += v
		}
	}
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func l1(a, b []float32) (sum float64) {
	for i := range a {
		sum += math.Abs(float64(a[i]) - float64(b[i]))
	}
	return sum
}

func l2Sq(a, b []float32) (sum float64) {
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return sum
}

// expLow is the logarithm of the smallest normal float32, below which Exp gives 0.
const expLow = -87.33654

func exp(dst, x []float32) {
	for i, v := range x {
		if v < expLow {
			dst[i] = 0
		} else {
			dst[i] = float32(math.Exp(float64(v)))
		}
	}
}

func sgd(p, v, g []float32, a SGDArgs) {
	for i := range p {
		d := g[i] + a.Decay*p[i]
		v[i] = a.Momentum*v[i] + d
		if a.Nesterov {
			d += a.Momentum * v[i]
		} else {
			d = v[i]
		}
		p[i] -= a.LR * d
	}
}

func adam(p, m, v, g []float32, a AdamArgs) {
	for i := range p {
		d := g[i] + a.L2*p[i]
		m[i] = a.B1*m[i] + (1-a.B1)*d
		v[i] = a.B2*v[i] + (1-a.B2)*d*d
		root := float32(math.Sqrt(float64(v[i])))
		p[i] = a.Keep*p[i] - a.Step*m[i]/(root*a.InvSqrtC2+a.Eps)
	}
}
