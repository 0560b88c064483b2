// Command _gen writes the assembly of package kernel. It is a module of its own,
// so that the generator library never becomes a dependency of users. Run it by
// `go generate` in the directory above.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/build"
)

// parts are the generators, each of which fills one .s file and one file of Go
// declarations (stubs).
var parts = map[string]func(){
	"gemm":            gemm,
	"vec_avx2":        func() { vecKernels(simd{suffix: "AVX2", lanes: 8}) },
	"vec_avx512":      func() { vecKernels(simd{suffix: "AVX512", lanes: 16}) },
	"row_avx2":        func() { rowKernels(simd{suffix: "AVX2", lanes: 8}) },
	"row_avx512":      func() { rowKernels(simd{suffix: "AVX512", lanes: 16}) },
	"winograd_avx2":   func() { winograd(simd{suffix: "AVX2", lanes: 8}) },
	"winograd_avx512": func() { winograd(simd{suffix: "AVX512", lanes: 16}) },
	"bf16":            bf16,
}

func main() {
	names := strings.Join(slices.Sorted(maps.Keys(parts)), ", ")
	part := flag.String("part", "", "what to generate: "+names)
	flag.Parse()
	generate, ok := parts[*part]
	if !ok {
		fmt.Fprintf(os.Stderr, "-part %q is not one of %s\n", *part, names)
		os.Exit(2)
	}
	generate()
	build.Generate()
}
