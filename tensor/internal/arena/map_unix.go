//go:build unix

package arena

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappings remembers what mmap returned, which munmap wants back; a buffer that
// fell back to the Go heap is not in it.
var mappings sync.Map // *float32 -> []byte

// mapFloats maps c zeroed floats from the system, nil where it refuses.
func mapFloats(c int) []float32 {
	m, err := unix.Mmap(-1, 0, 4*c, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	adviseHuge(m)
	p := (*float32)(unsafe.Pointer(unsafe.SliceData(m)))
	mappings.Store(p, m)
	return unsafe.Slice(p, c)
}

func unmapFloats(b []float32) {
	if m, ok := mappings.LoadAndDelete(unsafe.SliceData(b)); ok {
		// Unmapping what mmap returned cannot fail.
		_ = unix.Munmap(m.([]byte))
	}
}
