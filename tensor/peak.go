package tensor

import "time"

// Peak measures how many float32 operations a second all threads of the engine
// together can do at most: multiply-adds, of two operations each, on registers
// alone. It takes some 50 ms and returns the fastest of many short windows,
// because whatever else the machine does can only make one slower.
func (e *Engine) Peak() float64 {
	const windows, calls = 20, 100
	best := make([]float64, e.Threads())
	for range windows {
		e.Parallel(e.Threads(), func(task, _ int) {
			ops := 0
			began := time.Now()
			for range calls {
				ops += 2 * e.k.Peak()
			}
			best[task] = max(best[task], float64(ops)/time.Since(began).Seconds())
		})
	}
	sum := 0.0
	for _, v := range best {
		sum += v
	}
	return sum
}
