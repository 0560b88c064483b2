//go:build !purego

package kernel

//go:generate go run -C _gen . -part row_avx2
//go:generate go run -C _gen . -part row_avx512

var rowAVX2 = Row{
	LayerNorm: wrapLayerNorm(layerNormAVX2), LayerNormGrad: wrapLayerNormGrad(layerNormGradAVX2),
	GELU: wrapReLU(geluAVX2), GELUGrad: wrapAdd(geluGradAVX2),
	RowMax: wrapRowMax(rowMaxAVX2), RowExp: wrapRowExp(rowExpAVX2),
	RowScale: wrapRowScale(rowScaleAVX2), RowDot: wrapRowDot(rowDotAVX2), SoftmaxGrad: wrapSoftmaxGrad(softmaxGradAVX2),
}

var rowAVX512 = Row{
	LayerNorm: wrapLayerNorm(layerNormAVX512), LayerNormGrad: wrapLayerNormGrad(layerNormGradAVX512),
	GELU: wrapReLU(geluAVX512), GELUGrad: wrapAdd(geluGradAVX512),
	RowMax: wrapRowMax(rowMaxAVX512), RowExp: wrapRowExp(rowExpAVX512),
	RowScale: wrapRowScale(rowScaleAVX512), RowDot: wrapRowDot(rowDotAVX512), SoftmaxGrad: wrapSoftmaxGrad(softmaxGradAVX512),
}

// rowsOf is the first of rows of cols numbers of x, if there are so many.
func rowsOf(x []float32, stride, cols, rows int) *float32 {
	return first(x, (rows-1)*stride+cols)
}

func wrapLayerNorm(f func(y, x, gamma, beta, mean, invstd *float32, eps, inverse float32, stride, cols, rows int)) func(y, x, gamma, beta, mean, invstd []float32, eps float32) {
	return func(y, x, gamma, beta, mean, invstd []float32, eps float32) {
		c, rows := len(gamma), len(mean)
		if c > 0 && rows > 0 {
			f(first(y, rows*c), first(x, rows*c), first(gamma, c), first(beta, c), first(mean, rows), first(invstd, rows), eps, 1/float32(c), c, c, rows)
		}
	}
}

func wrapLayerNormGrad(f func(dx, dgamma, dbeta, dy, x, gamma, mean, invstd *float32, inverse float32, stride, cols, rows int)) func(dx, dgamma, dbeta, dy, x, gamma, mean, invstd []float32) {
	return func(dx, dgamma, dbeta, dy, x, gamma, mean, invstd []float32) {
		c, rows := len(gamma), len(mean)
		if c > 0 && rows > 0 {
			f(first(dx, rows*c), first(dgamma, c), first(dbeta, c), first(dy, rows*c), first(x, rows*c), first(gamma, c),
				first(mean, rows), first(invstd, rows), 1/float32(c), c, c, rows)
		}
	}
}

func wrapRowMax(f func(m, x *float32, stride, cols, rows int)) func(m, x []float32, stride, cols int) {
	return func(m, x []float32, stride, cols int) {
		if rows := len(m); rows > 0 && cols > 0 {
			f(first(m, rows), rowsOf(x, stride, cols, rows), stride, cols, rows)
		}
	}
}

func wrapRowExp(f func(sum, x, m *float32, scale float32, stride, cols, rows int)) func(sum, x []float32, stride, cols int, m []float32, scale float32) {
	return func(sum, x []float32, stride, cols int, m []float32, scale float32) {
		if rows := len(sum); rows > 0 && cols > 0 {
			f(first(sum, rows), rowsOf(x, stride, cols, rows), first(m, rows), scale, stride, cols, rows)
		}
	}
}

func wrapRowScale(f func(x, by *float32, stride, cols, rows int)) func(x []float32, stride, cols int, s []float32) {
	return func(x []float32, stride, cols int, s []float32) {
		if rows := len(s); rows > 0 && cols > 0 {
			f(rowsOf(x, stride, cols, rows), first(s, rows), stride, cols, rows)
		}
	}
}

func wrapRowDot(f func(d, a, b *float32, stride, cols, rows int)) func(d, a, b []float32, stride, cols int) {
	return func(d, a, b []float32, stride, cols int) {
		rows := len(d)
		if cols <= 0 {
			clear(d)
		} else if rows > 0 {
			f(first(d, rows), rowsOf(a, stride, cols, rows), rowsOf(b, stride, cols, rows), stride, cols, rows)
		}
	}
}

func wrapSoftmaxGrad(f func(dp, p, d *float32, scale float32, stride, cols, rows int)) func(dp, p []float32, stride, cols int, d []float32, scale float32) {
	return func(dp, p []float32, stride, cols int, d []float32, scale float32) {
		if rows := len(d); rows > 0 && cols > 0 {
			f(rowsOf(dp, stride, cols, rows), rowsOf(p, stride, cols, rows), first(d, rows), scale, stride, cols, rows)
		}
	}
}
