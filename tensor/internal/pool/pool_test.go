package pool

import (
	"bytes"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryTaskRunsOnce(t *testing.T) {
	for _, threads := range []int{-1, 1, 2, 3, 8} {
		p := New(threads)
		assert.Equal(t, max(threads, 1), p.Threads())
		for _, n := range []int{0, 1, 2, 3, 7, 100, 1000} {
			for range 20 {
				counts := make([]atomic.Int32, n)
				inUse := make([]atomic.Bool, p.Threads())
				p.Run(n, func(task, worker int) {
					if !inUse[worker].CompareAndSwap(false, true) {
						t.Error("two calls at a time have the same worker")
					}
					counts[task].Add(1)
					inUse[worker].Store(false)
				})
				for i := range counts {
					require.EqualValues(t, 1, counts[i].Load(), "threads %d, task %d of %d", threads, i, n)
				}
			}
		}
		p.Close()
	}
}

func TestWorkersTakePart(t *testing.T) {
	p := New(2)
	defer p.Close()
	for range 3 {
		var meet sync.WaitGroup // both tasks must be under way to pass
		meet.Add(2)
		p.Run(2, func(int, int) { meet.Done(); meet.Wait() })
		time.Sleep(20 * time.Millisecond) // long enough for the worker to fall asleep
	}
}

func TestNestedAndConcurrentRunsAreInline(t *testing.T) {
	p := New(3)
	defer p.Close()
	var sum atomic.Int64
	p.Run(10, func(int, int) {
		p.Run(10, func(_, worker int) {
			assert.Zero(t, worker)
			sum.Add(1)
		})
	})
	assert.EqualValues(t, 100, sum.Load())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				p.Run(10, func(int, int) { sum.Add(1) })
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 4100, sum.Load())
}

func TestPanicReachesTheCaller(t *testing.T) {
	p := New(3)
	defer p.Close()
	for bad := range 10 {
		assert.PanicsWithValue(t, "broken", func() {
			p.Run(10, func(task, _ int) {
				if task == bad {
					panic("broken")
				}
			})
		})
	}
	var n atomic.Int32
	p.Run(10, func(int, int) { n.Add(1) })
	assert.EqualValues(t, 10, n.Load(), "the pool works after a panic")
}

func TestGoexitOfTheCallerFreesThePool(t *testing.T) {
	p := New(2)
	defer p.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		p.Run(100, func(_, worker int) {
			if worker == 0 {
				runtime.Goexit()
			}
		})
	})
	wg.Wait()
	assert.False(t, p.busy.Load())
}

// workers counts the workers of all pools that have not ended.
func workers() int {
	stacks := make([]byte, 1<<20)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)],
		[]byte("created by github.com/locimem/locimem/tensor/internal/pool.New"))
}

// waitForWorkers fails if there are not n workers within some seconds.
func waitForWorkers(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); workers() != n && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	assert.Equal(t, n, workers(), "workers of all pools")
}

func TestClose(t *testing.T) {
	waitForWorkers(t, 0) // those of earlier tests may still be on their way out
	p := New(4)
	p.Run(8, func(int, int) {})
	waitForWorkers(t, 3)
	p.Close()
	waitForWorkers(t, 0)
	n := 0
	p.Run(3, func(_, worker int) { n += 1 + worker })
	assert.Equal(t, 3, n, "tasks of a closed pool run on the caller")
}

func TestRunAllocatesNothing(t *testing.T) {
	p := New(2)
	defer p.Close()
	f := func(int, int) {}
	assert.Zero(t, testing.AllocsPerRun(100, func() { p.Run(16, f) }))
}

func BenchmarkRun(b *testing.B) {
	p := New(2)
	defer p.Close()
	f := func(int, int) {}
	for b.Loop() {
		p.Run(2, f)
	}
}
