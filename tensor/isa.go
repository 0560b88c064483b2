package tensor

import "github.com/locimem/locimem/tensor/internal/kernel"

// ISAInfo tells of one instruction set that there are kernels for.
type ISAInfo struct {
	Name string `json:"name"`
	// Missing names the CPU features that it needs and this CPU lacks, "" if
	// it can run here.
	Missing string `json:"missing"`
}

// ISAs lists the instruction sets that this program has kernels for, the fastest
// first and the generic one last.
func ISAs() []ISAInfo {
	var out []ISAInfo
	for _, i := range kernel.All() {
		out = append(out, ISAInfo{Name: i.Name, Missing: i.Missing()})
	}
	return out
}
