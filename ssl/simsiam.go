package ssl

import (
	"errors"
	"slices"
	"strings"

	"github.com/locimem/locimem/data/augment"
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

// SimSiamConfig holds the settings of SimSiam.
type SimSiamConfig struct {
	// Projector holds the widths of the layers behind the encoder, the last being that
	// of the projection, Predictor the hidden widths of the predictor.
	Projector []int `yaml:"projector"`
	Predictor []int `yaml:"predictor"`
	// PredictorLR is schedule, or constant: the predictor's learning rate stays the
	// highest one, without warm-up and decay (Section 4.2).
	PredictorLR string `yaml:"predictor_lr" hash:"predictor_lr!=schedule"`
}

func init() {
	Register(Kind{
		Name: "simsiam", Source: "Chen and He 2021",
		Summary: "BYOL without the copy: gradients stop on one side",
		Config:  SimSiamConfig{Projector: []int{128, 64}, Predictor: []int{32}, PredictorLR: "schedule"},
		Collapse: "no batch norm in the encoder, a learning rate that is too high or decays too early, or a predictor " +
			"as strong as the identity (its hidden width should be about a quarter of the projection's)",
	})
}

// Validate implements Config.
func (c SimSiamConfig) Validate(Setup) error {
	return errors.Join(widths("projector", c.Projector), widths("predictor", c.Predictor),
		oneOf("predictor_lr", c.PredictorLR, "schedule", "constant"))
}

// FixedRate implements FixedRater: the predictor's parameters, if the settings say so.
func (c SimSiamConfig) FixedRate(param string) bool {
	return c.PredictorLR == "constant" && strings.HasPrefix(param, PredictorPrefix)
}

// Views implements Config: a first and a second one.
func (c SimSiamConfig) Views(first, second augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first, second}
}

// New implements Config.
func (c SimSiamConfig) New(s Setup) (Method, error) {
	return &SimSiam{
		// Batch norm behind every layer of the projector, the last one included
		// (Section 3); behind the last one without weight and bias, as in the
		// authors' program.
		networks:  newNetworks(s.Encoder, c.Projector, nn.HeadOptions{BN: true, OutBN: true}, s.Seed),
		predictor: newPredictor(c.Projector[len(c.Projector)-1], c.Predictor, s.Seed),
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
