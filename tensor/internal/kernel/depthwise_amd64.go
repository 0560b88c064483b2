package kernel

//go:generate go run -C _gen . -part depthwise -out ../depthwise_amd64.s -pkg kernel

func depthwiseAVX512(t *Tile) {
	if t.N > 0 {
		depthwiseTilesAVX512[t.M-1](t)
	}
}

// The assembly of AVX2 does whole vectors.
func depthwiseAVX2(t *Tile) {
	if t.N >= 8 {
		depthwiseTilesAVX2[t.M-1](t)
	}
	if t.N%8 != 0 {
		depthwiseFrom(t, t.N&^7)
	}
}
