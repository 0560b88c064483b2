package nn_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// engine returns an engine for the length of the test.
func engine(t *testing.T, threads int) *tensor.Engine {
	e, err := tensor.NewEngine(tensor.Options{Threads: threads})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

func encoder(t *testing.T, o nn.EncoderOptions, seed uint64) nn.Encoder {
	enc, err := nn.NewEncoder("resnet9", o, seed)
	require.NoError(t, err)
	return enc
}

// Names, kinds and shapes of every tap on 32x32 images, and the parameters of
// every layer as Table 8 of the paper has them (convolution with bias / batch
// norm).
func TestResNet9IsThePapers(t *testing.T) {
	enc := encoder(t, nn.EncoderOptions{}, 1)
	const want = `
		conv1 conv [32 32 32]
		bn1 bn [32 32 32]
		relu1 relu [32 32 32]
		pool1 pool [16 16 32]
		conv2_0 conv [16 16 64]
		bn2_0 bn [16 16 64]
		relu2_0 relu [16 16 64]
		pool2_0 pool [8 8 64]
		conv2_1 conv [8 8 64]
		bn2_1 bn [8 8 64]
		relu2_1 relu [8 8 64]
		conv2_2 conv [8 8 64]
		bn2_2 bn [8 8 64]
		relu2_2 relu [8 8 64]
		res2 add [8 8 64]
		conv3 conv [8 8 128]
		bn3 bn [8 8 128]
		relu3 relu [8 8 128]
		pool3 pool [4 4 128]
		conv4_0 conv [4 4 256]
		bn4_0 bn [4 4 256]
		relu4_0 relu [4 4 256]
		pool4_0 pool [2 2 256]
		conv4_1 conv [2 2 256]
		bn4_1 bn [2 2 256]
		relu4_1 relu [2 2 256]
		conv4_2 conv [2 2 256]
		bn4_2 bn [2 2 256]
		relu4_2 relu [2 2 256]
		res4 add [2 2 256]
		head pool [256]`
	var got []string
	for i, tap := range enc.Taps() {
		assert.Equal(t, i+1, tap.Depth, tap.Name)
		got = append(got, fmt.Sprintf("%s %s %v", tap.Name, tap.Kind, tap.Shape))
	}
	assert.Equal(t, strings.Fields(want), strings.Fields(strings.Join(got, "\n")))
	assert.Equal(t, 256, enc.OutDim())
	assert.Equal(t, 1_644_672, nn.Count(enc.Params()))

	layers := strings.Fields("1 2_0 2_1 2_2 3 4_0 4_1 4_2")
	sizes := [][2]int{{896, 64}, {18496, 128}, {36928, 128}, {36928, 128}, {73856, 256}, {295168, 512}, {590080, 512},
		{590080, 512}}
	var names []string
	count := map[string]int{}
	for _, p := range enc.Params() {
		names = append(names, p.Name)
		layer, _, _ := strings.Cut(p.Name, ".")
		if !p.Buffer {
			count[layer] += p.Value.Len()
		}
		assert.Equal(t, strings.Contains(p.Name, "running"), p.Buffer, p.Name)
		decays := strings.HasPrefix(p.Name, "conv") && strings.HasSuffix(p.Name, ".weight")
		if !p.Buffer {
			assert.Equal(t, !decays, p.NoDecay, p.Name)
		}
	}
	var order []string
	for i, l := range layers {
		assert.Equal(t, sizes[i], [2]int{count["conv"+l], count["bn"+l]}, l)
		for _, n := range strings.Fields("conv@.weight conv@.bias bn@.weight bn@.bias bn@.running_mean bn@.running_var") {
			order = append(order, strings.Replace(n, "@", l, 1))
		}
	}
	assert.Equal(t, order, names)
}

// What the plan says is what a forward pass does, for any width and image.
func TestTapsAreAsPlanned(t *testing.T) {
	e := engine(t, 1)
	for _, c := range []struct {
		o       nn.EncoderOptions
		out     int
		res4Map []int
	}{
		{nn.EncoderOptions{Width: 0.25}, 64, []int{2, 2, 64}},
		{nn.EncoderOptions{Width: 0.25, InC: 1, Pool: "avg"}, 64, []int{2, 2, 64}},
		{nn.EncoderOptions{Width: 0.01}, 3, []int{2, 2, 3}},
		{nn.EncoderOptions{Width: 0.0001}, 1, []int{2, 2, 1}},
		{nn.EncoderOptions{Width: 0.11, InH: 16, InW: 47, InC: 5}, 28, []int{1, 2, 28}},
	} {
		t.Run(fmt.Sprintf("%+v", c.o), func(t *testing.T) {
			enc := encoder(t, c.o, 1)
			taps := enc.Taps()
			assert.Equal(t, c.out, enc.OutDim())
			assert.Equal(t, c.res4Map, taps[len(taps)-2].Shape)
			h, w, ch := max(c.o.InH, 16), max(c.o.InW, 32), max(c.o.InC, 1)
			if c.o.InH == 0 {
				h = 32
			}
			if c.o.InC == 0 {
				ch = 3
			}
			tp := e.NewTape(tensor.Inference)
			defer tp.Release()
			heard := nn.NewCapture()
			x := tensor.FromSlice(testutil.Uniform("x", 2*h*w*ch), 2, h, w, ch)
			y := enc.Forward(&nn.Context{Tape: tp, Taps: heard}, x)
			require.Len(t, heard.Order, len(taps))
			for i, tap := range taps {
				assert.Equal(t, tap.Name, heard.Order[i])
				assert.Equal(t, append([]int{2}, tap.Shape...), heard.Outputs[tap.Name].Shape(), tap.Name)
			}
			assert.Equal(t, []int{2, c.out}, y.Shape())
			assert.Same(t, y, heard.Outputs["head"])
		})
	}
}

func TestNewEncoderRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		encoder string
		o       nn.EncoderOptions
		want    string
	}{
		"unknown name":   {"resnet8", nn.EncoderOptions{}, `encoder: found "resnet8", expected one of: resnet9`},
		"negative width": {"resnet9", nn.EncoderOptions{Width: -1}, "width factor: found -1"},
		"NaN width":      {"resnet9", nn.EncoderOptions{Width: math.NaN()}, "width factor: found NaN"},
		"huge width":     {"resnet9", nn.EncoderOptions{Width: 1e9}, "width factor: found 1e+09"},
		"pool":           {"resnet9", nn.EncoderOptions{Pool: "mean"}, `pool: found "mean", expected auto, max, avg`},
		"negative size":  {"resnet9", nn.EncoderOptions{InH: -1}, "image height: found -1"},
		"huge size":      {"resnet9", nn.EncoderOptions{InC: 1 << 40}, "image channels: found 1099511627776"},
		"vanishing map": {"resnet9", nn.EncoderOptions{InW: 15},
			"images of 32x15x3: layer pool4_0: its 2x2 window does not fit into a map of 4x1"},
		"large last map": {"resnet9", nn.EncoderOptions{InH: 512, InW: 512},
			"layer head: the largest element of a map of 32x32, expected at most 256"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := nn.NewEncoder(c.encoder, c.o, 1)
			assert.ErrorContains(t, err, c.want)
		})
	}
	_, err := nn.NewEncoder("resnet9", nn.EncoderOptions{InH: 512, InW: 512, Width: 0.01, Pool: "avg"}, 1)
	assert.NoError(t, err)
}

func TestForwardPanicsOnAnotherShape(t *testing.T) {
	e := engine(t, 1)
	enc := encoder(t, nn.EncoderOptions{Width: 0.01}, 1)
	assert.PanicsWithValue(t, "nn: encoder on images of shape [1 32 31 3], expected [N 32 32 3]", func() {
		enc.Forward(&nn.Context{Tape: e.NewTape(tensor.Inference)}, tensor.New(1, 32, 31, 3))
	})
}

// step runs one training step, in which gradients go through all of the encoder,
// and returns the features, the gradients and the running statistics.
func step(t *testing.T, e *tensor.Engine, enc nn.Encoder, taps nn.Taps) map[string][]float32 {
	tp := e.NewTape(tensor.Training)
	defer tp.Release()
	x := tensor.FromSlice(testutil.Uniform("x", 4*32*32*3), 4, 32, 32, 3)
	y := enc.Forward(&nn.Context{Tape: tp, Taps: taps}, x)
	out := map[string][]float32{"features": append([]float32(nil), y.Data()...)}
	dy := tensor.FromSlice(testutil.Uniform("dy", y.Len()), y.Len(), 1)
	tp.Backward(tp.MatMul(tp.Reshape(y, 1, y.Len()), dy, false, false))
	for _, p := range enc.Params() {
		v := p.Value
		if !p.Buffer {
			v = p.Value.Grad()
			require.NotNil(t, v, p.Name)
		}
		out[p.Name] = append([]float32(nil), v.Data()...)
	}
	return out
}

// Layers that are fused when nobody listens give the same bits, forward and
// backward, as when somebody does.
func TestListeningChangesNothing(t *testing.T) {
	e := engine(t, 2)
	o := nn.EncoderOptions{Width: 0.25}
	silent := step(t, e, encoder(t, o, 3), nil)
	for _, names := range [][]string{nil, {"relu1", "relu4_2"}, {"bn1"}, {"bn2_2", "res2", "bn4_2"},
		{"pool3", "conv4_0"}} {
		taps := nn.NewCapture(names...)
		heard := step(t, e, encoder(t, o, 3), taps)
		for name, v := range silent {
			assert.True(t, slices.Equal(v, heard[name]), "listening to %v changes %s", names, name)
		}
		if names != nil {
			assert.Equal(t, names, taps.Order)
		}
	}
	norm := 0.0
	for _, v := range silent["conv1.weight"] {
		norm += float64(v * v)
	}
	assert.Greater(t, norm, 1e-6, "the gradient must reach the first layer")
}

// The same of a transformer's residual sums.
func TestListeningToTransformerChangesNothing(t *testing.T) {
	e := engine(t, 2)
	run := func(taps nn.Taps) map[string][]float32 {
		enc, err := nn.NewEncoder("vit_tiny_patch8", nn.EncoderOptions{Width: 1, InH: 32, InW: 32, Depth: 2}, 3)
		require.NoError(t, err)
		return step(t, e, enc, taps)
	}
	silent := run(nil)
	for _, names := range [][]string{{"blocks.0.attn.proj"}, {"blocks.0.add1", "blocks.1.mlp.fc2", "blocks.1"}} {
		taps := nn.NewCapture(names...)
		heard := run(taps)
		for name, v := range silent {
			assert.True(t, slices.Equal(v, heard[name]), "listening to %v changes %s", names, name)
		}
		assert.Equal(t, names, taps.Order)
	}
}

// Nobody listening to batch norms means that their outputs are never made: the
// pass holds that much less memory.
func TestNotListeningCostsNothing(t *testing.T) {
	held := func(names ...string) int {
		e := engine(t, 1)
		enc := encoder(t, nn.EncoderOptions{Width: 0.25}, 1)
		tp := e.NewTape(tensor.Inference)
		defer tp.Release()
		var taps nn.Taps
		if names != nil {
			taps = nn.NewCapture(names...)
		}
		enc.Forward(&nn.Context{Tape: tp, Taps: taps}, tensor.New(64, 32, 32, 3))
		_, peak := e.BufferBytes()
		return peak
	}
	silent := held()
	assert.Equal(t, silent, held("conv1", "pool1", "relu2_1", "res2", "head"))
	assert.GreaterOrEqual(t, held("bn1"), silent+64*32*32*8*4)
}

func TestSelectTaps(t *testing.T) {
	all := encoder(t, nn.EncoderOptions{}, 1).Taps()
	got, err := nn.SelectTaps(all, []string{"res*", "conv4_?", "conv1", "conv*_0"})
	require.NoError(t, err)
	var names []string
	for _, tap := range got {
		names = append(names, tap.Name)
		assert.Equal(t, all[tap.Depth-1], tap)
	}
	assert.Equal(t, strings.Fields("conv1 conv2_0 res2 conv4_0 conv4_1 conv4_2 res4"), names)

	_, err = nn.SelectTaps(all, []string{"conv1", "conv5"})
	assert.ErrorContains(t, err, `no tap matches "conv5"; there are conv1, bn1,`)
	assert.ErrorContains(t, err, "res4, head")
	_, err = nn.SelectTaps(all, []string{"[conv"})
	assert.ErrorContains(t, err, `tap pattern "[conv"`)
}
