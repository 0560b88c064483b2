package kernel

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// fence allocates slices against a page that must not be touched, so that a
// read past them, which guard words cannot see, ends the test with a fault.
type fence struct {
	t      *testing.T
	atEnd  bool // the page after the slice, else the one before it
	mapped [][]byte
}

func (f *fence) alloc(n, _ int) []float32 {
	page := os.Getpagesize()
	size := (4*n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(f.t, err)
	require.NoError(f.t, syscall.Mprotect(m[:page], syscall.PROT_NONE))
	require.NoError(f.t, syscall.Mprotect(m[page+size:], syscall.PROT_NONE))
	f.mapped = append(f.mapped, m)
	start := page
	if f.atEnd {
		start += size - 4*n
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&m[start])), n)
}

func (f *fence) free() {
	for _, m := range f.mapped {
		require.NoError(f.t, syscall.Munmap(m))
	}
	f.mapped = nil
}

func TestVecStaysInside(t *testing.T) {
	onEachImpl(t, func(t *testing.T, impl *Impl) {
		for _, atEnd := range []bool{true, false} {
			f := &fence{t: t, atEnd: atEnd}
			for n := 1; n < 70; n++ {
				for _, c := range flatCases {
					c.call(&impl.Vec, &arena{r: rand.New(rand.NewPCG(1, 1)), alloc: f.alloc}, n)
				}
				for _, c := range rowCases {
					c.call(&impl.Vec, &arena{r: rand.New(rand.NewPCG(1, 1)), alloc: f.alloc}, 2, n)
				}
				for _, c := range rowFlatCases {
					c.call(&impl.Row, &arena{r: rand.New(rand.NewPCG(1, 1)), alloc: f.alloc}, n)
				}
				for _, c := range rowMatrixCases {
					c.call(&impl.Row, &arena{r: rand.New(rand.NewPCG(1, 1)), alloc: f.alloc}, 2, n)
				}
				f.free()
			}
		}
	})
}
