package testutil

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"testing"

	"codeberg.org/sbinet/npyio/npy"
	"codeberg.org/sbinet/npyio/npz"
	"github.com/stretchr/testify/require"
)

// Golden is an open golden file: an .npz of PyTorch's results that a script
// beside it made with golden.py, which describes the format.
type Golden struct {
	t    testing.TB
	path string
	r    *npz.Reader
	has  map[string]bool
}

// OpenGolden opens a golden file for the length of the test.
func OpenGolden(t testing.TB, path string) *Golden {
	t.Helper()
	r, err := npz.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	g := &Golden{t: t, path: path, r: r, has: map[string]bool{}}
	for _, k := range r.Keys() {
		g.has[k] = true
	}
	return g
}

// About decodes what the script says about the file into v.
func (g *Golden) About(v any) {
	g.t.Helper()
	require.NoError(g.t, json.Unmarshal(read[uint8](g, "about"), v), "%s: about", g.path)
}

// Has reports whether the file has an array of that name.
func (g *Golden) Has(name string) bool { return g.has[name+".npy"] }

// Shape returns the dimensions of an array.
func (g *Golden) Shape(name string) []int {
	g.t.Helper()
	require.True(g.t, g.Has(name), "%s has no array %q", g.path, name)
	return g.r.Header(name + ".npy").Descr.Shape
}

// Float32 returns an array and its shape.
func (g *Golden) Float32(name string) ([]float32, []int) {
	g.t.Helper()
	return read[float32](g, name), g.Shape(name)
}

// Float64 returns an array of float64.
func (g *Golden) Float64(name string) []float64 {
	g.t.Helper()
	return read[float64](g, name)
}

func read[T any](g *Golden, name string) []T {
	g.t.Helper()
	require.True(g.t, g.Has(name), "%s has no array %q", g.path, name)
	rc, err := g.r.Open(name + ".npy")
	require.NoError(g.t, err)
	defer rc.Close()
	r, err := npy.NewReader(rc)
	require.NoError(g.t, err, "%s: %s", g.path, name)
	require.False(g.t, r.Header.Descr.Fortran, "%s: %s is in column-major order", g.path, name)
	n := 1
	for _, d := range r.Header.Descr.Shape {
		n *= d
	}
	out := make([]T, n)
	if n > 0 {
		require.NoError(g.t, r.Read(&out), "%s: %s", g.path, name)
	}
	return out
}

// Bits returns the first n outputs of SplitMix64 (Steele, Lea and Flood, OOPSLA
// 2014) started at the FNV-1a hash of name; golden.py has the same function.
func Bits(name string, n int) []uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	s, out := h.Sum64(), make([]uint64, n)
	for i := range out {
		s += 0x9e3779b97f4a7c15
		z := (s ^ s>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		out[i] = z ^ z>>31
	}
	return out
}

// Uniform returns n numbers in [-1, 1), multiples of 2^-23, made from Bits.
func Uniform(name string, n int) []float32 {
	out := make([]float32, n)
	for i, b := range Bits(name, n) {
		out[i] = float32(float64(b>>40)*0x1p-23 - 1)
	}
	return out
}

// Summary returns the norm, the mean, the inner product with Uniform(name+"/dot")
// and samples entries of v, as golden.py does.
func Summary(name string, v []float32, samples int) []float64 {
	var ss, sum, dot float64
	u := Uniform(name+"/dot", len(v))
	for i, x := range v {
		ss += float64(x) * float64(x)
		sum += float64(x)
		dot += float64(x) * float64(u[i])
	}
	out := []float64{math.Sqrt(ss), sum / float64(len(v)), dot}
	for _, b := range Bits(name+"/at", samples) {
		out = append(out, float64(v[b%uint64(len(v))]))
	}
	return out
}

// MaxError returns the largest |got-want| as a share of the largest |want|, or
// as it is where want is all zero. A NaN or infinity that is not in both counts
// as an infinite error.
func MaxError(got, want []float32) float64 {
	if len(got) != len(want) {
		panic(fmt.Sprintf("testutil: %d values to compare with %d", len(got), len(want)))
	}
	var worst, scale float64
	for i, w := range want {
		if !math.IsInf(float64(w), 0) {
			scale = max(scale, math.Abs(float64(w)))
		}
		if got[i] == w {
			continue
		}
		d := math.Abs(float64(got[i]) - float64(w))
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	if scale == 0 {
		return worst
	}
	return worst / scale
}

// SummaryError returns the largest error in a Summary of got against want: of
// norm and inner product as shares of the norm, of the mean as a share of the
// root mean square, of the samples as a share of the largest of them or of the
// root mean square, whichever is larger.
func SummaryError(name string, got []float32, want []float64) float64 {
	have := Summary(name, got, len(want)-3)
	norm := want[0]
	rms := norm / math.Sqrt(float64(len(got)))
	top := rms
	for _, v := range want[3:] {
		top = max(top, math.Abs(v))
	}
	worst := 0.0
	for i, w := range want {
		scale := top
		switch i {
		case 0, 2:
			scale = norm
		case 1:
			scale = rms
		}
		d := math.Abs(have[i] - w)
		if d != 0 {
			d /= scale
		}
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst
}
