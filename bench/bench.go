// Package bench times what training spends its time on: matrix products and whole
// SimCLR steps. bench/peers holds the same measurements of other programs.
package bench

import (
	"fmt"
	"slices"
	"time"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// GemmOptions describes a product of matrices and how it is timed.
type GemmOptions struct {
	Shape
	Engine tensor.Options
	Reps   int // timed repetitions, after a tenth as many (at least 2) untimed ones
}

// GemmResult is the speed of a matrix product.
type GemmResult struct {
	Shape
	Threads int     `json:"threads"`
	ISA     string  `json:"isa"`
	Reps    int     `json:"reps"`
	Millis  float64 `json:"ms"`          // median
	GFLOPS  float64 `json:"gflops"`      // of the median
	Best    float64 `json:"gflops_best"` // of the fastest
	Loop    int     `json:"loop"`        // products in a repetition
	Peak    float64 `json:"gflops_peak"` // the most that the processor can do, measured: see tensor.Engine.Peak
}

// Share is the median speed as a share of the measured peak.
func (r *GemmResult) Share() float64 { return r.GFLOPS / r.Peak }

// loopSeconds is about how long a repetition takes at least: a product that is
// shorter is done several times in it, because a clock costs time too.
const loopSeconds = 200e-6

// Gemm times C = op(A) op(B) in float32.
func Gemm(o GemmOptions) (*GemmResult, error) {
	for name, v := range map[string]int{"m": o.M, "n": o.N, "k": o.K, "reps": o.Reps} {
		if v < 1 || v > 1<<16 {
			return nil, fmt.Errorf("%s: want 1 to %d, found %d", name, 1<<16, v)
		}
	}
	e, err := tensor.NewEngine(o.Engine)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	// In buffers of a tape, where training has them: large ones lie in huge
	// pages, as numpy's arrays do.
	tp := e.NewTape(tensor.Inference)
	matrix := func(rows, cols int, transposed bool) *tensor.Tensor {
		if transposed {
			rows, cols = cols, rows
		}
		x := tp.Buffer(rows, cols)
		x.CopyFrom(random(rows, cols).Data())
		return x
	}
	a, b, c := matrix(o.M, o.K, o.TransA), matrix(o.K, o.N, o.TransB), matrix(o.M, o.N, false)
	once := func() { e.Product(c, a, b, o.TransA, o.TransB) }
	loop := max(1, int(loopSeconds/slices.Min(repeat(3, once))))
	times := repeat(o.Reps, func() {
		for range loop {
			once()
		}
	})
	for i := range times {
		times[i] /= float64(loop)
	}
	flop := 2 * float64(o.M) * float64(o.N) * float64(o.K)
	return &GemmResult{Shape: o.Shape, Threads: e.Threads(), ISA: e.ISA(), Reps: o.Reps, Loop: loop, Millis: 1e3 * median(times),
		GFLOPS: flop / median(times) / 1e9, Best: flop / slices.Min(times) / 1e9, Peak: e.Peak() / 1e9}, nil
}

// random returns a matrix of numbers in [-1, 1).
func random(rows, cols int) *tensor.Tensor {
	r := rng.New(1, "bench", uint64(rows), uint64(cols))
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return tensor.FromSlice(x, rows, cols)
}

// StepOptions describes a SimCLR training step.
type StepOptions struct {
	Encoder string
	Width   float64
	Batch   int // images; each has two views
	Size    int // height and width of the images
	Engine  tensor.Options
	Reps    int
}

// StepResult is the speed of a training step. Views and step are timed apart, in
// turn; times are medians.
type StepResult struct {
	Encoder         string  `json:"encoder"`
	Width           float64 `json:"width"`
	Batch           int     `json:"batch"`
	Size            int     `json:"size"`
	Threads         int     `json:"threads"`
	ISA             string  `json:"isa"`
	Precision       string  `json:"precision"`
	Reps            int     `json:"reps"`
	ViewsMillis     float64 `json:"views_ms"` // making both views of all images
	StepMillis      float64 `json:"step_ms"`  // loss, backward, Adam
	TotalMillis     float64 `json:"total_ms"` // median of the sums
	ImagesPerSecond float64 `json:"images_per_s"`
	PeakRSS         int64   `json:"peak_rss_bytes"` // of the whole process; 0 where unknown
}

// Step times SimCLR training steps, as the trainer does them, on synthetic
// images: two views of SimCLR, projector 256-64, NT-Xent with temperature 0.5,
// Adam.
func Step(o StepOptions) (*StepResult, error) {
	if !(o.Width > 0) {
		return nil, fmt.Errorf("width: want more than 0, found %v", o.Width)
	}
	if o.Reps < 1 || o.Batch < 2 || o.Batch > 1<<16 {
		return nil, fmt.Errorf("want at least 1 repetition of a batch of 2 to %d images, found %d of %d", 1<<16, o.Reps, o.Batch)
	}
	images, err := data.NewSynthetic(data.SyntheticOptions{N: o.Batch, Size: o.Size})
	if err != nil {
		return nil, err
	}
	a, err := augment.New(augment.SimCLR(), o.Size, o.Size, 3)
	if err != nil {
		return nil, err
	}
	enc, err := nn.NewEncoder(o.Encoder, nn.EncoderOptions{Width: o.Width, InH: o.Size, InW: o.Size}, 1)
	if err != nil {
		return nil, err
	}
	method, err := ssl.New("simclr", ssl.SimCLRConfig{Temperature: 0.5, Projector: []int{256, 64}}, ssl.Setup{Encoder: enc, Seed: 1})
	if err != nil {
		return nil, err
	}
	e, err := tensor.NewEngine(o.Engine)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	adam, err := optim.NewAdam(e, method.Params(), optim.AdamConfig{})
	if err != nil {
		return nil, err
	}
	views := []*tensor.Tensor{tensor.New(o.Batch, o.Size, o.Size, 3), tensor.New(o.Batch, o.Size, o.Size, 3)}
	tp := e.NewTape(tensor.Training)
	var round uint64
	var viewTimes, stepTimes []float64
	totals := repeat(o.Reps, func() {
		round++
		began := time.Now()
		n := o.Size * o.Size * 3
		e.Parallel(o.Batch, func(row, _ int) {
			for v, x := range views {
				a.View(x.Data()[row*n:(row+1)*n], images.Image(row), rng.New(1, "view", round, uint64(row), uint64(v)))
			}
		})
		viewed := time.Now()
		if _, stepErr := ssl.Step(ssl.StepConfig{Tape: tp, Method: method, Optimizer: adam, LR: 1e-3, Steps: 1}, views); stepErr != nil && err == nil {
			err = stepErr
		}
		viewTimes = append(viewTimes, viewed.Sub(began).Seconds())
		stepTimes = append(stepTimes, time.Since(viewed).Seconds())
	})
	if err != nil {
		return nil, err
	}
	// The untimed repetitions came first.
	viewTimes, stepTimes = viewTimes[len(viewTimes)-o.Reps:], stepTimes[len(stepTimes)-o.Reps:]
	total := median(totals)
	return &StepResult{Encoder: o.Encoder, Width: o.Width, Batch: o.Batch, Size: o.Size, Threads: e.Threads(), ISA: e.ISA(), Precision: e.Precision(), Reps: o.Reps,
		ViewsMillis: 1e3 * median(viewTimes), StepMillis: 1e3 * median(stepTimes), TotalMillis: 1e3 * total,
		ImagesPerSecond: float64(o.Batch) / total, PeakRSS: peakRSS()}, nil
}

// repeat returns the seconds of each of n calls of f, after untimed ones.
func repeat(n int, f func()) []float64 {
	for range max(2, n/10) {
		f()
	}
	times := make([]float64, n)
	for i := range times {
		began := time.Now()
		f()
		times[i] = time.Since(began).Seconds()
	}
	return times
}

// median returns the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
