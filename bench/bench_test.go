package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/tensor"
)

func TestGemm(t *testing.T) {
	r, err := Gemm(GemmOptions{Shape: Shape{M: 65, N: 33, K: 17, TransA: true, TransB: true}, Reps: 3, Engine: tensor.Options{Threads: 2, ISA: "generic"}})
	require.NoError(t, err)
	assert.Equal(t, "generic", r.ISA)
	assert.Equal(t, 2, r.Threads)
	assert.InEpsilon(t, 2*65*33*17/1e9, r.GFLOPS*r.Millis/1e3, 1e-9)
	assert.GreaterOrEqual(t, r.Best, r.GFLOPS)
	assert.GreaterOrEqual(t, r.Loop, 1)
	assert.InEpsilon(t, r.GFLOPS, r.Share()*r.Peak, 1e-9)
	_, err = Gemm(GemmOptions{Shape: Shape{M: 0, N: 1, K: 1}, Reps: 1})
	assert.ErrorContains(t, err, "m: want 1 to")
	_, err = Gemm(GemmOptions{Shape: Shape{M: 1, N: 1, K: 1}, Reps: 1, Engine: tensor.Options{ISA: "mmx"}})
	assert.ErrorContains(t, err, "mmx")
}

func TestShapes(t *testing.T) {
	all := Shapes()
	assert.Len(t, all, 36)
	assert.Contains(t, all, Shape{M: 16640, N: 192, K: 192, TransA: true})
	for i, s := range all {
		assert.Positive(t, s.M*s.N*s.K)
		assert.NotContains(t, all[:i], s)
	}
}

func TestStep(t *testing.T) {
	r, err := Step(StepOptions{Encoder: "resnet9", Width: .125, Batch: 6, Size: 16, Reps: 3})
	require.NoError(t, err)
	assert.Positive(t, r.ViewsMillis)
	assert.Positive(t, r.StepMillis)
	assert.GreaterOrEqual(t, r.TotalMillis, max(r.ViewsMillis, r.StepMillis)/2)
	assert.InEpsilon(t, 6, r.ImagesPerSecond*r.TotalMillis/1e3, 1e-9)
	assert.Greater(t, r.PeakRSS, int64(1<<20))
	for _, o := range []StepOptions{
		{Encoder: "resnet9", Width: 1, Batch: 1, Size: 16, Reps: 1}, {Encoder: "nonesuch", Width: 1, Batch: 4, Size: 16, Reps: 1},
		{Encoder: "resnet9", Width: 1, Batch: 4, Size: 3, Reps: 1},
	} {
		_, err := Step(o)
		assert.Error(t, err)
	}
}

func TestAttention(t *testing.T) {
	r, err := Attention(AttentionOptions{Tokens: 5, Batch: 3, Dim: 12, Heads: 2, Reps: 3, Engine: tensor.Options{Threads: 2}})
	require.NoError(t, err)
	assert.Equal(t, 2, r.Threads)
	for name, v := range map[string]float64{
		"core": min(r.CoreForward, r.CoreBackward), "block": min(r.BlockForward, r.BlockBackward), "mlp": min(r.MLPForward, r.MLPBackward),
	} {
		assert.Positive(t, v, name)
	}
	product := 2. * 3 * 5 * 5 * 12 / 1e9 // GFLOP
	assert.InEpsilon(t, 2*product, r.CoreForwardGFLOPS*r.CoreForward/1e3, 1e-9)
	assert.InEpsilon(t, 5*product, r.CoreBackwardGFLOPS*r.CoreBackward/1e3, 1e-9)
	_, err = Attention(AttentionOptions{Tokens: 5, Batch: 3, Dim: 12, Heads: 5, Reps: 1})
	assert.ErrorContains(t, err, "heads: want a divisor of dim 12, found 5")
	_, err = Attention(AttentionOptions{Tokens: 0, Batch: 3, Dim: 12, Heads: 2, Reps: 1})
	assert.ErrorContains(t, err, "tokens: want 1 to")
	_, err = Attention(AttentionOptions{Tokens: 1, Batch: 1, Dim: 1, Heads: 1, Reps: 1, Engine: tensor.Options{ISA: "mmx"}})
	assert.ErrorContains(t, err, "mmx")
}

func TestMedian(t *testing.T) {
	assert.Equal(t, 2., median([]float64{3, 1, 2}))
	assert.Equal(t, 2.5, median([]float64{4, 1, 3, 2}))
}

func TestConv(t *testing.T) {
	for _, net := range []string{"resnet9", "resnet18", "resnet50"} {
		layers, err := ConvLayers(net, 1)
		require.NoError(t, err)
		r, err := Conv(ConvOptions{Net: net, Batch: 1, Layer: layers[len(layers)-1].Name, Reps: 1, Engine: tensor.Options{Threads: 2}})
		require.NoError(t, err)
		require.Len(t, r.Convs, 3, net)
		for i, pass := range []string{"forward", "data", "weights"} {
			c := r.Convs[i]
			assert.Equal(t, pass, c.Pass)
			assert.InEpsilon(t, c.Flop()/1e9, c.GFLOPS*c.Millis/1e3, 1e-9)
			assert.GreaterOrEqual(t, c.Best, c.GFLOPS)
		}
	}
	for want, o := range map[string]ConvOptions{
		"net: want":   {Net: "vgg", Reps: 1},
		"batch: want": {Net: "resnet9", Batch: -1, Reps: 1},
		"reps: want":  {Net: "resnet9"},
		"layer: no":   {Net: "resnet9", Layer: "fc", Reps: 1},
		"mmx":         {Net: "resnet9", Reps: 1, Engine: tensor.Options{ISA: "mmx"}},
	} {
		_, err := Conv(o)
		assert.ErrorContains(t, err, want)
	}
}

// The layers are those of the encoders, by the parameters and multiply-adds that
// their papers and libraries state for them.
func TestConvLayers(t *testing.T) {
	for net, want := range map[string]struct {
		layers, distinct, weights int
		flop                      float64
	}{
		"resnet9":  {8, 6, 1644672 - 3*1120, 4.9e7}, // less biases and batch norms
		"resnet18": {20, 11, 11159232, 1.11e9},
		"resnet50": {53, 23, 23454912, 8.17e9},
	} {
		list, err := ConvLayers(net, 1)
		require.NoError(t, err)
		var layers, weights int
		var flop float64
		for _, l := range list {
			layers += l.Count
			weights += l.Count * l.Kernel * l.Kernel * l.C * l.K
			flop += float64(l.Count) * l.Flop()
		}
		assert.Equal(t, want.layers, layers, net)
		assert.Len(t, list, want.distinct, net)
		assert.Equal(t, want.weights, weights, net)
		assert.InEpsilon(t, want.flop, flop, 0.02, net)
	}
}

func TestMAE(t *testing.T) {
	o := MAEOptions{Encoder: "vit_tiny_patch8", Batch: 2, Size: 32, Reps: 2, Engine: tensor.Options{Threads: 2}}
	r, err := MAE(o)
	require.NoError(t, err)
	assert.Equal(t, 2, r.Threads)
	assert.Positive(t, r.StepMillis)
	assert.InEpsilon(t, 2, r.ImagesPerSecond*r.StepMillis/1e3, 1e-9)
	for name, change := range map[string]func(o *MAEOptions){
		"batch": func(o *MAEOptions) { o.Batch = 1 }, "repetition": func(o *MAEOptions) { o.Reps = 0 },
		"size": func(o *MAEOptions) { o.Size = 0 }, "vision transformer": func(o *MAEOptions) { o.Encoder = "resnet9" },
		"nonesuch": func(o *MAEOptions) { o.Encoder = "nonesuch" },
	} {
		bad := o
		change(&bad)
		_, err := MAE(bad)
		assert.ErrorContains(t, err, name)
	}
}
