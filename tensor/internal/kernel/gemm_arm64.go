//go:build !purego

package kernel

var gemmNEON = Gemm{MR: 6, NR: 16, Tile: tileNEON, Copy: copyGeneric, Transpose: transposeGeneric,
	Deal: dealGeneric, Peak: peakOfNEON}

func tileNEON(t *Tile) { tilesNEON[(t.N-1)/4][t.M-1](t) }

//go:noescape
func peakNEON(steps int)

func peakOfNEON() int {
	peakNEON(peakSteps)
	return peakSteps * peakOps * 4
}
