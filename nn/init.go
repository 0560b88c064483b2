package nn

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/tensor"
)

// initStream returns the random numbers of one parameter. They depend on the
// seed and its name alone, so that adding a layer leaves the others as they
// were.
func initStream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rng.New(seed, "init", h.Sum64())
}

// uniform fills v with U(-1/sqrt(fanIn), 1/sqrt(fanIn)), PyTorch's default for
// the weights and biases of convolutions and linear layers: kaiming_uniform
// with a = sqrt(5) (He et al. 2015). A convolution's weight (HWIO) is filled in
// the order of PyTorch's OIHW, so that the numbers do not depend on the layout
// of memory.
func uniform(v *tensor.Tensor, fanIn int, seed uint64, name string) *tensor.Tensor {
	r := initStream(seed, name)
	bound := 1 / math.Sqrt(float64(fanIn))
	buf := make([]float32, v.Len())
	draw := func() float32 { return float32(bound * (2*r.Float64() - 1)) }
	if v.Rank() == 4 {
		taps, in, out := v.Dim(0)*v.Dim(1), v.Dim(2), v.Dim(3)
		for o := range out {
			for i := range in {
				for t := range taps {
					buf[(t*in+i)*out+o] = draw()
				}
			}
		}
	} else {
		for i := range buf {
			buf[i] = draw()
		}
	}
	v.CopyFrom(buf)
	return v
}

// normal fills v with numbers of a normal distribution around 0 with that standard
// deviation, those beyond two of it drawn again.
func normal(v *tensor.Tensor, deviation float64, seed uint64, name string) *tensor.Tensor {
	r := initStream(seed, name)
	buf := make([]float32, v.Len())
	for i := range buf {
		x := r.NormFloat64()
		for math.Abs(x) > 2 {
			x = r.NormFloat64()
		}
		buf[i] = float32(deviation * x)
	}
	v.CopyFrom(buf)
	return v
}

// constant returns a tensor [n] filled with x.
func constant(n int, x float32) *tensor.Tensor {
	buf := make([]float32, n)
	for i := range buf {
		buf[i] = x
	}
	return tensor.FromSlice(buf, n)
}
