package ladder

import (
	"unsafe"

	"github.com/locimem/locimem/tensor/internal/kernel"
)

// blockedStep adds what the caches ask for, after Goto and van de Geijn, Anatomy
// of High-Performance Matrix Multiplication (2008). The sum is taken depth steps
// at a time, so that a panel of B (depth x NR) stays in the first cache, and some
// strips of A (rows x depth) in the second, for as long as they meet. Strips are
// copied to rows that are an odd number of cache lines apart: the rows of A
// itself, with k a power of two, would all share one set of the cache. And the
// copies begin at a cache line, because a vector across two lines costs two reads.
type blockedStep struct {
	k    *kernel.Impl
	a, b []float32
}

const (
	depth = 256 // steps along the sum: a panel of 32 columns has 32 KiB
	rows  = 224 // rows of A that are held at a time, 224 KiB
	line  = 16  // numbers in a cache line
)

func (s *blockedStep) multiply(c, a, b []float32, m, n, k int) {
	mr, nr := s.k.MR, s.k.NR
	panels := (n + nr - 1) / nr
	const stride = depth + line // 17 lines
	packedA, packedB := aligned(&s.a, (rows+mr)*stride), aligned(&s.b, panels*nr*depth)
	for p0 := 0; p0 < k; p0 += depth {
		kc := min(depth, k-p0)
		for j := 0; j < n; j += nr {
			cols, panel := min(nr, n-j), packedB[j*kc:]
			if cols < nr {
				clear(panel[:kc*nr])
			}
			s.k.Copy(panel, nr, b[p0*n+j:], n, kc, cols)
		}
		t := kernel.Tile{CS: n, RS: stride, KS: 1, BS: nr, Segs: []kernel.Segment{{K: kc}}, Acc: p0 > 0}
		for i0 := 0; i0 < m; i0 += rows {
			mc := min(rows, m-i0)
			s.k.Copy(packedA, stride, a[i0*k+p0:], k, mc, kc)
			for j := 0; j < n; j += nr {
				t.N, t.B = min(nr, n-j), packedB[j*kc:]
				for i := 0; i < mc; i += mr {
					t.M, t.A, t.C = min(mr, mc-i), packedA[i*stride:], c[(i0+i)*n+j:]
					s.k.Tile(&t)
				}
			}
		}
	}
}

// aligned returns n numbers of *buf from a cache line on.
func aligned(buf *[]float32, n int) []float32 {
	b := grow(buf, n+line)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b)))/4) & (line - 1)
	return b[skip:][:n]
}
