package ssl

import (
	"errors"
	"fmt"
	"math"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// SimCLR is the method of Chen, Kornblith, Norouzi and Hinton, "A Simple
// Framework for Contrastive Learning of Visual Representations" (ICML 2020),
// Algorithm 1.
type SimCLR struct {
	encoder     nn.Encoder
	projector   nn.Module
	temperature float32
	positives   []int // the targets of the last batch size
}

// SimCLRConfig holds the settings of SimCLR.
type SimCLRConfig struct {
	// Temperature divides similarities (of NT-Xent).
	Temperature float64 `yaml:"temperature"`
	// Projector holds the widths of the layers behind the encoder, the last being that
	// of the projection; ProjectorBN puts batch norm behind the hidden ones.
	Projector   []int `yaml:"projector"`
	ProjectorBN bool  `yaml:"projector_bn"`
}

func init() {
	Register(Kind{
		Name: "simclr", Source: "Chen et al. 2020",
		Summary:     "two views must be told apart from the views of all other images",
		Config:      SimCLRConfig{Temperature: 0.2, Projector: []int{128, 64}},
		Contrastive: true,
		Collapse:    "too high a learning rate, or a temperature far from 0.1 to 0.5",
		Stuck:       "too low or too high a learning rate, or too high a temperature",
	})
}

// Validate implements Config.
func (c SimCLRConfig) Validate(Setup) error {
	return errors.Join(widths("projector", c.Projector), above0("temperature", c.Temperature, 1000))
}

// Views implements Config: a first and a second one.
func (c SimCLRConfig) Views(first, second augment.Config, _ Setup) []augment.Config {
	return []augment.Config{first, second}
}

// New implements Config.
func (c SimCLRConfig) New(s Setup) (Method, error) {
	return &SimCLR{
		encoder:     s.Encoder,
		projector:   nn.NewProjector("projector", append([]int{s.Encoder.OutDim()}, c.Projector...), c.ProjectorBN, s.Seed),
		temperature: float32(c.Temperature),
	}, nil
}

// Name returns "simclr".
func (s *SimCLR) Name() string { return "simclr" }

// Views returns 2.
func (s *SimCLR) Views() int { return 2 }

// Encoder returns the network f of Algorithm 1: what is kept after training.
func (s *SimCLR) Encoder() nn.Encoder { return s.encoder }

// Params lists the encoder's parameters, then the projector's.
func (s *SimCLR) Params() []*nn.Param {
	return append(append([]*nn.Param{}, s.encoder.Params()...), s.projector.Params()...)
}

// Chance is ln(2N-1): NT-Xent where all 2N-1 other views look alike.
func (s *SimCLR) Chance(batch int) float64 { return math.Log(float64(2*batch - 1)) }

// Loss is NT-Xent over the projections of both views. Both views go through the
// networks as one batch of 2N images, so that batch norm takes its statistics
// over both, as the authors' own program does; two passes of N images would be
// another method.
func (s *SimCLR) Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor {
	if len(views) != 2 {
		panic(fmt.Sprintf("ssl: SimCLR takes 2 views, got %d", len(views)))
	}
	x := c.Tape.Concat(views...)   // [2N,H,W,C]
	h := s.encoder.Forward(c, x)   // [2N,OutDim]
	z := s.projector.Forward(c, h) // [2N,D]
	c.Tap(ProjectionTap, z)
	if len(s.positives) != z.Dim(0) {
		s.positives = positives(z.Dim(0))
	}
	return ntXent(c.Tape, z, s.positives, s.temperature)
}

// NTXent is the normalised temperature-scaled cross-entropy loss (Chen et al.
// 2020, Equation 1 and Algorithm 1). z1 and z2, both [N,D], hold the projections
// of two views: row i of one and row i of the other are a positive pair, and the
// 2N-2 other rows are the negatives of both. It returns the mean over all 2N
// rows, shape [1].
func NTXent(tp *tensor.Tape, z1, z2 *tensor.Tensor, temperature float32) *tensor.Tensor {
	if z1.Rank() != 2 || z2.Rank() != 2 || z1.Dim(0) != z2.Dim(0) || z1.Dim(1) != z2.Dim(1) {
		panic(fmt.Sprintf("ssl: NTXent takes two tensors of the same shape [N,D], got %v and %v", z1.Shape(), z2.Shape()))
	}
	return ntXent(tp, tp.Concat(z1, z2), positives(2*z1.Dim(0)), temperature)
}

// noPair stands for minus infinity where a row would be paired with itself: its
// exponential is exactly 0, and unlike the infinity it cannot become a NaN.
const noPair = -1e30

// ntXent is NTXent of the stacked views z [2N,D].
//
//	s[i][j] = z[i].z[j] / (|z[i]| |z[j]|)                                 Algorithm 1
//	l(i,j)  = -log( exp(s[i][j]/T) / sum over k != i of exp(s[i][k]/T) )  Equation 1
//	L       = mean over i of l(i, positive of i)                          Algorithm 1
func ntXent(tp *tensor.Tape, z *tensor.Tensor, positive []int, temperature float32) *tensor.Tensor {
	u := tp.L2Normalize(z, normEps)
	s := tp.MatMul(u, u, false, true)
	logits := tp.MaskDiagonal(tp.Scale(s, 1/temperature), noPair)
	return tp.SoftmaxCrossEntropy(logits, positive)
}

// normEps is the least norm that rows are divided by.
const normEps = 1e-8

// positives gives for each of n = 2N stacked rows the row of the same image's
// other view.
func positives(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = (i + n/2) % n
	}
	return p
}
