package kernel

import "math"

// rowGeneric defines every kernel of Row as a plain loop.
var rowGeneric = Row{
	LayerNorm: layerNorm, LayerNormGrad: layerNormGrad, GELU: gelu, GELUGrad: geluGrad,
	RowMax: rowMax, RowExp: rowExp, RowScale: rowScale, RowDot: rowDot, SoftmaxGrad: softmaxGrad,
}

func layerNorm(y, x, gamma, beta, mean, invstd []float32, eps float32) {
	c := len(gamma)
	for r := range mean {
		row := x[r*c:][:c]
		sum, squares := 0.0, 0.0
		for _, v := range row {
			sum += float64(v)
		}
		m := sum / float64(c)
		for _, v := range row {
			squares += (float64(v) - m) * (float64(v) - m)
		}
		mean[r] = float32(m)
		invstd[r] = float32(1 / math.Sqrt(squares/float64(c)+float64(eps)))
		for j, v := range row {
			y[r*c+j] = (v-mean[r])*invstd[r]*gamma[j] + beta[j]
		}
	}
}

func layerNormGrad(dx, dgamma, dbeta, dy, x, gamma, mean, invstd []float32) {
	c := len(gamma)
	for r := range mean {
		sum, sumX := 0.0, 0.0
		for j := range c {
			xhat := (x[r*c+j] - mean[r]) * invstd[r]
			g := dy[r*c+j] * gamma[j]
			sum += float64(g)
			sumX += float64(g * xhat)
		}
		a, b := float32(sum/float64(c)), float32(sumX/float64(c))
		for j := range c {
			d := dy[r*c+j]
			xhat := (x[r*c+j] - mean[r]) * invstd[r]
			dgamma[j] += d * xhat
			dbeta[j] += d
			dx[r*c+j] = invstd[r] * (d*gamma[j] - a - xhat*b)
		}
	}
}

func gelu(y, x []float32) {
	for i, v := range x {
		y[i] = v * float32(normal(float64(v)))
	}
}

func geluGrad(dx, dy, x []float32) {
	for i, v := range x {
		v := float64(v)
		density := math.Exp(-v*v/2) / math.Sqrt(2*math.Pi)
		dx[i] = dy[i] * float32(normal(v)+v*density)
	}
}

// normal is the normal distribution function.
func normal(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func rowMax(m, x []float32, stride, cols int) {
	for r := range m {
		for _, v := range x[r*stride:][:cols] {
			if v > m[r] {
				m[r] = v
			}
		}
	}
}

func rowExp(sum, x []float32, stride, cols int, m []float32, scale float32) {
	for r := range sum {
		row := x[r*stride:][:cols]
		for j, v := range row {
			row[j] = scale * (v - m[r])
		}
		exp(row, row)
		total := 0.0
		for _, v := range row {
			total += float64(v)
		}
		sum[r] += float32(total)
	}
}

func rowScale(x []float32, stride, cols int, s []float32) {
	for r, f := range s {
		row := x[r*stride:][:cols]
		for j := range row {
			row[j] *= f
		}
	}
}

func rowDot(d, a, b []float32, stride, cols int) {
	for r := range d {
		d[r] = float32(dot(a[r*stride:][:cols], b[r*stride:][:cols]))
	}
}

func softmaxGrad(dp, p []float32, stride, cols int, d []float32, scale float32) {
	for r := range d {
		g, p := dp[r*stride:][:cols], p[r*stride:][:cols]
		for j := range g {
			g[j] = scale * p[j] * (g[j] - d[r])
		}
	}
}
