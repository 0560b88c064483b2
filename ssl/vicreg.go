package ssl

import (
	"math"

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

func newVICReg(enc nn.Encoder, _ func() (nn.Encoder, error), o Options, seed uint64) (Method, error) {
	if err := first(widths("projector", o.Projector, 1), atLeast("invariance", o.Invariance, 0),
		atLeast("variance", o.Variance, 0), atLeast("covariance", o.Covariance, 0)); err != nil {
		return nil, err
	}
	return &VICReg{newNetworks(enc, o.Projector, nn.HeadOptions{BN: true}, seed),
		float32(o.Invariance), float32(o.Variance), float32(o.Covariance)}, nil
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
