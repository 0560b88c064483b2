package run

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
)

// Averages and encoders on the way: the same files however the run went, which
// everything takes that takes encoders.
func TestAveragesAndKeptEncoders(t *testing.T) {
	ctx, dir, other := context.Background(), t.TempDir(), t.TempDir()
	sets := []string{"train.epochs=5", "train.weights_ema=0.9", "score.units=false", "score.taps=[res*, head]"}
	r := tiny(t, append(sets, "train.keep_every=2", "train.checkpoint_every=3")...)
	_, err := RunPair(ctx, r, dir, Silent{})
	require.NoError(t, err)
	stops := 0
	for ; ; stops++ {
		require.Less(t, stops, 20)
		ctx, cancel := context.WithCancel(ctx)
		_, err := RunPair(ctx, r, other, &stopper{cancel: cancel, after: 5})
		cancel()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
	}
	require.GreaterOrEqual(t, stops, 3)
	epochs, err := os.ReadDir(filepath.Join(other, "epochs"))
	require.NoError(t, err)
	var names []string
	for _, e := range epochs {
		names = append(names, filepath.Join("epochs", e.Name()))
	}
	assert.Equal(t, []string{"epochs/f-0002.safetensors", "epochs/f-0004.safetensors", "epochs/g-0002.safetensors",
		"epochs/g-0004.safetensors"}, names)
	l, err := Open(r)
	require.NoError(t, err)
	hashes := map[string]bool{}
	for _, name := range append(names, "f-ema.safetensors", "g-ema.safetensors", "f.safetensors", "g.safetensors") {
		assert.True(t, read(t, dir, name) == read(t, other, name), "%s differs", name)
		enc, err := l.Encoder(memorize.F)
		require.NoError(t, err)
		meta, err := LoadEncoder(filepath.Join(dir, name), weights.NoPrefix, enc, Silent{})
		require.NoError(t, err)
		assert.Equal(t, l.TrainID(), meta[metaRecipe])
		hashes[nn.Hash(enc.Params())] = true
		switch name {
		case "epochs/g-0004.safetensors":
			assert.Equal(t, []string{"g", "4", ""}, []string{meta[metaEncoder], meta[metaEpoch], meta[metaEMA]})
		case "f-ema.safetensors":
			assert.Equal(t, []string{"f", "", "0.9"}, []string{meta[metaEncoder], meta[metaEpoch], meta[metaEMA]})
		}
		_, err = Probe(ctx, r, ProbeConfig{Path: filepath.Join(dir, name), Which: memorize.F}, Silent{})
		assert.NoError(t, err)
	}
	assert.Len(t, hashes, 8, "all encoders differ")
	_, err = Score(ctx, r, ScoreConfig{F: filepath.Join(dir, "epochs", "f-0002.safetensors"),
		G:     filepath.Join(dir, "g-ema.safetensors"),
		Split: filepath.Join(dir, "split.json"), Out: t.TempDir()}, Silent{})
	assert.NoError(t, err)

	// They change no encoder, and a run may ask for others on the way.
	plain := t.TempDir()
	_, err = RunPair(ctx, tiny(t, append(sets, "train.keep_every=5")...), plain, Silent{})
	require.NoError(t, err)
	assert.True(t, read(t, dir, "f.safetensors") == read(t, plain, "f.safetensors"))
	assert.FileExists(t, filepath.Join(plain, "epochs", "f-0005.safetensors"))

	// A lost average comes back from the last checkpoint.
	want := read(t, dir, "f-ema.safetensors")
	require.NoError(t, os.Remove(filepath.Join(dir, "f-ema.safetensors")))
	res, err := RunPair(ctx, r, dir, Silent{})
	require.NoError(t, err)
	assert.NotContains(t, res.Reused, memorize.F.String())
	assert.True(t, want == read(t, dir, "f-ema.safetensors"))
}
