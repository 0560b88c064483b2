package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// rowLiteral computes every kernel of Row in float64 from its formula, as
// vecLiteral does.
var rowLiteral = Row{
	LayerNorm: func(y, x, gamma, beta, mean, invstd []float32, eps float32) {
		c := len(gamma)
		for r := range mean {
			m := total(c, func(j int) float64 { return f64(x, r*c+j) }) / float64(c)
			variance := total(c, func(j int) float64 { return square(f64(x, r*c+j) - m) }) / float64(c)
			is := 1 / math.Sqrt(variance+float64(eps))
			for j := range c {
				y[r*c+j] = float32((f64(x, r*c+j)-m)*is*f64(gamma, j) + f64(beta, j))
			}
			mean[r], invstd[r] = float32(m), float32(is)
		}
	},
	LayerNormGrad: func(dx, dgamma, dbeta, dy, x, gamma, mean, invstd []float32) {
		c := len(gamma)
		rows := len(mean)
		xhat := func(r, j int) float64 { return (f64(x, r*c+j) - f64(mean, r)) * f64(invstd, r) }
		g := func(r, j int) float64 { return f64(dy, r*c+j) * f64(gamma, j) }
		for j := range c {
			dgamma[j] = float32(f64(dgamma, j) + total(rows, func(r int) float64 { return f64(dy, r*c+j) * xhat(r, j) }))
			dbeta[j] = float32(f64(dbeta, j) + total(rows, func(r int) float64 { return f64(dy, r*c+j) }))
		}
		for r := range rows {
			a := total(c, func(j int) float64 { return g(r, j) }) / float64(c)
			b := total(c, func(j int) float64 { return g(r, j) * xhat(r, j) }) / float64(c)
			row := make([]float32, c)
			fill(row, func(j int) float64 { return f64(invstd, r) * (g(r, j) - a - xhat(r, j)*b) })
			copy(dx[r*c:], row)
		}
	},
	GELU: func(y, x []float32) {
		fill(y, func(i int) float64 { return f64(x, i) * normal(f64(x, i)) })
	},
	GELUGrad: func(dx, dy, x []float32) {
		fill(dx, func(i int) float64 { return f64(dy, i) * geluSlope(f64(x, i)) })
	},
	RowMax: func(m, x []float32, stride, cols int) {
		for r := range m {
			for _, v := range x[r*stride:][:cols] {
				if v > m[r] {
					m[r] = v
				}
			}
		}
	},
	RowExp: func(sum, x []float32, stride, cols int, m []float32, scale float32) {
		for r := range sum {
			row := x[r*stride:][:cols]
			e := func(j int) float64 {
				// The argument is rounded as the kernels do: its error is not theirs.
				return math.Exp(float64(scale * (row[j] - m[r])))
			}
			sum[r] = float32(f64(sum, r) + total(cols, e))
			fill(row, e)
		}
	},
	RowScale: func(x []float32, stride, cols int, s []float32) {
		for r := range s {
			row := x[r*stride:][:cols]
			fill(row, func(j int) float64 { return f64(row, j) * f64(s, r) })
		}
	},
	RowDot: func(d, a, b []float32, stride, cols int) {
		for r := range d {
			d[r] = float32(total(cols, func(j int) float64 { return f64(a, r*stride+j) * f64(b, r*stride+j) }))
		}
	},
	SoftmaxGrad: func(dp, p []float32, stride, cols int, d []float32, scale float32) {
		for r := range d {
			g, p := dp[r*stride:][:cols], p[r*stride:][:cols]
			fill(g, func(j int) float64 { return float64(scale) * f64(p, j) * (f64(g, j) - f64(d, r)) })
		}
	},
}

func geluSlope(x float64) float64 {
	return normal(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
}

// scores are rows of c numbers, 3 apart from each other, in whose gaps nothing
// may be written.
func (a *arena) scores(rows, c int) (x []float32, stride int) {
	if rows == 0 {
		return nil, c + 3
	}
	return a.f(rows*(c+3) - 3), c + 3
}

var rowFlatCases = []struct {
	name string
	tol  float64
	call func(k *Row, a *arena, n int)
}{
	{"GELU", 3e-7, func(k *Row, a *arena, n int) { k.GELU(a.f(n), a.f(n)) }},
	{"GELUInPlace", 3e-7, func(k *Row, a *arena, n int) { x := a.f(n); k.GELU(x, x) }},
	{"GELUGrad", 1e-6, func(k *Row, a *arena, n int) { k.GELUGrad(a.f(n), a.f(n), a.f(n)) }},
	{"GELUGradInPlace", 1e-6, func(k *Row, a *arena, n int) { dy := a.f(n); k.GELUGrad(dy, dy, a.f(n)) }},
}

// rowMatrixCases take rows x c; tol as in rowCases, by the root of 1+c.
var rowMatrixCases = []struct {
	name string
	tol  float64
	call func(k *Row, a *arena, rows, c int)
}{
	{"LayerNorm", 2e-6, func(k *Row, a *arena, rows, c int) {
		k.LayerNorm(a.f(rows*c), a.f(rows*c), a.f(c), a.f(c), a.f(rows), a.f(rows), 1e-3)
	}},
	{"LayerNormInPlace", 2e-6, func(k *Row, a *arena, rows, c int) {
		x := a.f(rows * c)
		k.LayerNorm(x, x, a.f(c), a.f(c), a.f(rows), a.f(rows), 1e-3)
	}},
	{"LayerNormGrad", 4e-6, func(k *Row, a *arena, rows, c int) {
		k.LayerNormGrad(a.f(rows*c), a.f(c), a.f(c), a.f(rows*c), a.f(rows*c), a.f(c), a.statistic(rows), a.statistic(rows))
	}},
	{"LayerNormGradInPlace", 4e-6, func(k *Row, a *arena, rows, c int) {
		dy := a.f(rows * c)
		k.LayerNormGrad(dy, a.f(c), a.f(c), dy, a.f(rows*c), a.f(c), a.statistic(rows), a.statistic(rows))
	}},
	{"RowMax", 1e-9, func(k *Row, a *arena, rows, c int) {
		x, stride := a.scores(rows, c)
		k.RowMax(a.f(rows), x, stride, c)
	}},
	{"RowExp", 1e-6, func(k *Row, a *arena, rows, c int) {
		x, stride := a.scores(rows, c)
		k.RowExp(a.f(rows), x, stride, c, a.statistic(rows), 0.7)
	}},
	{"RowScale", 0, func(k *Row, a *arena, rows, c int) {
		x, stride := a.scores(rows, c)
		k.RowScale(x, stride, c, a.f(rows))
	}},
	{"RowDot", 1e-6, func(k *Row, a *arena, rows, c int) {
		x, stride := a.scores(rows, c)
		y, _ := a.scores(rows, c)
		k.RowDot(a.f(rows), x, y, stride, c)
	}},
	{"SoftmaxGrad", 1e-6, func(k *Row, a *arena, rows, c int) {
		dp, stride := a.scores(rows, c)
		p, _ := a.scores(rows, c)
		k.SoftmaxGrad(dp, p, stride, c, a.f(rows), 0.3)
	}},
}

func TestRowKernels(t *testing.T) {
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		for _, c := range rowFlatCases {
			t.Run(c.name, func(t *testing.T) {
				for _, n := range flatLengths() {
					for _, special := range []bool{false, true} {
						checkCall(t, &impl.Row, &rowLiteral, c.tol, func(k *Row, a *arena) { c.call(k, a, n) }, uint64(n), special)
					}
				}
			})
		}
		for _, c := range rowMatrixCases {
			t.Run(c.name, func(t *testing.T) {
				for _, s := range matrixShapes() {
					for _, special := range []bool{false, true} {
						tol := c.tol * math.Sqrt(float64(1+s[1])) * math.Sqrt(float64(1+s[0]))
						checkCall(t, &impl.Row, &rowLiteral, tol, func(k *Row, a *arena) { c.call(k, a, s[0], s[1]) },
							uint64(s[0]*1000+s[1]), special)
					}
				}
			})
		}
	})
}

// The bounds that Row states, on every 2003rd float32 and densely where the
// function bends.
func TestGELUKeepsItsBounds(t *testing.T) {
	var x []float32
	for bits := uint64(0); bits < 1<<32; bits += 2003 {
		x = append(x, math.Float32frombits(uint32(bits)))
	}
	for v := float32(-15); v < 15; v += 1e-3 {
		x = append(x, v)
	}
	ones := make([]float32, len(x))
	for i := range ones {
		ones[i] = 1
	}
	y, slope := make([]float32, len(x)), make([]float32, len(x))
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		impl.GELU(y, x)
		impl.GELUGrad(slope, ones, x)
		var worst, worstSlope float64
		for i, v := range x {
			v := float64(v)
			switch {
			case v != v || math.IsInf(v, 0):
				require.Equal(t, math.IsInf(v, 1), math.IsInf(float64(y[i]), 1), "GELU(%v) is %v", v, y[i])
				require.False(t, finite(float64(slope[i])) && v != v, "slope at %v is %v", v, slope[i])
			default:
				worst = max(worst, math.Abs(float64(y[i])-v*normal(v))/math.Max(math.Abs(v), 0x1p-126))
				worstSlope = max(worstSlope, math.Abs(float64(slope[i])-geluSlope(v)))
			}
		}
		t.Logf("GELU is off by %.2g of x, its slope by %.2g", worst, worstSlope)
		require.Less(t, worst, 3e-7)
		require.Less(t, worstSlope, 5e-7)
	})
}

// A mean far from 0 must not cost layer norm its precision.
func TestLayerNormFarFromZero(t *testing.T) {
	const rows, c = 3, 1000
	x, r := make([]float32, rows*c), rand.New(rand.NewPCG(5, 6))
	for i := range x {
		x[i] = 1000 + r.Float32()
	}
	ones, zeros := make([]float32, c), make([]float32, c)
	for i := range ones {
		ones[i] = 1
	}
	run := func(k *Row) (y, mean, invstd []float32) {
		y, mean, invstd = make([]float32, rows*c), make([]float32, rows), make([]float32, rows)
		k.LayerNorm(y, x, ones, zeros, mean, invstd, 0)
		return y, mean, invstd
	}
	_, wantMean, wantInvstd := run(&rowLiteral)
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		y, mean, invstd := run(&impl.Row)
		for i := range mean {
			require.InEpsilon(t, wantMean[i], mean[i], 1e-7)
			require.InEpsilon(t, wantInvstd[i], invstd[i], 1e-5)
			sum := total(c, func(j int) float64 { return f64(y, i*c+j) })
			require.InDelta(t, 0, sum/c, 2e-4, "half of a float32's step at 1000, over the deviation")
		}
	})
}

func TestRowKernelsPanicOnShortSlices(t *testing.T) {
	long, short := make([]float32, 64), make([]float32, 63)
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		require.Panics(t, func() { impl.GELU(short, long) })
		require.Panics(t, func() { impl.LayerNorm(long, short, long[:8], long[:8], long[:8], long[:8], 0) })
		require.Panics(t, func() { impl.RowMax(long[:8], short[:63:63], 8, 8) })
		require.Panics(t, func() { impl.RowExp(long[:8], long, 8, 8, short[:7:7], 1) })
		require.Panics(t, func() { impl.RowScale(short[:63:63], 8, 8, long[:8]) })
		require.Panics(t, func() { impl.RowDot(long[:8], long, short[:63:63], 8, 8) })
		require.Panics(t, func() { impl.SoftmaxGrad(long, short[:63:63], 8, 8, long[:8], 1) })
	})
}
