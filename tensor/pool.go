package tensor

import (
	"fmt"
	"math"
	"unsafe"
)

// PoolSpec is the window of a pooling operation: its size, its steps (0 means
// the size) and the padding around the image.
type PoolSpec struct{ KH, KW, StrideH, StrideW, PadH, PadW int }

// poolShape holds the numbers of one pooling operation.
type poolShape struct {
	PoolSpec
	n, h, w, c, oh, ow int
}

func newPoolShape(op string, x *Tensor, p PoolSpec) poolShape {
	x.mustRank(op, 4)
	if p.StrideH == 0 {
		p.StrideH = p.KH
	}
	if p.StrideW == 0 {
		p.StrideW = p.KW
	}
	s := poolShape{PoolSpec: p, n: x.shape[0], h: x.shape[1], w: x.shape[2], c: x.shape[3]}
	// PyTorch's rule: a window must not lie in the padding alone.
	bad := p.KH < 1 || p.KW < 1 || p.StrideH < 1 || p.StrideW < 1 || p.PadH < 0 || p.PadW < 0 ||
		2*p.PadH > p.KH || 2*p.PadW > p.KW || s.h+2*p.PadH < p.KH || s.w+2*p.PadW < p.KW
	if bad {
		panic(fmt.Sprintf("tensor: %s of shape %v with %+v", op, x.shape, p))
	}
	s.oh = (s.h+2*p.PadH-p.KH)/p.StrideH + 1
	s.ow = (s.w+2*p.PadW-p.KW)/p.StrideW + 1
	return s
}

// windows calls f for every output pixel (given by the offset of its first
// channel) and input pixel of its window, k being the place in the window; the
// rows [lo, hi) of the output, counted over the whole batch.
func (s poolShape) windows(lo, hi int, f func(out, in, k int)) {
	for row := lo; row < hi; row++ {
		img, oh := row/s.oh, row%s.oh
		for ow := range s.ow {
			out := (row*s.ow + ow) * s.c
			for kh := range s.KH {
				ih := oh*s.StrideH + kh - s.PadH
				if ih < 0 || ih >= s.h {
					continue
				}
				for kw := range s.KW {
					iw := ow*s.StrideW + kw - s.PadW
					if iw < 0 || iw >= s.w {
						continue
					}
					f(out, ((img*s.h+ih)*s.w+iw)*s.c, kh*s.KW+kw)
				}
			}
		}
	}
}

// MaxPool2D returns the largest element of every window of x [N,H,W,C]. The
// gradient goes to the first largest one, NaN counting as largest, as in
// PyTorch. Windows have at most 256 places.
func (tp *Tape) MaxPool2D(x *Tensor, p PoolSpec) *Tensor {
	s := newPoolShape("MaxPool2D", x, p)
	if s.KH*s.KW > math.MaxUint8+1 {
		panic(fmt.Sprintf("tensor: MaxPool2D with a window of %dx%d, expected at most 256 places", s.KH, s.KW))
	}
	y := tp.result([]*Tensor{x}, s.n, s.oh, s.ow, s.c)
	idx := bytesOf(tp.scratch((len(y.data) + 3) / 4))[:len(y.data)]
	rows := max(1, sweep/(s.ow*s.c))
	neg := float32(math.Inf(-1))
	tp.e.chunks(s.n*s.oh, rows, func(lo, hi int) {
		d := y.data[lo*s.ow*s.c : hi*s.ow*s.c]
		for i := range d {
			d[i] = neg
		}
		clear(idx[lo*s.ow*s.c : hi*s.ow*s.c])
		s.windows(lo, hi, func(out, in, k int) {
			tp.e.k.MaxUpdate(y.data[out:out+s.c], idx[out:out+s.c], x.data[in:in+s.c], uint8(k))
		})
	})
	tp.record(y, func() {
		tp.poolGrad(x, s, func(dst []float32, out, in, k int) {
			tp.e.k.AccEqual(dst[in:in+s.c], idx[out:out+s.c], y.grad.data[out:out+s.c], uint8(k))
		})
	})
	return y
}

// AvgPool2D returns the mean of every window of x [N,H,W,C]; padding counts as
// zeros, which is PyTorch's default (count_include_pad).
func (tp *Tape) AvgPool2D(x *Tensor, p PoolSpec) *Tensor {
	s := newPoolShape("AvgPool2D", x, p)
	y := tp.result([]*Tensor{x}, s.n, s.oh, s.ow, s.c)
	inv := 1 / float32(s.KH*s.KW)
	rows := max(1, sweep/(s.ow*s.c))
	tp.e.chunks(s.n*s.oh, rows, func(lo, hi int) {
		clear(y.data[lo*s.ow*s.c : hi*s.ow*s.c])
		s.windows(lo, hi, func(out, in, _ int) {
			tp.e.k.Axpy(y.data[out:out+s.c], x.data[in:in+s.c], inv)
		})
	})
	tp.record(y, func() {
		tp.poolGrad(x, s, func(dst []float32, out, in, _ int) {
			tp.e.k.Axpy(dst[in:in+s.c], y.grad.data[out:out+s.c], inv)
		})
	})
	return y
}

// poolGrad adds to the gradient of x what f adds for every pair of an output
// and an input pixel. Windows may overlap, so the images, not the rows, are
// shared out among the threads.
func (tp *Tape) poolGrad(x *Tensor, s poolShape, f func(dst []float32, out, in, k int)) {
	g, holds := tp.gradOf(x)
	img := s.h * s.w * s.c
	tp.e.chunks(s.n, max(1, sweep/max(img, 1)), func(lo, hi int) {
		if !holds {
			clear(g[lo*img : hi*img])
		}
		s.windows(lo*s.oh, hi*s.oh, func(out, in, k int) { f(g, out, in, k) })
	})
}

// GlobalAvgPool returns the mean over all pixels: [N,H,W,C] to [N,C].
func (tp *Tape) GlobalAvgPool(x *Tensor) *Tensor {
	x.mustRank("GlobalAvgPool", 4)
	y := tp.AvgPool2D(x, PoolSpec{KH: x.shape[1], KW: x.shape[2]})
	return tp.Reshape(y, x.shape[0], x.shape[3])
}

// GlobalMaxPool returns the largest element over all pixels, of which there may
// be at most 256: [N,H,W,C] to [N,C].
func (tp *Tape) GlobalMaxPool(x *Tensor) *Tensor {
	x.mustRank("GlobalMaxPool", 4)
	y := tp.MaxPool2D(x, PoolSpec{KH: x.shape[1], KW: x.shape[2]})
	return tp.Reshape(y, x.shape[0], x.shape[3])
}

// doubles is a buffer of the arena seen as n float64s, of which none is set. Give
// back buf.
func (e *Engine) doubles(n int) (x []float64, buf []float32) {
	buf = e.arena.Get(2 * n)
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(buf))), n), buf
}

// bytesOf sees a buffer as bytes.
func bytesOf(f []float32) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
}
