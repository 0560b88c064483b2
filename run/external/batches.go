package external

import (
	"iter"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/tensor"
)

// batches cuts inputs into pieces of whole points of at most batch rows, at least
// one point each: a block that is convenient to read may be too large for an
// encoder's activations.
func batches(inputs iter.Seq2[memorize.Input, error], rows, batch int) iter.Seq2[memorize.Input, error] {
	return func(yield func(memorize.Input, error) bool) {
		n := max(1, batch/rows) * rows
		for in, err := range inputs {
			if err != nil {
				yield(in, err)
				return
			}
			width := in.X.Len() / in.X.Dim(0)
			for lo := 0; lo < in.X.Dim(0); lo += n {
				hi := min(lo+n, in.X.Dim(0))
				x := tensor.FromSlice(in.X.Data()[lo*width:hi*width], append([]int{hi - lo}, in.X.Shape()[1:]...)...)
				if !yield(memorize.Input{Set: in.Set, X: x}, nil) {
					return
				}
			}
		}
	}
}
