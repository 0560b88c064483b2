package ssl

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

func tinyViT(t *testing.T) nn.Encoder {
	enc, err := nn.NewEncoder("vit_tiny_patch8", nn.EncoderOptions{Width: .05, InH: 16, InW: 16, Depth: 2, DropPath: .5}, 1)
	require.NoError(t, err)
	return enc
}

// Every method trains a vision transformer with drop-path, the same bits on any
// number of threads.
func TestMethodsTrainVisionTransformers(t *testing.T) {
	for _, method := range twoViewed() {
		t.Run(method, func(t *testing.T) {
			var results []result
			for threads := 1; threads <= 3; threads++ {
				p := newProblem(t, problemOptions{method: method, threads: threads, indices: upTo(0, 16), encoder: func() nn.Encoder { return tinyViT(t) }})
				before := nn.Hash(p.encoder.Params())
				require.NoError(t, p.run(t, context.Background()))
				require.NotEqual(t, before, nn.Hash(p.encoder.Params()))
				results = append(results, p.result())
			}
			assert.Equal(t, results[0], results[1])
			assert.Equal(t, results[0], results[2])
		})
	}
}

func TestFrozenPatchStays(t *testing.T) {
	for _, freeze := range []bool{true, false} {
		p := newProblem(t, problemOptions{method: "mocov3", encoder: func() nn.Encoder { return tinyViT(t) },
			options: func(o *allSettings) { o.FreezePatch = freeze }})
		before := nn.Clone(p.encoder.Params())
		require.NoError(t, p.run(t, context.Background()))
		moved := 0
		for i, q := range p.encoder.Params() {
			if same := assert.ObjectsAreEqual(before[i].Value.Data(), q.Value.Data()); !same {
				moved++
				assert.False(t, freeze && strings.HasPrefix(q.Name, "patch_embed."), q.Name)
			} else {
				assert.True(t, freeze && strings.HasPrefix(q.Name, "patch_embed."), "%s must have moved", q.Name)
			}
		}
		assert.Greater(t, moved, 10)
	}
}

// DINO's prototypes stay for the first steps, then move.
func TestFrozenPrototypes(t *testing.T) {
	p := newProblem(t, problemOptions{method: "dino"})
	m := p.method.(*DINO)
	tp := p.config.Engine.NewTape(tensor.Training)
	at := func() []float32 { return slices.Clone(m.prototypes.Value.Data()) }
	start := at()
	for step := range uint64(7) {
		_, err := Step(StepConfig{Tape: tp, Method: m, Optimizer: p.config.Optimizer, LR: 1e-3, Noise: &nn.Noise{Step: step}, Steps: 9}, randomViews(8))
		require.NoError(t, err)
		assert.Equal(t, step < 5, slices.Equal(start, at()), "step %d", step)
	}
}
