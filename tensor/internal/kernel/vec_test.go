package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// arena hands out the arguments of one call and keeps them for comparison:
// inputs too, as a kernel must not change them.
type arena struct {
	r       *rand.Rand
	special bool // sprinkle in NaN, infinities, zeros of both signs and denormals
	shift   int  // floats by which every slice starts off a 64-byte line
	alloc   func(n, shift int) []float32
	floats  [][]float32
	bytes   [][]uint8
	sums    []float64
}

const guards = 16

var guard = math.Float32frombits(0x7fc0beef) // a NaN, so that a read shows too

// guarded is a slice of n floats between guard words, which checkGuards reads.
func guarded(n, shift int) []float32 {
	whole := make([]float32, guards+shift+n+guards)
	for i := range whole {
		whole[i] = guard
	}
	return whole[guards+shift : guards+shift+n : len(whole)]
}

func checkGuards(t *testing.T, x []float32) {
	for i, v := range x[:cap(x)][len(x):] {
		require.Equal(t, math.Float32bits(guard), math.Float32bits(v), "written %d past the end", i)
	}
}

var specials = []float32{
	float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)),
	math.SmallestNonzeroFloat32, -1e-40, math.Float32frombits(0x00800000),
}

func (a *arena) slice(n int, value func() float32) []float32 {
	x := a.alloc(n, a.shift)
	for i := range x {
		x[i] = value()
		if a.special && a.r.IntN(8) == 0 {
			x[i] = specials[a.r.IntN(len(specials))]
		}
	}
	a.floats = append(a.floats, x)
	return x
}

// f is n floats around 0, positive n floats from 0.5 to 1.5.
func (a *arena) f(n int) []float32 {
	return a.slice(n, func() float32 { return float32(a.r.NormFloat64()) })
}
func (a *arena) positive(n int) []float32 {
	return a.slice(n, func() float32 { return 0.5 + a.r.Float32() })
}

// statistic is n positive floats without special ones.
func (a *arena) statistic(n int) []float32 {
	defer func(special bool) { a.special = special }(a.special)
	a.special = false
	return a.positive(n)
}

// places is n bytes from 0 to 3.
func (a *arena) places(n int) []uint8 {
	words := a.alloc((n+3)/4, a.shift)
	x := unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(words))), 4*len(words))[4*len(words)-n:]
	for i := range x {
		x[i] = uint8(a.r.IntN(4))
	}
	a.bytes = append(a.bytes, x)
	return x
}

// flatCases call a kernel on slices of n elements. tol is how far from the
// literal a result may be, relative to the largest of 1 and itself; 0 asks for
// the same bits.
var flatCases = []struct {
	name string
	tol  float64
	call func(v *Vec, a *arena, n int)
}{
	{"Add", 0, func(v *Vec, a *arena, n int) { v.Add(a.f(n), a.f(n), a.f(n)) }},
	{"AddInPlace", 0, func(v *Vec, a *arena, n int) { x := a.f(n); v.Add(x, a.f(n), x) }},
	{"Acc", 0, func(v *Vec, a *arena, n int) { v.Acc(a.f(n), a.f(n)) }},
	{"Axpy", 1e-6, func(v *Vec, a *arena, n int) { v.Axpy(a.f(n), a.f(n), -0.7) }},
	{"Scale", 0, func(v *Vec, a *arena, n int) { v.Scale(a.f(n), a.f(n), 0.3) }},
	{"ReLU", 0, func(v *Vec, a *arena, n int) { v.ReLU(a.f(n), a.f(n)) }},
	{"ReLUInPlace", 0, func(v *Vec, a *arena, n int) { x := a.f(n); v.ReLU(x, x) }},
	{"ReLUGrad", 0, func(v *Vec, a *arena, n int) { v.ReLUGrad(a.f(n), a.f(n), a.f(n)) }},
	{"MaxUpdate", 0, func(v *Vec, a *arena, n int) { v.MaxUpdate(a.f(n), a.places(n), a.f(n), 7) }},
	{"AccEqual", 0, func(v *Vec, a *arena, n int) { v.AccEqual(a.f(n), a.places(n), a.f(n), 2) }},
	{"Dot", 1e-6, func(v *Vec, a *arena, n int) { a.sums = append(a.sums, v.Dot(a.positive(n), a.positive(n))) }},
	{"DotOfBothSigns", 1e-5, func(v *Vec, a *arena, n int) { a.sums = append(a.sums, v.Dot(a.f(n), a.f(n))) }},
	{"L1", 1e-6, func(v *Vec, a *arena, n int) { a.sums = append(a.sums, v.L1(a.f(n), a.f(n))) }},
	{"L2Sq", 1e-6, func(v *Vec, a *arena, n int) { a.sums = append(a.sums, v.L2Sq(a.f(n), a.f(n))) }},
	{"Exp", 2e-7, func(v *Vec, a *arena, n int) { v.Exp(a.f(n), a.f(n)) }},
	{"SGD", 1e-6, func(v *Vec, a *arena, n int) {
		v.SGD(a.f(n), a.f(n), a.f(n), SGDArgs{LR: 0.1, Momentum: 0.9, Decay: 1e-2})
	}},
	{"SGDNesterov", 1e-6, func(v *Vec, a *arena, n int) {
		v.SGD(a.f(n), a.f(n), a.f(n), SGDArgs{LR: 0.1, Momentum: 0.9, Decay: 1e-2, Nesterov: true})
	}},
	{"Adam", 2e-6, func(v *Vec, a *arena, n int) {
		v.Adam(a.f(n), a.f(n), a.positive(n), a.f(n), AdamArgs{Step: 0.01, B1: 0.9, B2: 0.999, InvSqrtC2: 1.5, Eps: 1e-8,
			L2: 1e-3, Keep: 0.99})
	}},
}

// rowCases call a kernel on matrices of rows x c; tol as in flatCases,
// times the root of 1+rows, as rounding adds up like random steps.
var rowCases = []struct {
	name string
	tol  float64
	call func(v *Vec, a *arena, rows, c int)
}{
	{"AddRow", 0, func(v *Vec, a *arena, rows, c int) { v.AddRow(a.f(rows*c), a.f(c), rows) }},
	{"ColSum", 4e-6, func(v *Vec, a *arena, rows, c int) { v.ColSum(a.f(c), a.f(rows*c), rows) }},
	{"ColMoments", 4e-6, func(v *Vec, a *arena, rows, c int) {
		if rows > 0 {
			v.ColMoments(a.f(c), a.f(c), a.f(rows*c), rows)
		}
	}},
	{"Affine", 1e-6, func(v *Vec, a *arena, rows, c int) {
		v.Affine(a.f(rows*c), a.f(rows*c), a.f(c), a.f(c), rows,
			false)
	}},
	{"AffineReLUInPlace", 1e-6, func(v *Vec, a *arena, rows, c int) {
		x := a.f(rows * c)
		v.Affine(x, x, a.f(c), a.f(c), rows, true)
	}},
	{"AffineAdd", 1e-6, func(v *Vec, a *arena, rows, c int) {
		v.AffineAdd(a.f(rows*c), a.f(rows*c), a.f(rows*c), a.f(c), a.f(c), rows, false)
	}},
	{"AffineAddReLUInPlace", 1e-6, func(v *Vec, a *arena, rows, c int) {
		r := a.f(rows * c)
		v.AffineAdd(r, a.f(rows*c), r, a.f(c), a.f(c), rows, true)
	}},
	{"BNGradSums", 4e-6, func(v *Vec, a *arena, rows, c int) {
		v.BNGradSums(a.f(c), a.f(c), a.f(rows*c), nil, a.f(rows*c), a.statistic(c), a.statistic(c), rows)
	}},
	{"BNGradSumsReLU", 4e-6, func(v *Vec, a *arena, rows, c int) {
		v.BNGradSums(a.f(c), a.f(c), a.f(rows*c), a.f(rows*c), a.f(rows*c), a.statistic(c), a.statistic(c), rows)
	}},
	{"BNGradGateSums", 4e-6, func(v *Vec, a *arena, rows, c int) {
		v.BNGradGateSums(a.f(c), a.f(c), a.f(rows*c), a.f(rows*c), a.f(rows*c), a.statistic(c), a.statistic(c), rows)
	}},
	{"BNGradApply", 1e-6, func(v *Vec, a *arena, rows, c int) {
		v.BNGradApply(a.f(rows*c), a.f(rows*c), nil, a.f(rows*c), a.f(c), a.f(c), a.f(c), rows)
	}},
	{"BNGradApplyReLUInPlace", 1e-6, func(v *Vec, a *arena, rows, c int) {
		dy := a.f(rows * c)
		v.BNGradApply(dy, dy, a.f(rows*c), a.f(rows*c), a.f(c), a.f(c), a.f(c), rows)
	}},
	{"AffineMaxPool2", 1e-6, func(v *Vec, a *arena, rows, c int) {
		n := rows * c
		v.AffineMaxPool2(a.f(n), a.places(n), a.f(2*n), a.f(2*n), a.f(c), a.f(c), false)
	}},
	{"AffineMaxPool2ReLU", 1e-6, func(v *Vec, a *arena, rows, c int) {
		n := rows * c
		v.AffineMaxPool2(a.f(n), a.places(n), a.f(2*n), a.f(2*n), a.f(c), a.f(c), true)
	}},
	{"BNPoolGradSums", 4e-6, func(v *Vec, a *arena, rows, c int) {
		n := rows * c
		v.BNPoolGradSums(a.f(c), a.f(c), a.f(n), a.places(n), nil, a.f(2*n), a.f(2*n), a.statistic(c), a.statistic(c))
	}},
	{"BNPoolGradSumsReLU", 4e-6, func(v *Vec, a *arena, rows, c int) {
		n := rows * c
		v.BNPoolGradSums(a.f(c), a.f(c), a.f(n), a.places(n), a.f(n), a.f(2*n), a.f(2*n), a.statistic(c), a.statistic(c))
	}},
	{"BNPoolGradApply", 1e-6, func(v *Vec, a *arena, rows, c int) {
		n := rows * c
		v.BNPoolGradApply(a.f(2*n), a.f(2*n), a.f(n), a.places(n), nil, a.f(2*n), a.f(2*n), a.f(c), a.f(c), a.f(c))
	}},
	{"BNPoolGradApplyReLUInPlace", 1e-6, func(v *Vec, a *arena, rows, c int) {
		n := rows * c
		x0, x1 := a.f(2*n), a.f(2*n)
		v.BNPoolGradApply(x0, x1, a.f(n), a.places(n), a.f(n), x0, x1, a.f(c), a.f(c), a.f(c))
	}},
}

// record makes the call on k, a set of kernels, with arguments that depend on
// seed only.
func record[K any](k *K, call func(k *K, a *arena), seed uint64, special bool, shift int) *arena {
	a := &arena{r: rand.New(rand.NewPCG(seed, 0)), special: special, shift: shift, alloc: guarded}
	call(k, a)
	return a
}

// checkCall compares the call on kernels with that on the literal ones, and the
// same call on slices that start elsewhere with the first.
func checkCall[K any](t *testing.T, kernels, literal *K, tol float64, call func(k *K, a *arena), seed uint64,
	special bool) {
	defer func() {
		if t.Failed() {
			t.Logf("n or 1000*rows+c is %d, special values: %v", seed, special)
		}
	}()
	want := record(literal, call, seed, special, 0)
	got := record(kernels, call, seed, special, 0)
	for k := range want.floats {
		checkGuards(t, got.floats[k])
		for i, w := range want.floats[k] {
			requireClose(t, float64(w), float64(got.floats[k][i]), tol, "slice %d, element %d", k, i)
		}
	}
	for i, w := range want.sums {
		requireClose(t, w, got.sums[i], tol, "sum")
	}
	require.Equal(t, want.bytes, got.bytes)
	for shift := 1; shift <= 3; shift++ {
		moved := record(kernels, call, seed, special, shift)
		for k := range got.floats {
			requireSameBits(t, got.floats[k], moved.floats[k])
		}
		for i := range got.sums {
			require.Equal(t, math.Float64bits(got.sums[i]), math.Float64bits(moved.sums[i]), "shift %d", shift)
		}
		require.Equal(t, got.bytes, moved.bytes)
	}
}

func requireClose(t *testing.T, want, got, tol float64, format string, args ...any) {
	if math.IsNaN(want) && math.IsNaN(got) {
		return
	}
	if want == got && (tol > 0 || math.Signbit(want) == math.Signbit(got)) {
		return
	}
	// Where Inf has come in, one way to compute may give Inf and another NaN.
	if tol > 0 && !finite(want) && !finite(got) {
		return
	}
	if !(math.Abs(want-got) <= tol*math.Max(1, math.Abs(want))) {
		require.FailNowf(t, "too far off", "want %v, got %v at "+format, append([]any{want, got}, args...)...)
	}
}

func finite(x float64) bool { return x-x == 0 }

func requireSameBits(t *testing.T, want, got []float32) {
	for i := range want {
		if w, g := math.Float32bits(want[i]), math.Float32bits(got[i]); w != g && !(want[i] != want[i] && got[i] != got[i]) {
			require.FailNowf(t, "not the same bits", "want %v, got %v at element %d", want[i], got[i], i)
		}
	}
}

func flatLengths() []int {
	lengths := []int{191, 192, 255, 513, 1023, 1024, 1025, 4099}
	for n := range 131 {
		lengths = append(lengths, n)
	}
	return lengths
}

// matrixShapes gives pairs of rows and columns.
func matrixShapes() (shapes [][2]int) {
	for c := 1; c <= 72; c++ {
		for _, rows := range []int{0, 1, 2, 5} {
			shapes = append(shapes, [2]int{rows, c})
		}
	}
	return append(shapes, [][2]int{{7, 96}, {3, 127}, {3, 128}, {3, 130}, {2, 257}, {300, 3}, {250, 32}, {2500, 1},
		{2049, 7}}...)
}

func TestVecFlat(t *testing.T) {
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		for _, c := range flatCases {
			t.Run(c.name, func(t *testing.T) {
				for _, n := range flatLengths() {
					for _, special := range []bool{false, true} {
						checkCall(t, &impl.Vec, &vecLiteral, c.tol, func(v *Vec, a *arena) { c.call(v, a, n) }, uint64(n), special)
					}
				}
			})
		}
	})
}

func TestVecRows(t *testing.T) {
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		for _, c := range rowCases {
			t.Run(c.name, func(t *testing.T) {
				for _, s := range matrixShapes() {
					for _, special := range []bool{false, true} {
						checkCall(t, &impl.Vec, &vecLiteral, c.tol*math.Sqrt(float64(1+s[0])),
							func(v *Vec, a *arena) { c.call(v, a, s[0], s[1]) }, uint64(s[0]*1000+s[1]), special)
					}
				}
			})
		}
	})
}
