//go:build !unix

package bench

// peakRSS returns 0: not known on this system.
func peakRSS() int64 { return 0 }
