package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// window is place k (0 1 over 2 3) of the 2x2 window under vector j of the
// block, in the two rows called upper and lower.
func (b block) window(upper, lower string, k, j int) Mem {
	m := Mem{Base: b.base[upper], Index: b.left, Scale: 4, Disp: 4 * j * b.lanes}
	if k >= 2 {
		m.Base = b.base[lower]
	}
	if k&1 == 1 {
		m.Index = b.right
	}
	return m
}

// poolKernels work on the columns of one pooled row; their "rows" are the
// pixels of that row. For AVX2, c must be a multiple of 8.
func (s simd) poolKernels() {
	s.elementwise("affineMaxPool2",
		"out = the largest of max(x*scale + shift, floor) in each 2 x 2 window, and idx = its place",
		"out *float32, idx *uint8, x0, x1, scale, shift *float32, floor float32",
		[]string{"out", "idx", "x0", "x1"}, true, s.affineMaxPool2)
	sums := "dg, db, dy *float32, idx *uint8, x0, x1, mean, invstd *float32"
	s.reduction("bnPoolGradSums",
		"By column: db += the sum of dy, dg += that of dy*(x - mean)*invstd, with x at the place idx of its window",
		sums, []string{"dy", "idx", "x0", "x1"}, true, func() func(block) {
			return s.poolGradSums(block.get)
		})
	s.reduction("bnPoolGradSumsReLU",
		"As bnPoolGradSums, but dy counts as 0 where out <= 0",
		sums+", out *float32", []string{"dy", "idx", "x0", "x1", "out"}, true, func() func(block) {
			return s.poolGradSums(s.gated("out"))
		})
	apply := "dx0, dx1, dy *float32, idx *uint8, x0, x1, a, b, c0 *float32"
	s.elementwise("bnPoolGradApply",
		"dx = g*a + x*b + c0, by column, where g = dy at the place idx of its window and 0 elsewhere",
		apply, []string{"dx0", "dx1", "dy", "idx", "x0", "x1"}, true, func() func(block) {
			return s.poolGradApply(block.get)
		})
	s.elementwise("bnPoolGradApplyReLU",
		"As bnPoolGradApply, but dy counts as 0 where out <= 0",
		apply+", out *float32", []string{"dx0", "dx1", "dy", "idx", "x0", "x1", "out"}, true, func() func(block) {
			return s.poolGradApply(s.gated("out"))
		})
}

func (s simd) affineMaxPool2() func(block) {
	floor := s.scalar("floor")
	places := []Op{nil, s.bits(1), s.bits(2), s.bits(3)}
	return func(b block) {
		scale, shift := b.column("scale"), b.column("shift")
		for j := range b.n {
			var best, which VecVirtual
			for k, place := range places {
				Commentf("Vector %d of the columns, place %d of the window.", j, k)
				v := b.load(b.window("x0", "x1", k, j), b.tail)
				VFMADD213PS(shift[j], scale[j], v)
				VMAXPS(v, floor, v)
				if k == 0 {
					best, which = v, s.zero()
				} else {
					s.setMax(best, which, v, place)
				}
			}
			Comment("Store the maximum and its place.")
			b.put(best, "out", j)
			s.storeBytes(which, b.at("idx", j, 1), b.tail)
		}
	}
}

func (s simd) poolGradSums(grad func(block, string, int) VecVirtual) func(block) {
	places := []Op{s.bits(1), s.bits(2), s.bits(3)}
	return func(b block) {
		mean, sum, sumX := b.column("mean"), b.zeros(), b.zeros()
		b.rows("rows", func(b block) {
			for j := range b.n {
				Commentf("Vector %d: x at the place that idx names, then the sums.", j)
				which := s.loadBytes(b.at("idx", j, 1), b.tail)
				x := b.load(b.window("x0", "x1", 0, j), b.tail)
				for k, place := range places {
					s.set(x, s.equal(which, place), b.load(b.window("x0", "x1", k+1, j), b.tail))
				}
				g := grad(b, "dy", j)
				VSUBPS(mean[j], x, x)
				VADDPS(g, sum[j], sum[j])
				VFMADD231PS(x, g, sumX[j])
			}
		})
		b.finishSums(sum, sumX)
	}
}

func (s simd) poolGradApply(grad func(block, string, int) VecVirtual) func(block) {
	places := []Op{s.bits(0), s.bits(1), s.bits(2), s.bits(3)}
	return func(b block) {
		a, bx, c0 := b.column("a"), b.column("b"), b.column("c0")
		for j := range b.n {
			Commentf("Vector %d: g*a; then each place of the window is x*b + c0, plus g*a where idx names it.", j)
			which, g := s.loadBytes(b.at("idx", j, 1), b.tail), grad(b, "dy", j)
			VMULPS(a[j], g, g)
			for k, place := range places {
				x := b.load(b.window("x0", "x1", k, j), b.tail)
				VFMADD213PS(c0[j], bx[j], x)
				s.addWhere(x, s.equal(which, place), g)
				b.store(x, b.window("dx0", "dx1", k, j), b.tail)
			}
		}
	}
}
