package bench

import (
	"slices"
	"time"

	"github.com/locimem/locimem/tensor"
)

// PeakResult is what a machine can do at most, as measured.
type PeakResult struct {
	Threads int     `json:"threads"`
	ISA     string  `json:"isa"`
	GFLOPS  float64 `json:"gflops"` // of the multipliers
	GBps    float64 `json:"gbps"`   // of reading memory, 1e9 bytes a second
}

// Peak measures multiply-adds in float32 on registers alone, and reading from
// memory, by the kernels and threads of an engine with these options.
func Peak(o tensor.Options) (*PeakResult, error) {
	e, err := tensor.NewEngine(o)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return &PeakResult{Threads: e.Threads(), ISA: e.ISA(), GFLOPS: e.Peak() / 1e9, GBps: bandwidth(e)}, nil
}

// readFloats is how many numbers one reading goes over, 256 MiB: far more than
// any cache holds.
const readFloats = 64 << 20

// bandwidth returns how many 1e9 bytes a second a sweep that only reads gets from
// memory, in the fastest of a few rounds.
func bandwidth(e *tensor.Engine) float64 {
	x := tensor.New(readFloats)
	for i := range x.Data() {
		x.Data()[i] = 1 // pages that were never written are all the same one
	}
	var times []float64
	for range 5 {
		began := time.Now()
		e.AllFinite(x)
		times = append(times, time.Since(began).Seconds())
	}
	return 4 * readFloats / slices.Min(times) / 1e9
}
