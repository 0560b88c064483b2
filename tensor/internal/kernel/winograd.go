package kernel

// Winograd holds the transforms of Winograd's fast convolution (Lavin and Gray
// 2016, arXiv 1509.09308); package gemm says how it works.
type Winograd struct {
	// WinogradTransform does, for each of n channels c that lie side by side,
	//
	//	dst[i*di + j*dj + c] = sum over a, b of T[i][a] * T[j][b] * src[a*si + b*sj + c]
	//
	// where T is the matrix t: T X T^t for every channel's small matrix X. dst
	// and src may not overlap.
	WinogradTransform func(t Transform, dst []float32, di, dj int, src []float32, si, sj, n int)
}

// Transform names a matrix of Winograd's convolution F(m x m, 3 x 3), which
// makes m x m outputs out of (m+2) x (m+2) inputs.
type Transform int

// The transforms, for F(2x2,3x3) and F(4x4,3x3), in the names of Lavin and Gray.
const (
	Input2     Transform   = iota // B^T, 4 x 4: of the input
	Filter2                       // G, 4 x 3: of the weights
	Output2                       // A^T, 2 x 4: back to outputs
	OutputT2                      // A, 4 x 2: of the output's gradient
	FilterT2                      // G^T, 3 x 4: back to the weights' gradient
	Input4                        // B^T, 6 x 6
	Filter4                       // G, 6 x 3
	Output4                       // A^T, 4 x 6
	OutputT4                      // A, 6 x 4
	FilterT4                      // G^T, 3 x 6
	Transforms = int(iota)        // how many there are
)

// Rows and columns of a transform's matrix.
func (t Transform) size() (rows, cols int) {
	m := WinogradMatrices[t]
	return len(m), len(m[0])
}

// WinogradMatrices are the matrices of the transforms. F(2x2,3x3) evaluates
// polynomials at the points 0, 1, -1 and infinity, F(4x4,3x3) also at 2 and -2.
var WinogradMatrices = [Transforms][][]float32{
	Input2: {
		{1, 0, -1, 0},
		{0, 1, 1, 0},
		{0, -1, 1, 0},
		{0, 1, 0, -1}},
	Filter2: {
		{1, 0, 0},
		{0.5, 0.5, 0.5},
		{0.5, -0.5, 0.5},
		{0, 0, 1}},
	Output2: {
		{1, 1, 1, 0},
		{0, 1, -1, -1}},
	OutputT2: {
		{1, 0},
		{1, 1},
		{1, -1},
		{0, -1}},
	FilterT2: {
		{1, 0.5, 0.5, 0},
		{0, 0.5, -0.5, 0},
		{0, 0.5, 0.5, 1}},
	Input4: {
		{4, 0, -5, 0, 1, 0},
		{0, -4, -4, 1, 1, 0},
		{0, 4, -4, -1, 1, 0},
		{0, -2, -1, 2, 1, 0},
		{0, 2, -1, -2, 1, 0},
		{0, 4, 0, -5, 0, 1}},
	Filter4: {
		{1. / 4, 0, 0},
		{-1. / 6, -1. / 6, -1. / 6},
		{-1. / 6, 1. / 6, -1. / 6},
		{1. / 24, 1. / 12, 1. / 6},
		{1. / 24, -1. / 12, 1. / 6},
		{0, 0, 1}},
	Output4: {
		{1, 1, 1, 1, 1, 0},
		{0, 1, -1, 2, -2, 0},
		{0, 1, 1, 4, 4, 0},
		{0, 1, -1, 8, -8, 1}},
	OutputT4: {
		{1, 0, 0, 0},
		{1, 1, 1, 1},
		{1, -1, 1, -1},
		{1, 2, 4, 8},
		{1, -2, 4, -8},
		{0, 0, 0, 1}},
	FilterT4: {
		{1. / 4, -1. / 6, -1. / 6, 1. / 24, 1. / 24, 0},
		{0, -1. / 6, 1. / 6, 1. / 12, -1. / 12, 0},
		{0, -1. / 6, -1. / 6, 1. / 6, 1. / 6, 1}},
}

var winogradGeneric = Winograd{WinogradTransform: winogradTransform}

// winogradTransform defines the transform: first T X, then (T X) T^t.
func winogradTransform(t Transform, dst []float32, di, dj int, src []float32, si, sj, n int) {
	m := WinogradMatrices[t]
	rows, cols := t.size()
	for c := range n {
		var half [6][6]float32
		for i := range rows {
			for b := range cols {
				for a := range cols {
					half[i][b] += m[i][a] * src[a*si+b*sj+c]
				}
			}
		}
		for i := range rows {
			for j := range rows {
				var sum float32
				for b := range cols {
					sum += m[j][b] * half[i][b]
				}
				dst[i*di+j*dj+c] = sum
			}
		}
	}
}
