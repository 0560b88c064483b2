package run

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/memorize"
)

// score.augment changes the scores and nothing else; where it says what holds
// anyway, not even those.
func TestScoringWithOtherViews(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	sets := []string{"train.epochs=1", "score.taps=[conv1, head]", "knn.every=0"}
	_, err := RunPair(ctx, tiny(t, sets...), dir, Silent{})
	require.NoError(t, err)
	score := func(more ...string) string {
		out := t.TempDir()
		_, err := Score(ctx, tiny(t, append(sets, more...)...), ScoreConfig{F: filepath.Join(dir, "f.safetensors"),
			G: filepath.Join(dir, "g.safetensors"), Split: filepath.Join(dir, "split.json"), Out: out}, Silent{})
		require.NoError(t, err)
		return out
	}
	same := score("score.augment={flip: 0.5, crop: {scale: [0.5, 1]}}")
	strong, none := score("score.augment.preset=strong"), score("score.augment.preset=none")
	for _, name := range memorize.Files() {
		assert.True(t, read(t, dir, "scores", name) == read(t, same, name), name)
		// ClassMem takes the images themselves; two tables are empty by this recipe.
		if rows := read(t, dir, "scores", name); name != memorize.ClassMemTable.File && strings.Count(string(rows), "\n") > 1 {
			assert.False(t, read(t, dir, "scores", name) == read(t, strong, name), name)
			assert.False(t, read(t, dir, "scores", name) == read(t, none, name), name)
		}
	}
	assert.Equal(t, read(t, dir, "scores", memorize.ClassMemTable.File), read(t, strong, memorize.ClassMemTable.File))
	assert.Contains(t, read(t, strong, memorize.JSONFile), `"flip_vertical": 1`)
	training := score("augment.preset=strong")
	for _, name := range []string{memorize.LayerMemTable.File, memorize.UnitMemTable.File, memorize.PointTable.File} {
		assert.True(t, read(t, training, name) == read(t, strong, name), "%s: the same views by either way", name)
	}
}

// The second view of training has its own operations, and scoring does not.
func TestSecondViewIsTheSecond(t *testing.T) {
	l, err := OpenLab(tiny(t, "augment.second={invert: 1, crop: {scale: [0, 0]}, flip: 0, jitter: {p: 0}, gray: 0}"))
	require.NoError(t, err)
	require.Len(t, l.Views, 2)
	assert.Nil(t, l.Views[0])
	assert.Same(t, l.Augment, l.ScoreViews)
	image := l.Train.Image(0)
	plain, view := make([]float32, len(image)), make([]float32, len(image))
	l.Augment.Original(plain, image)
	l.Views[1].View(view, image, rng.New(1, "view"))
	a := l.Recipe.Augment
	for i := range view {
		mean, std := a.Mean[i%3], a.Std[i%3]
		require.InDelta(t, 1-2*mean, (float64(plain[i])+float64(view[i]))*std, 1e-5, "the negative")
	}
	run := func(sets ...string) string {
		dir := t.TempDir()
		_, err := RunPair(context.Background(), tiny(t, append(sets, "train.epochs=1", "score.taps=[head]", "knn.every=0")...), dir, Silent{})
		require.NoError(t, err)
		return read(t, dir, "f.safetensors")
	}
	plainRun := run()
	assert.False(t, plainRun == run("augment.second.solarize=0.5"))
	l, err = OpenLab(tiny(t))
	require.NoError(t, err)
	assert.Empty(t, l.Views)

	_, err = OpenLab(tiny(t, "augment.second.blur.p=1", "augment.second.blur.kernel=33"))
	assert.ErrorContains(t, err, "augment.second: blur.kernel: found 33, expected less than twice the side")
}

// A run of dino with small crops: the student's, of half the side, come after the
// two large views.
func TestRunWithLocalCrops(t *testing.T) {
	sets := []string{"method.name=dino", "method.local_crops=2", "data.synthetic.size=32", "augment.second.solarize=0.5",
		"train.epochs=1", "score.taps=[head]", "knn.every=0"}
	l, err := OpenLab(tiny(t, sets...))
	require.NoError(t, err)
	require.Len(t, l.Views, 4)
	assert.Nil(t, l.Views[0])
	h, w, _ := l.Views[1].Shape()
	assert.Equal(t, []int{32, 32}, []int{h, w})
	for _, v := range l.Views[2:] {
		h, w, _ = v.Shape()
		assert.Equal(t, []int{16, 16}, []int{h, w})
	}
	dir := t.TempDir()
	_, err = RunPair(context.Background(), tiny(t, sets...), dir, Silent{})
	require.NoError(t, err)
	sets[1] = "method.local_crops=0"
	other := t.TempDir()
	_, err = RunPair(context.Background(), tiny(t, sets...), other, Silent{})
	require.NoError(t, err)
	assert.False(t, read(t, dir, "f.safetensors") == read(t, other, "f.safetensors"))
}
