package half

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// All 65,536 halves go to float32 and back; the values lie in order, so that
// what lies between two neighbours must go to the nearer, or to the even one.
func TestEveryHalf(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		v := Float32(h)
		if v != v {
			require.True(t, h&0x7c00 == 0x7c00 && h&0x3ff != 0)
			require.NotZero(t, FromFloat64(float64(v))&0x3ff)
			continue
		}
		require.Equal(t, h, FromFloat64(float64(v)), "%#x", h)
		if h&0x7fff >= 0x7bff {
			continue // the next one is infinity
		}
		next := Float32(h + 1)
		mid := (float64(v) + float64(next)) / 2
		require.Equal(t, h+h&1, FromFloat64(mid), "halfway above %#x", h)
		away := math.Inf(1)
		if v < 0 || next < 0 {
			away = math.Inf(-1)
		}
		require.Equal(t, h+1, FromFloat64(math.Nextafter(mid, away)))
		require.Equal(t, h, FromFloat64(math.Nextafter(mid, -away)))
	}
	for v, h := range map[float64]uint16{1: 0x3c00, -2: 0xc000, 65504: 0x7bff, 65519.99: 0x7bff, 65520: 0x7c00,
		0x1p-24: 1, 0x1p-25: 0, 1.0 / 3: 0x3555} {
		require.Equal(t, h, FromFloat64(v), v)
	}
}
