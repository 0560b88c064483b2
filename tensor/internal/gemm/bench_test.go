package gemm

import (
	"fmt"
	"testing"

	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// bench runs f on the best implementation with one and two threads, and reports
// the rate for that many multiply-adds a call.
func bench(b *testing.B, name string, multiplyAdds int, f func(r *Runner)) {
	k, err := kernel.Choose()
	if err != nil {
		b.Fatal(err)
	}
	for threads := 1; threads <= 2; threads++ {
		b.Run(fmt.Sprintf("%s/%s/%d", name, k.Name, threads), func(b *testing.B) {
			p := pool.New(threads)
			defer p.Close()
			r := New(k, p)
			f(r)
			for b.Loop() {
				f(r)
			}
			b.ReportMetric(2e-9*float64(multiplyAdds)*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
		})
	}
}

func numbers(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%17)/8 - 1
	}
	return x
}

func BenchmarkMatMul(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{
		{64, 64, 64, false, false},
		{256, 256, 256, false, false},
		{1024, 1024, 1024, false, false},
		{1024, 1024, 1024, true, false},
		{1024, 1024, 1024, false, true},
		{2048, 2048, 2048, false, false},
		{1024, 1024, 128, false, true},
		{1024, 128, 1024, false, false},
		{512, 256, 256, false, true},
		{256, 256, 512, true, false},
		{1, 1024, 1024, false, false},
		{16640, 768, 192, false, false},
	} {
		lda, ldb := s.k, s.n
		if s.transA {
			lda = s.m
		}
		if s.transB {
			ldb = s.k
		}
		x, y, z := numbers(s.m*s.k), numbers(s.k*s.n), make([]float32, s.m*s.n)
		bench(b, fmt.Sprintf("%dx%dx%d,%t,%t", s.m, s.n, s.k, s.transA, s.transB), s.m*s.n*s.k, func(r *Runner) {
			r.MatMul(z, s.n, x, lda, s.transA, y, ldb, s.transB, s.m, s.n, s.k, Epilogue{})
		})
	}
}

// resNet9 are the convolutions of the ResNet-9 of CIFAR images, batch 512.
var resNet9 = []struct {
	name string
	ConvShape
}{
	{"conv1", square(512, 32, 3, 32)},
	{"conv2_0", square(512, 16, 32, 64)},
	{"conv2_1", square(512, 8, 64, 64)},
	{"conv3", square(512, 8, 64, 128)},
	{"conv4_0", square(512, 4, 128, 256)},
	{"conv4_1", square(512, 2, 256, 256)},
}

// square is a 3 x 3 convolution that keeps the size.
func square(n, size, c, k int) ConvShape {
	return ConvShape{N: n, H: size, W: size, C: c, KH: 3, KW: 3, K: k, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1}
}

func BenchmarkConv(b *testing.B) {
	for _, l := range resNet9 {
		s := l.ConvShape
		x, w, y := numbers(s.N*s.H*s.W*s.C), numbers(s.KH*s.KW*s.C*s.K), numbers(s.N*s.OH()*s.OW()*s.K)
		// Counted with the padding, as everybody does, so that rates compare.
		work := len(y) * s.KH * s.KW * s.C
		bench(b, l.name+"/forward", work, func(r *Runner) { r.ConvForward(y, x, w, nil, s, Direct) })
		bench(b, l.name+"/data", work, func(r *Runner) { r.ConvBackwardData(x, y, w, s, false, Direct) })
		bench(b, l.name+"/weights", work, func(r *Runner) { r.ConvBackwardWeights(w, y, x, s, false, Direct) })
	}
}
