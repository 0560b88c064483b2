package ladder

import "github.com/locimem/locimem/tensor/internal/kernel"

// vectorStep is the packed product with the tile in assembly. A "number" of B is
// now a vector of 8 or 16, one instruction multiplies and adds all of it, and the
// tile is as large as the vector registers let it be. B stands in panels of NR
// columns; A needs no packing, because the tile takes a number of it at a time.
type vectorStep struct {
	k *kernel.Impl
	b []float32
}

func (s *vectorStep) multiply(c, a, b []float32, m, n, k int) {
	mr, nr := s.k.MR, s.k.NR
	packed := grow(&s.b, (n+nr-1)/nr*nr*k)
	packPanels(packed, b, n, k, nr)
	t := kernel.Tile{CS: n, RS: k, KS: 1, BS: nr, Segs: []kernel.Segment{{K: k}}}
	for i := 0; i < m; i += mr {
		t.M, t.A = min(mr, m-i), a[i*k:]
		for j := 0; j < n; j += nr {
			t.N, t.B, t.C = min(nr, n-j), packed[j*k:], c[i*n+j:]
			s.k.Tile(&t)
		}
	}
}
