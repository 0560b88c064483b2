package nn_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Words through an embedding, a convolution and the mean over time: values and
// gradients against the definitions in float64.
func TestSequenceLayers(t *testing.T) {
	const n, steps, dim, out, kernel, stride, pad = 2, 7, 3, 4, 3, 2, 1
	ids := []int{0, 1, 2, 3, 4, 0, 1, 4, 4, 2, 2, 0, 3, 1}
	emb := nn.NewEmbedding("words", 5, dim, 1)
	conv := nn.NewConv1D("conv", nn.Conv1DConfig{In: dim, Out: out, Kernel: kernel, Stride: stride, Pad: pad}, 1)
	mean := &nn.MeanTime{Name: "mean"}
	var plan nn.Plan
	shape, err := nn.Sequential{conv, mean}.Plan(&plan, []int{steps, dim})
	require.NoError(t, err)
	assert.Equal(t, []int{out}, shape)
	assert.Equal(t, []int{4, out}, plan.Taps[0].Shape)

	table, w, b := emb.Params()[0].Value, conv.Params()[0].Value, conv.Params()[1].Value
	// pooled returns the features and adds to dTable the gradient of their sum.
	pooled := func(dTable []float64) []float64 {
		y := make([]float64, n*out)
		for s := range n {
			for at := range 4 {
				for o := range out {
					v := float64(b.Data()[o])
					for k := range kernel {
						step := at*stride - pad + k
						if step < 0 || step >= steps {
							continue
						}
						for c := range dim {
							id := ids[s*steps+step]
							weight := float64(w.Data()[(k*dim+c)*out+o])
							v += weight * float64(table.Data()[id*dim+c])
							dTable[id*dim+c] += weight / 4
						}
					}
					y[s*out+o] += v / 4
				}
			}
		}
		return y
	}
	dTable := make([]float64, 5*dim)
	want := pooled(dTable)

	e := engine(t, 2)
	tp := e.NewTape(tensor.Training)
	defer tp.Release()
	taps := nn.NewCapture()
	c := &nn.Context{Tape: tp, Taps: taps}
	y := mean.Forward(c, conv.Forward(c, emb.Forward(c, ids, n)))
	assert.Equal(t, []string{"words", "conv", "mean"}, taps.Order)
	for i, v := range want {
		assert.InDelta(t, v, y.Data()[i], 1e-5)
	}
	tp.Backward(tp.Sum(y))
	for i, v := range dTable {
		assert.InDelta(t, v, table.Grad().Data()[i], 1e-5)
	}
	for _, g := range b.Grad().Data() {
		assert.InDelta(t, n, g, 1e-5)
	}
}

func TestSequenceLayersRefuse(t *testing.T) {
	conv := nn.NewConv1D("conv", nn.Conv1DConfig{In: 3, Out: 4, Kernel: 5}, 1)
	for _, c := range []struct {
		layer nn.Layer
		in    []int
		want  string
	}{
		{conv, []int{9, 2}, "layer conv: input of shape [9 2], expected [T,3]"},
		{conv, []int{9, 9, 3}, "layer conv: input of shape [9 9 3], expected [T,3]"},
		{conv, []int{4, 3}, "layer conv: its window of 5 does not fit into 4 steps with padding 0"},
		{&nn.MeanTime{Name: "mean"}, []int{3}, "layer mean: input of shape [3], expected [T,C]"},
	} {
		_, err := c.layer.Plan(&nn.Plan{}, c.in)
		assert.EqualError(t, err, c.want)
	}
	emb := nn.NewEmbedding("words", 5, 3, 1)
	tp := engine(t, 1).NewTape(tensor.Inference)
	assert.Panics(t, func() { emb.Forward(&nn.Context{Tape: tp}, []int{1, 2, 3}, 2) })
}
