package gemm

import (
	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// BF16 multiplies and convolves with factors rounded to bf16 and sums in
// float32. Arguments and results are float32.
//
// A pair of bf16 numbers that follow each other along the sum takes the place of
// one float32 (kernel.BF16). So a product whose sums have k steps becomes one of
// k/2 steps over pairs, which the same drivers do with another tile, in half the
// time. What is left to do here is to make the pairs:
//
//	forward           the sum runs over channels: pixels of C/2 pairs; weights [KH,KW,C/2,K]
//	backward data     over the filters: pixels of K/2 pairs; weights [KH,KW,C,K/2]
//	backward weights  over pixels: number i of image 2n and of image 2n+1 form a
//	                  pair, so that N images become N/2 images of pairs
//
// An odd one out is paired with zeros. Each array is read once and both kinds of
// pairs of an output's gradient are made of it in one go.
type BF16 struct {
	run   *Runner // with the tile over pairs
	k     *kernel.BF16
	mem   Memory
	zeros [pairChunk]float32 // the partner of an odd one out

	pairs   pairJob
	convert convertJob

	pairTask, convertTask func(task, worker int)
}

// Memory lends buffers for pairs.
type Memory interface {
	Get(n int) []float32
	Put([]float32)
}

// NewBF16 returns a BF16 that goes with the kernels k, computes on the workers
// of p and takes memory from mem. Like a Runner it serves one goroutine at a
// time and gives the same bits for any number of workers.
func NewBF16(k *kernel.Impl, p *pool.Pool, mem Memory) *BF16 { return newBF16(k, k.BF16(), p, mem) }

func newBF16(k *kernel.Impl, b *kernel.BF16, p *pool.Pool, mem Memory) *BF16 {
	r := &BF16{run: New(b.OverPairs(k), p), k: b, mem: mem}
	r.pairTask, r.convertTask = r.pairSome, r.convertSome
	return r
}

// Kernels names the kernels in use: avx512bf16, or generic for the emulation.
func (b *BF16) Kernels() string { return b.k.Name }

// WorthBF16 reports whether a product of an m x k with a k x n matrix, or one
// with the roles of m, n and k exchanged, is worth the making of pairs: a number
// that is used only a few times is not.
func WorthBF16(m, n, k int) bool { return min(m, n, k) >= 8 }

// WorthBF16 reports it for a convolution. One with the three channels of an
// image is not worth it.
func (s ConvShape) WorthBF16() bool { return WorthBF16(s.N*s.H*s.W, s.C, s.K) }

// ConvForward is as Runner.ConvForward.
func (b *BF16) ConvForward(y, x, w, bias []float32, s ConvShape) {
	s.check(x, w, y)
	half := s
	half.C = ceil(s.C, 2)
	px, pw := b.mem.Get(s.N*s.H*s.W*half.C), b.mem.Get(s.KH*s.KW*half.C*s.K)
	b.convertRows(px, x, s.N*s.H*s.W, s.C, s.C)
	b.pairRows(pw, nil, w, s.KH*s.KW, s.C, s.K, s.K)
	b.run.ConvForward(y, px, pw, bias, half, Direct)
	b.mem.Put(px)
	b.mem.Put(pw)
}

// ConvBackward is Runner.ConvBackwardData and ConvBackwardWeights of one output
// gradient dy. Either of dx and dw may be nil; then what only it needs, w or x,
// is not read.
func (b *BF16) ConvBackward(dx, dw, dy, x, w []float32, s ConvShape, addX, addW bool) {
	size := s.OH() * s.OW() * s.K
	need("the output gradient", len(dy), s.N*size, s)
	byK := s
	byK.K = ceil(s.K, 2)
	var py []float32
	if dx != nil {
		py = b.mem.Get(s.N * s.OH() * s.OW() * byK.K)
	}
	if dw != nil {
		s.check(x, dw, dy)
		byImage := s
		byImage.N = ceil(s.N, 2)
		px, pyImages := b.mem.Get(byImage.N*s.H*s.W*s.C), b.mem.Get(byImage.N*size)
		b.pairRows(px, nil, x, 1, s.N, s.H*s.W*s.C, s.H*s.W*s.C)
		var both []float32
		if s.K%2 == 0 {
			both = py
		}
		b.pairRows(pyImages, both, dy, 1, s.N, size, size)
		b.run.ConvBackwardWeights(dw, pyImages, px, byImage, addW, Direct)
		b.mem.Put(px)
		b.mem.Put(pyImages)
	}
	if dx != nil {
		s.check(dx, w, dy)
		if dw == nil || s.K%2 != 0 {
			b.convertRows(py, dy, s.N*s.OH()*s.OW(), s.K, s.K)
		}
		pw := b.mem.Get(s.KH * s.KW * s.C * byK.K)
		b.convertRows(pw, w, s.KH*s.KW*s.C, s.K, s.K)
		b.run.ConvBackwardData(dx, py, pw, byK, addX, Direct)
		b.mem.Put(pw)
		b.mem.Put(py)
	}
}

// MatMul is as Runner.MatMul.
func (b *BF16) MatMul(c []float32, ldc int, a []float32, lda int, transA bool, bm []float32, ldb int, transB bool, m, n, k int, e Epilogue) {
	checkMatrix("A", a, lda, transA, m, k)
	checkMatrix("B", bm, ldb, transB, k, n)
	half := ceil(k, 2)
	pa, pb := b.mem.Get(m*half), b.mem.Get(half*n)
	la, lb := half, n
	if transA {
		b.pairRows(pa, nil, a, 1, k, m, lda)
		la = m
	} else {
		b.convertRows(pa, a, m, k, lda)
	}
	if transB {
		b.convertRows(pb, bm, n, k, ldb)
		lb = half
	} else {
		b.pairRows(pb, nil, bm, 1, k, n, ldb)
	}
	b.run.MatMul(c, ldc, pa, la, transA, pb, lb, transB, m, n, half, e)
	b.mem.Put(pa)
	b.mem.Put(pb)
}
