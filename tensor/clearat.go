package tensor

import "fmt"

// ClearAt sets to 0 everything at the given indices of one dimension, as all of
// w[:,:,:,i] for dimension 3 of a convolution's weight. It panics if the dimension
// or an index is not there.
func (t *Tensor) ClearAt(dim int, indices ...int) {
	if dim < 0 || dim >= len(t.shape) {
		panic(fmt.Sprintf("tensor: ClearAt dimension %d of shape %v", dim, t.shape))
	}
	inner := size(t.shape[dim+1:])
	step := t.shape[dim] * inner
	for _, i := range indices {
		if i < 0 || i >= t.shape[dim] {
			panic(fmt.Sprintf("tensor: ClearAt index %d of dimension %d of shape %v", i, dim, t.shape))
		}
		for at := i * inner; at < len(t.data); at += step {
			clear(t.data[at : at+inner])
		}
	}
}
