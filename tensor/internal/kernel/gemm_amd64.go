//go:build !purego

package kernel

import "fmt"

//go:generate go run -C _gen . -part gemm

var (
	gemmAVX512 = Gemm{MR: 14, NR: 32, Tile: tileAVX512, Copy: copyAVX512, Transpose: transposeAVX2,
		Deal: dealAVX512, Peak: peakOfAVX512}
	gemmAVX2 = Gemm{MR: 6, NR: 16, Tile: tileAVX2, Copy: copyAVX2, Transpose: transposeAVX2,
		Deal: dealAVX2, Peak: peakOfAVX2}
)

func tileAVX512(t *Tile) { tilesAVX512[(t.N-1)/16][t.M-1](t) }
func tileAVX2(t *Tile)   { tilesAVX2[(t.N-1)/8][t.M-1](t) }

// The assembly of the moves; rows and cols are not 0.
//
//go:noescape
func copyRowsAVX512(dst *float32, ds int, src *float32, ss, rows, cols int)

// cols >= 8
//
//go:noescape
func copyRowsAVX2(dst *float32, ds int, src *float32, ss, rows, cols int)

// rows and cols are multiples of 8
//
//go:noescape
func transposeBlocks(dst *float32, ds int, src *float32, ss, rows, cols int)

// rows, cols and strips are not 0
//
//go:noescape
func dealStripsAVX512(dst *float32, ds, ks int, src *float32, ss, rows, cols, strips int)

// as above, and ks >= 8
//
//go:noescape
func dealStripsAVX2(dst *float32, ds, ks int, src *float32, ss, rows, cols, strips int)

//go:noescape
func peakAVX512(steps int)

//go:noescape
func peakAVX2(steps int)

func peakOfAVX512() int {
	peakAVX512(peakSteps)
	return peakSteps * peakOps * 16
}

func peakOfAVX2() int {
	peakAVX2(peakSteps)
	return peakSteps * peakOps * 8
}

// moveSize is about how many numbers one call of the assembly moves; it cannot
// be preempted.
const moveSize = 1 << 15

func copyAVX512(dst []float32, ds int, src []float32, ss, rows, cols int) {
	copyBy(copyRowsAVX512, dst, ds, src, ss, rows, cols)
}

func copyAVX2(dst []float32, ds int, src []float32, ss, rows, cols int) {
	if cols < 8 {
		copyGeneric(dst, ds, src, ss, rows, cols)
		return
	}
	copyBy(copyRowsAVX2, dst, ds, src, ss, rows, cols)
}

func copyBy(copyRows func(dst *float32, ds int, src *float32, ss, rows, cols int), dst []float32, ds int, src []float32, ss, rows, cols int) {
	if cols == 0 || cols > moveSize {
		copyGeneric(dst, ds, src, ss, rows, cols)
		return
	}
	for rows > 0 {
		n := min(rows, moveSize/cols)
		_, _ = dst[(n-1)*ds+cols-1], src[(n-1)*ss+cols-1]
		copyRows(&dst[0], ds, &src[0], ss, n, cols)
		if rows -= n; rows > 0 {
			dst, src = dst[n*ds:], src[n*ss:]
		}
	}
}

// transposeAVX2 does whole blocks by the assembly and the rest by the plain loop.
func transposeAVX2(dst []float32, ds int, src []float32, ss, rows, cols int) {
	r8, c8 := rows&^7, cols&^7
	if r8 > 0 && c8 > 0 {
		_, _ = dst[(c8-1)*ds+r8-1], src[(r8-1)*ss+c8-1]
		const side = 32 // 32 rows are as long as moveSize/32 columns
		for i := 0; i < r8; i += side {
			for j := 0; j < c8; j += moveSize / side {
				transposeBlocks(&dst[j*ds+i], ds, &src[i*ss+j], ss, min(side, r8-i), min(moveSize/side, c8-j))
			}
		}
	}
	if r8 > 0 && c8 < cols {
		transposeGeneric(dst[c8*ds:], ds, src[c8:], ss, r8, cols-c8)
	}
	if r8 < rows && cols > 0 {
		transposeGeneric(dst[r8:], ds, src[r8*ss:], ss, rows-r8, cols)
	}
}

func dealAVX512(dst []float32, ds, ks int, src []float32, ss, rows, cols, strips int) {
	dealBy(dealStripsAVX512, cols, dst, ds, ks, src, ss, rows, cols, strips)
}

// dealAVX2 leaves strips that are wider than its tile to Go: those of the bf16
// tile, where that is emulated.
func dealAVX2(dst []float32, ds, ks int, src []float32, ss, rows, cols, strips int) {
	if cols > 8 {
		dealGeneric(dst, ds, ks, src, ss, rows, cols, strips)
		return
	}
	dealBy(dealStripsAVX2, 8, dst, ds, ks, src, ss, rows, cols, strips)
}

// dealBy calls the assembly, which stores width numbers in a row of a strip.
func dealBy(deal func(dst *float32, ds, ks int, src *float32, ss, rows, cols, strips int), width int, dst []float32, ds, ks int, src []float32, ss, rows, cols, strips int) {
	if rows <= 0 || cols <= 0 || strips <= 0 {
		return
	}
	if width > ks || width < cols {
		panic(fmt.Sprintf("kernel: Deal of %d columns to rows of %d", cols, ks))
	}
	for rows > 0 {
		n := min(rows, max(1, moveSize/(16*strips)))
		_, _ = dst[(strips-1)*ds+(n-1)*ks+width-1], src[(n-1)*ss+strips*cols-1]
		deal(&dst[0], ds, ks, &src[0], ss, n, cols, strips)
		if rows -= n; rows > 0 {
			dst, src = dst[n*ks:], src[n*ss:]
		}
	}
}
