package run

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/memorize"
)

// A recipe may ask for alignment matrices: their table has a row for each tap and
// set, and the other tables stay as they are.
func TestAlignmentIsScoredWhereAsked(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	_, err := RunPair(ctx, tiny(t, "train.epochs=1"), dir, Silent{})
	require.NoError(t, err)
	header, rest, _ := strings.Cut(read(t, dir, "scores", memorize.AlignmentTable.File), "\n")
	assert.Equal(t, "tap,depth,set,score,se,lo,hi,n,rows,rows_se,rows_lo,rows_hi", header)
	assert.Empty(t, rest)

	out := t.TempDir()
	_, err = Score(ctx, tiny(t, "train.epochs=1", "score.alignment=true"), ScoreConfig{F: filepath.Join(dir, "f.safetensors"),
		G: filepath.Join(dir, "g.safetensors"), Split: filepath.Join(dir, "split.json"), Out: out}, Silent{})
	require.NoError(t, err)
	assert.Equal(t, 1+4*31, strings.Count(read(t, out, memorize.AlignmentTable.File), "\n"))
	assert.Contains(t, read(t, out, memorize.JSONFile), `"alignment": [`)
	for _, name := range memorize.Files() {
		if name != memorize.AlignmentTable.File && name != memorize.JSONFile {
			assert.Equal(t, read(t, dir, "scores", name), read(t, out, name), name)
		}
	}
}

// The matrices are of the views that the scores name next to them: what the views of
// training were does not matter.
func TestAlignmentIsOfTheScoringViews(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	_, err := RunPair(ctx, tiny(t, "train.epochs=1"), dir, Silent{})
	require.NoError(t, err)
	alignment := func(sets ...string) string {
		out := t.TempDir()
		r := tiny(t, append(sets, "train.epochs=1", "score.alignment=true", "score.taps=[conv1, head]")...)
		_, err := Score(ctx, r, ScoreConfig{F: filepath.Join(dir, "f.safetensors"), G: filepath.Join(dir, "g.safetensors"),
			Split: filepath.Join(dir, "split.json"), Out: out, TablesOnly: true}, Silent{})
		require.NoError(t, err)
		return read(t, out, memorize.AlignmentTable.File)
	}
	strong := alignment("score.augment.preset=strong")
	assert.Equal(t, strong, alignment("score.augment.preset=strong", "augment.preset=none"))
	assert.NotEqual(t, strong, alignment("score.augment.preset=none"))
}
