// Package gemm multiplies matrices and convolves images with the register tile
// of package kernel, in parallel on the workers of a pool.
package gemm

import (
	"fmt"
	"unsafe"

	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// Runner multiplies and convolves. It owns scratch memory that its calls reuse,
// so it serves one goroutine at a time. Its results are the same, bit for bit,
// for any number of workers: work is split over rows and columns of the
// result, and where a sum is split, at places that only the shapes decide.
type Runner struct {
	k       *kernel.Impl
	p       *pool.Pool
	packed  []float32 // the right factor, laid out for the tile
	partial []float32 // sums of parts of a gradient of weights
	workers []worker

	plans        map[planKey]*plan
	weightsPlans map[ConvShape]*weightsPlan

	winogradPlans map[winogradKey]*winogradPlan // nil where the direct way is better
	scatterPlans  map[ConvShape]*scatterPlan

	// The call under way, for the tasks on the workers.
	matmul  matmulJob
	conv    convJob
	weights weightsJob

	winograd  winogradJob
	winogradW winogradWeightsJob
	scatter   scatterJob

	// The functions that the pool calls, made once: a method value allocates.
	packMatrixTask, matmulTask    func(task, worker int)
	packFiltersTask, convTask     func(task, worker int)
	convWeightsTask, sumPartsTask func(task, worker int)

	winogradFiltersTask, winogradBlockTask, winogradPartTask func(task, worker int)
	packScatterTask, scatterTask                             func(task, worker int)
}

// worker is what each worker of the pool has for itself.
type worker struct {
	tile  kernel.Tile
	segs  []kernel.Segment
	a, b  []float32 // repacked operands
	panel []float32 // of B or of filters, where each task packs its own
	own   []float32 // a block of B, likewise
	c     []float32 // Winograd's gradient of the weights
	next  fetcher
	ahead [2]ahead // in a product: of B, of A
	_     [64]byte // keeps neighbours off the cache line
}

// New returns a Runner that computes with k on the workers of p.
func New(k *kernel.Impl, p *pool.Pool) *Runner {
	r := &Runner{k: k, p: p, workers: make([]worker, p.Threads()),
		plans: map[planKey]*plan{}, weightsPlans: map[ConvShape]*weightsPlan{},
		winogradPlans: map[winogradKey]*winogradPlan{}, scatterPlans: map[ConvShape]*scatterPlan{}}
	r.packMatrixTask, r.matmulTask = r.packMatrix, r.multiplyTask
	r.packFiltersTask, r.convTask = r.packFilters, r.convolve
	r.convWeightsTask, r.sumPartsTask = r.convWeights, r.sumParts
	r.winogradFiltersTask, r.winogradBlockTask, r.winogradPartTask = r.winogradFilters, r.winogradBlock, r.winogradPart
	r.packScatterTask, r.scatterTask = r.packScatter, r.scatterRows
	return r
}

// fetcher hands out memory that the tasks to come will read, so that the tiles
// have the cache fetch it while they compute.
type fetcher [2][]float32

// take returns what a tile of that many steps, which fetches one cache line a
// step, is to fetch.
func (f *fetcher) take(steps int) []float32 {
	for i, rest := range f {
		if len(rest) > 0 {
			n := min(len(rest), 16*steps)
			f[i] = rest[n:]
			return rest[:n]
		}
	}
	return nil
}

// Epilogue is what happens to the sums of a product before they are stored:
// C = ReLU(sum + C + Bias), where each part is optional.
type Epilogue struct {
	Accumulate bool      // add to what C holds
	Add        []float32 // nil or what is added in the place of C, laid out as C is; in products only
	Bias       []float32 // nil or n numbers, one for each column of C
	ReLU       bool
}

// stripSize is how many numbers of its input a task of a convolution holds.
const stripSize = 32 << 10

// tinyWork is the number of multiply-adds below which waking workers costs more
// than it saves.
const tinyWork = 1 << 17

// run calls f for every task, on the caller alone where the work is tiny.
func (r *Runner) run(tasks, work int, f func(task, worker int)) {
	if work < tinyWork {
		for t := range tasks {
			f(t, 0)
		}
		return
	}
	r.p.Run(tasks, f)
}

// line is how many numbers a cache line holds.
const line = 16

// scratch returns n numbers of *buf, grown if need be, at a multiple of 64
// bytes: vectors that straddle two cache lines take twice as long to load.
func scratch(buf *[]float32, n int) []float32 {
	if len(*buf) < n {
		b := make([]float32, n+n/4+line)
		skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b)))/4) & (line - 1)
		*buf = b[skip:]
	}
	return (*buf)[:n]
}

// cut returns the bounds of part i of n things cut into parts as equal as they
// can be.
func cut(n, parts, i int) (from, to int) { return n * i / parts, n * (i + 1) / parts }

// ceil returns a/b rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// oddLines rounds n numbers up to an odd number of cache lines. Rows at such a
// stride fall on different sets of a cache; rows 4 KiB apart all share one set
// and push each other out.
func oddLines(n int) int { return (ceil(n, 16) | 1) * 16 }

// need panics if a slice is too short for a shape.
func need[S any](what string, have, want int, shape S) {
	if have < want {
		panic(fmt.Sprintf("gemm: %s has %d numbers, needs %d for %+v", what, have, want, shape))
	}
}
