package bench

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/locimem/locimem/tensor"
	"github.com/locimem/locimem/tensor/ladder"
)

// LadderOptions says how large the matrices are and how often each step of the
// ladder runs.
type LadderOptions struct {
	N      int // rows and columns
	Rounds int
	Engine tensor.Options // Threads counts for the last step
}

// LadderResult is the time of each step of package ladder.
type LadderResult struct {
	N       int          `json:"n"`
	ISA     string       `json:"isa"`
	Threads int          `json:"threads"`
	Rounds  int          `json:"rounds"`
	Peak    float64      `json:"peak_gflops"`     // of one thread
	PeakAll float64      `json:"peak_gflops_all"` // of all threads
	Steps   []LadderStep `json:"steps"`
}

// LadderStep is the time of one step; the share is of the peak of as many
// threads.
type LadderStep struct {
	Name    string  `json:"name"`
	Change  string  `json:"change"`
	Threads int     `json:"threads"`
	Millis  float64 `json:"ms"` // of the fastest run
	GFLOPS  float64 `json:"gflops"`
	Share   float64 `json:"share_of_peak"`
	Speedup float64 `json:"speedup"`   // over the step before; 1 for the first
	Error   float64 `json:"max_error"` // largest difference from the first step
}

// Ladder times the steps of package ladder in turn, round by round, and checks
// each against the first. The fastest run of a step counts, as of the peak: what
// else the machine does can only make one slower.
func Ladder(o LadderOptions) (*LadderResult, error) {
	if o.N < 1 || o.N > 4096 {
		return nil, fmt.Errorf("n: want 1 to 4096, found %d", o.N)
	}
	if o.Rounds < 1 || o.Rounds > 1000 {
		return nil, fmt.Errorf("rounds: want 1 to 1000, found %d", o.Rounds)
	}
	if o.Engine.Threads == 0 {
		o.Engine.Threads = runtime.GOMAXPROCS(0)
	}
	r := &LadderResult{N: o.N, Rounds: o.Rounds}
	for _, p := range []struct {
		threads int
		peak    *float64
	}{{1, &r.Peak}, {o.Engine.Threads, &r.PeakAll}} {
		found, err := Peak(tensor.Options{ISA: o.Engine.ISA, Threads: p.threads})
		if err != nil {
			return nil, err
		}
		*p.peak, r.ISA, r.Threads = found.GFLOPS, found.ISA, found.Threads
	}
	l, err := ladder.New(r.ISA, r.Threads)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	a, b := random(o.N, o.N).Data(), random(o.N, o.N).Data()
	want, c := make([]float32, o.N*o.N), make([]float32, o.N*o.N)
	times := make([][]float64, len(l.Steps))
	for i, s := range l.Steps { // the first call is not timed: buffers
		dst := c
		if i == 0 {
			dst = want
		}
		s.Multiply(dst, a, b, o.N, o.N, o.N)
		e := largestDifference(dst, want)
		if limit := math.Pow(float64(o.N), 1.5) * 1.2e-7; !(e <= limit) {
			return nil, fmt.Errorf("step %d (%s) differs from the first by %g, more than rounding explains (%g)", i+1,
				s.Name, e, limit)
		}
		r.Steps = append(r.Steps, LadderStep{Name: s.Name, Change: s.Change, Threads: s.Threads, Error: e})
	}
	for range o.Rounds {
		for i, s := range l.Steps {
			// Short steps run for some milliseconds.
			for began, n := time.Now(), 0; n == 0 || time.Since(began) < 15*time.Millisecond; n++ {
				start := time.Now()
				s.Multiply(c, a, b, o.N, o.N, o.N)
				times[i] = append(times[i], time.Since(start).Seconds())
			}
		}
	}
	flop := 2 * math.Pow(float64(o.N), 3)
	for i := range r.Steps {
		s, t := &r.Steps[i], slices.Min(times[i])
		peak := r.Peak
		if s.Threads > 1 {
			peak = r.PeakAll
		}
		s.Millis, s.GFLOPS, s.Speedup = 1e3*t, flop/t/1e9, 1
		s.Share = s.GFLOPS / peak
		if i > 0 {
			s.Speedup = r.Steps[i-1].Millis / s.Millis
		}
	}
	return r, nil
}

func largestDifference(a, b []float32) float64 {
	worst := 0.
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if math.IsNaN(d) {
			return d
		}
		worst = max(worst, d)
	}
	return worst
}
