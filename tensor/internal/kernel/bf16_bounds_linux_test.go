package kernel

import "testing"

func TestBF16ConvertStaysInside(t *testing.T) {
	onEachBF16(t, func(t *testing.T, k *BF16) {
		for _, atEnd := range []bool{true, false} {
			f := &fence{t: t, atEnd: atEnd}
			for n := 1; n < 70; n++ {
				k.Convert(f.alloc((n+1)/2, 0), f.alloc(n, 0))
				k.Pair(f.alloc(n, 0), f.alloc(n, 0), f.alloc(n, 0))
				f.free()
			}
		}
	})
}
