package ssl

import (
	"math/rand/v2"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/tensor"
)

// batches makes the views of one training set, batch after batch.
type batches struct {
	engine  *tensor.Engine
	dataset data.Dataset
	indices []int                // into dataset
	augment []*augment.Augmenter // of each view
	seed    uint64
	size    int                // images in a batch
	views   []*tensor.Tensor   // [size,H,W,C] each, filled anew for every batch
	parts   [][]*tensor.Tensor // rows of views: those of a part of the batch
	random  []random           // of each worker
	classes []int              // of the images of the batch
	shared  *viewCache         // with a training side by side; nil: none
	drawn   []int              // by draw
}

// random is a stream that is set anew for every view.
type random struct {
	source *rand.PCG
	*rand.Rand
}

func newBatches(c *TrainerConfig) *batches {
	b := &batches{
		engine: c.Engine, dataset: c.Dataset, indices: c.Indices,
		seed: c.Seed, size: c.Batch,
	}
	if c.Private != nil { // the batches differ in size, their parts have at most that
		b.size = c.Private.atOnce()
	}
	for v := range c.Method.Views() {
		a := c.Augment
		if v < len(c.Views) && c.Views[v] != nil {
			a = c.Views[v]
		}
		h, w, ch := a.Shape()
		b.augment = append(b.augment, a)
		b.views = append(b.views, tensor.New(b.size, h, w, ch))
	}
	count := max(c.Accumulate, 1)
	n := b.size / count
	for i := range count {
		b.parts = append(b.parts, b.rows(i*n, (i+1)*n))
	}
	for range c.Engine.Threads() {
		p := &rand.PCG{}
		b.random = append(b.random, random{p, rand.New(p)})
	}
	return b
}

// rows returns some rows of all views, without copying.
func (b *batches) rows(from, to int) []*tensor.Tensor {
	var part []*tensor.Tensor
	for _, v := range b.views {
		n := v.Len() / b.size
		part = append(part, tensor.FromSlice(v.Data()[from*n:to*n], to-from, v.Dim(1), v.Dim(2), v.Dim(3)))
	}
	return part
}

// order is the order of the training set in an epoch, as positions in its list.
// Two sets of the same length whose lists differ in some places (those of f and
// g) are thus cut into the same batches but for these places.
func (b *batches) order(epoch int) []int {
	return rng.New(b.seed, "order", uint64(epoch)).Perm(len(b.indices))
}

// fill makes the views of the images at these positions. A view depends on the
// seed, the epoch, the image and the number of the view, and on nothing else:
// every encoder that trains on an image sees the same views of it.
func (b *batches) fill(epoch int, positions []int) []*tensor.Tensor {
	b.engine.Parallel(len(positions), func(row, worker int) {
		index := b.indices[positions[row]]
		if b.shared.take(epoch, index, row, b.views) {
			return
		}
		image := b.dataset.Image(index)
		for v, x := range b.views {
			n := x.Len() / b.size
			r := b.random[worker]
			rng.Reset(r.source, b.seed, "view", uint64(epoch), uint64(index), uint64(v))
			b.augment[v].View(x.Data()[row*n:(row+1)*n], image, r.Rand)
		}
		b.shared.put(epoch, index, row, b.views)
	})
	return b.views
}

// labels returns the classes of the images at these positions, until it is called
// again.
func (b *batches) labels(positions []int) []int {
	b.classes = b.classes[:0]
	for _, p := range positions {
		b.classes = append(b.classes, b.dataset.Label(b.indices[p]))
	}
	return b.classes
}

// upTo returns lo, lo+1, ..., hi-1.
func upTo(lo, hi int) []int {
	r := make([]int, hi-lo)
	for i := range r {
		r[i] = lo + i
	}
	return r
}
