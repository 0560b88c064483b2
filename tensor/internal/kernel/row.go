package kernel

// Row holds the kernels that see a row of a matrix as one thing, a token or the
// scores of one query: normalisation over it, softmax, and the activation of
// transformers. As in Vec, a destination may be one of the sources, and results
// are the same whatever the alignment. x is [rows x c] and dense, unless there
// is a stride: then row r stands at x[r*stride:], and only its first cols
// numbers are read or written.
type Row struct {
	// LayerNorm gives mean[r] and invstd[r] = 1/sqrt(variance + eps) of every
	// row of x, with the biased variance, and y = (x-mean)*invstd*gamma + beta;
	// c = len(gamma) >= 1, rows = len(mean). It sums distances from the mean, not
	// x^2, so that a large mean costs no precision.
	LayerNorm func(y, x, gamma, beta, mean, invstd []float32, eps float32)
	// LayerNormGrad is the way back. With xhat = (x-mean)*invstd and g = dy*gamma
	// it sets dx = invstd * (g - mean of g - xhat * mean of g*xhat) by row, and
	// adds the column sums of dy*xhat to dgamma and those of dy to dbeta.
	LayerNormGrad func(dx, dgamma, dbeta, dy, x, gamma, mean, invstd []float32)

	// GELU is y = x*P(x), where P is the normal distribution function
	// (1 + erf(x/sqrt 2))/2 (Hendrycks and Gimpel 2016). The error is below
	// 3e-7*|x| for normal x, and below 3e-45 for subnormal ones.
	GELU func(y, x []float32)
	// GELUGrad is dx = dy*(P(x) + x*p(x)), where p is the normal density; the
	// factor has an error below 5e-7.
	GELUGrad func(dx, dy, x []float32)

	// RowMax sets m[r] to the largest of m[r] and row r of x; NaN in x is passed
	// over. rows = len(m).
	RowMax func(m, x []float32, stride, cols int)
	// RowExp sets x[r,j] = e^(scale*(x[r,j]-m[r])), by Exp, and adds the sum of
	// the row's results to sum[r]. rows = len(sum).
	RowExp func(sum, x []float32, stride, cols int, m []float32, scale float32)
	// RowScale multiplies row r of x by s[r]. rows = len(s).
	RowScale func(x []float32, stride, cols int, s []float32)
	// RowDot sets d[r] to the inner product of rows r of a and b, which have the
	// same stride. rows = len(d).
	RowDot func(d, a, b []float32, stride, cols int)
	// SoftmaxGrad is the gradient of a softmax: dp[r,j] = scale * p[r,j] *
	// (dp[r,j] - d[r]), where p and dp have the same stride. rows = len(d).
	SoftmaxGrad func(dp, p []float32, stride, cols int, d []float32, scale float32)
}
