// Package arena lends out float32 buffers and takes them back, so that a
// training step, which needs the same buffers each time, allocates nothing.
package arena

import (
	"sync"
	"unsafe"
)

// align is the alignment of every buffer in bytes: a cache line, which is also
// the widest vector register.
const align = 64

// mapped is the size in floats from which buffers are mapped from the system
// instead of the Go heap: they are not zeroed twice, do not raise the
// collector's goal, and can lie in huge pages.
const mapped = 1 << 18 // 1 MiB

// Arena keeps free buffers by size. It is safe for concurrent use. The zero
// value is ready.
type Arena struct {
	mu   sync.Mutex
	free map[int][][]float32 // by capacity
	out  map[*float32]int    // capacity of each lent buffer, by its first element
	held int                 // floats, lent and free
	peak int
}

// Get lends a buffer of n floats, aligned to 64 bytes, with whatever values
// were there before.
func (a *Arena) Get(n int) []float32 {
	c := class(n)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.free == nil {
		a.free, a.out = map[int][][]float32{}, map[*float32]int{}
	}
	var b []float32
	if list := a.free[c]; len(list) > 0 {
		b = list[len(list)-1]
		a.free[c] = list[:len(list)-1]
	} else {
		b = alloc(c)
		a.held += c
		a.peak = max(a.peak, a.held)
	}
	a.out[unsafe.SliceData(b)] = c
	return b[:n]
}

// Put takes back a buffer that Get lent. The caller must not use it any more.
func (a *Arena) Put(b []float32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := unsafe.SliceData(b)
	c, ok := a.out[p]
	if !ok {
		panic("arena: Put of a buffer that is not lent")
	}
	delete(a.out, p)
	a.free[c] = append(a.free[c], unsafe.Slice(p, c))
}

// Trim gives the free buffers back to the system. It is for the end of a phase
// whose shapes will not come again.
func (a *Arena) Trim() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for c, list := range a.free {
		for _, b := range list {
			release(b)
			a.held -= c
		}
		delete(a.free, c)
	}
}

// Bytes returns how much memory the arena holds now and at most so far.
func (a *Arena) Bytes() (held, peak int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return 4 * a.held, 4 * a.peak
}

// class rounds a size up to one of four steps between powers of two, so that
// nearby sizes share buffers and at most a fifth is wasted.
func class(n int) int {
	const least = 256
	if n <= least {
		return least
	}
	step := least / 4
	for step*8 < n {
		step *= 2
	}
	return (n + step - 1) / step * step
}

// alloc makes a buffer of c floats.
func alloc(c int) []float32 {
	if c >= mapped {
		if b := mapFloats(c); b != nil {
			return b
		}
	}
	b := make([]float32, c+align/4)
	skip := (align - int(uintptr(unsafe.Pointer(&b[0]))%align)) % align / 4
	return b[skip : skip+c : skip+c]
}

// release gives a buffer of alloc back.
func release(b []float32) {
	if len(b) >= mapped {
		unmapFloats(b)
	}
}
