package kernel

import "sync/atomic"

// peakSteps steps of peakOps vectors are what the loops of Peak do in a call.
const (
	peakSteps = 2000
	peakOps   = 24
)

// peakGeneric has eight sums under way, as scalars in registers.
func peakGeneric() int {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	x, y := float32(0.5), float32(0.25)
	for range peakSteps {
		s0 += x * y
		s1 += x * y
		s2 += x * y
		s3 += x * y
		s4 += x * y
		s5 += x * y
		s6 += x * y
		s7 += x * y
		x, y = y, x
	}
	peakSink.Store(int64(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7))
	return 8 * peakSteps
}

// peakSink keeps the compiler from leaving the sums away.
var peakSink atomic.Int64
