package nn_test

import (
	"math"
	"testing"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small is a network with every layer there is.
func small(seed uint64) nn.Sequential {
	return nn.Sequential{
		nn.NewConv2D("conv1", nn.ConvConfig{In: 2, Out: 4, Kernel: 3, Stride: 2, Pad: 1}, seed),
		nn.NewBNReLU("bn1", "relu1", 4),
		&nn.Residual{Name: "res", Body: nn.Sequential{
			nn.NewConv2D("conv2", nn.ConvConfig{In: 4, Out: 4, Kernel: 3, Pad: 1, NoBias: true}, seed),
			nn.NewBatchNorm("bn2", 4),
			&nn.ReLU{Name: "relu2"},
		}},
		nn.NewPool2D("avg", nn.PoolConfig{Kernel: 3, Stride: 1, Pad: 1}),
		nn.NewPool2D("max", nn.PoolConfig{Max: true, Kernel: 2}),
		&nn.GlobalPool{Name: "head"},
		nn.NewProjector("projector", []int{4, 5, 3}, true, seed),
	}
}

// The gradient of the whole composition along random directions, against central
// differences.
func TestGradientOfComposition(t *testing.T) {
	e := engine(t, 1)
	net := small(1)
	x := tensor.FromSlice(testutil.Uniform("x", 32*9*10*2), 32, 9, 10, 2)
	dy := tensor.FromSlice(testutil.Uniform("dy", 32*3), 32*3, 1)
	params := nn.Trained(net.Params())
	loss := func(tp *tensor.Tape) *tensor.Tensor {
		y := net.Forward(&nn.Context{Tape: tp}, x)
		return tp.MatMul(tp.Reshape(y, 1, y.Len()), dy, false, false)
	}
	tp := e.NewTape(tensor.Training)
	tp.Backward(loss(tp))
	tp.Release()

	for _, p := range params {
		start := append([]float32(nil), p.Value.Data()...)
		direction := testutil.Uniform("direction/"+p.Name, len(start))
		want := 0.0
		for i, d := range direction {
			want += float64(d) * float64(p.Value.Grad().Data()[i])
		}
		// Small, since the max pool and the ReLUs have kinks.
		const h = 1.0 / 4096
		at := func(h float32) float64 {
			for i, d := range direction {
				p.Value.Data()[i] = start[i] + h*d
			}
			tp := e.NewTape(tensor.Mode{Train: true})
			defer tp.Release()
			return float64(loss(tp).Item())
		}
		got := (at(h) - at(-h)) / (2 * h)
		p.Value.CopyFrom(start)
		assert.InDelta(t, want, got, 0.03*math.Max(0.3, math.Abs(want)), p.Name)
	}
}

func TestPlanOfLayers(t *testing.T) {
	var plan nn.Plan
	out, err := small(1).Plan(&plan, []int{9, 10, 2})
	require.NoError(t, err)
	assert.Equal(t, []int{3}, out)
	want := []nn.TapInfo{
		{"conv1", 1, nn.KindConv, []int{5, 5, 4}, 0},
		{"bn1", 2, nn.KindBN, []int{5, 5, 4}, 0},
		{"relu1", 3, nn.KindReLU, []int{5, 5, 4}, 0},
		{"conv2", 4, nn.KindConv, []int{5, 5, 4}, 0},
		{"bn2", 5, nn.KindBN, []int{5, 5, 4}, 0},
		{"relu2", 6, nn.KindReLU, []int{5, 5, 4}, 0},
		{"res", 7, nn.KindAdd, []int{5, 5, 4}, 0},
		{"avg", 8, nn.KindPool, []int{5, 5, 4}, 0},
		{"max", 9, nn.KindPool, []int{2, 2, 4}, 0},
		{"head", 10, nn.KindPool, []int{4}, 0},
		{"projector.fc1", 11, nn.KindFC, []int{5}, 0},
		{"projector.bn1", 12, nn.KindBN, []int{5}, 0},
		{"projector.relu1", 13, nn.KindReLU, []int{5}, 0},
		{"projector.fc2", 14, nn.KindFC, []int{3}, 0},
	}
	assert.Equal(t, want, plan.Taps)

	e := engine(t, 1)
	tp := e.NewTape(tensor.Inference)
	heard := nn.NewCapture()
	small(1).Forward(&nn.Context{Tape: tp, Taps: heard}, tensor.New(1, 9, 10, 2))
	require.Len(t, heard.Order, len(want))
	for i, w := range want {
		assert.Equal(t, w.Name, heard.Order[i])
		assert.Equal(t, append([]int{1}, w.Shape...), heard.Outputs[w.Name].Shape(), w.Name)
	}
	// The sum is of the block's input and of the tap before it.
	for i, v := range heard.Outputs["res"].Data() {
		require.Equal(t, heard.Outputs["relu1"].Data()[i]+heard.Outputs["relu2"].Data()[i], v)
	}
}

func TestPlanRefusesShapes(t *testing.T) {
	conv := nn.NewConv2D("c", nn.ConvConfig{In: 2, Out: 4, Kernel: 3}, 1)
	for want, c := range map[string]struct {
		l  nn.Layer
		in []int
	}{
		"layer c: input of shape [8 8 3], expected [H,W,2]":      {conv, []int{8, 8, 3}},
		"layer c: input of shape [8], expected [H,W,2]":          {conv, []int{8}},
		"layer c: its 3x3 window does not fit into a map of 8x2": {conv, []int{8, 2, 2}},
		"layer r: cannot add shapes [8 8 2] and [6 6 4]": {&nn.Residual{Name: "r", Body: conv},
			[]int{8, 8, 2}},
		"layer p: input of shape [4], expected [H,W,C]": {nn.NewPool2D("p", nn.PoolConfig{Kernel: 2}),
			[]int{4}},
		"layer g: input of shape [4], expected [H,W,C]":        {&nn.GlobalPool{Name: "g"}, []int{4}},
		"layer b: input of shape [8 8 3], expected 2 channels": {nn.NewBatchNorm("b", 2), []int{8, 8, 3}},
		"layer f: input of shape [1 1 3], expected [3]":        {nn.NewLinear("f", 3, 2, 1), []int{1, 1, 3}},
		"layer f.fc2: input of shape [3], expected [2]": {nn.Sequential{nn.NewLinear("f.fc1", 4, 3, 1),
			nn.NewLinear("f.fc2", 2, 2, 1)}, []int{4}},
		"layer p: its 2x2 window does not fit into a map of 1x5 with pad": {nn.NewPool2D("p", nn.PoolConfig{Kernel: 2,
			Max: true}), []int{1, 5, 1}},
	} {
		_, err := c.l.Plan(&nn.Plan{}, c.in)
		assert.ErrorContains(t, err, want)
	}
}

func TestProjector(t *testing.T) {
	list := func(bn bool, dims ...int) (names []string) {
		for _, p := range nn.NewProjector("projector", dims, bn, 1).Params() {
			names = append(names, p.Name)
		}
		return names
	}
	assert.Equal(t, []string{"projector.fc1.weight", "projector.fc1.bias", "projector.fc2.weight", "projector.fc2.bias"},
		list(false, 256, 256, 64))
	assert.Equal(t, []string{
		"projector.fc1.weight", "projector.fc1.bias",
		"projector.bn1.weight", "projector.bn1.bias", "projector.bn1.running_mean", "projector.bn1.running_var",
		"projector.fc2.weight", "projector.fc2.bias",
	}, list(true, 8, 6, 4))
	assert.Equal(t, []string{"projector.fc1.weight", "projector.fc1.bias"}, list(true, 8, 4))
	p := nn.NewProjector("projector", []int{256, 256, 64}, false, 1).Params()
	assert.Equal(t, []int{64, 256}, p[2].Value.Shape())
	assert.Equal(t, 256*256+256+64*256+64, nn.Count(p))
	assert.Panics(t, func() { list(false, 256) })
	assert.Panics(t, func() { list(false, 256, 0, 64) })
}
