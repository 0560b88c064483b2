package run

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A recipe may ask for alignment matrices: their table has a row for each tap and
// set, and the other tables stay as they are.
func TestAlignmentIsScoredWhereAsked(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	_, err := RunPair(ctx, tiny(t, "train.epochs=1"), dir, Silent{})
	require.NoError(t, err)
	header, rest, _ := strings.Cut(read(t, dir, "scores", alignmentCSV), "\n")
	assert.Equal(t, "tap,depth,set,score,se,lo,hi,n,rows,rows_se,rows_lo,rows_hi", header)
	assert.Empty(t, rest)

	out := t.TempDir()
	_, err = Score(ctx, tiny(t, "train.epochs=1", "score.alignment=true"), ScoreConfig{F: filepath.Join(dir, "f.safetensors"),
		G: filepath.Join(dir, "g.safetensors"), Split: filepath.Join(dir, "split.json"), Out: out}, Silent{})
	require.NoError(t, err)
	assert.Equal(t, 1+4*31, strings.Count(read(t, out, alignmentCSV), "\n"))
	assert.Contains(t, read(t, out, scoresJSON), `"alignment": [`)
	for _, name := range scoreFiles {
		if name != alignmentCSV && name != scoresJSON {
			assert.Equal(t, read(t, dir, "scores", name), read(t, out, name), name)
		}
	}
}
