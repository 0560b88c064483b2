package tensor

import (
	"fmt"
	"runtime"

	"github.com/locimem/locimem/tensor/internal/arena"
	"github.com/locimem/locimem/tensor/internal/gemm"
	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// Options chooses how an engine computes. Threads does not change results, the
// others as they say.
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
	// Winograd lets convolutions of 3 x 3 windows with stride 1 take Winograd's
	// way F(m x m, 3 x 3), m being 2 or at most 4, where it should be faster:
	// fewer multiplications, larger rounding errors. 0 is the direct way. Only
	// tapes that train take it: tests and scores of an encoder are exact.
	Winograd int
}

// Engine computes: it holds the worker threads, the kernels of the chosen
// instruction set and the arena of buffers. One goroutine at a time may use it
// and its tapes; two encoders that train at the same time take an engine each.
type Engine struct {
	k     *kernel.Impl
	pool  *pool.Pool
	gemm  *gemm.Runner
	attn  *gemm.Attention
	bf16  *gemm.BF16 // nil in float32
	arena arena.Arena

	winograd gemm.Winograd // Options.Winograd
}

// NewEngine starts an engine. The error says which instruction sets there are
// or what the CPU lacks, or that Threads is negative.
func NewEngine(o Options) (*Engine, error) {
	if o.Threads < 0 {
		return nil, fmt.Errorf("threads: found %d, expected 0 (all) or more", o.Threads)
	}
	if o.Winograd != 0 && o.Winograd != 2 && o.Winograd != 4 {
		return nil, fmt.Errorf("winograd: found %d, expected 0 (off), 2 or 4", o.Winograd)
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
	e := &Engine{k: k, pool: p, gemm: gemm.New(k, p), attn: gemm.NewAttention(k, p), winograd: gemm.Winograd(o.Winograd)}
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
