package kernel

import (
	"fmt"
	"testing"
)

func BenchmarkTile(b *testing.B) {
	for _, im := range All() {
		if im.Missing() != "" {
			continue
		}
		for m := 1; m <= im.MR; m++ {
			for n := im.NR / 2; n <= im.NR; n += im.NR / 2 {
				for _, k := range []int{27, 256, 1024} {
					b.Run(fmt.Sprintf("%s/%dx%dx%d", im.Name, m, n, k), func(b *testing.B) {
						a := make([]float32, im.MR*(k+16))
						bb := make([]float32, im.NR*k)
						c := make([]float32, im.MR*im.NR)
						t := &Tile{C: c, CS: im.NR, A: a, RS: k + 16, KS: 1, B: bb, BS: im.NR, Segs: []Segment{{0, 0, k}}, M: m, N: n}
						for b.Loop() {
							im.Tile(t)
						}
						b.ReportMetric(float64(2*m*n*k)*float64(b.N)/b.Elapsed().Seconds()*1e-9, "GFLOP/s")
					})
				}
			}
		}
	}
}
