// Package ladder is the matrix product in eight steps, from three loops to what
// the engine does, to read and to time: each step changes one thing. All compute
// C = A B in float32 with row-major A [m x k], B [k x n] and C [m x n].
// docs/03-the-kernel.md is the chapter to it.
package ladder

import (
	"fmt"

	"github.com/locimem/locimem/tensor/internal/gemm"
	"github.com/locimem/locimem/tensor/internal/kernel"
	"github.com/locimem/locimem/tensor/internal/pool"
)

// Step is one way to compute the product.
type Step struct {
	Name    string
	Change  string // what is new, in a few words
	Threads int
	// Multiply sets C [m x n] to A [m x k] times B [k x n], all of at least
	// size 1. It may keep buffers, so it serves one goroutine at a time.
	Multiply func(c, a, b []float32, m, n, k int)
}

// Ladder holds the steps and the threads of the last one.
type Ladder struct {
	Steps []Step
	pool  *pool.Pool
}

// New returns the steps with the assembly of an instruction set (empty: as an
// engine chooses) and a last step of that many threads. The error says which
// instruction sets there are.
func New(isa string, threads int) (*Ladder, error) {
	if threads < 1 {
		return nil, fmt.Errorf("threads: found %d, expected 1 or more", threads)
	}
	get := func() (*kernel.Impl, error) { return kernel.Get(isa) }
	if isa == "" {
		get = kernel.Choose
	}
	impl, err := get()
	if err != nil {
		return nil, err
	}
	p := pool.New(threads)
	engine := gemm.New(impl, p)
	vector, blocked := &vectorStep{k: impl}, &blockedStep{k: impl}
	return &Ladder{pool: p, Steps: []Step{
		{"loops", "three loops: i, j, p", 1, loops},
		{"order", "loop order i, p, j", 1, order},
		{"blocks", "blocks of B that fit the cache", 1, blocks},
		{"registers", "2 x 3 sums in registers", 1, registers},
		{"packed", "A and B copied into reading order", 1, (&packedStep{}).multiply},
		{"vectors", fmt.Sprintf("the %d x %d tile in assembly", impl.MR, impl.NR), 1, vector.multiply},
		{"caches", "strips for L2, panels for L1", 1, blocked.multiply},
		{"engine", "the engine's own, all threads", threads, func(c, a, b []float32, m, n, k int) {
			engine.MatMul(c, n, a, k, false, b, n, false, m, n, k, gemm.Epilogue{})
		}},
	}}, nil
}

// Close stops the threads.
func (l *Ladder) Close() { l.pool.Close() }

// grow returns n numbers of *buf, made anew if it is too short.
func grow(buf *[]float32, n int) []float32 {
	if len(*buf) < n {
		*buf = make([]float32, n)
	}
	return (*buf)[:n]
}
