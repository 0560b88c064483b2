package kernel

var gemmNEON = Gemm{MR: 6, NR: 16, Tile: tileNEON, Copy: copyGeneric, Transpose: transposeGeneric, Deal: dealGeneric}

func tileNEON(t *Tile) { tilesNEON[(t.N-1)/4][t.M-1](t) }
