//go:build !purego

package kernel

//go:generate go run -C _gen . -part winograd_avx2
//go:generate go run -C _gen . -part winograd_avx512

var (
	winogradAVX512 = wrapWinograd([Transforms]winogradAsm{
		Input2: winogradInput2AVX512, Filter2: winogradFilter2AVX512, Output2: winogradOutput2AVX512,
		OutputT2: winogradOutputT2AVX512, FilterT2: winogradFilterT2AVX512,
		Input4: winogradInput4AVX512, Filter4: winogradFilter4AVX512, Output4: winogradOutput4AVX512,
		OutputT4: winogradOutputT4AVX512, FilterT4: winogradFilterT4AVX512,
	})
	winogradAVX2 = wrapWinograd([Transforms]winogradAsm{
		Input2: winogradInput2AVX2, Filter2: winogradFilter2AVX2, Output2: winogradOutput2AVX2,
		OutputT2: winogradOutputT2AVX2, FilterT2: winogradFilterT2AVX2,
		Input4: winogradInput4AVX2, Filter4: winogradFilter4AVX2, Output4: winogradOutput4AVX2,
		OutputT4: winogradOutputT4AVX2, FilterT4: winogradFilterT4AVX2,
	})
)

type winogradAsm func(dst *float32, di, dj int, src *float32, si, sj, n int)

// wrapWinograd checks once that all that the assembly will touch lies inside
// the slices.
func wrapWinograd(f [Transforms]winogradAsm) Winograd {
	return Winograd{WinogradTransform: func(t Transform, dst []float32, di, dj int, src []float32, si, sj, n int) {
		if n == 0 {
			return
		}
		rows, cols := t.size()
		_, _ = dst[(rows-1)*(di+dj)+n-1], src[(cols-1)*(si+sj)+n-1]
		f[t](&dst[0], di, dj, &src[0], si, sj, n)
	}}
}
