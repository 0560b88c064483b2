// Package ssl trains encoders, mostly without labels. It holds the methods, one a file
// (SimCLR, BYOL, SimSiam, MoCo, Barlow Twins, VICReg, DINO, MAE; supervised training for
// comparison), and the trainer with its checkpoints. Package probe evaluates encoders.
//
// Methods are known by name (Register, New), each with its settings next to the
// algorithm. One of your own, from any package, is registered the same way.
//
// Everything here is a pure function of the configuration and its seed: the same
// training gives the same bits for any number of threads, in any order of the
// encoders, and after any number of interruptions.
package ssl

import (
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// ProjectionTap is the name under which a Method's Loss must show what it
// compares: the projections before normalisation, shape [views*N, D]. The
// trainer watches their spread to notice a collapse.
const ProjectionTap = "projection"

// TeacherTap is the name under which methods with a teacher show what it makes of
// the same images, row by row beside what ProjectionTap shows.
const TeacherTap = "teacher"

// Method is a self-supervised objective together with every network that it
// trains.
type Method interface {
	// Name is the word that the method is registered by.
	Name() string
	// Params lists the parameters and buffers of all its networks, the encoder
	// first, always in the same order.
	Params() []*nn.Param
	// Views is the number of views of each image that Loss takes.
	Views() int
	// Loss takes Views() tensors of shape [N,H,W,C], row i of each being a view
	// of image i of the batch, and returns the loss, shape [1], the mean over
	// the batch.
	Loss(c *nn.Context, views []*tensor.Tensor) *tensor.Tensor
	// Chance is the loss of a network that tells nothing apart, for a batch of
	// that many images: a loss that stays there says that nothing is learned. Of
	// methods without negatives it is the loss where the two sides that shall
	// agree are at right angles.
	Chance(batch int) float64
}
