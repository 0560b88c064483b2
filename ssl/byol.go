package ssl

import (
	"slices"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// BYOL is the method of Grill et al., "Bootstrap Your Own Latent" (NeurIPS 2020,
// arXiv 2006.07733), Algorithm 1: the online networks predict what a slowly
// moving average of themselves, the target, makes of the other view.
type BYOL struct {
	networks
	predictor nn.Module
	target    networks
	*teacher
}

func newBYOL(enc nn.Encoder, another func() (nn.Encoder, error), o Options, seed uint64) (Method, error) {
	if err := first(widths("projector", o.Projector, 1), widths("predictor", o.Predictor, 1), share("ema", o.EMA)); err != nil {
		return nil, err
	}
	copied, err := another()
	if err != nil {
		return nil, err
	}
	head := nn.HeadOptions{BN: true}
	m := &BYOL{networks: newNetworks(enc, o.Projector, head, seed), target: newNetworks(copied, o.Projector, head, seed)}
	m.predictor = newPredictor(o.Projector[len(o.Projector)-1], o.Predictor, seed)
	m.teacher, err = newTeacher(m.networks.Params(), m.target.Params(), &o)
	return m, err
}

// Name returns "byol".
func (m *BYOL) Name() string { return "byol" }

// Params lists the online encoder, projector and predictor, then the target.
func (m *BYOL) Params() []*nn.Param {
	return slices.Concat(m.networks.Params(), m.predictor.Params(), m.teacher.params)
}

// Chance is 4, where predictions and targets have nothing to do with each other.
// A collapse goes below it, to 0.
func (m *BYOL) Chance(int) float64 { return 4 }

// Loss is Equation 2 with either view online, and the sum of both. Every view
// goes through the networks by itself.
//
//	L = |q/|q| - z'/|z'||^2 = 2 - 2 q.z' / (|q| |z'|)
func (m *BYOL) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	v, v2 := two("BYOL", views)
	tp := c.Tape
	t1 := m.teach(c, func(c *nn.Context) *tensor.Tensor { return m.target.forward(c, v) })
	t2 := m.teach(c, func(c *nn.Context) *tensor.Tensor { return m.target.forward(c, v2) })
	z1, z2 := m.networks.forward(pass(c, 0), v), m.networks.forward(pass(c, 1), v2)
	q1, q2 := m.predictor.Forward(pass(c, 0), z1), m.predictor.Forward(pass(c, 1), z2)
	show(c, ProjectionTap, z1, z2)
	show(c, TeacherTap, t1, t2)
	loss := func(q, z *tensor.Tensor) *tensor.Tensor {
		return tp.SquaredDistance(tp.L2Normalize(q, normEps), tp.L2Normalize(z, normEps))
	}
	return tp.Add(loss(q1, t2), loss(q2, t1))
}
