// Package kernel holds the numeric kernels on raw float32 slices: one Go
// implementation of each, which is its definition, and assembly for the
// instruction sets that this machine may have. All implementations stand in one
// registry, so that the same tests run on every one of them and none can be
// passed over in silence. The build tag purego leaves the assembly out.
package kernel

import (
	"fmt"
	"os"
	"strings"
)

// Impl is one implementation of every kernel, for one instruction set.
type Impl struct {
	Name     string // generic, avx2, avx512 or neon
	Gemm            // the register tile of the matrix product
	Vec             // sweeps over vectors and over the rows of matrices
	Row             // rows as wholes: layer norm, softmax, GELU
	Winograd        // the transforms of Winograd's convolution

	// missing says which CPU features are lacking, "" when the CPU can run it.
	missing func() string
}

// Missing names the CPU features that this implementation needs and the CPU
// lacks; "" means that it can run here.
func (i *Impl) Missing() string { return i.missing() }

// All returns every implementation built into this program, the fastest first
// and the generic one last, whether or not the CPU can run it.
func All() []*Impl { return append(archImpls(), &generic) }

// Get returns the implementation of that name. The error says which names there
// are, or what the CPU lacks.
func Get(name string) (*Impl, error) {
	var names []string
	for _, i := range All() {
		names = append(names, i.Name)
		if i.Name != name {
			continue
		}
		if m := i.Missing(); m != "" {
			return nil, fmt.Errorf("instruction set %q: this CPU lacks %s", name, m)
		}
		return i, nil
	}
	return nil, fmt.Errorf("instruction set %q is not built into this program, which has %s",
		name, strings.Join(names, ", "))
}

// Choose returns the implementation that the environment variable LOCIMEM_ISA
// names or, where it is empty, the fastest that the CPU can run.
func Choose() (*Impl, error) {
	if name := os.Getenv("LOCIMEM_ISA"); name != "" {
		i, err := Get(name)
		if err != nil {
			return nil, fmt.Errorf("LOCIMEM_ISA: %w", err)
		}
		return i, nil
	}
	for _, i := range All() {
		if i.Missing() == "" {
			return i, nil
		}
	}
	return &generic, nil // not reached: generic lacks nothing
}
