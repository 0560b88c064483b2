package memorize

import "github.com/locimem/locimem/nn"

// maxActivations is how many bytes of activations a pass may hold: all of 250
// images would be 2.8 GB in a ResNet-18 and 11 GB in a ViT-Base, and no faster.
const maxActivations = 256 << 20

// maxImages is how many images a thread has to itself at most, and twice as many
// where there is only one: a layer's output of more falls out of the caches before
// it is scored, of far fewer the weights are read too often. Measured on one and on
// two threads: 20 to 60 in all are alike, 250 are a sixth slower in a ResNet-9.
const maxImages = 20

// BatchFor returns the number of images that go through an encoder at once on that
// many threads: Batch, or fewer where caches or memory ask, and at least 1. The
// outputs of all layers take at most 256 MiB. Scores have the same bits for every
// number.
func (o *Options) BatchFor(encoder nn.Encoder, threads int) int {
	bytes := 0 // of one image
	for _, t := range encoder.Taps() {
		n := 4
		for _, d := range t.Shape {
			n *= d
		}
		bytes += n
	}
	return max(1, min(o.Batch, maxImages*max(2, threads), maxActivations/max(bytes, 1)))
}
