// Package pool runs the tasks of one parallel loop at a time on persistent
// worker goroutines.
package pool

import (
	"runtime"
	"sync/atomic"
)

// Pool is a fixed set of workers. The goroutine that calls Run is worker 0; the
// others wait for it, first spinning for some microseconds, because the loops
// of a training step follow each other closely, then asleep.
type Pool struct {
	threads int
	busy    atomic.Bool // a Run is under way
	closed  atomic.Bool
	sleep   []sleeper // one for each worker

	// The loop under way. state says whether workers may join it and how many
	// are in it; the other fields change only while nobody can be.
	state  atomic.Uint64
	f      func(task, worker int)
	n      int64
	next   atomic.Int64 // the next task to hand out
	failed atomic.Pointer[failure]
}

type failure struct{ value any }

// state is generation<<32 | open | workers inside. The generation tells a
// worker a new loop from the one that it has seen.
const (
	open       = 1 << 31
	insideMask = open - 1
)

// New returns a pool of that many workers, at least one.
func New(threads int) *Pool {
	p := &Pool{threads: max(threads, 1)}
	p.sleep = make([]sleeper, p.threads)
	for w := range p.sleep {
		p.sleep[w].wake = make(chan struct{}, 1)
		if w > 0 {
			go p.work(w)
		}
	}
	return p
}

// Threads returns the number of workers.
func (p *Pool) Threads() int { return p.threads }

// Close ends the workers. A Run after it does all tasks on its caller.
func (p *Pool) Close() {
	p.closed.Store(true)
	for w := range p.sleep {
		p.sleep[w].rouse()
	}
}

// Run calls f(task, worker) once for every task in [0, n) and returns when all
// calls have. Which worker, in [0, Threads()), gets a task is a matter of time,
// so results must not depend on it; no two calls of f that overlap in time have
// the same worker. A Run inside f, or while another goroutine's Run is under
// way, does its tasks one after the other on its caller, as worker 0. When a
// call of f panics, no further tasks begin and Run panics with the same value.
func (p *Pool) Run(n int, f func(task, worker int)) {
	if n <= 0 {
		return
	}
	if n == 1 || p.threads == 1 || p.closed.Load() || !p.busy.CompareAndSwap(false, true) {
		for task := range n {
			f(task, 0)
		}
		return
	}
	p.f, p.n = f, int64(n)
	p.next.Store(0)
	p.failed.Store(nil)
	p.state.Store((p.state.Load()>>32+1)<<32 | open)
	for w := 1; w < min(p.threads, n); w++ {
		p.sleep[w].rouse()
	}
	defer p.finish()
	p.tasks(0)
}

// finish ends the loop under way. Nobody may join it any more, and those inside
// are waited for. A worker that is still waking up is not: a short loop is over
// before that.
func (p *Pool) finish() {
	p.state.Add(^uint64(open - 1))
	p.sleep[0].until(func() bool { return p.state.Load()&insideMask == 0 })
	fail := p.failed.Load()
	p.f = nil
	p.busy.Store(false)
	if fail != nil {
		panic(fail.value)
	}
}

// work is the life of worker w.
func (p *Pool) work(w int) {
	var seen uint64
	for {
		p.sleep[w].until(func() bool { return p.state.Load()>>32 != seen || p.closed.Load() })
		if p.closed.Load() {
			return
		}
		s := p.state.Load()
		seen = s >> 32
		for s&open != 0 && s>>32 == seen {
			if p.state.CompareAndSwap(s, s+1) {
				p.inside(w)
				break
			}
			s = p.state.Load()
		}
	}
}

// inside takes part in the loop that worker w has joined. The last to leave a
// loop that is closed wakes its caller.
func (p *Pool) inside(w int) {
	defer func() {
		if p.state.Add(^uint64(0))&(open|insideMask) == 0 {
			p.sleep[0].rouse()
		}
	}()
	p.tasks(w)
}

// tasks takes tasks until there are none. A call of f that panics, or ends its
// goroutine, ends the loop.
func (p *Pool) tasks(w int) {
	done := false
	defer func() {
		if done {
			return
		}
		if v := recover(); v != nil {
			p.failed.CompareAndSwap(nil, &failure{v})
		}
		p.next.Store(p.n)
	}()
	for t := p.next.Add(1) - 1; t < p.n; t = p.next.Add(1) - 1 {
		p.f(int(t), w)
	}
	done = true
}

// sleeper lets one goroutine wait for a condition that others make true.
type sleeper struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [48]byte // keeps neighbours off the cache line
}

// spins is how often a waiting goroutine looks before it goes to sleep: some
// tens of microseconds. Waking a sleeper takes about as long.
const spins = 20000

// until returns once ready says true. Whoever makes it true calls rouse after it.
func (s *sleeper) until(ready func() bool) {
	for i := range spins {
		if ready() {
			return
		}
		if i%1024 == 1023 {
			runtime.Gosched() // other goroutines may have work
		}
	}
	for !ready() {
		s.asleep.Store(true)
		if ready() && s.asleep.CompareAndSwap(true, false) {
			return
		}
		<-s.wake
	}
}

// rouse wakes the goroutine if it sleeps.
func (s *sleeper) rouse() {
	if s.asleep.CompareAndSwap(true, false) {
		s.wake <- struct{}{}
	}
}
