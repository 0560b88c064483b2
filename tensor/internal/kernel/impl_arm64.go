//go:build !purego

package kernel

var neon = Impl{Name: "neon", Gemm: gemmNEON, Vec: vecNEON, Row: rowGeneric, Winograd: winogradGeneric,
	missing: func() string { return "" }}

func archImpls() []*Impl { return []*Impl{&neon} }
