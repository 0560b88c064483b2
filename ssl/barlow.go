package ssl

import (
	"errors"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// BarlowTwins is the method of Zbontar et al. (ICML 2021, arXiv 2103.03230),
// Algorithm 1: the cross-correlation of the projections of two views shall be the
// identity.
type BarlowTwins struct {
	networks
	lambda, scale float32
	ones, zeros   *tensor.Tensor
	stats         tensor.BNStats // of the normalisation, used nowhere
}

// barlowEps is added to variances, as in the authors' batch norm.
const barlowEps = 1e-5

// BarlowConfig holds the settings of BarlowTwins.
type BarlowConfig struct {
	// Projector holds the widths of the layers behind the encoder, the last being that
	// of the outputs that are compared. There is batch norm behind the hidden ones.
	Projector []int `yaml:"projector"`
	// Lambda weighs the redundancy between outputs, LossScale the whole loss.
	Lambda    float64 `yaml:"lambda"`
	LossScale float64 `yaml:"loss_scale"`
}

func init() {
	Register(Kind{
		Name: "barlow", Source: "Zbontar et al. 2021",
		Summary:  "outputs of two views correlate one by one and not with each other",
		Config:   BarlowConfig{Projector: []int{128, 64}, Lambda: 0.005, LossScale: 0.1},
		Collapse: "too large a method.loss_scale or learning rate: the loss itself rules a collapse out",
		Stuck:    "projections that do not depend on the image",
	})
}

// Validate implements Config.
func (c BarlowConfig) Validate(Setup) error {
	return errors.Join(widths("projector", c.Projector), within("lambda", c.Lambda, 0, 1e6), above0("loss_scale", c.LossScale, 1e6))
}

// Views implements Config: a first and a second one.
func (c BarlowConfig) Views(first, second augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first, second}
}

// New implements Config.
func (c BarlowConfig) New(s Setup) (Method, error) {
	d := c.Projector[len(c.Projector)-1]
	m := &BarlowTwins{
		networks: newNetworks(s.Encoder, c.Projector, nn.HeadOptions{BN: true}, s.Seed),
		lambda:   float32(c.Lambda), scale: float32(c.LossScale),
		ones: tensor.New(d), zeros: tensor.New(d),
		stats: tensor.BNStats{Mean: tensor.New(d), Var: tensor.New(d), Eps: barlowEps},
	}
	for i := range d {
		m.ones.Data()[i] = 1
	}
	return m, nil
}

// Name returns "barlow".
func (m *BarlowTwins) Name() string { return "barlow" }

// Chance is the loss where every image has the same projection: no correlation is
// 1, nor is any other than 0.
func (m *BarlowTwins) Chance(int) float64 { return float64(m.scale) * float64(m.ones.Len()) }

// Loss is Equation 1 of the correlations of Equation 2, times a scale. Every view
// goes through the networks by itself.
func (m *BarlowTwins) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	y1, y2 := two("Barlow Twins", views)
	z1, z2 := m.forward(pass(c, 0), y1), m.forward(pass(c, 1), y2)
	show(c, ProjectionTap, z1, z2)
	return m.loss(c.Tape, z1, z2)
}

// loss is that of projections [N,D], which Algorithm 1 first normalises over the
// batch:
//
//	C[i][j] = mean over the batch of z1[i] z2[j]                               Equation 2
//	L       = sum over i of (1 - C[i][i])^2 + lambda * sum over i != j of C[i][j]^2   Equation 1
func (m *BarlowTwins) loss(tp *tensor.Tape, z1, z2 *tensor.Tensor) *tensor.Tensor {
	z1 = tp.BatchNorm(z1, m.ones, m.zeros, &m.stats, false)
	z2 = tp.BatchNorm(z2, m.ones, m.zeros, &m.stats, false)
	corr := tp.Scale(tp.MatMul(z1, z2, true, false), 1/float32(z1.Dim(0)))
	return tp.Scale(tp.DiagonalSquares(corr, 1, 1, m.lambda), m.scale)
}
