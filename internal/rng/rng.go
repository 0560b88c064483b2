// Package rng makes random streams that are pure functions of what they are
// for: the same seed, purpose and keys give the same numbers in any order, on
// any worker and after any restart.
package rng

import (
	"hash/fnv"
	"math/rand/v2"
)

// New returns the stream of (seed, purpose, keys...). The purpose is a word
// such as "view" or "init"; the keys are what the stream belongs to, usually
// epoch, sample and view. Streams with different arguments are independent for
// all practical ends: the arguments are hashed into the 128 bits of a PCG
// generator, whose output Go promises never to change.
func New(seed uint64, purpose string, keys ...uint64) *rand.Rand {
	var p rand.PCG
	Reset(&p, seed, purpose, keys...)
	return rand.New(&p)
}

// Reset makes p the source of New's stream of the same arguments, whatever it
// was before: one source can serve many streams in turn, without garbage.
func Reset(p *rand.PCG, seed uint64, purpose string, keys ...uint64) {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	s := mix(seed + 0x9e3779b97f4a7c15)
	s = mix(s ^ h.Sum64())
	s = mix(s + uint64(len(keys)))
	for _, k := range keys {
		s = mix(s ^ mix(k+0x9e3779b97f4a7c15))
	}
	p.Seed(s, mix(s+0x9e3779b97f4a7c15))
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a
// bijection of 64 bits in which each input bit flips half of the output bits.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
