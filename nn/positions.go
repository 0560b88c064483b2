package nn

import "math"

// SinePositions are the positions of MAE (He et al. 2022; its code, He et al.,
// facebookresearch/mae) for patches of h rows and w columns, [1+h*w,dim] row by
// row: zeros for the class token; then, for the patch in row y and column x, a
// quarter of sines and a quarter of cosines of x/10000^(i/(dim/4)), i counting the
// quarter, and the same of y. The last dim mod 4 numbers of a row are 0.
func SinePositions(h, w, dim int) []float32 {
	pos := make([]float32, (h*w+1)*dim)
	quarter := dim / 4
	for y := range h {
		for x := range w {
			row := pos[(1+y*w+x)*dim:][:dim]
			for i := range quarter {
				omega := math.Pow(10000, -float64(i)/float64(quarter))
				for half, at := range []int{x, y} {
					s, c := math.Sincos(float64(at) * omega)
					row[2*half*quarter+i] = float32(s)
					row[(2*half+1)*quarter+i] = float32(c)
				}
			}
		}
	}
	return pos
}

// ResizePositions is the matrix that makes the positions of h x w patches of those of
// fromH x fromW, [1+h*w, 1+fromH*fromW] row by row: that of the class token stays, the
// grid's are interpolated bicubically, as DINO does with its small crops (Caron et al.
// 2021, facebookresearch/dino, without the 0.1 patches that it adds to the sides
// against rounding). It is torch.nn.functional.interpolate of that mode with
// align_corners=False and without antialiasing, which is linear.
func ResizePositions(fromH, fromW, h, w int) []float32 {
	cols := 1 + fromH*fromW
	m := make([]float32, (1+h*w)*cols)
	m[0] = 1
	down, across := cubic(fromH, h), cubic(fromW, w)
	for y := range h {
		for x := range w {
			row := m[(1+y*w+x)*cols+1:][:fromH*fromW]
			for v := range fromH {
				for u := range fromW {
					row[v*fromW+u] = float32(down[y][v] * across[x][u])
				}
			}
		}
	}
	return m
}

// cubic interpolates a line of from numbers at to places, [to][from], with the kernel
// of Keys 1981 for a = -0.75. Beyond the ends the last number goes on.
func cubic(from, to int) [][]float64 {
	const a = -0.75
	weight := func(d float64) float64 { // of a number at the distance d, below 2
		if d = math.Abs(d); d <= 1 {
			return ((a+2)*d-(a+3))*d*d + 1
		}
		return ((a*d-5*a)*d+8*a)*d - 4*a
	}
	lines := make([][]float64, to)
	for i := range lines {
		lines[i] = make([]float64, from)
		at := (float64(i)+0.5)*float64(from)/float64(to) - 0.5 // centres lie on centres
		floor := math.Floor(at)
		for k := -1; k <= 2; k++ {
			j := int(floor) + k
			lines[i][min(max(j, 0), from-1)] += weight(at - float64(j))
		}
	}
	return lines
}
