package tensor

import "math/rand/v2"

// AddGradNoise adds to the gradient of t, which is zeros if there was none, normally
// distributed numbers of that standard deviation. reset seeds the source of one block
// of them, by number: so they do not depend on the number of threads.
func (e *Engine) AddGradNoise(t *Tensor, std float64, reset func(source *rand.PCG, block uint64)) {
	if t.grad == nil {
		t.grad = New(t.shape...)
	}
	if std == 0 {
		return
	}
	g := t.grad.data
	const block = 1 << 12
	e.chunks(len(g), block, func(lo, hi int) {
		var source rand.PCG
		reset(&source, uint64(lo/block))
		r := rand.New(&source)
		for i := lo; i < hi; i++ {
			g[i] += float32(std * r.NormFloat64())
		}
	})
}
