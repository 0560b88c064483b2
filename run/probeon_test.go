package run

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/ssl/probe"
)

// saved returns the file of an untrained encoder of the recipe, and its hash.
func saved(t testing.TB, l *Setup) (path, hash string) {
	enc, err := l.Encoder(memorize.F)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "f.safetensors")
	require.NoError(t, weights.Save(path, enc.Params(), nil))
	return path, nn.Hash(enc.Params())
}

// Synthetic images of another seed, as many as are asked for.
func TestProbeOnOtherSeed(t *testing.T) {
	ctx := context.Background()
	r := tiny(t)
	l, err := Open(r)
	require.NoError(t, err)
	path, hash := saved(t, l)
	c := ProbeConfig{Path: path, Which: memorize.F, On: &On{Name: "synthetic", Seed: 9, Train: 50, Test: 20}}
	knn, err := Probe(ctx, r, c, Silent{})
	require.NoError(t, err)
	assert.Equal(t, []any{50, 20, "synthetic-10x16-seed9/test", l.Train.Name(), hash}, []any{knn.Bank, knn.Test, knn.Data,
		knn.TrainedOn, knn.EncoderHash})
	p, err := LinearProbe(ctx, r, c, "", probe.LinearConfig{WeightDecay: .01}, Silent{})
	require.NoError(t, err)
	assert.Equal(t, []any{50, 20, "synthetic-10x16-seed9/test", l.Train.Name(), hash}, []any{p.Train, p.Test, p.Data,
		p.TrainedOn, p.EncoderHash})
	tuned, err := FineTune(ctx, r, c, probe.FineTuneConfig{Epochs: 1, Batch: 10, Layers: []string{"conv3"}}, Silent{})
	require.NoError(t, err)
	assert.Equal(t, []any{50, 20, "synthetic-10x16-seed9/test", l.Train.Name(), hash}, []any{tuned.Train, tuned.Test,
		tuned.Data, tuned.TrainedOn, tuned.HashBefore})
	assert.NotEmpty(t, tuned.FrozenHash)
	c.On = nil
	own, err := LinearProbe(ctx, r, c, "", probe.LinearConfig{WeightDecay: .01}, Silent{})
	require.NoError(t, err)
	assert.NotEqual(t, p.Loss, own.Loss)
	assert.Equal(t, l.Test.Name(), own.Data)

	tgt, err := l.targetOn(&On{Name: "synthetic", Seed: 9, Train: 50})
	require.NoError(t, err)
	assert.Len(t, tgt.testIndices, 40, "all")
	assert.NotEqual(t, 49, tgt.trainIndices[49], "drawn from all, not the first ones")
}

// Gray images of another size, with classes of their own.
func TestProbeOnGray(t *testing.T) {
	dir := testutil.SharedData(t, "fashion-mnist")
	r := tiny(t)
	l, err := Open(r)
	require.NoError(t, err)
	path, hash := saved(t, l)
	c := ProbeConfig{Path: path, Which: memorize.F, On: &On{Name: "fashion-mnist", Dir: dir, Train: 300, Test: 100}}
	p, err := LinearProbe(context.Background(), r, c, "", probe.LinearConfig{WeightDecay: .01}, Silent{})
	require.NoError(t, err)
	assert.Equal(t, "fashion-mnist/test at 16x16x3", p.Data)
	assert.Equal(t, hash, p.EncoderHash)
	assert.Greater(t, p.Accuracy, .4, "clothes are easy")
}

func TestProbeOnErrors(t *testing.T) {
	r := tiny(t)
	l, err := Open(r)
	require.NoError(t, err)
	for says, on := range map[string]*On{
		`name: found "imagenet", expected synthetic or one of cifar10`: {Name: "imagenet"},
		"the folder with the files of mnist is not given":              {Name: "mnist"},
		"train-images-idx3-ubyte":                                      {Name: "mnist", Dir: t.TempDir()},
		"expected 0 or more":                                           {Name: "synthetic", Train: -1},
	} {
		_, err := l.targetOn(on)
		assert.ErrorContains(t, err, says)
		assert.ErrorContains(t, err, "probe on other data")
	}
}
