package ssl

import (
	"errors"
	"slices"

	"github.com/locimem/locimem/data/augment"
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

// BYOLConfig holds the settings of BYOL.
type BYOLConfig struct {
	// Projector holds the widths of the layers behind the encoder, the last being that
	// of the projection, Predictor the hidden widths of the predictor. There is batch
	// norm behind all hidden layers.
	Projector []int `yaml:"projector"`
	Predictor []int `yaml:"predictor"`
	// EMA is the share of the target that stays in a step. EMASchedule is constant, or
	// cosine: EMA rises to 1 over the training.
	EMA         float64 `yaml:"ema"`
	EMASchedule string  `yaml:"ema_schedule"`
}

func init() {
	Register(Kind{
		Name: "byol", Source: "Grill et al. 2020",
		Summary: "a predictor of one view's projection by a slow copy (EMA) of the network",
		Config:  BYOLConfig{Projector: []int{128, 64}, Predictor: []int{32}, EMA: 0.99, EMASchedule: "constant"},
		Teacher: true,
		Collapse: "no batch norm in encoder and heads, a teacher that moves too fast (raise method.ema), " +
			"or too high a learning rate",
	})
}

// Validate implements Config.
func (c BYOLConfig) Validate(Setup) error {
	return errors.Join(widths("projector", c.Projector), widths("predictor", c.Predictor), emaSettings(c.EMA, c.EMASchedule))
}

// Views implements Config: a first and a second one.
func (c BYOLConfig) Views(first, second augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first, second}
}

// New implements Config.
func (c BYOLConfig) New(s Setup) (Method, error) {
	copied, err := s.Another()
	if err != nil {
		return nil, err
	}
	head := nn.HeadOptions{BN: true}
	m := &BYOL{
		networks: newNetworks(s.Encoder, c.Projector, head, s.Seed),
		target:   newNetworks(copied, c.Projector, head, s.Seed),
	}
	m.predictor = newPredictor(c.Projector[len(c.Projector)-1], c.Predictor, s.Seed)
	m.teacher, err = newTeacher(m.networks.Params(), m.target.Params(), c.EMA, c.EMASchedule)
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
