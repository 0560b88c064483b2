package tensor

import "github.com/locimem/locimem/tensor/internal/kernel"

// ISAInfo tells of one instruction set that there are kernels for.
type ISAInfo struct {
	Name string `json:"name"`
	// Missing names the CPU features that it needs and this CPU lacks, "" if
	// it can run here.
	Missing string `json:"missing"`
	// BF16 names what computes in bf16 beside it: avx512bf16 (VDPBF16PS), or
	// generic for the emulation. BF16Missing names the CPU features that the
	// former lacks here, "" if it runs or there is none for this set.
	BF16        string `json:"bf16"`
	BF16Missing string `json:"bf16_missing"`
}

// ISAs lists the instruction sets that this program has kernels for, the fastest
// first and the generic one last.
func ISAs() []ISAInfo {
	var out []ISAInfo
	for _, i := range kernel.All() {
		info := ISAInfo{Name: i.Name, Missing: i.Missing(), BF16: i.BF16().Name}
		for _, b := range kernel.AllBF16() {
			if b.For(i) && info.BF16 != b.Name {
				info.BF16Missing = b.Missing()
			}
		}
		out = append(out, info)
	}
	return out
}
