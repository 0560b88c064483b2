package kernel

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestVecStaysInside puts every slice against a page that must not be touched,
// so that a read past the end, which guard words cannot see, is a fault.
func TestVecStaysInside(t *testing.T) {
	page := os.Getpagesize()
	for _, atEnd := range []bool{true, false} {
		var mapped [][]byte
		alloc := func(n, _ int) []float32 {
			size := (4*n + page - 1) / page * page
			m, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
			require.NoError(t, err)
			require.NoError(t, syscall.Mprotect(m[:page], syscall.PROT_NONE))
			require.NoError(t, syscall.Mprotect(m[page+size:], syscall.PROT_NONE))
			mapped = append(mapped, m)
			start := page
			if atEnd {
				start += size - 4*n
			}
			return unsafe.Slice((*float32)(unsafe.Pointer(&m[start])), n)
		}
		call := func(f func(a *arena)) {
			f(&arena{r: rand.New(rand.NewPCG(1, 1)), alloc: alloc})
			for _, m := range mapped {
				require.NoError(t, syscall.Munmap(m))
			}
			mapped = nil
		}
		onEachImpl(t, func(t *testing.T, impl *Impl) {
			for n := 1; n < 70; n++ {
				for _, c := range flatCases {
					call(func(a *arena) { c.call(&impl.Vec, a, n) })
				}
				for _, c := range rowCases {
					call(func(a *arena) { c.call(&impl.Vec, a, 2, n) })
				}
			}
		})
	}
}
