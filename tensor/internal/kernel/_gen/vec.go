package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// simd emits the kernels of Vec for one vector width. Both widths use one
// description of each kernel, in terms of the operations below.
type simd struct {
	suffix string // of the function names
	lanes  int    // floats in a vector: 8 is AVX2 with FMA, 16 is AVX-512 (F, BW, VL) with BMI2
	file   string // begins the names of constants, "vec" if empty: each file has its own
}

func (s simd) tables() string {
	if s.file == "" {
		return "vec"
	}
	return s.file
}

// vecKernels emits all of them into one file.
func vecKernels(s simd) {
	s.flatKernels()
	s.sumKernels()
	s.columnKernels()
	s.poolKernels()
}

func (s simd) wide() bool { return s.lanes == 16 }

func (s simd) vector() VecVirtual {
	if s.wide() {
		return ZMM()
	}
	return YMM()
}

// narrow is a vector of half the width.
func (s simd) narrow() VecVirtual {
	if s.wide() {
		return YMM()
	}
	return XMM()
}

func (s simd) zero() VecVirtual {
	v := s.vector()
	if s.wide() {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
	return v
}

// scalar is a parameter of 32 bits in all lanes.
func (s simd) scalar(param string) VecVirtual {
	p, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	v := s.vector()
	VBROADCASTSS(p.Addr, v)
	return v
}

// bits is a constant of 32 bits in all lanes. AVX2 has too few registers to
// keep every constant in one, so there it is a vector in memory.
func (s simd) bits(x uint32) Op {
	m := s.word(x)
	if !s.wide() {
		return m
	}
	v := s.vector()
	VBROADCASTSS(m, v)
	return v
}

// word is a constant of 32 bits in memory: a whole vector of it for AVX2, for
// AVX-512 one that instructions spread over all lanes.
func (s simd) word(x uint32) Mem {
	name := fmt.Sprintf("%s%s_%08x", s.tables(), s.suffix, x)
	words := s.lanes
	if s.wide() {
		words = 1
	}
	if !constants[name] {
		constants[name] = true
		GLOBL(name, RODATA|NOPTR)
		for i := range words {
			DATA(4*i, U32(x))
		}
	}
	return NewDataAddr(NewStaticSymbol(name), 0)
}

// fold does y = y*x + c for a constant c of word: one step of Horner's rule.
func (s simd) fold(c Mem, x, y VecVirtual) {
	if s.wide() {
		VFMADD213PS_BCST(c, x, y)
	} else {
		VFMADD213PS(c, x, y)
	}
}

var constants = map[string]bool{}

// mask selects the first count lanes, 0 <= count < lanes: an opmask register or,
// for AVX2, a vector of ones and zeros.
func (s simd) mask(count GPVirtual) Op {
	if s.wide() {
		bits, k := GP32(), K()
		MOVL(U32(0xffffffff), bits)
		BZHIL(count.As32(), bits, bits)
		KMOVW(bits, k)
		return k
	}
	name := s.tables() + "AVX2_window"
	if !constants[name] {
		constants[name] = true
		GLOBL(name, RODATA|NOPTR)
		for i := range 16 {
			ones := uint32(0)
			if i < 8 {
				ones = 0xffffffff
			}
			DATA(4*i, U32(ones))
		}
	}
	table, skip, v := GP64(), GP64(), YMM()
	LEAQ(NewDataAddr(NewStaticSymbol(name), 0), table)
	MOVQ(U32(8), skip)
	SUBQ(count, skip)
	VMOVDQU(Mem{Base: table, Index: skip, Scale: 4}, v)
	return v
}

// load reads a vector; lanes that the mask leaves out are 0 and not read.
func (s simd) load(m Mem, mask Op) VecVirtual {
	v := s.vector()
	switch {
	case mask == nil:
		VMOVUPS(m, v)
	case s.wide():
		VMOVUPS_Z(m, mask, v)
	default:
		VMASKMOVPS(m, mask, v)
	}
	return v
}

func (s simd) store(v VecVirtual, m Mem, mask Op) {
	switch {
	case mask == nil:
		VMOVUPS(v, m)
	case s.wide():
		VMOVUPS(v, mask, m)
	default:
		VMASKMOVPS(v, mask, m)
	}
}

// loadBytes reads one byte for each lane and widens it. With AVX2 there is no
// masked form; callers there see to it that there are only whole vectors.
func (s simd) loadBytes(m Mem, mask Op) VecVirtual {
	v := s.vector()
	switch {
	case mask == nil:
		VPMOVZXBD(m, v)
	case s.wide():
		VPMOVZXBD_Z(m, mask, v)
	default:
		panic("bytes cannot be masked with AVX2")
	}
	return v
}

// storeBytes writes the low byte of each lane; the values are below 256.
func (s simd) storeBytes(v VecVirtual, m Mem, mask Op) {
	low := XMM()
	if s.wide() {
		VPMOVDB(v, low)
		if mask == nil {
			VMOVDQU(low, m)
		} else {
			VMOVDQU8(low, mask, m)
		}
		return
	}
	if mask != nil {
		panic("bytes cannot be masked with AVX2")
	}
	high := XMM()
	VEXTRACTI128(U8(1), v, high)
	VPACKUSDW(high, v.AsX(), low)
	VPACKUSWB(low, low, low)
	VMOVQ(low, m)
}

// Predicates of VCMPPS that are quiet on NaN.
const (
	isLess      = U8(0x11)
	isGreater   = U8(0x1e)
	isUnordered = U8(0x03)
	isNotLE     = U8(0x16) // greater, or one is NaN
	isNotLess   = U8(0x15)
)

// compare gives the lanes where a and b are in that relation.
func (s simd) compare(relation U8, a VecVirtual, b Op) Op {
	cond := s.condition()
	VCMPPS(relation, b, a, cond)
	return cond
}

// equal gives the lanes where the integers a and b are equal.
func (s simd) equal(a VecVirtual, b Op) Op {
	cond := s.condition()
	VPCMPEQD(b, a, cond)
	return cond
}

func (s simd) condition() Op {
	if s.wide() {
		return K()
	}
	return YMM()
}

// set puts v into dst where cond holds.
func (s simd) set(dst VecVirtual, cond, v Op) {
	if s.wide() {
		VMOVAPS(v, cond, dst)
	} else {
		VBLENDVPS(cond, v, dst, dst)
	}
}

// clear leaves v as it is where cond holds and makes it 0 elsewhere.
func (s simd) clear(v VecVirtual, cond Op) {
	if s.wide() {
		VMOVAPS_Z(v, cond, v)
	} else {
		VANDPS(cond, v, v)
	}
}

// addWhere adds v to dst where cond holds.
func (s simd) addWhere(dst VecVirtual, cond Op, v VecVirtual) {
	if s.wide() {
		VADDPS(v, dst, cond, dst)
	} else {
		t := s.vector()
		VANDPS(cond, v, t)
		VADDPS(t, dst, dst)
	}
}

// setMax is the step of a maximum that NaN wins: where v > best or v is NaN,
// best becomes v and which becomes k.
func (s simd) setMax(best, which, v VecVirtual, k Op) {
	cond, nan := s.compare(isGreater, v, best), s.compare(isUnordered, v, v)
	if s.wide() {
		KORW(nan, cond, cond)
	} else {
		VORPS(nan, cond, cond)
	}
	s.set(best, cond, v)
	s.set(which, cond, k)
}

// function starts a kernel and loads the pointers among its parameters. does says
// what it computes.
func (s simd) function(name, does, params string, pointers ...string) map[string]GPVirtual {
	TEXT(name+s.suffix, NOSPLIT, "func("+params+")")
	Pragma("noescape")
	Comment(does, "Set-up: pointers, sizes and constants.")
	base := map[string]GPVirtual{}
	for _, p := range pointers {
		base[p] = Load(Param(p), GP64()).(GPVirtual)
	}
	return base
}
