package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkVec sweeps over a chunk that stays in the cache and over a whole
// activation of a training step, chunk by chunk as package tensor does. MB/s
// counts every float read or written once.
func BenchmarkVec(b *testing.B) {
	const chunk = 16 << 10 // floats
	for _, impl := range All() {
		if impl.Missing() != "" {
			continue
		}
		for _, size := range []struct {
			name string
			n    int
		}{{"64KiB", chunk}, {"16MiB", 4 << 20}} {
			for _, c := range []int{32, 256} {
				benchmarkVec(b, &impl.Vec, fmt.Sprintf("%s/%s/c%d", impl.Name, size.name, c), size.n, chunk, c)
			}
		}
	}
}

func benchmarkVec(b *testing.B, v *Vec, name string, n, chunk, c int) {
	x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
	w, idx := make([]float32, n), make([]uint8, n)
	for i := range x {
		x[i], y[i], z[i] = float32(i%17)-8, float32(i%13)-6, float32(i%11)-5
	}
	s, t, u, q := make([]float32, c), make([]float32, c), make([]float32, c), make([]float32, c)
	run := func(kernel string, bytesPerFloat float64, f func(lo, hi int)) {
		b.Run(kernel+"/"+name, func(b *testing.B) {
			b.SetBytes(int64(bytesPerFloat * float64(n)))
			for b.Loop() {
				for lo := 0; lo < n; lo += chunk {
					f(lo, lo+chunk)
				}
			}
		})
	}
	if c == 32 { // these know no columns
		run("Add", 12, func(lo, hi int) { v.Add(z[lo:hi], x[lo:hi], y[lo:hi]) })
		run("Acc", 12, func(lo, hi int) { v.Acc(z[lo:hi], x[lo:hi]) })
		run("Axpy", 12, func(lo, hi int) { v.Axpy(z[lo:hi], x[lo:hi], 1e-6) })
		run("ReLU", 8, func(lo, hi int) { v.ReLU(z[lo:hi], x[lo:hi]) })
		run("ReLUGrad", 12, func(lo, hi int) { v.ReLUGrad(z[lo:hi], x[lo:hi], y[lo:hi]) })
		run("MaxUpdate", 14, func(lo, hi int) { v.MaxUpdate(z[lo:hi], idx[lo:hi], x[lo:hi], 1) })
		run("AccEqual", 13, func(lo, hi int) { v.AccEqual(z[lo:hi], idx[lo:hi], x[lo:hi], 1) })
		run("Dot", 8, func(lo, hi int) { v.Dot(x[lo:hi], y[lo:hi]) })
		run("L2Sq", 8, func(lo, hi int) { v.L2Sq(x[lo:hi], y[lo:hi]) })
		run("Exp", 8, func(lo, hi int) { v.Exp(z[lo:hi], x[lo:hi]) })
		run("SGD", 20, func(lo, hi int) { v.SGD(z[lo:hi], w[lo:hi], x[lo:hi], SGDArgs{LR: 1e-6, Momentum: 0.9}) })
		run("Adam", 28, func(lo, hi int) {
			v.Adam(z[lo:hi], w[lo:hi], y[lo:hi], x[lo:hi], AdamArgs{Step: 1e-6, B1: 0.9, B2: 0.99, InvSqrtC2: 1, Eps: 1,
				Keep: 1})
		})
	}
	run("AddRow", 8, func(lo, hi int) { v.AddRow(z[lo:hi], s, chunk/c) })
	run("ColSum", 4, func(lo, hi int) { v.ColSum(u, x[lo:hi], chunk/c) })
	run("ColMoments", 4, func(lo, hi int) { v.ColMoments(u, q, x[lo:hi], chunk/c) })
	run("Affine", 8, func(lo, hi int) { v.Affine(z[lo:hi], x[lo:hi], s, t, chunk/c, true) })
	run("BNGradSums", 12, func(lo, hi int) { v.BNGradSums(u, q, y[lo:hi], z[lo:hi], x[lo:hi], s, t, chunk/c) })
	run("AffineAdd", 12, func(lo, hi int) { v.AffineAdd(z[lo:hi], x[lo:hi], y[lo:hi], s, t, chunk/c, true) })
	run("BNGradGateSums", 16, func(lo, hi int) { v.BNGradGateSums(u, q, w[lo:hi], z[lo:hi], x[lo:hi], s, t, chunk/c) })
	run("BNGradApply", 16, func(lo, hi int) {
		v.BNGradApply(w[lo:hi], y[lo:hi], z[lo:hi], x[lo:hi], s, t, u, chunk/c)
	})
	// The pooled rows of a chunk are a quarter of it: x is the image.
	run("AffineMaxPool2", 4+5.0/4, func(lo, hi int) {
		half, quarter := chunk/2, chunk/4
		v.AffineMaxPool2(w[lo:lo+quarter], idx[lo:lo+quarter], x[lo:lo+half], x[lo+half:hi], s, t, true)
	})
	run("BNPoolGradSums", 4+9.0/4, func(lo, hi int) {
		half, quarter := chunk/2, chunk/4
		v.BNPoolGradSums(u, q, y[lo:lo+quarter], idx[lo:lo+quarter], w[lo:lo+quarter], x[lo:lo+half], x[lo+half:hi], s, t)
	})
	run("BNPoolGradApply", 8+9.0/4, func(lo, hi int) {
		half, quarter := chunk/2, chunk/4
		v.BNPoolGradApply(z[lo:lo+half], z[lo+half:hi], y[lo:lo+quarter], idx[lo:lo+quarter], w[lo:lo+quarter],
			x[lo:lo+half], x[lo+half:hi], s, t, u)
	})
}
