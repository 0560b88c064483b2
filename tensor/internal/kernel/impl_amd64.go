//go:build !purego

package kernel

import (
	"strings"

	"github.com/klauspost/cpuid/v2"
)

var (
	avx512 = Impl{Name: "avx512", Gemm: gemmAVX512, Vec: vecAVX512, Row: rowAVX512, Winograd: winogradAVX512,
		missing: lacking(cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512BW, cpuid.AVX512VL, cpuid.AVX2, cpuid.FMA3, cpuid.BMI2)}
	avx2 = Impl{Name: "avx2", Gemm: gemmAVX2, Vec: vecAVX2, Row: rowAVX2, Winograd: winogradAVX2,
		missing: lacking(cpuid.AVX2, cpuid.FMA3)}
)

func archImpls() []*Impl { return []*Impl{&avx512, &avx2} }

// lacking returns a function that names those of the features that the CPU, or
// the operating system by not saving their registers, does not offer.
func lacking(features ...cpuid.FeatureID) func() string {
	return func() string {
		var names []string
		for _, f := range features {
			if !cpuid.CPU.Supports(f) {
				names = append(names, f.String())
			}
		}
		return strings.Join(names, ", ")
	}
}
