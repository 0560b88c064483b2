package kernel

// generic is the plain Go implementation: the definition of every kernel, and
// what runs where there is no assembly.
var generic = Impl{Name: "generic", Gemm: gemmGeneric, Vec: vecGeneric, Row: rowGeneric, Winograd: winogradGeneric,
	missing: func() string { return "" }}
