package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func (s simd) softmaxKernels() {
	s.rows("rowMax", "m = the largest of m and the row of x",
		"m, x *float32", []string{"x"}, func() func(row) {
			least := s.bits(math.Float32bits(float32(math.Inf(-1))))
			return func(w row) {
				top := make([]VecVirtual, unrolled)
				top[0] = w.value("m")
				for i := range top[1:] {
					top[1+i] = s.vector()
					VMOVAPS(top[0], top[1+i])
				}
				w.sweep("The largest of each lane; past the end of the row it is -infinity.", nil, func(l lane, u int) {
					x := l.get("x")
					if l.tail != nil {
						outside := s.vector()
						VMOVUPS(least, outside)
						s.set(outside, l.tail, x)
						x = outside
					}
					VMAXPS(top[u], x, top[u]) // the old maximum wins where x is NaN
				})
				w.putValue(s.reduce(top, func(a Op, b, dst VecVirtual) { VMAXPS(a, b, dst) }), "m")
			}
		})
	s.rows("rowExp", "x = e^(scale*(x - m)), sum += the sum of the row",
		"sum, x, m *float32, scale float32", []string{"x"}, func() func(row) {
			exp, scale := s.expOf(), s.scalar("scale")
			return func(w row) {
				m := w.value("m")
				sums := s.zeros(2)
				w.sweep("The exponentials and their sum.", nil, func(l lane, u int) {
					x := l.get("x")
					VSUBPS(m, x, x)
					VMULPS(scale, x, x)
					y := exp(x)
					l.keep(y)
					l.put(y, "x")
					VADDPS(y, sums[u%2], sums[u%2])
				})
				total := s.total(sums)
				VADDPS(w.value("sum"), total, total)
				w.putValue(total, "sum")
			}
		})
	s.rows("rowScale", "x *= by, a number for each row",
		"x, by *float32", []string{"x"}, func() func(row) {
			return func(w row) {
				by := w.value("by")
				w.sweep("Every number times that of the row.", nil, func(l lane, _ int) {
					x := l.get("x")
					VMULPS(by, x, x)
					l.put(x, "x")
				})
			}
		})
	s.rows("rowDot", "d = the inner product of the rows of a and b",
		"d, a, b *float32", []string{"a", "b"}, func() func(row) {
			return func(w row) {
				sums := s.zeros(unrolled)
				w.sweep("The products.", nil, func(l lane, u int) { VFMADD231PS(l.get("a"), l.get("b"), sums[u]) })
				w.putValue(s.total(sums), "d")
			}
		})
	s.rows("softmaxGrad", "dp = scale*p*(dp - d)",
		"dp, p, d *float32, scale float32", []string{"dp", "p"}, func() func(row) {
			scale := s.scalar("scale")
			return func(w row) {
				d := w.value("d")
				w.sweep("The gradient.", nil, func(l lane, _ int) {
					g, p := l.get("dp"), l.get("p")
					VSUBPS(d, g, g)
					VMULPS(scale, p, p)
					VMULPS(p, g, g)
					l.put(g, "dp")
				})
			}
		})
}
