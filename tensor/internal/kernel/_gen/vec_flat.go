package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lane is one vector of a sweep over slices of equal length.
type lane struct {
	simd
	base map[string]GPVirtual
	i    GPVirtual // element that the loop has come to
	skip int       // elements from there
	tail Op        // mask of the last vector, or nil
}

func (l lane) at(p string, size int) Mem {
	return Mem{Base: l.base[p], Index: l.i, Scale: uint8(size), Disp: l.skip * size}
}
func (l lane) get(p string) VecVirtual         { return l.load(l.at(p, 4), l.tail) }
func (l lane) put(v VecVirtual, p string)      { l.store(v, l.at(p, 4), l.tail) }
func (l lane) bytes(p string) VecVirtual       { return l.loadBytes(l.at(p, 1), l.tail) }
func (l lane) putBytes(v VecVirtual, p string) { l.storeBytes(v, l.at(p, 1), l.tail) }

// flat emits a sweep over n floats: four vectors at a time, one at a time, and
// the masked rest. does says what is computed; setup emits what comes before the loop and returns what
// emits the work on one vector.
func (s simd) flat(name, does, params string, pointers []string, setup func() func(lane)) {
	l := lane{simd: s, base: s.function(name, does, params+", n int", pointers...)}
	left := Load(Param("n"), GP64()).(GPVirtual)
	work := setup()
	l.i = GP64()
	XORQ(l.i, l.i)
	for _, unroll := range []int{4, 1} {
		step := unroll * s.lanes
		loop, next := label("loop", unroll), label("less", unroll)
		Label(loop)
		sweepComment(unroll, step)
		CMPQ(left, U32(step))
		JLT(LabelRef(next))
		for v := range unroll {
			vectorComment(v, unroll)
			l.skip = v * s.lanes
			work(l)
		}
		ADDQ(U32(step), l.i)
		SUBQ(U32(step), left)
		JMP(LabelRef(loop))
		Label(next)
	}
	if !wholeVectors[name] || s.wide() {
		tailComment()
		TESTQ(left, left)
		JZ(LabelRef("done"))
		l.skip, l.tail = 0, s.mask(left)
		work(l)
		Label("done")
	}
	VZEROUPPER()
	RET()
}

// sweepComment says how many floats a loop over vectors takes at a time.
func sweepComment(unroll, step int) {
	if unroll > 1 {
		Commentf("Main loop: %d vectors, which are %d floats, at a time.", unroll, step)
	} else {
		Commentf("One vector, %d floats, at a time.", step)
	}
}

// vectorComment marks one of several vectors that are in work together.
func vectorComment(v, unroll int) {
	if unroll > 1 {
		Commentf("Vector %d.", v)
	}
}

func tailComment() { Comment("Tail: the floats that are left, under a mask.") }

// wholeVectors names the kernels with bytes, whose rest AVX2 cannot mask.
var wholeVectors = map[string]bool{"maxUpdate": true, "accEqual": true}

func (s simd) flatKernels() {
	s.flat("add", "dst = a + b", "dst, a, b *float32", []string{"dst", "a", "b"}, func() func(lane) {
		return func(l lane) {
			a, b := l.get("a"), l.get("b")
			VADDPS(b, a, a)
			l.put(a, "dst")
		}
	})
	s.flat("axpy", "dst += s*x", "dst, x *float32, s float32", []string{"dst", "x"}, func() func(lane) {
		scale := s.scalar("s")
		return func(l lane) {
			dst, x := l.get("dst"), l.get("x")
			VFMADD231PS(x, scale, dst)
			l.put(dst, "dst")
		}
	})
	s.flat("scale", "dst = s*x", "dst, x *float32, s float32", []string{"dst", "x"}, func() func(lane) {
		scale := s.scalar("s")
		return func(l lane) {
			x := l.get("x")
			VMULPS(x, scale, x)
			l.put(x, "dst")
		}
	})
	s.flat("relu", "dst = max(x, 0)", "dst, x *float32", []string{"dst", "x"}, func() func(lane) {
		zero := s.zero()
		return func(l lane) {
			x := l.get("x")
			VMAXPS(x, zero, x) // the second source, here x, wins where one is NaN
			l.put(x, "dst")
		}
	})
	s.flat("reluGrad", "dx = dy where y > 0 or is NaN, else 0",
		"dx, dy, y *float32", []string{"dx", "dy", "y"}, func() func(lane) {
			zero := s.zero()
			return func(l lane) {
				open := s.compare(isNotLE, l.get("y"), zero)
				dy := l.get("dy")
				s.clear(dy, open)
				l.put(dy, "dx")
			}
		})
	s.flat("maxUpdate", "dst = src and idx = k where src > dst or is NaN",
		"dst *float32, idx *uint8, src *float32, k uint32", []string{"dst", "idx", "src"}, func() func(lane) {
			k := s.scalar("k")
			return func(l lane) {
				best, which := l.get("dst"), l.bytes("idx")
				s.setMax(best, which, l.get("src"), k)
				l.put(best, "dst")
				l.putBytes(which, "idx")
			}
		})
	s.flat("accEqual", "dst += src where idx = k",
		"dst *float32, idx *uint8, src *float32, k uint32", []string{"dst", "idx", "src"}, func() func(lane) {
			k := s.scalar("k")
			return func(l lane) {
				dst := l.get("dst")
				s.addWhere(dst, s.equal(l.bytes("idx"), k), l.get("src"))
				l.put(dst, "dst")
			}
		})
	s.flat("exp", "dst = e^x", "dst, x *float32", []string{"dst", "x"}, s.exp)
	s.flat("sgd", "v = momentum*v + g and p -= lr*v, where g = grad + decay*p",
		"p, v, grad *float32, lr, momentum, decay float32", []string{"p", "v", "grad"},
		func() func(lane) { return s.sgd(false) })
	s.flat("sgdNesterov", "v = momentum*v + g and p -= lr*(g + momentum*v), where g = grad + decay*p",
		"p, v, grad *float32, lr, momentum, decay float32", []string{"p", "v", "grad"},
		func() func(lane) { return s.sgd(true) })
	s.flat("adam",
		"g = grad + l2*p, m = b1*m + rest1*g, v = b2*v + rest2*g^2, p = keep*p - step*m/(sqrt(v)*invSqrtC2 + eps)",
		"p, m, v, grad *float32, step, b1, rest1, b2, rest2, invSqrtC2, eps, l2, keep float32",
		[]string{"p", "m", "v", "grad"}, s.adam)
}

// ln2Head is ln 2 in 15 bits, so that its products with k are exact.
const ln2Head = 0.693145751953125

// exp is e^x = 2^k e^r with k = round(x/ln 2) and |r| <= (ln 2)/2. ln 2 is
// split into two numbers so that r is exact, and e^r = 1 + r + r^2 q(r), where
// q is the minimax polynomial for the relative error (below 5e-9, found with
// Lawson's algorithm). Adding k to the exponent bits multiplies by 2^k.
func (s simd) exp() func(lane) {
	exp := s.expOf()
	return func(l lane) { l.put(exp(l.get("x")), "dst") }
}

// expOf loads the constants and returns what emits e^x of a vector, which it
// leaves as it is.
func (s simd) expOf() func(x VecVirtual) VecVirtual {
	number := func(x float64) Op { return s.bits(math.Float32bits(float32(x))) }
	low, high := number(-87.33654), number(88.72283) // expLow and the logarithm of the largest float32
	inverse, one, inf := number(1/math.Ln2), number(1), number(math.Inf(1))
	ln2, ln2Rest := number(ln2Head), number(math.Ln2-ln2Head)
	var q []Op // of r^4, r^3, ..., 1
	for _, c := range []float64{0.00138145, 0.00836875, 0.04166839, 0.1666652, 0.49999993} {
		q = append(q, number(c))
	}
	return func(x VecVirtual) VecVirtual {
		Comment("e^x: k = round(x/ln 2) and r = x - k ln 2, with ln 2 in two parts.")
		k, kf, y := s.vector(), s.vector(), s.vector()
		VMULPS(inverse, x, k)
		VCVTPS2DQ(k, k)
		VCVTDQ2PS(k, kf)
		r, r2 := s.vector(), s.vector()
		VMOVAPS(x, r)
		VFNMADD231PS(ln2, kf, r)
		VFNMADD231PS(ln2Rest, kf, r)
		Comment("e^r = 1 + r + r^2 q(r), the polynomial q by Horner's rule.")
		VMULPS(r, r, r2)
		VMOVUPS(q[0], y)
		for _, c := range q[1:] {
			VFMADD213PS(c, r, y)
		}
		VFMADD213PS(r, r2, y)
		VADDPS(one, y, y)
		Comment("Times 2^k: add k to the exponent. Too small gives 0, too large infinity.")
		VPSLLD(U8(23), k, k)
		VPADDD(k, y, y)
		s.clear(y, s.compare(isNotLess, x, low))
		over := s.compare(isGreater, x, high)
		s.set(y, over, inf)
		return y
	}
}

func (s simd) sgd(nesterov bool) func(lane) {
	lr, momentum, decay := s.scalar("lr"), s.scalar("momentum"), s.scalar("decay")
	return func(l lane) {
		p, v, g := l.get("p"), l.get("v"), l.get("grad")
		VFMADD231PS(p, decay, g)
		VFMADD213PS(g, momentum, v)
		l.put(v, "v")
		if nesterov {
			VFMADD231PS(v, momentum, g)
			v = g
		}
		VFNMADD231PS(v, lr, p)
		l.put(p, "p")
	}
}

func (s simd) adam() func(lane) {
	step, invSqrtC2, eps := s.scalar("step"), s.scalar("invSqrtC2"), s.scalar("eps")
	l2, keep := s.scalar("l2"), s.scalar("keep")
	b1, rest1, b2, rest2 := s.scalar("b1"), s.scalar("rest1"), s.scalar("b2"), s.scalar("rest2")
	return func(l lane) {
		p, g, t := l.get("p"), l.get("grad"), s.vector()
		VFMADD231PS(p, l2, g)
		m := l.get("m")
		VMULPS(g, rest1, t)
		VFMADD213PS(t, b1, m)
		l.put(m, "m")
		v := l.get("v")
		VMULPS(g, rest2, t)
		VMULPS(g, t, t)
		VFMADD213PS(t, b2, v)
		l.put(v, "v")
		VSQRTPS(v, v)
		VFMADD213PS(eps, invSqrtC2, v)
		VMULPS(m, step, m)
		VDIVPS(v, m, m)
		VFMSUB213PS(m, keep, p)
		l.put(p, "p")
	}
}
