package memorize

import "github.com/locimem/locimem/nn"

// maxActivations is how many bytes of activations a pass may hold: all of 250
// images would be 2.8 GB in a ResNet-18 and 11 GB in a ViT-Base, and no faster.
const maxActivations = 256 << 20

// BatchFor returns the number of images that go through an encoder at once: Batch,
// or fewer if the outputs of all its layers would take more than 256 MiB, and at
// least 1. Scores have the same bits for every number.
func (o *Options) BatchFor(encoder nn.Encoder) int {
	bytes := 0 // of one image
	for _, t := range encoder.Taps() {
		n := 4
		for _, d := range t.Shape {
			n *= d
		}
		bytes += n
	}
	return max(1, min(o.Batch, maxActivations/max(bytes, 1)))
}
