package run

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn/weights"
)

// Scores that are not those of the encoders, the recipe and the split in the
// directory, or not whole, are made again.
func TestScoresOfSomethingElseAreMadeAgain(t *testing.T) {
	ctx, r, dir := context.Background(), tiny(t), t.TempDir()
	_, err := RunPair(ctx, r, dir, Silent{})
	require.NoError(t, err)
	want := map[string]string{}
	for _, name := range memorize.Files() {
		want[name] = read(t, dir, "scores", name)
	}
	otherViews := tiny(t, "score.views=4")
	for name, spoil := range map[string]func(){
		"other views": func() {
			_, err := Score(ctx, otherViews, ScoreConfig{F: filepath.Join(dir, "f.safetensors"),
				G:     filepath.Join(dir, "g.safetensors"),
				Split: filepath.Join(dir, "split.json"), Out: filepath.Join(dir, "scores")}, Silent{})
			require.NoError(t, err)
		},
		"garbage": func() {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "scores", memorize.JSONFile), []byte("garbage"), 0o644))
		},
		"no points": func() { require.NoError(t, os.Remove(filepath.Join(dir, "scores", memorize.PointTable.File))) },
		"empty file": func() {
			require.NoError(t,
				os.Truncate(filepath.Join(dir, "scores", memorize.UnitMemTableG.File), 0))
		},
		"other weights": func() {
			text := strings.Replace(want[memorize.JSONFile], `"weights_f_sha256": "`, `"weights_f_sha256": "0`, 1)
			require.NotEqual(t, want[memorize.JSONFile], text)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "scores", memorize.JSONFile), []byte(text), 0o644))
		},
	} {
		spoil()
		res, err := RunPair(ctx, r, dir, Silent{})
		require.NoError(t, err, name)
		assert.NotContains(t, res.Reused, "scores", name)
		for file, text := range want {
			assert.True(t, text == read(t, dir, "scores", file), "%s: %s differs", name, file)
		}
	}
	res, err := RunPair(ctx, r, dir, Silent{})
	require.NoError(t, err)
	assert.Contains(t, res.Reused, "scores")
}

// f in the place of g would give scores without meaning.
func TestExchangedEncodersAreNoticed(t *testing.T) {
	ctx, r, dir := context.Background(), tiny(t), t.TempDir()
	_, err := RunPair(ctx, r, dir, Silent{})
	require.NoError(t, err)
	f, err := os.ReadFile(filepath.Join(dir, "f.safetensors"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "g.safetensors"), f, 0o644))
	_, err = RunPair(ctx, r, dir, Silent{})
	require.ErrorContains(t, err, `holds encoder "f", expected "g"`)
}

// A bank larger than the training set is the training set.
func TestProbeWithALargeBank(t *testing.T) {
	r := tiny(t, "knn.every=0", "knn.train=100000")
	l, err := Open(r)
	require.NoError(t, err)
	enc, err := l.Encoder(memorize.F)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "f.safetensors")
	require.NoError(t, weights.Save(path, enc.Params(), nil))
	p, err := Probe(context.Background(), r, ProbeConfig{Path: path, Which: memorize.F}, Silent{})
	require.NoError(t, err)
	assert.Equal(t, 56, p.Bank)
}

// listener keeps what a run says.
type listener struct {
	Silent
	said []string
}

func (l *listener) Printf(format string, args ...any) { l.said = append(l.said, format) }

func TestUnequalTrainingSetsAreSaid(t *testing.T) {
	var heard listener
	_, err := RunPair(context.Background(), tiny(t, "split.independent=8", "train.epochs=1"), t.TempDir(), &heard)
	require.NoError(t, err)
	assert.Contains(t, strings.Join(heard.said, "\n"), "their batches differ")
}
