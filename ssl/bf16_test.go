package ssl

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// trainIn does some steps of SimCLR on ResNet-9 and returns the losses, the
// gradient of the first step and the parameters in the end.
func trainIn(t *testing.T, o tensor.Options, steps int) (losses []float64, grads, params [][]float32, names []string) {
	t.Helper()
	e, err := tensor.NewEngine(o)
	require.NoError(t, err)
	defer e.Close()
	const batch = 16
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .5}, 1)
	require.NoError(t, err)
	method, err := made[*SimCLR]("simclr", SimCLRConfig{Temperature: .5, Projector: []int{64, 32}}, Setup{Encoder: enc, Seed: 2})
	require.NoError(t, err)
	adam, err := optim.NewAdam(e, method.Params(), optim.AdamConfig{})
	require.NoError(t, err)
	views := []*tensor.Tensor{
		tensor.FromSlice(testutil.NetImages("bf16/1", batch, 32, 32, 3), batch, 32, 32, 3),
		tensor.FromSlice(testutil.NetImages("bf16/2", batch, 32, 32, 3), batch, 32, 32, 3)}
	tp := e.NewTape(tensor.Training)
	for step := range steps {
		r, err := Step(StepConfig{Tape: tp, Method: method, Optimizer: adam, LR: 1e-3, Steps: 1}, views)
		require.NoError(t, err)
		losses = append(losses, r.Loss)
		if step == 0 {
			for _, p := range nn.Trained(method.Params()) {
				grads, names = append(grads, slices.Clone(p.Value.Grad().Data())), append(names, p.Name)
			}
		}
	}
	for _, p := range nn.Trained(method.Params()) {
		params = append(params, slices.Clone(p.Value.Data()))
	}
	return
}

// A step in bf16 is that in float32 but for rounding, and its bits do not depend
// on the number of threads.
func TestStepInBF16(t *testing.T) {
	loss32, grads32, _, names := trainIn(t, tensor.Options{Threads: 2}, 3)
	loss16, grads16, params16, _ := trainIn(t, tensor.Options{Threads: 2, Precision: tensor.BF16}, 3)
	assert.InDelta(t, loss32[0], loss16[0], 1e-2)
	assert.NotEqual(t, loss32[0], loss16[0])
	assert.InDelta(t, loss32[2], loss16[2], 3e-2)
	var xy, xx, yy float64
	for i := range grads32 {
		var dot, x2, y2 float64
		for j, x := range grads32[i] {
			y := float64(grads16[i][j])
			dot, x2, y2 = dot+float64(x)*y, x2+float64(x)*float64(x), y2+y*y
		}
		xy, xx, yy = xy+dot, xx+x2, yy+y2
		t.Logf("%-24s cosine %.5f", names[i], dot/math.Sqrt(x2*y2))
	}
	assert.Greater(t, xy/math.Sqrt(xx*yy), .99, "cosine of the whole gradient")
	for _, threads := range []int{1, 3} {
		loss, grads, params, _ := trainIn(t, tensor.Options{Threads: threads, Precision: tensor.BF16}, 3)
		assert.Equal(t, loss16, loss)
		assert.Equal(t, grads16, grads, "%d threads", threads)
		assert.Equal(t, params16, params, "%d threads", threads)
	}
}
