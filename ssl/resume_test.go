package ssl

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stopAfter makes a training cancel its context after a number of its steps.
func stopAfter(steps int, cancel func()) func(*TrainerConfig) {
	return func(c *TrainerConfig) {
		c.Hooks.OnStep = func(Progress) {
			if steps--; steps == 0 {
				cancel()
			}
		}
	}
}

func checkpoints(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestStoppedAtAnyStepAndResumed(t *testing.T) {
	expected := uninterrupted(t)
	const all = problemEpochs * (problemImages / problemBatch)
	for stop := 1; stop <= all; stop++ {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		first := newProblem(t, problemOptions{dir: dir, threads: 1 + stop%2, change: stopAfter(stop, cancel)})
		err := first.run(t, ctx)
		if stop == all {
			require.NoError(t, err, "nothing is left to do after the last step")
		} else {
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorContains(t, err, dir, "it must say where the checkpoint is")
		}
		second := newProblem(t, problemOptions{dir: dir})
		require.NoError(t, second.run(t, context.Background()))
		got := second.result()
		got.records = append(first.result().records, got.records...)
		require.Equal(t, expected, got, "stopped after %d steps", stop)
		require.Equal(t, [2]int{stop / 4, stop % 4}, [2]int{second.start.Epoch, second.start.Step})
		assert.LessOrEqual(t, len(checkpoints(t, dir)), 2)
	}
}

// Stopped again and again, one step further each time, on 1, 2 and 3 threads in
// turn: teachers, queue and centre go on where they were.
func TestStoppedAfterEveryStep(t *testing.T) {
	for _, method := range append(twoViewed(), multiCrop, multiCropViT) {
		t.Run(method, func(t *testing.T) { stoppedAfterEveryStep(t, method) })
	}
}

func stoppedAfterEveryStep(t *testing.T, method string) {
	dir := t.TempDir()
	var last *problem
	var records []Record
	for i := 0; ; i++ {
		require.Less(t, i, 20)
		ctx, cancel := context.WithCancel(context.Background())
		last = newProblem(t, problemOptions{dir: dir, method: method, threads: 1 + i%3, change: stopAfter(1, cancel)})
		err := last.run(t, ctx)
		records = append(records, last.result().records...)
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
	}
	got := last.result()
	got.records = records
	assert.Equal(t, uninterruptedOf(t, method), got)
}

func TestCancelledBeforeItBegins(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	require.ErrorIs(t, newProblem(t, problemOptions{dir: dir}).run(t, ctx), context.Canceled)
	p := newProblem(t, problemOptions{dir: dir})
	require.NoError(t, p.run(t, context.Background()))
	assert.Equal(t, uninterrupted(t), p.result())

	err := newProblem(t, problemOptions{}).run(t, ctx)
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "Nothing is saved")
}

// An evaluation that is cancelled is done again, and the epoch's record comes
// once.
func TestStoppedWhileEvaluating(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	first := newProblem(t, problemOptions{dir: dir, change: func(c *TrainerConfig) {
		c.Hooks.Evaluate = func(ctx context.Context, epoch int) (float64, bool, error) {
			if epoch == 2 {
				cancel()
			}
			return 0, false, ctx.Err()
		}
	}})
	require.ErrorIs(t, first.run(t, ctx), context.Canceled)
	require.Len(t, first.records, 1)
	second := newProblem(t, problemOptions{dir: dir})
	require.NoError(t, second.run(t, context.Background()))
	assert.Equal(t, [2]int{1, 4}, [2]int{second.start.Epoch, second.start.Step}, "no step is done twice")
	got := second.result()
	got.records = append(first.result().records, got.records...)
	assert.Equal(t, uninterrupted(t), got)
}

// A stop right at a checkpoint writes the same file again: the one before it
// stays, in case this one turns out to be damaged.
func TestStopAtACheckpointKeepsTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	p := newProblem(t, problemOptions{dir: dir, change: func(c *TrainerConfig) {
		c.CheckpointEvery = 1
		add := c.Hooks.OnEpoch
		c.Hooks.OnEpoch = func(r Record) error {
			if r.Epoch == 2 {
				cancel()
			}
			return add(r)
		}
	}})
	require.ErrorIs(t, p.run(t, ctx), context.Canceled)
	assert.Equal(t, []string{"f-00000004.safetensors", "f-00000008.safetensors"}, checkpoints(t, dir))
}

func TestDoneTrainingIsOnlyLoaded(t *testing.T) {
	dir := t.TempDir()
	p := newProblem(t, problemOptions{dir: dir})
	require.NoError(t, p.run(t, context.Background()))
	assert.Equal(t, []string{"f-00000008.safetensors", "f-00000012.safetensors"}, checkpoints(t, dir))
	q := newProblem(t, problemOptions{dir: dir})
	require.NoError(t, q.run(t, context.Background()))
	assert.Empty(t, q.records)
	assert.Equal(t, p.result().weights, q.result().weights)
	assert.Equal(t, p.result().moments, q.result().moments)
}

// Both encoders keep their checkpoints in one directory.
func TestCheckpointsOfTwoEncodersLiveTogether(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"f", "g"} {
		p := newProblem(t, problemOptions{dir: dir, name: name, change: func(c *TrainerConfig) { c.CheckpointEvery = 2 }})
		require.NoError(t, p.run(t, context.Background()))
		assert.Len(t, p.records, 3, "%s must not start from another's checkpoint", name)
	}
	assert.Equal(t, []string{"f-00000008.safetensors", "f-00000012.safetensors",
		"g-00000008.safetensors", "g-00000012.safetensors"}, checkpoints(t, dir))
}

func TestAnotherRecipeIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, newProblem(t, problemOptions{dir: dir}).run(t, context.Background()))
	p := newProblem(t, problemOptions{dir: dir, change: func(c *TrainerConfig) { c.RecipeHash = "beef" }})
	before := p.result().weights
	err := p.run(t, context.Background())
	assert.ErrorContains(t, err, "f-00000012.safetensors: recipe hash: found cafe, expected beef")
	assert.Equal(t, before, p.result().weights)

	// A file of g under a name of f.
	require.NoError(t, os.Rename(filepath.Join(dir, "f-00000012.safetensors"), filepath.Join(dir, "g-00000012.safetensors")))
	err = newProblem(t, problemOptions{dir: dir, name: "g"}).run(t, context.Background())
	assert.ErrorContains(t, err, "encoder: found f, expected g")
}

func TestDamagedCheckpoints(t *testing.T) {
	expected := uninterrupted(t)
	for name, damage := range map[string]func([]byte) []byte{
		"a flipped bit":               func(b []byte) []byte { b[len(b)-1000] ^= 1; return b },
		"a flipped bit at the end":    func(b []byte) []byte { b[len(b)-1] ^= 128; return b },
		"a flipped bit in the length": func(b []byte) []byte { b[0] ^= 1; return b },
		"a huge length":               func(b []byte) []byte { b[7] ^= 128; return b },
		"a flipped bit in a name":     func(b []byte) []byte { b[bytes.Index(b, []byte("conv"))] ^= 2; return b },
		"a flipped bit in the place":  func(b []byte) []byte { b[bytes.Index(b, []byte("optimizer_steps"))+20] ^= 1; return b },
		"truncated":                   func(b []byte) []byte { return b[:len(b)/2] },
		"truncated in the header":     func(b []byte) []byte { return b[:100] },
		"a byte short":                func(b []byte) []byte { return b[:len(b)-1] },
		"a byte too long":             func(b []byte) []byte { return append(b, 0) },
		"zeros":                       func(b []byte) []byte { clear(b); return b }, // as after a power cut
		"empty":                       func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(context.Background())
			require.Error(t, newProblem(t, problemOptions{dir: dir, change: stopAfter(10, cancel)}).run(t, ctx))
			files := checkpoints(t, dir)
			require.Equal(t, []string{"f-00000008.safetensors", "f-00000010.safetensors"}, files)
			spoil := func(name string) {
				path := filepath.Join(dir, name)
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(path, damage(b), 0o644))
			}

			spoil(files[1])
			p := newProblem(t, problemOptions{dir: dir})
			require.NoError(t, p.run(t, context.Background()))
			assert.Equal(t, filepath.Join(dir, files[0]), p.start.Checkpoint)
			require.Len(t, p.start.Warnings, 1)
			assert.Contains(t, p.start.Warnings[0], files[1])
			assert.Equal(t, expected.weights, p.result().weights)
			assert.Equal(t, []string{"f-00000008.safetensors", "f-00000012.safetensors"}, checkpoints(t, dir))

			spoil("f-00000008.safetensors")
			spoil("f-00000012.safetensors")
			err := newProblem(t, problemOptions{dir: dir}).run(t, context.Background())
			assert.ErrorContains(t, err, "no checkpoint can be used")
			assert.ErrorContains(t, err, "f-00000012.safetensors")
		})
	}
}

// A file whose content is whole but does not fit the networks.
func TestCheckpointOfOtherShapes(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, newProblem(t, problemOptions{dir: dir}).run(t, context.Background()))
	other, err := made[*SimCLR]("simclr", SimCLRConfig{Temperature: .5, Projector: []int{16, 9}, ProjectorBN: true}, Setup{Encoder: newProblem(t, problemOptions{}).encoder, Seed: 2})
	require.NoError(t, err)
	p := newProblem(t, problemOptions{dir: dir, change: func(c *TrainerConfig) { c.Method = other }})
	assert.ErrorContains(t, p.run(t, context.Background()), "projector.fc2.weight has shape [8 16], expected [9 16]")
}

func TestCheckpointOfOtherKernelsWarns(t *testing.T) {
	dir := t.TempDir()
	p := newProblem(t, problemOptions{dir: dir})
	trainer, err := NewTrainer(p.config)
	require.NoError(t, err)
	trainer.store.expect.ISA = "abacus"
	require.NoError(t, trainer.Run(context.Background()))
	q := newProblem(t, problemOptions{dir: dir})
	require.NoError(t, q.run(t, context.Background()))
	require.Len(t, q.start.Warnings, 1)
	assert.Contains(t, q.start.Warnings[0], "abacus")
}

func TestUnusableCheckpointDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o644))
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		p := newProblem(t, problemOptions{dir: dir})
		err := p.run(t, context.Background())
		assert.ErrorContains(t, err, file)
		assert.ErrorContains(t, err, "checkpoint directory")
		assert.Empty(t, p.records, "it must be seen before any work")
	}
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "mine", string(b))
}

func TestCheckpointDirectoryIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "checkpoint")
	require.NoError(t, newProblem(t, problemOptions{dir: dir}).run(t, context.Background()))
	assert.Len(t, checkpoints(t, dir), 2)
}

func TestUnwritableCheckpointDirectory(t *testing.T) {
	if os.Geteuid() <= 0 {
		t.Skip("needs a system and a user for whom permissions count")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o555))
	p := newProblem(t, problemOptions{dir: dir})
	err := p.run(t, context.Background())
	assert.ErrorIs(t, err, os.ErrPermission)
	assert.ErrorContains(t, err, dir)
	assert.Empty(t, p.records, "it must be seen before any work")
}

// Other files in the directory are none of ours.
func TestOtherFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	others := []string{"f-final.safetensors", "f-3.txt", "ff-00000004.safetensors", "notes"}
	for _, name := range others {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	require.NoError(t, newProblem(t, problemOptions{dir: dir}).run(t, context.Background()))
	assert.Subset(t, checkpoints(t, dir), others)
}
