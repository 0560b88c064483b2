package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func (s simd) geluKernels() {
	s.flat("gelu", "y = x*P(x), where P is the normal distribution function",
		"y, x *float32", []string{"y", "x"}, func() func(lane) {
			normal := s.normal()
			return func(l lane) {
				x := l.get("x")
				p, _ := normal(x)
				VMULPS(x, p, p)
				l.put(p, "y")
			}
		})
	s.flat("geluGrad", "dx = dy*(P(x) + x*p(x)), where p is the normal density",
		"dx, dy, x *float32", []string{"dx", "dy", "x"}, func() func(lane) {
			normal := s.normal()
			density := s.bits(math.Float32bits(float32(1 / math.Sqrt(2*math.Pi))))
			return func(l lane) {
				x := l.get("x")
				p, e := normal(x)
				VMULPS(density, e, e)
				VFMADD231PS(x, e, p)
				VMULPS(l.get("dy"), p, p)
				l.put(p, "dx")
			}
		})
}

// normal loads the constants and returns what emits the normal distribution
// function P(x) and e^(-x^2/2) of a vector, which it leaves as it is.
//
// The upper tail at a = |x| is Q(a) = e^(-a^2/2) t q(t) with t = 1/(1 + 0.2975 a):
// the tail without its exponential falls smoothly from 1/2 like 1/a, so that a
// polynomial in t, which does the same, is close everywhere. q is its minimax
// polynomial for the relative error up to a = 13.3, beyond which the exponential
// is 0 (below 2e-7, found with Lawson's algorithm). P(x) is Q(-x) for x < 0 and
// 1 - Q(x) else, so that small results of negative x keep their precision.
func (s simd) normal() func(x VecVirtual) (p, e VecVirtual) {
	number := func(x float64) Op { return s.bits(math.Float32bits(float32(x))) }
	exp := s.expOf()
	half, one, bend := number(-0.5), number(1), number(0.2975)
	abs := s.bits(0x7fffffff)
	first := number(0.0353541146) // q, from t^7 down to 1
	var q []Mem
	for _, c := range []float64{-0.160220696, 0.218926456, -0.0641541904, 0.13383419,
		0.0976622648, 0.11997915, 0.118618633} {
		q = append(q, s.word(math.Float32bits(float32(c))))
	}
	return func(x VecVirtual) (p, e VecVirtual) {
		Comment("P(x): e^(-x^2/2) first.")
		t, y := s.vector(), s.vector()
		VMULPS(x, x, t)
		VMULPS(half, t, t)
		e = exp(t)
		Comment("The tail Q = e^(-x^2/2) t q(t), where t = 1/(1 + 0.2975 |x|), by Horner's rule.")
		if s.wide() {
			VPANDD(abs, x, t)
		} else {
			VANDPS(abs, x, t)
		}
		VMOVUPS(one, y)
		VFMADD132PS(bend, y, t)
		VDIVPS(t, y, t)
		p = s.vector()
		VMOVUPS(first, p)
		for _, c := range q {
			s.fold(c, t, p)
		}
		VMULPS(t, p, p)
		VMULPS(e, p, p)
		Comment("P is 1 - Q where x >= 0, else Q.")
		VSUBPS(p, y, y)
		s.set(p, s.compare(isNotLess, x, s.zero()), y)
		return p, e
	}
}
