package ssl

import (
	"reflect"
	"slices"
	"sync"

	"github.com/locimem/locimem/tensor"
)

// viewCache hands the views of images that two trainings side by side have in
// common from the one that comes to an image first to the other. It changes no bit:
// a view is a pure function of seed, epoch, image and number.
//
// An image waits until the other has taken it. There is room for a few batches; a
// training that is further ahead than that makes its views for itself alone.
type viewCache struct {
	common map[int]bool // images of both
	most   int          // images that wait at once
	mu     sync.Mutex
	made   map[[2]int][]float32 // by epoch and image: its views, one after the other
	free   [][]float32
	taken  int // images that were not made twice
}

// cachedBatches is the room of a viewCache in batches.
const cachedBatches = 4

// newViewCache returns the cache of two trainings, nil if they see other views or
// come to their common images at other times.
func newViewCache(f, g *Trainer) *viewCache {
	// Equal seeds and numbers of images make the same order of places.
	if f.Seed != g.Seed || f.Batch != g.Batch || len(f.Indices) != len(g.Indices) || f.Augment != g.Augment ||
		!slices.Equal(f.Views, g.Views) ||
		f.Method.Views() != g.Method.Views() || !reflect.TypeOf(f.Dataset).Comparable() || f.Dataset != g.Dataset {
		return nil
	}
	c := &viewCache{common: map[int]bool{}, most: cachedBatches * f.Batch, made: map[[2]int][]float32{}}
	own := map[int]bool{}
	for _, i := range f.Indices {
		own[i] = true
	}
	for _, i := range g.Indices {
		if own[i] {
			c.common[i] = true
		}
	}
	return c
}

// take copies the views of an image into a row of views, if the other training has
// made them.
func (c *viewCache) take(epoch, image, row int, views []*tensor.Tensor) bool {
	if c == nil || !c.common[image] {
		return false
	}
	c.mu.Lock()
	b := c.made[[2]int{epoch, image}]
	delete(c.made, [2]int{epoch, image})
	c.mu.Unlock()
	if b == nil {
		return false
	}
	for i, v := range views {
		n := v.Len() / v.Dim(0)
		copy(v.Data()[row*n:(row+1)*n], b[i*n:])
	}
	c.mu.Lock()
	c.free = append(c.free, b)
	c.taken++
	c.mu.Unlock()
	return true
}

// put keeps the views in a row for the other training.
func (c *viewCache) put(epoch, image, row int, views []*tensor.Tensor) {
	if c == nil || !c.common[image] {
		return
	}
	key := [2]int{epoch, image}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.made[key]; b != nil { // both made them at the same time
		delete(c.made, key)
		c.free = append(c.free, b)
		return
	}
	if len(c.made) == c.most { // what waits from earlier epochs may be behind the other
		for k, old := range c.made {
			if k[0] < epoch {
				delete(c.made, k)
				c.free = append(c.free, old)
			}
		}
		if len(c.made) == c.most {
			return
		}
	}
	var b []float32
	if last := len(c.free) - 1; last >= 0 {
		b, c.free = c.free[last][:0], c.free[:last]
	}
	for _, v := range views {
		n := v.Len() / v.Dim(0)
		b = append(b, v.Data()[row*n:(row+1)*n]...)
	}
	c.made[key] = b
}
