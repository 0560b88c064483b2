package nn_test

import (
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/nn"
	"github.com/stretchr/testify/assert"
)

// PyTorch's default: U(-b, b) with b = 1/sqrt(fan in) for weights and biases of
// convolutions and linear layers; norms start as the identity.
func TestInitialisationIsPyTorchs(t *testing.T) {
	params := encoder(t, nn.EncoderOptions{}, 5).Params()
	params = append(params, nn.NewProjector("projector", []int{256, 512, 64}, false, 5).Params()...)
	bound := 0.0
	for _, p := range params {
		d := p.Value.Data()
		if strings.HasPrefix(p.Name, "bn") {
			want := float32(0)
			if strings.HasSuffix(p.Name, ".weight") || strings.HasSuffix(p.Name, ".running_var") {
				want = 1
			}
			assert.Equal(t, want, slices.Min(d), p.Name)
			assert.Equal(t, want, slices.Max(d), p.Name)
			continue
		}
		switch p.Value.Rank() { // the bias follows its weight and has its fan in
		case 4:
			bound = 1 / math.Sqrt(float64(9*p.Value.Dim(2)))
		case 2:
			bound = 1 / math.Sqrt(float64(p.Value.Dim(1)))
		}
		var sum, squares float64
		for _, v := range d {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		n := float64(len(d))
		sd := bound / math.Sqrt(3)
		assert.LessOrEqual(t, float64(max(slices.Max(d), -slices.Min(d))), bound*(1+1e-6), p.Name)
		// Five standard errors of the mean, and of the variance (kurtosis 9/5).
		assert.InDelta(t, 0, sum/n, 5*sd/math.Sqrt(n), p.Name)
		assert.InDelta(t, sd*sd, squares/n, 5*sd*sd*math.Sqrt(0.8/n), p.Name)
	}
}

// A weight's numbers are those of a stream of its own, in PyTorch's order of
// elements.
func TestInitialisationOrder(t *testing.T) {
	const name = "conv2_1.weight"
	for _, p := range encoder(t, nn.EncoderOptions{}, 5).Params() {
		if p.Name != name {
			continue
		}
		h := fnv.New64a()
		h.Write([]byte(name))
		r := rng.New(5, "init", h.Sum64())
		v := p.Value
		for o := range 2 {
			for i := range v.Dim(2) {
				for y := range 3 {
					for x := range 3 {
						want := float32((2*r.Float64() - 1) / 24)
						assert.Equal(t, want, v.Data()[((y*3+x)*64+i)*64+o])
					}
				}
			}
		}
	}
}

func TestInitialisationIsReproducible(t *testing.T) {
	o := nn.EncoderOptions{Width: 0.25}
	a := nn.Hash(encoder(t, o, 1).Params())
	assert.Equal(t, a, nn.Hash(encoder(t, o, 1).Params()))
	assert.NotEqual(t, a, nn.Hash(encoder(t, o, 2).Params()))
	// Layers of the same shape and seed differ by their names.
	p := encoder(t, o, 1).Params()
	assert.NotEqual(t, p[12].Value.Data(), p[18].Value.Data())
	assert.Equal(t, []string{"conv2_1.weight", "conv2_2.weight"}, []string{p[12].Name, p[18].Name})
	// An encoder's numbers are pinned: a change here changes every published run.
	assert.Equal(t, "ab39714dca0fc54c1ac676a67f1a4ac5c6f0c30b6b102526923220c4775fcc0a", a)
}
