package ssl

import (
	"errors"
	"math"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// VICReg is the method of Bardes, Ponce and LeCun, "VICReg:
// Variance-Invariance-Covariance Regularization" (ICLR 2022, arXiv 2105.04906),
// Algorithm 1.
type VICReg struct {
	networks
	invariance, variance, covariance float32
}

// The standard deviation that every output shall have, and what is added to its
// variance (Section 4.1).
const (
	vicregGamma = 1
	vicregEps   = 1e-4
)

// VICRegConfig holds the settings of VICReg.
type VICRegConfig struct {
	// Projector holds the widths of the layers behind the encoder, the last being that
	// of the outputs that are compared. There is batch norm behind the hidden ones.
	Projector []int `yaml:"projector"`
	// Invariance, Variance and Covariance weigh the terms of the loss.
	Invariance float64 `yaml:"invariance"`
	Variance   float64 `yaml:"variance"`
	Covariance float64 `yaml:"covariance"`
}

func init() {
	Register(Kind{
		Name: "vicreg", Source: "Bardes, Ponce and LeCun 2022",
		Summary:  "views close, outputs varied and uncorrelated",
		Config:   VICRegConfig{Projector: []int{128, 64}, Invariance: 25, Variance: 25, Covariance: 1},
		Collapse: "too small a method.variance or too high a learning rate",
		Stuck:    "projections that do not depend on the image",
	})
}

// Validate implements Config.
func (c VICRegConfig) Validate(Setup) error {
	return errors.Join(widths("projector", c.Projector), within("invariance", c.Invariance, 0, 1e6),
		within("variance", c.Variance, 0, 1e6), within("covariance", c.Covariance, 0, 1e6))
}

// Views implements Config: a first and a second one.
func (c VICRegConfig) Views(first, second augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first, second}
}

// New implements Config.
func (c VICRegConfig) New(s Setup) (Method, error) {
	return &VICReg{newNetworks(s.Encoder, c.Projector, nn.HeadOptions{BN: true}, s.Seed),
		float32(c.Invariance), float32(c.Variance), float32(c.Covariance)}, nil
}

// Name returns "vicreg".
func (m *VICReg) Name() string { return "vicreg" }

// Chance is the loss where every image has the same projection: only the variance
// term is not 0.
func (m *VICReg) Chance(int) float64 {
	return float64(m.variance) * (vicregGamma - math.Sqrt(vicregEps))
}

// Loss is Equation 6. Every view goes through the networks by itself.
func (m *VICReg) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	x1, x2 := two("VICReg", views)
	z1, z2 := m.forward(pass(c, 0), x1), m.forward(pass(c, 1), x2)
	show(c, ProjectionTap, z1, z2)
	return m.loss(c.Tape, z1, z2)
}

// loss is that of projections [N,D]:
//
//	v(Z) = 1/D sum over j of max(0, gamma - sqrt(Var(z[j]) + eps))         Equations 1 and 2
//	C(Z) = 1/(N-1) sum over i of (z[i] - mean)(z[i] - mean)^T              Equation 3
//	c(Z) = 1/D sum over i != j of C(Z)[i][j]^2                             Equation 4
//	s    = mean over images and outputs of (z1 - z2)^2                     Equation 5
//	L    = invariance s + variance (v(Z1)+v(Z2))/2 + covariance (c(Z1)+c(Z2))   Equation 6
//
// The mean over the outputs in s and the half of v are in the authors' program, to
// which the paper's weights of 25, 25 and 1 belong, and not in the equations.
func (m *VICReg) loss(tp *tensor.Tape, z1, z2 *tensor.Tensor) *tensor.Tensor {
	n, d := z1.Dim(0), z1.Dim(1)
	s := tp.SquaredDistance(z1, z2)
	loss := tp.Scale(s, m.invariance/float32(d))
	for _, z := range []*tensor.Tensor{z1, z2} {
		zc := tp.Center(z)
		cov := tp.Scale(tp.MatMul(zc, zc, true, false), 1/float32(n-1))
		loss = tp.Add(loss, tp.Scale(tp.StdHinge(cov, vicregGamma, vicregEps), m.variance/2))
		loss = tp.Add(loss, tp.DiagonalSquares(cov, 0, 0, m.covariance/float32(d)))
	}
	return loss
}
