package arena

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

func TestBuffersAreAlignedAndReused(t *testing.T) {
	var a Arena
	for _, n := range []int{0, 1, 255, 256, 257, 1000, mapped - 1, mapped, mapped + 1, 3*mapped + 7} {
		b := a.Get(n)
		assert.Len(t, b, n)
		p := unsafe.SliceData(b)
		assert.Zero(t, uintptr(unsafe.Pointer(p))%align, "alignment of %d floats", n)
		for i := range b {
			b[i] = 1
		}
		a.Put(b)
		again := a.Get(n)
		assert.Same(t, p, unsafe.SliceData(again), "%d floats", n)
		a.Put(again)
	}
}

func TestClassWastesLittle(t *testing.T) {
	for n := 257; n < 1<<20; n += 1 + n/37 {
		c := class(n)
		assert.GreaterOrEqual(t, c, n)
		assert.LessOrEqual(t, float64(c), 1.25*float64(n)+64, "n %d", n)
		assert.Equal(t, c, class(c), "a class is its own class")
	}
}

func TestTrimGivesBack(t *testing.T) {
	var a Arena
	kept, b := a.Get(mapped), a.Get(2*mapped)
	kept[0] = 3
	a.Put(b)
	a.Trim()
	held, peak := a.Bytes()
	assert.Equal(t, 4*mapped, held)
	assert.Equal(t, 12*mapped, peak)
	assert.Equal(t, float32(3), kept[0])
	a.Put(kept)
}

func TestPutTwicePanics(t *testing.T) {
	var a Arena
	b := a.Get(10)
	a.Put(b)
	assert.Panics(t, func() { a.Put(b) })
}
