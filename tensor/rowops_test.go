package tensor

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
)

// literalDistance is the definition, in float64.
func literalDistance(d Distance, a, b []float32) float64 {
	var l1, sq, dot, na, nb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		l1 += math.Abs(x - y)
		sq += (x - y) * (x - y)
		dot += x * y
		na += x * x
		nb += y * y
	}
	cos := dot / (math.Sqrt(na) * math.Sqrt(nb))
	unit := 0.0
	for i := range a {
		u := float64(a[i])/math.Sqrt(na) - float64(b[i])/math.Sqrt(nb)
		unit += u * u
	}
	return []float64{l1, math.Sqrt(sq), 1 - cos, math.Acos(cos) / math.Pi, math.Sqrt(unit)}[d]
}

func randomRows(seed uint64, shape ...int) *Tensor {
	x := New(shape...)
	r := rng.New(seed, "rows")
	for i := range x.data {
		x.data[i] = float32(r.NormFloat64())
	}
	return x
}

// The generic kernels sum in float64; the others round partial sums to float32.
func TestViewDistancesAreTheirDefinition(t *testing.T) {
	generic := engineOf(t, Options{Threads: 2, ISA: "generic"})
	best := testEngine(t, 2)
	for _, shape := range [][]int{{6, 1}, {6, 17}, {12, 9, 5, 3}, {6, 3, 1000}, {6, 1025}} {
		for _, views := range []int{2, 3, 6} {
			for d := DistanceL1; d <= DistanceUnitL2; d++ {
				for _, first := range []bool{false, true} {
					x := randomRows(1, shape...)
					want := literalMeans(d, x, views, first)
					exact, fast := 3e-7, 2e-6
					for p, w := range want {
						what := fmt.Sprintf("distance %d, shape %v, %d views, first %v", d, shape, views, first)
						assert.InDelta(t, w, generic.ViewDistances(d, x, views, first)[p], exact*(1+w), what)
						assert.InDelta(t, w, best.ViewDistances(d, x, views, first)[p], fast*(1+w), what)
					}
				}
			}
		}
	}
}

// literalMeans is ViewDistances by its definition.
func literalMeans(d Distance, x *Tensor, views int, first bool) []float64 {
	width := x.Len() / x.Dim(0)
	row := func(p, v int) []float32 { return x.data[(p*views+v)*width:][:width] }
	means := make([]float64, x.Dim(0)/views)
	for p := range means {
		sum, n := 0.0, 0.0
		for i := range views {
			for j := range i {
				if !first || j == 0 {
					sum += literalDistance(d, row(p, i), row(p, j))
					n++
				}
			}
		}
		means[p] = sum / n
	}
	return means
}

func TestViewDistancesOfSpecialRows(t *testing.T) {
	e := testEngine(t, 1)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name string
		a, b []float32
		want [5]float64
	}{
		{"equal", []float32{.1, -.7, 3e-3}, []float32{.1, -.7, 3e-3}, [5]float64{0, 0, 0, 0, 0}},
		{"both zero", []float32{0, 0}, []float32{0, 0}, [5]float64{0, 0, 0, 0, 0}},
		{"one zero", []float32{0, 0}, []float32{3, 4}, [5]float64{7, 5, 1, .5, math.Sqrt2}},
		{"opposite", []float32{3, 4}, []float32{-3, -4}, [5]float64{14, 10, 2, 1, 2}},
		{"at right angles", []float32{2, 0}, []float32{0, 2}, [5]float64{4, math.Sqrt(8), 1, .5, math.Sqrt2}},
		{"subnormal", []float32{1e-45, 0}, []float32{1e-45, 0}, [5]float64{0, 0, 0, 0, 0}},
		{"large", []float32{1e15, 0}, []float32{0, 1e15}, [5]float64{2e15, math.Sqrt2 * 1e15, 1, .5, math.Sqrt2}},
	} {
		for d := DistanceL1; d <= DistanceUnitL2; d++ {
			x := FromSlice(append(append([]float32{}, c.a...), c.b...), 2, len(c.a))
			assert.InEpsilon(t, 1+c.want[d], 1+e.ViewDistances(d, x, 2, false)[0], 1e-7, "%s, distance %d", c.name, d)
		}
	}
	for _, bad := range []float32{nan, inf, -inf} {
		for _, other := range []float32{0, 1, bad} {
			for d := DistanceL1; d <= DistanceUnitL2; d++ {
				x := FromSlice([]float32{1, bad, 0, other, 2, 3, 4, 5}, 4, 2)
				got := e.ViewDistances(d, x, 2, false)
				assert.False(t, got[0]-got[0] == 0, "distance %d of %v and %v is %v", d, bad, other, got[0])
				assert.True(t, got[1]-got[1] == 0, "the point beside it is %v", got[1])
			}
		}
	}
}

// The views of a point can lie almost on one line, as in the first layers: 1 - cos
// in float32 would be wrong by factors there. The bounds are those that
// ViewDistances states.
func TestViewDistancesOfNearlyParallelRows(t *testing.T) {
	OnEveryISA(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, noise := range []float32{1e-2, 1e-3, 1e-4, 1e-5, 1e-6} {
			for _, width := range []int{3, 256, 5000} {
				x := randomRows(7, 8, width)
				for i := range x.data {
					x.data[i] = 1 + float32(i%width%5)/4 + noise*x.data[i]
				}
				d := literalMeans(DistanceUnitL2, x, 4, false)
				for p := range d {
					what := fmt.Sprintf("noise %g, width %d", noise, width)
					assert.InDelta(t, d[p], e.ViewDistances(DistanceUnitL2, x, 4, false)[p], 2e-7, what)
					// Cosine is the mean of squares: relative to the largest pair.
					cosine := literalUnitSquares(x, p, 4) / 2
					assert.InDelta(t, cosine, e.ViewDistances(DistanceCosine, x, 4, false)[p],
						4e-7*math.Sqrt(2*cosine)+1e-13, what)
					assert.InDelta(t, d[p]/math.Pi, e.ViewDistances(DistanceAngular, x, 4, false)[p],
						2e-7+d[p]*d[p]*d[p]/20, what)
				}
			}
		}
	})
}

// literalUnitSquares is the mean over pairs of views of |a/|a| - b/|b||^2.
func literalUnitSquares(x *Tensor, p, views int) float64 {
	width, sum, n := x.Len()/x.Dim(0), 0.0, 0.0
	for i := range views {
		for j := range i {
			d := literalDistance(DistanceUnitL2, x.data[(p*views+i)*width:][:width], x.data[(p*views+j)*width:][:width])
			sum, n = sum+d*d, n+1
		}
	}
	return sum / n
}

// Finite activations have finite distances and means, however large or small they
// are, and equal ones after scaling.
func TestRowOperationsOfHugeAndTinyRows(t *testing.T) {
	OnEveryISA(t, Options{Threads: 2}, func(t *testing.T, e *Engine) {
		for _, scale := range []float64{0x1p-140, 0x1p-126, 0x1p-80, 0x1p-40, 0x1p40, 0x1p80, 0x1p120} {
			plain, scaled := randomRows(8, 6, 70, 5), New(6, 70, 5)
			for i, v := range plain.data {
				scaled.data[i] = float32(float64(v) * scale)
				plain.data[i] = float32(float64(scaled.data[i]) / scale) // what of its digits is left
			}
			for d := DistanceL1; d <= DistanceUnitL2; d++ {
				want := literalMeans(d, plain, 3, false)
				for p, got := range e.ViewDistances(d, scaled, 3, false) {
					if !d.byDirection() {
						got /= scale
					}
					assert.InEpsilon(t, want[p], got, 2e-6, "distance %d, scale %g", d, scale)
				}
			}
			want := e.UnitMeans(plain, 3, 0, false)
			for u, got := range e.UnitMeans(scaled, 3, 0, false) {
				assert.InDelta(t, want[u], got/scale, 1e-6, "unit %d, scale %g", u, scale)
			}
		}
	})
}

func TestUnitMeansAreTheirDefinition(t *testing.T) {
	e := testEngine(t, 2)
	for _, shape := range [][]int{{6, 1}, {6, 33}, {12, 9, 15, 3}, {6, 3, 1}, {6, 70, 16}} {
		x := randomRows(2, shape...)
		c := x.Dim(-1)
		places := x.Len() / shape[0] / c
		for _, views := range []int{1, 3, 6} {
			for skip := range views {
				for _, absolute := range []bool{false, true} {
					got := e.UnitMeans(x, views, skip, absolute)
					require.Len(t, got, shape[0]/views*c)
					for i, g := range got {
						p, u := i/c, i%c
						sum := 0.0
						for v := skip; v < views; v++ {
							for s := range places {
								a := float64(x.data[((p*views+v)*places+s)*c+u])
								if absolute {
									a = math.Abs(a)
								}
								sum += a
							}
						}
						// Float32 sums of up to 64 numbers of size 1.
						assert.InDelta(t, sum/float64(places*(views-skip)), g, 1e-6, "shape %v, %d views from %d", shape, views, skip)
					}
				}
			}
		}
	}
	x := FromSlice([]float32{1, float32(math.Inf(-1)), 2, 3, 4, float32(math.NaN())}, 3, 2)
	for _, absolute := range []bool{false, true} {
		got := e.UnitMeans(x, 1, 0, absolute)
		for i, bad := range []bool{false, true, false, false, false, true} {
			assert.Equal(t, bad, got[i]-got[i] != 0, "mean %d is %v", i, got[i])
		}
	}
}

// A point gives the same bits alone, among others and on any number of threads.
func TestRowOperationsDoNotSeeTheBatch(t *testing.T) {
	const views, points = 3, 8
	x := randomRows(3, points*views, 7, 41, 5)
	width := x.Len() / points
	all := func(e *Engine, x *Tensor) string {
		s := fmt.Sprint(e.UnitMeans(x, views, 0, false), e.UnitMeans(x, views, 1, true))
		for d := DistanceL1; d <= DistanceUnitL2; d++ {
			s += fmt.Sprint(e.ViewDistances(d, x, views, false), e.ViewDistances(d, x, views, true))
		}
		return s
	}
	one := testEngine(t, 1)
	want := all(one, x)
	for threads := 2; threads <= 5; threads++ {
		assert.Equal(t, want, all(testEngine(t, threads), x), "%d threads", threads)
	}
	together := one.ViewDistances(DistanceL2, x, views, false)
	units := one.UnitMeans(x, views, 0, false)
	for p := range points {
		alone := FromSlice(x.data[p*width:][:width], views, 7, 41, 5)
		assert.Equal(t, together[p], one.ViewDistances(DistanceL2, alone, views, false)[0])
		assert.Equal(t, units[p*5:][:5], one.UnitMeans(alone, views, 0, false))
	}
}

func TestRowOperationsRefuseShapes(t *testing.T) {
	e := testEngine(t, 1)
	x := New(6, 2)
	for name, f := range map[string]func(){
		"views do not divide the rows": func() { e.ViewDistances(DistanceL1, x, 4, false) },
		"one view has no pair":         func() { e.ViewDistances(DistanceL1, x, 1, false) },
		"unknown distance":             func() { e.ViewDistances(9, x, 2, false) },
		"no units":                     func() { e.UnitMeans(New(6), 2, 0, false) },
		"no view left":                 func() { e.UnitMeans(x, 2, 2, false) },
	} {
		assert.Panics(t, f, name)
	}
	assert.Empty(t, e.ViewDistances(DistanceL2, New(0, 2), 2, false))
	assert.Empty(t, e.UnitMeans(New(0, 2), 2, 0, false))
}

func BenchmarkViewDistances(b *testing.B) {
	e := testEngine(b, 1)
	x := randomRows(4, 10, 32, 32, 32)
	for d := DistanceL1; d <= DistanceUnitL2; d++ {
		b.Run(fmt.Sprint(d), func(b *testing.B) {
			for b.Loop() {
				e.ViewDistances(d, x, 10, false)
			}
		})
	}
}

func BenchmarkUnitMeans(b *testing.B) {
	e := testEngine(b, 1)
	x := randomRows(4, 10, 32, 32, 32)
	for b.Loop() {
		e.UnitMeans(x, 10, 0, false)
	}
}
