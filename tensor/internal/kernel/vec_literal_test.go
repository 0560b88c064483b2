package kernel

import "math"

// vecLiteral computes every kernel in float64 from its formula and rounds once
// at the end: what all implementations are compared with.
var vecLiteral = Vec{
	Add: func(dst, a, b []float32) {
		fill(dst, func(i int) float64 { return f64(a, i) + f64(b, i) })
	},
	Acc: func(dst, a []float32) {
		fill(dst, func(i int) float64 { return f64(dst, i) + f64(a, i) })
	},
	Axpy: func(dst, x []float32, s float32) {
		fill(dst, func(i int) float64 { return f64(dst, i) + float64(s)*f64(x, i) })
	},
	Scale: func(dst, x []float32, s float32) {
		fill(dst, func(i int) float64 { return float64(s) * f64(x, i) })
	},
	ReLU: func(dst, x []float32) {
		fill(dst, func(i int) float64 { return rectified(f64(x, i), true) })
	},
	ReLUGrad: func(dx, dy, y []float32) {
		fill(dx, func(i int) float64 { return gated(dy, y, i) })
	},
	AddRow: func(dst, row []float32, rows int) {
		fill(dst, func(i int) float64 { return f64(dst, i) + f64(row, i%len(row)) })
	},
	ColSum: func(sum, x []float32, rows int) {
		for j := range sum {
			sum[j] = float32(f64(sum, j) + total(rows, func(r int) float64 { return f64(x, r*len(sum)+j) }))
		}
	},
	ColMoments: func(mean, m2, x []float32, rows int) {
		c := len(mean)
		for j := range c {
			m := total(rows, func(r int) float64 { return f64(x, r*c+j) }) / float64(rows)
			m2[j] = float32(total(rows, func(r int) float64 { return square(f64(x, r*c+j) - m) }))
			mean[j] = float32(m)
		}
	},
	Affine: func(y, x, scale, shift []float32, rows int, relu bool) {
		c := len(scale)
		fill(y, func(i int) float64 { return rectified(f64(x, i)*f64(scale, i%c)+f64(shift, i%c), relu) })
	},
	AffineAdd: func(y, x, r, scale, shift []float32, rows int, relu bool) {
		c := len(scale)
		fill(y, func(i int) float64 {
			return rectified(f64(x, i)*f64(scale, i%c)+f64(shift, i%c)+f64(r, i), relu)
		})
	},
	BNGradGateSums: func(dg, db, dy, y, x, mean, invstd []float32, rows int) {
		literalGradSums(dg, db, dy, y, x, mean, invstd, rows)
		fill(dy, func(i int) float64 { return gated(dy, y, i) })
	},
	BNGradSums: literalGradSums,
	BNGradApply: func(dx, dy, y, x, a, b, c0 []float32, rows int) {
		c := len(a)
		fill(dx, func(i int) float64 {
			return gated(dy, y, i)*f64(a, i%c) + f64(x, i)*f64(b, i%c) + f64(c0, i%c)
		})
	},
	MaxUpdate: func(dst []float32, idx []uint8, src []float32, k uint8) {
		for i, v := range src {
			if math.IsNaN(float64(v)) || v > dst[i] {
				dst[i], idx[i] = v, k
			}
		}
	},
	AccEqual: func(dst []float32, idx []uint8, src []float32, k uint8) {
		fill(dst, func(i int) float64 {
			if idx[i] != k {
				return f64(dst, i)
			}
			return f64(dst, i) + f64(src, i)
		})
	},
	Dot: func(a, b []float32) float64 {
		return total(len(a), func(i int) float64 { return f64(a, i) * f64(b, i) })
	},
	L1: func(a, b []float32) float64 {
		return total(len(a), func(i int) float64 { return math.Abs(f64(a, i) - f64(b, i)) })
	},
	L2Sq: func(a, b []float32) float64 {
		return total(len(a), func(i int) float64 { return square(f64(a, i) - f64(b, i)) })
	},
	Exp: func(dst, x []float32) {
		fill(dst, func(i int) float64 {
			if f64(x, i) < expLow {
				return 0
			}
			return math.Exp(f64(x, i))
		})
	},
	SGD: func(p, v, g []float32, a SGDArgs) {
		for i := range p {
			d := f64(g, i) + float64(a.Decay)*f64(p, i)
			w := float64(a.Momentum)*f64(v, i) + d
			step := w
			if a.Nesterov {
				step = d + float64(a.Momentum)*w
			}
			p[i], v[i] = float32(f64(p, i)-float64(a.LR)*step), float32(w)
		}
	},
	Adam: func(p, m, v, g []float32, a AdamArgs) {
		for i := range p {
			d := f64(g, i) + float64(a.L2)*f64(p, i)
			m1 := float64(a.B1)*f64(m, i) + (1-float64(a.B1))*d
			v1 := float64(a.B2)*f64(v, i) + (1-float64(a.B2))*d*d
			root := math.Sqrt(v1)*float64(a.InvSqrtC2) + float64(a.Eps)
			p[i] = float32(float64(a.Keep)*f64(p, i) - float64(a.Step)*m1/root)
			m[i], v[i] = float32(m1), float32(v1)
		}
	},
	AffineMaxPool2: func(out []float32, idx []uint8, x0, x1, scale, shift []float32, relu bool) {
		c := len(scale)
		for i := range out {
			best := math.Inf(-1)
			for k, x := range places(x0, x1, c, i) {
				v := rectified(x*f64(scale, i%c)+f64(shift, i%c), relu)
				// The winner is chosen among the rounded values, as they are stored.
				if r := float64(float32(v)); k == 0 || r > best || math.IsNaN(r) {
					best, idx[i] = r, uint8(k)
				}
			}
			out[i] = float32(best)
		}
	},
	BNPoolGradSums: func(dg, db, dy []float32, idx []uint8, out, x0, x1, mean, invstd []float32) {
		for j, c := 0, len(dg); j < c; j++ {
			g := func(r int) float64 { return gated(dy, out, r*c+j) }
			db[j] = float32(f64(db, j) + total(len(dy)/c, g))
			dg[j] = float32(f64(dg, j) + total(len(dy)/c, func(r int) float64 {
				i := r*c + j
				return g(r) * (places(x0, x1, c, i)[idx[i]] - f64(mean, j)) * f64(invstd, j)
			}))
		}
	},
	BNPoolGradApply: func(dx0, dx1, dy []float32, idx []uint8, out, x0, x1, a, b, c0 []float32) {
		c := len(a)
		for i := range dy {
			for k, x := range places(x0, x1, c, i) {
				v := x*f64(b, i%c) + f64(c0, i%c)
				if int(idx[i]) == k {
					v += gated(dy, out, i) * f64(a, i%c)
				}
				row := [][]float32{dx0, dx0, dx1, dx1}[k]
				row[(2*(i/c)+k%2)*c+i%c] = float32(v)
			}
		}
	},
}

func literalGradSums(dg, db, dy, y, x, mean, invstd []float32, rows int) {
	c := len(dg)
	for j := range c {
		g := func(r int) float64 { return gated(dy, y, r*c+j) }
		db[j] = float32(f64(db, j) + total(rows, g))
		dg[j] = float32(f64(dg, j) + total(rows, func(r int) float64 {
			return g(r) * (f64(x, r*c+j) - f64(mean, j)) * f64(invstd, j)
		}))
	}
}

func f64(x []float32, i int) float64 { return float64(x[i]) }
func square(x float64) float64       { return x * x }

func fill(dst []float32, f func(i int) float64) {
	for i := range dst {
		dst[i] = float32(f(i))
	}
}

func total(n int, f func(i int) float64) (sum float64) {
	for i := range n {
		sum += f(i)
	}
	return sum
}

func rectified(v float64, relu bool) float64 {
	if relu && v < 0 {
		return 0
	}
	return v
}

func gated(dy, y []float32, i int) float64 {
	if y != nil && y[i] <= 0 {
		return 0
	}
	return f64(dy, i)
}

// places are the four values of the 2x2 window under element i of the pooled row.
func places(x0, x1 []float32, c, i int) [4]float64 {
	left, right := 2*(i/c)*c+i%c, (2*(i/c)+1)*c+i%c
	return [4]float64{f64(x0, left), f64(x0, right), f64(x1, left), f64(x1, right)}
}
