package ssl

import (
	"fmt"
	"slices"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// networks are the encoder and the head that it is trained with.
type networks struct {
	encoder   nn.Encoder
	projector nn.Module
}

// newNetworks puts a projector of these widths on top of an encoder.
func newNetworks(enc nn.Encoder, widths []int, o nn.HeadOptions, seed uint64) networks {
	return networks{enc, nn.NewHead("projector", append([]int{enc.OutDim()}, widths...), o, seed)}
}

// Encoder returns what is kept after training.
func (n *networks) Encoder() nn.Encoder { return n.encoder }

// Views returns 2.
func (n *networks) Views() int { return 2 }

// Params lists the encoder's parameters, then the projector's.
func (n *networks) Params() []*nn.Param {
	return slices.Concat(n.encoder.Params(), n.projector.Params())
}

// forward returns the projections [N,D] of a view [N,H,W,C].
func (n *networks) forward(c *nn.Context, x *tensor.Tensor) *tensor.Tensor {
	return n.projector.Forward(c, n.encoder.Forward(c, x))
}

// PredictorPrefix begins the names of the parameters of a predictor.
const PredictorPrefix = "predictor."

// newPredictor returns the head that tells one projection of dim numbers from
// another, with batch norm behind its hidden layers.
func newPredictor(dim int, hidden []int, seed uint64) nn.Module {
	return nn.NewHead("predictor", slices.Concat([]int{dim}, hidden, []int{dim}), nn.HeadOptions{BN: true}, seed)
}

// pass returns the context of one of several forward passes of a step, so that
// each has noise of its own.
func pass(c *nn.Context, number uint64) *nn.Context {
	if c.Noise == nil {
		return c
	}
	d, noise := *c, *c.Noise
	noise.Pass = number
	d.Noise = &noise
	return &d
}

// two returns the two views.
func two(method string, views []*tensor.Tensor) (x1, x2 *tensor.Tensor) {
	if len(views) != 2 {
		panic(fmt.Sprintf("ssl: %s takes 2 views, got %d", method, len(views)))
	}
	return views[0], views[1]
}

// show taps the projections of both views as one tensor [2N,D].
func show(c *nn.Context, tap string, z1, z2 *tensor.Tensor) {
	if c.Listening(tap) {
		c.Tap(tap, c.Tape.Concat(c.Tape.Detach(z1), c.Tape.Detach(z2)))
	}
}

// average returns (a + b) / 2.
func average(tp *tensor.Tape, a, b *tensor.Tensor) *tensor.Tensor { return tp.Scale(tp.Add(a, b), 0.5) }
