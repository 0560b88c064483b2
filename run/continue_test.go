package run

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// Training on one point calls after every epoch and changes the encoder; at a rate of
// 0 nothing but the statistics of batch norm.
func TestGoOn(t *testing.T) {
	l, err := Open(tiny(t, "method.name=simsiam"))
	require.NoError(t, err)
	e, err := tensor.NewEngine(tensor.Options{Threads: 1})
	require.NoError(t, err)
	defer e.Close()
	state := func(enc nn.Encoder) (weights, statistics []float32) {
		for _, p := range enc.Params() {
			to := &weights
			if p.Buffer {
				to = &statistics
			}
			*to = append(*to, p.Value.Data()...)
		}
		return weights, statistics
	}
	for _, rate := range []float64{0, 1} {
		enc, err := l.Encoder(memorize.F)
		require.NoError(t, err)
		weights, statistics := state(enc)
		var epochs []int
		require.NoError(t, TrainOn(context.Background(), l, e, enc, Continuation{Points: l.Split.Independent[:1], Times: 16,
			Epochs: 2, Rate: rate,
			After: func(_ context.Context, epoch int) error { epochs = append(epochs, epoch); return nil }}))
		assert.Equal(t, []int{1, 2}, epochs)
		after, moved := state(enc)
		require.NotEmpty(t, moved)
		assert.NotEqual(t, statistics, moved)
		assert.Equal(t, rate == 0, assert.ObjectsAreEqual(weights, after))
	}
}
