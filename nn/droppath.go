package nn

import (
	"hash/fnv"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/tensor"
)

// Noise seeds what is random inside of networks. Numbers are a pure function of
// the seed, the step, the layer and the row of the batch.
//
// Row is 0 but where a step takes its batch in parts.
type Noise struct {
	Seed uint64
	Step uint64 // counts the steps of the training
	Pass uint64 // tells the forward passes of one step apart
	Row  uint64 // of the step's batch that row 0 of this part of it is
}

// dropPath leaves x [N,...] out for a share p of the samples and scales the
// others by 1/(1-p) (Huang et al. 2016, as in timm), in training with noise only.
func (c *Context) dropPath(x *tensor.Tensor, layer string, p float64) *tensor.Tensor {
	if p == 0 || c.Noise == nil || !c.Tape.Train() {
		return x
	}
	h := fnv.New64a()
	h.Write([]byte(layer))
	keep := c.Tape.Buffer(x.Dim(0)).Data() // lives as long as the tape's step
	keys := []uint64{c.Noise.Step, c.Noise.Pass, h.Sum64()}
	if c.Noise.Row > 0 {
		keys = append(keys, c.Noise.Row)
	}
	r := rng.New(c.Noise.Seed, "drop-path", keys...)
	for i := range keep {
		keep[i] = 0
		if r.Float64() >= p {
			keep[i] = float32(1 / (1 - p))
		}
	}
	return c.Tape.DropPath(x, keep)
}
