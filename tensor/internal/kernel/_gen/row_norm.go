package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// layerNormKernels take dense matrices, whose stride is cols. inverse is 1/cols.
func (s simd) layerNormKernels() {
	// The mean comes from a first sum, and then, as in moments, from the distances
	// from it: the first one is off by the rounding of a sum of large numbers, the
	// second is not.
	s.rows("layerNorm", "mean and invstd of each row of x, and y = (x - mean)*invstd*gamma + beta",
		"y, x, gamma, beta, mean, invstd *float32, eps, inverse float32", []string{"y", "x"}, func() func(row) {
			vectors := map[string]GPVirtual{
				"gamma": Load(Param("gamma"), GP64()).(GPVirtual), "beta": Load(Param("beta"), GP64()).(GPVirtual)}
			inverse, eps, one := s.scalar("inverse"), s.scalar("eps"), s.bits(0x3f800000)
			return func(w row) {
				sums := s.zeros(unrolled)
				w.sweep("First sweep: the sum of the row, for a first mean.", nil, func(l lane, u int) {
					VADDPS(l.get("x"), sums[u], sums[u])
				})
				mean := s.total(sums)
				VMULPS(inverse, mean, mean)
				d1, d2 := s.zeros(2), s.zeros(2)
				w.sweep("Second sweep: sums of the distances from that mean and of their squares.", nil, func(l lane, u int) {
					d := l.get("x")
					VSUBPS(mean, d, d)
					l.keep(d)
					VADDPS(d, d1[u%2], d1[u%2])
					VFMADD231PS(d, d, d2[u%2])
				})
				shift, variance := s.total(d1), s.total(d2)
				Comment("The mean and the variance out of these sums, then 1/sqrt(variance + eps).")
				VMULPS(inverse, shift, shift)
				VMULPS(inverse, variance, variance)
				VFNMADD231PS(shift, shift, variance)
				VADDPS(shift, mean, mean)
				w.putValue(mean, "mean")
				x, invstd := variance.AsX().(VecVirtual), s.vector()
				VADDSS(eps.AsX(), x, x)
				VSQRTSS(x, x, x)
				unit := XMM()
				VMOVUPS(s.quarter(one), unit)
				VDIVSS(x, unit, x)
				VBROADCASTSS(x, invstd)
				w.putValue(invstd, "invstd")
				w.sweep("Third sweep: y.", vectors, func(l lane, _ int) {
					y := l.get("x")
					VSUBPS(mean, y, y)
					VMULPS(invstd, y, y)
					gamma := l.get("gamma")
					VFMADD213PS(l.get("beta"), gamma, y)
					l.put(y, "y")
				})
			}
		})
	s.rows("layerNormGrad",
		"dx = invstd*(g - mean of g - xhat * mean of g*xhat), g = dy*gamma; dgamma and dbeta by column",
		"dx, dgamma, dbeta, dy, x, gamma, mean, invstd *float32, inverse float32",
		[]string{"dx", "dy", "x"}, func() func(row) {
			vectors := map[string]GPVirtual{}
			for _, p := range []string{"gamma", "dgamma", "dbeta"} {
				vectors[p] = Load(Param(p), GP64()).(GPVirtual)
			}
			inverse := s.scalar("inverse")
			return func(w row) {
				mean, invstd := w.value("mean"), w.value("invstd")
				sum, sumX := s.zeros(2), s.zeros(2) // of g and of g*xhat
				w.sweep("First sweep: dgamma, dbeta, and the sums of g and of g*xhat.", vectors, func(l lane, u int) {
					xhat, dy := l.get("x"), l.get("dy")
					VSUBPS(mean, xhat, xhat)
					VMULPS(invstd, xhat, xhat)
					dbeta := l.get("dbeta")
					VADDPS(dy, dbeta, dbeta)
					l.put(dbeta, "dbeta")
					dgamma := l.get("dgamma")
					VFMADD231PS(dy, xhat, dgamma)
					l.put(dgamma, "dgamma")
					g := l.get("gamma")
					VMULPS(dy, g, g) // 0 past the end of the row
					l.keep(xhat)     // where mean*invstd may be infinite
					VADDPS(g, sum[u%2], sum[u%2])
					VFMADD231PS(g, xhat, sumX[u%2])
				})
				a, b := s.total(sum), s.total(sumX)
				VMULPS(inverse, a, a)
				VMULPS(inverse, b, b)
				w.sweep("Second sweep: dx.", vectors, func(l lane, _ int) {
					xhat, g := l.get("x"), l.get("dy")
					VSUBPS(mean, xhat, xhat)
					VMULPS(invstd, xhat, xhat)
					VMULPS(l.get("gamma"), g, g)
					VSUBPS(a, g, g)
					VFNMADD231PS(xhat, b, g)
					VMULPS(invstd, g, g)
					l.put(g, "dx")
				})
			}
		})
}

// quarter is the lowest 128 bits of a constant.
func (s simd) quarter(x Op) Op {
	if v, ok := x.(VecVirtual); ok {
		return v.AsX()
	}
	return x
}
