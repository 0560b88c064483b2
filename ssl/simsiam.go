package ssl

import (
	"slices"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// SimSiam is the method of Chen and He, "Exploring Simple Siamese Representation
// Learning" (CVPR 2021, arXiv 2011.10566), Algorithm 1: BYOL without a teacher.
// What keeps it from collapsing is that no gradient flows through the target.
type SimSiam struct {
	networks
	predictor nn.Module
}

func newSimSiam(enc nn.Encoder, _ func() (nn.Encoder, error), o Options, seed uint64) (Method, error) {
	if err := first(widths("projector", o.Projector, 1), widths("predictor", o.Predictor, 1)); err != nil {
		return nil, err
	}
	return &SimSiam{
		// Batch norm behind every layer of the projector, the last one included
		// (Section 3); behind the last one without weight and bias, as in the
		// authors' program.
		networks:  newNetworks(enc, o.Projector, nn.HeadOptions{BN: true, OutBN: true}, seed),
		predictor: newPredictor(o.Projector[len(o.Projector)-1], o.Predictor, seed),
	}, nil
}

// Name returns "simsiam".
func (m *SimSiam) Name() string { return "simsiam" }

// Params lists the parameters of encoder, projector and predictor.
func (m *SimSiam) Params() []*nn.Param {
	return slices.Concat(m.networks.Params(), m.predictor.Params())
}

// Chance is 0, where predictions and targets have nothing to do with each other.
// A collapse goes below it, to -1.
func (m *SimSiam) Chance(int) float64 { return 0 }

// Loss is Equation 4. Every view goes through the networks by itself.
//
//	D(p, z) = - p.stopgrad(z) / (|p| |z|)       Equations 1 and 3
//	L       = D(p1, z2)/2 + D(p2, z1)/2         Equation 4
func (m *SimSiam) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	x1, x2 := two("SimSiam", views)
	tp := c.Tape
	z1, z2 := m.forward(pass(c, 0), x1), m.forward(pass(c, 1), x2)
	p1, p2 := m.predictor.Forward(pass(c, 0), z1), m.predictor.Forward(pass(c, 1), z2)
	show(c, ProjectionTap, z1, z2)
	d := func(p, z *tensor.Tensor) *tensor.Tensor {
		z = tp.Detach(z) // stop-gradient
		cos := tp.RowDots(tp.L2Normalize(p, normEps), tp.L2Normalize(z, normEps))
		return tp.Scale(tp.Mean(cos), -1)
	}
	return average(tp, d(p1, z2), d(p2, z1))
}
