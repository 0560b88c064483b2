package ssl

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pairOf makes f and g, which share 30 images.
func pairOf(t *testing.T, threads int, dir string) (f, g *problem) {
	shared := upTo(0, 30)
	f = newProblem(t, problemOptions{name: "f", dir: dir, threads: threads, indices: append(slices.Clone(shared), 40, 41,
		42)})
	g = newProblem(t, problemOptions{name: "g", dir: dir, threads: threads, indices: append(slices.Clone(shared), 50, 51,
		52)})
	return f, g
}

func trainers(t *testing.T, a, b *problem) (x, y *Trainer) {
	x, err := NewTrainer(a.config)
	require.NoError(t, err)
	y, err = NewTrainer(b.config)
	require.NoError(t, err)
	return x, y
}

func TestPairInAnyOrder(t *testing.T) {
	f, g := pairOf(t, 2, "")
	a, b := trainers(t, f, g)
	require.NoError(t, TrainPair(context.Background(), a, b, false))
	require.NotEqual(t, f.result().weights, g.result().weights, "they train on other images")

	f2, g2 := pairOf(t, 1, "")
	a, b = trainers(t, f2, g2)
	require.NoError(t, TrainPair(context.Background(), b, a, false))
	assert.Equal(t, f.result(), f2.result())
	assert.Equal(t, g.result(), g2.result())

	f3, g3 := pairOf(t, 1, "")
	a, b = trainers(t, f3, g3)
	require.NoError(t, TrainPair(context.Background(), a, b, true))
	assert.Equal(t, f.result(), f3.result())
	assert.Equal(t, g.result(), g3.result())
}

// Both encoders on one engine, one after the other, as the command does it.
func TestPairOnOneEngine(t *testing.T) {
	f, g := pairOf(t, 2, "")
	a, b := trainers(t, f, g)
	require.NoError(t, TrainPair(context.Background(), a, b, false))
	f2, g2 := pairOf(t, 2, "")
	g2.config.Engine = f2.config.Engine
	a, b = trainers(t, f2, g2)
	require.NoError(t, TrainPair(context.Background(), a, b, false))
	assert.Equal(t, g.result(), g2.result())
	assert.Panics(t, func() { _ = TrainPair(context.Background(), a, b, true) }, "not side by side")
}

func TestWhenTheFirstOfAPairFails(t *testing.T) {
	f, g := pairOf(t, 1, "")
	f.config.Hooks.OnEpoch = func(Record) error { return assert.AnError }
	a, b := trainers(t, f, g)
	assert.ErrorIs(t, TrainPair(context.Background(), a, b, false), assert.AnError)
	assert.Zero(t, g.config.Optimizer.Steps(), "the second one must not begin")
}

func TestWhenOneOfAPairFailsTheOtherStops(t *testing.T) {
	dir := t.TempDir()
	f, g := pairOf(t, 1, dir)
	f.config.Hooks.OnEpoch = func(Record) error { return assert.AnError }
	g.config.Hooks.Evaluate = func(ctx context.Context, _ int) (float64, bool, error) {
		select {
		case <-ctx.Done():
			return 0, false, ctx.Err()
		case <-time.After(time.Minute):
			return 0, false, errors.New("nobody stopped it")
		}
	}
	a, b := trainers(t, f, g)
	err := TrainPair(context.Background(), a, b, true)
	assert.ErrorIs(t, err, assert.AnError)
	assert.ErrorIs(t, err, context.Canceled)
	files := checkpoints(t, dir) // g stops at the end of its first epoch or before
	require.Len(t, files, 1)
	assert.Regexp(t, `^g-0000000[0-4]\.safetensors$`, files[0])
}
