package tensor

import (
	"fmt"
	"math"
	"runtime"

	"github.com/locimem/locimem/tensor/internal/arena"
	"github.com/locimem/locimem/tensor/internal/gemm"
	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// Options chooses how an engine computes. Threads does not change results, ISA
// and Precision as they say.
type Options struct {
	// Threads is the number of threads, GOMAXPROCS if 0. Results are the same
	// bits for any number.
	Threads int
	// ISA names the kernels: generic, avx2, avx512 or neon. Empty means what
	// the environment variable LOCIMEM_ISA says or, without it, the fastest
	// that the CPU can run. Results differ between instruction sets by
	// rounding.
	ISA string
	// Precision is float32 (or empty) or bf16: whether the convolutions and
	// linear layers of tapes that record gradients round their factors to bf16.
	// Sums, parameters and everything else are float32 in either case. Where
	// the CPU lacks AVX512_BF16 it is emulated, with the same bits and slowly.
	Precision string
}

// Engine computes: it holds the worker threads, the kernels of the chosen
// instruction set and the arena of buffers. One goroutine at a time may use it
// and its tapes; two encoders that train at the same time take an engine each.
type Engine struct {
	k     *kernel.Impl
	pool  *pool.Pool
	gemm  *gemm.Runner
	bf16  *gemm.BF16 // nil in float32
	arena arena.Arena
}

// NewEngine starts an engine. The error says which instruction sets there are
// or what the CPU lacks, or that Threads is negative.
func NewEngine(o Options) (*Engine, error) {
	if o.Threads < 0 {
		return nil, fmt.Errorf("threads: found %d, expected 0 (all) or more", o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	bf16, err := checkPrecision(o.Precision)
	if err != nil {
		return nil, err
	}
	var k *kernel.Impl
	if o.ISA == "" {
		k, err = kernel.Choose()
	} else {
		k, err = kernel.Get(o.ISA)
	}
	if err != nil {
		return nil, err
	}
	p := pool.New(o.Threads)
	e := &Engine{k: k, pool: p, gemm: gemm.New(k, p)}
	if bf16 {
		e.bf16 = gemm.NewBF16(k, p, &e.arena)
	}
	return e, nil
}

// Close stops the threads and gives free buffers back. The engine must not be
// used any more.
func (e *Engine) Close() {
	e.pool.Close()
	e.arena.Trim()
}

// Threads returns the number of threads.
func (e *Engine) Threads() int { return e.pool.Threads() }

// ISA returns the name of the kernels in use.
func (e *Engine) ISA() string { return e.k.Name }

// Trim gives buffers that are not in use back to the system, at the end of a
// phase (training, say) whose shapes will not come again.
func (e *Engine) Trim() { e.arena.Trim() }

// BufferBytes returns how many bytes of buffers the engine holds now and held
// at most.
func (e *Engine) BufferBytes() (held, peak int) { return e.arena.Bytes() }

// Parallel calls f(task, worker) for every task in [0, n) on the engine's
// threads. Worker is in [0, Threads); two calls with the same worker never run
// at the same time. Which worker gets which task is not defined, so results
// must not depend on it. A call from inside f runs all of its tasks there, as
// worker 0.
func (e *Engine) Parallel(n int, f func(task, worker int)) { e.pool.Run(n, f) }

// sweep is the number of floats that one task of a sweep over memory takes: it
// fits into the second-level cache with its operands.
const sweep = 1 << 14

// chunks calls f on consecutive ranges of [0, n), each of at most size, in
// parallel. The ranges depend on n and size alone.
func (e *Engine) chunks(n, size int, f func(lo, hi int)) {
	tasks := (n + size - 1) / size
	if tasks <= 1 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	e.pool.Run(tasks, func(task, _ int) {
		lo := task * size
		f(lo, min(lo+size, n))
	})
}

// rowChunk is the number of rows of c floats that one task takes.
func rowChunk(c int) int { return max(1, sweep/max(c, 1)) }

// colSums adds the column sums of x [rows x c] to sum [c]: sums of fixed chunks
// in float32, which are added in order in float64.
func (e *Engine) colSums(sum, x []float32, rows, c int) {
	size := rowChunk(c)
	n := (rows + size - 1) / size
	part := e.arena.Get(n * c)
	defer e.arena.Put(part)
	e.chunks(rows, size, func(lo, hi int) {
		p := part[lo/size*c:][:c]
		clear(p)
		e.k.ColSum(p, x[lo*c:hi*c], hi-lo)
	})
	for j := range sum {
		s := 0.0
		for i := range n {
			s += float64(part[i*c+j])
		}
		sum[j] += float32(s)
	}
}

// AllFinite reports whether no element is NaN or infinite.
func (e *Engine) AllFinite(t *Tensor) bool {
	for _, v := range t.data {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// SumSquares returns the sum of the squared elements.
func (e *Engine) SumSquares(t *Tensor) float64 { return e.k.Dot(t.data, t.data) }

// SGDParams are the settings of one step of stochastic gradient descent as
// PyTorch defines them.
type SGDParams struct {
	LR, Momentum, WeightDecay float64
	Nesterov                  bool
}

// SGDStep updates the parameter p from its gradient, and the momentum buffer v
// of the same shape (zeros before the first step). A parameter without a
// gradient stays as it is.
func (e *Engine) SGDStep(p, v *Tensor, s SGDParams) {
	if p.grad == nil {
		return
	}
	v.mustShape("SGDStep: the momentum buffer", p.shape...)
	a := kernel.SGDArgs{LR: float32(s.LR), Momentum: float32(s.Momentum), Decay: float32(s.WeightDecay), Nesterov: s.Nesterov}
	e.chunks(len(p.data), sweep, func(lo, hi int) {
		e.k.SGD(p.data[lo:hi], v.data[lo:hi], p.grad.data[lo:hi], a)
	})
}

// AdamParams are the settings of one step of Adam (Kingma and Ba 2015) or, with
// Decoupled, AdamW (Loshchilov and Hutter 2019). Step counts from 1.
type AdamParams struct {
	LR, Beta1, Beta2, Eps, WeightDecay float64
	Decoupled                          bool
	Step                               int
}

// AdamStep updates the parameter p from its gradient, and its first and second
// moments m and v of the same shape (zeros before the first step). A parameter
// without a gradient stays as it is.
func (e *Engine) AdamStep(p, m, v *Tensor, s AdamParams) {
	if p.grad == nil {
		return
	}
	m.mustShape("AdamStep: the first moment", p.shape...)
	v.mustShape("AdamStep: the second moment", p.shape...)
	// The corrections of the bias take the betas that the kernel has: rounding
	// 0.999 to float32 moves the 0.001 beside it by 5e-5, which must cancel.
	b1, b2 := float32(s.Beta1), float32(s.Beta2)
	a := kernel.AdamArgs{
		Step:      float32(s.LR / (1 - math.Pow(float64(b1), float64(s.Step)))),
		B1:        b1,
		B2:        b2,
		InvSqrtC2: float32(1 / math.Sqrt(1-math.Pow(float64(b2), float64(s.Step)))),
		Eps:       float32(s.Eps),
		Keep:      1,
	}
	if s.Decoupled {
		a.Keep = float32(1 - s.LR*s.WeightDecay)
	} else {
		a.L2 = float32(s.WeightDecay)
	}
	e.chunks(len(p.data), sweep, func(lo, hi int) {
		e.k.Adam(p.data[lo:hi], m.data[lo:hi], v.data[lo:hi], p.grad.data[lo:hi], a)
	})
}
