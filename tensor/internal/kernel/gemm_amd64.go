package kernel

//go:generate go run -C _gen . -part gemm -out ../gemm_amd64.s -pkg kernel

var (
	gemmAVX512 = Gemm{MR: 14, NR: 32, Tile: tileAVX512, Copy: copyGeneric, Transpose: transposeGeneric}
	gemmAVX2   = Gemm{MR: 6, NR: 16, Tile: tileAVX2, Copy: copyGeneric, Transpose: transposeGeneric}
)

func tileAVX512(t *Tile) { tilesAVX512[(t.N-1)/16][t.M-1](t) }
func tileAVX2(t *Tile)   { tilesAVX2[(t.N-1)/8][t.M-1](t) }
