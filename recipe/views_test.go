package recipe

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/ssl"
)

func of(t *testing.T, sets ...string) *Recipe {
	t.Helper()
	r, err := Read("", nil, sets)
	require.NoError(t, err, sets)
	return r
}

func fromYAML(t *testing.T, text string, sets ...string) *Recipe {
	t.Helper()
	r, err := Read("x.yaml", []byte(text), sets)
	require.NoError(t, err, text)
	return r
}

// A preset is the same recipe as its fields typed out.
func TestPresetsAreTheirFields(t *testing.T) {
	weak := fromYAML(t, "augment: {preset: weak}")
	typed := fromYAML(t, `augment:
  crop: {scale: [0.08, 1], ratio: [0.75, 1.3333333333333333]}
  flip: 0.5
  jitter: {brightness: 0.9, contrast: 0.9, saturation: 0.9, hue: 0.5, p: 0.4}
  gray: 0.1
`)
	assert.Equal(t, weak.Hash(), typed.Hash())
	assert.Equal(t, weak.TrainHash(), typed.TrainHash())
	assert.NotEqual(t, Default().Hash(), weak.Hash())
	assert.Equal(t, weak.Hash(), of(t, "augment.preset=weak").Hash())
	typed.Augment.Preset = "weak"
	assert.Equal(t, weak.Augment, typed.Augment)

	var b bytes.Buffer
	require.NoError(t, weak.Write(&b))
	assert.Contains(t, b.String(), "preset: weak")
	assert.Contains(t, b.String(), "    hue: 0.5\n    p: 0.4\n", "a run's recipe has the fields")
	again := fromYAML(t, b.String())
	assert.Equal(t, weak, again)
}

func TestPresetsAndFieldsBesideThem(t *testing.T) {
	// The order of fields in a document, and of assignments, does not matter.
	for _, r := range []*Recipe{
		fromYAML(t, "augment: {gray: 0.3, preset: strong}"), fromYAML(t, "augment: {preset: strong, gray: 0.3}"),
		of(t, "augment.gray=0.3", "augment.preset=strong"), of(t, "augment.preset=strong", "augment.gray=0.3"),
		fromYAML(t, "augment: {preset: strong}", "augment.gray=0.3"),
		// What is said on the command line replaces what a file says.
		fromYAML(t, "augment: {gray: 0.7, flip: 0.1}", "augment.preset=strong", "augment.gray=0.3"),
		fromYAML(t, "augment: {preset: weak}", "augment.preset=strong", "augment.gray=0.3"),
	} {
		want := augment.None()
		want.UsePreset("strong")
		want.Gray = 0.3
		assert.Equal(t, want, r.Augment)
	}
	// The lists of the default recipe, which a preset must not change, are not shared.
	assert.Equal(t, "132738f14ee3", Short(of(t, "encoder.pool=max", "score.distances=[l2]").Hash()))
	mae := []string{"method.name=mae", "encoder.name=vit_tiny_patch4", "method.mask_ratio=0.5"}
	r := fromYAML(t, "method: {name: mae, mask_ratio: 0.5}\nencoder: {name: vit_tiny_patch4}", "augment.preset=masking",
		"score.augment.preset=normal")
	assert.Equal(t, 0.75, r.Method.Config.(ssl.MAEConfig).MaskRatio)
	assert.False(t, r.Augment.Random())
	r = of(t, append(mae, "augment.preset=masking", "score.augment.preset=normal")...)
	assert.Equal(t, 0.5, r.Method.Config.(ssl.MAEConfig).MaskRatio, "a field beside the preset wins")
}

func TestSecondView(t *testing.T) {
	r := fromYAML(t, "method: {name: byol}\naugment: {blur: {p: 0.5}, second: {blur: {p: 0.1}, solarize: 0.2}}")
	second := r.SecondView()
	assert.Equal(t, []float64{0.1, 0.2, 0.2}, []float64{second.Blur.P, second.Solarize, second.Gray})
	assert.Equal(t, 0.5, r.ScoreView().Blur.P, "scoring makes views of the first kind")
	assert.Zero(t, r.ScoreView().Solarize)
	assert.Equal(t, r.Hash(), of(t, "method.name=byol", "augment.blur.p=0.5", "augment.second.blur.p=0.1",
		"augment.second.solarize=0.2").Hash())
	var b bytes.Buffer
	require.NoError(t, r.Write(&b))
	assert.Equal(t, r, fromYAML(t, b.String()))

	base := of(t)
	for _, same := range []string{"augment.second=null", "augment.second={}", "augment.second.gray=0.2",
		"augment.second={gray: 0.2, flip: null}"} {
		assert.Equal(t, base.Hash(), of(t, same).Hash(), same)
	}
	other := of(t, "augment.second.gray=0.3")
	assert.NotEqual(t, base.TrainHash(), other.TrainHash())
	one := of(t, "method.name=supervised")
	assert.Equal(t, one.Hash(), ofProgram(t, []string{"method.name=supervised", "augment.second.gray=0.3"}).Hash(),
		"there is no second view")
	asymmetric := of(t, "augment.preset=solo-asymmetric")
	assert.Equal(t, 0.2, asymmetric.SecondView().Solarize)
	assert.Equal(t, asymmetric.Hash(), of(t, "augment.preset=lightly", "augment.jitter.saturation=0.2",
		"augment.second.solarize=0.2").Hash())
	preset := fromYAML(t, "augment: {second: {preset: weak, gray: 0.9}}")
	assert.Equal(t, []float64{0.9, 0.9, 0.4}, []float64{preset.SecondView().Jitter.Hue + 0.4, preset.SecondView().Gray,
		preset.SecondView().Jitter.P})
}

func TestScoreView(t *testing.T) {
	base := of(t)
	first := base.Augment
	assert.Equal(t, first, base.ScoreView())
	assert.NotContains(t, base.canonical(), "score.augment=null")
	for _, same := range []string{"score.augment=null", "score.augment={}", "score.augment.gray=0.2"} {
		assert.Equal(t, base.Hash(), of(t, same).Hash(), same)
	}
	for _, other := range []string{"score.augment.preset=strong", "score.augment.gray=0.3", "score.augment.preset=none"} {
		r := of(t, other)
		assert.NotEqual(t, base.Hash(), r.Hash(), other)
		assert.Equal(t, base.TrainHash(), r.TrainHash(), other)
		assert.Equal(t, base.Augment, r.Augment)
	}
	r := of(t, "score.augment.preset=strong", "score.augment.flip=0.25")
	assert.Equal(t, []float64{0.25, 0.5}, []float64{r.ScoreView().Flip, r.ScoreView().Gray})
	assert.Equal(t, of(t, "augment.preset=strong").Augment.Mean, r.ScoreView().Mean)
	weak := of(t, "augment.preset=weak")
	assert.Equal(t, weak.Hash(), of(t, "augment.preset=weak", "score.augment.preset=weak").Hash())

	fields := Augmentation(base.ScoreView())
	assert.Equal(t, 0.2, fields["gray"])
	assert.Equal(t, 0.1, fields["jitter.hue"])
	for _, absent := range []string{"preset", "second", "solarize", "invert"} {
		assert.NotContains(t, fields, absent, "scores of recipes from before the field keep their bytes")
	}
	assert.Contains(t, Augmentation(of(t, "augment.invert=0.2").ScoreView()), "invert")
}

func TestRefusedViews(t *testing.T) {
	for _, c := range []struct {
		sets []string
		want string
	}{
		{[]string{"augment.preset=week"},
			`--set augment.preset=week: augment.preset: want none or weak or normal or strong or independent or masking or ` +
				`lightly or solo or solo-asymmetric, found "week"; did you mean weak?`},
		{[]string{"augment.preset=masking"},
			"augment.preset: preset masking changes nothing but what methods such as mae hide of an image, found method simclr"},
		{[]string{"augment.preset=none"}, "score.augment: views without anything random are all alike"},
		{[]string{"augment.second.preset=masking"}, "augment.second.preset: want"},
		{[]string{"augment.second.gray=2"}, "augment.second.gray: found 2, expected 0 to 1"},
		{[]string{"augment.second.mean=[1]"}, "no field augment.second.mean"},
		{[]string{"augment.second=3"}, "augment.second: want a section with the fields preset, crop, flip"},
		{[]string{"score.augment.blur.p=1", "score.augment.blur.kernel=4"},
			"score.augment.blur.kernel: found 4, expected an odd number"},
		{[]string{"augment.solarize=-1"}, "augment.solarize: found -1"},
	} {
		_, err := Read("", nil, c.sets)
		assert.ErrorContains(t, err, c.want, c.sets)
	}
	_, err := Read("x.yaml", []byte("augment:\n  second:\n    solarise: 0.2\n"), nil)
	assert.ErrorContains(t, err, "x.yaml:3: no field augment.second.solarise; did you mean augment.second.solarize?")
	of(t, "augment.preset=none", "score.mode=original")
	of(t, "augment.preset=none", "score.augment.preset=none")
}

func TestLocalCrops(t *testing.T) {
	dino := []string{"method.name=dino"}
	set := func(more ...string) []string { return append(dino[:1:1], more...) }
	base := of(t, dino...)
	assert.Equal(t, base.Hash(), ofProgram(t, set("method.local_scale=[0.1, 0.2]", "method.local_size=0.6")).Hash(),
		"there are none")
	crops := of(t, set("method.local_crops=4")...)
	assert.NotEqual(t, base.TrainHash(), crops.TrainHash())
	for _, other := range []string{"method.local_scale=[0.1, 0.2]", "method.local_size=0.6", "method.local_crops=3"} {
		assert.NotEqual(t, crops.TrainHash(), of(t, set("method.local_crops=4", other)...).TrainHash(), other)
	}
	assert.Equal(t, of(t).Hash(), ofProgram(t, []string{"method.local_crops=4"}).Hash(), "simclr has none")
	views := of(t, set("method.local_crops=1", "augment.crop.scale=[0, 0]", "augment.crop.ratio=[0, 0]",
		"augment.second.gray=1")...).Views()
	require.Len(t, views, 3)
	assert.Equal(t, 1., views[1].Gray)
	view := views[2]
	require.Len(t, crops.Views(), 6)
	assert.Equal(t, 0.75, view.Crop.Ratio[0])
	assert.Equal(t, [2]float64{0.05, 0.4}, view.Crop.Scale)
	assert.Equal(t, [2]int{16, 16}, view.Size)
	assert.Equal(t, 0.2, view.Gray)
	vit := "encoder.name=vit_tiny_patch4"
	of(t, set("method.local_crops=4", vit)...)
	for _, c := range []struct{ set, want string }{
		{"method.local_scale=[0, 0]", "method.local_scale: found [0 0], expected 0 < from <= to <= 1"},
		{"method.local_size=0", "method.local_size: found 0, expected more than 0 and at most 1"},
		{"method.local_size=0.25", "method.local_crops: images of 8x8: layer pool4_0"},
	} {
		_, err := Read("", nil, set("method.local_crops=4", c.set))
		assert.ErrorContains(t, err, c.want, c.set)
	}
	_, err := Read("", nil, set("method.local_crops=4", "method.local_size=0.45", vit))
	assert.ErrorContains(t, err,
		"method.local_crops: images of 14x14: found patches of 4 pixels, expected a side that divides both")
	_, err = Read("", nil, set("method.local_crops=4", "augment.preset=solo", "augment.blur.kernel=33"))
	assert.ErrorContains(t, err, "augment.blur.kernel: found 33, expected less than twice the side of the views (16 x 16)")
}

// The preset of scores is its fields, which win where they are given next to it.
func TestScorePresetIsItsFields(t *testing.T) {
	authors := fromYAML(t, "score: {preset: authors}")
	typed := of(t, "score.estimators=[range]", "score.distances=[unit-l2]", "score.mode=original", "score.views=5")
	assert.Equal(t, typed.Hash(), authors.Hash())
	typed.Score.Preset = "authors"
	assert.Equal(t, typed, authors)
	assert.Equal(t, typed, of(t, "score.preset=authors"))
	more := fromYAML(t, "score: {views: 7, preset: authors}")
	assert.Equal(t, 7, more.Score.Views)
	assert.Equal(t, more, of(t, "score.preset=authors", "score.views=7"))
	_, err := Read("", nil, []string{"score.preset=author"})
	assert.ErrorContains(t, err, `score.preset: want authors, found "author"`)
}

// Crossed splits count in the hash by the number of the pair, others do not.
func TestCrossedSplits(t *testing.T) {
	first := of(t, "split.mode=crossed")
	second := of(t, "split.mode=crossed", "split.pair=2")
	assert.NotEqual(t, first.TrainHash(), second.TrainHash())
	assert.NotEqual(t, first.TrainHash(), of(t).TrainHash())
	assert.Equal(t, 2, second.SplitOptions().Pair)
	assert.Zero(t, of(t).SplitOptions().Pair)
	for _, c := range []struct {
		sets []string
		want string
	}{
		{[]string{"split.pair=2"}, "split.pair: want 1 in mode random, found 2"},
		{[]string{"split.mode=crossed", "split.pair=0"}, "split.pair: want 1 to"},
		{[]string{"split.mode=crossed", "split.independent=100"},
			"split.independent: want 200 in mode crossed, the number of candidates, found 100"},
	} {
		_, err := Read("", nil, c.sets)
		assert.ErrorContains(t, err, c.want)
	}
}

// The recipes of the repository keep the hashes that they had before presets, second
// views, score.augment, small crops and unit-l2: trained encoders are found by them.
func TestHashesOfOlderRecipes(t *testing.T) {
	for name, want := range map[string]string{
		"barlow-mini":  "2d0728afc3df",
		"byol-mini":    "7519baa0e9d0",
		"cifar10-mini": "479ba5bebd2f",
		"dino-mini":    "da5fec40c74b",
		"mae-mini":     "02d4bcfce70b",
		"mnist-mini":   "172d1be53169",
		"mocov2-mini":  "bd2aceb79465",
		"mocov3-mini":  "492ce78b0b69",
		"simsiam-mini": "5ae4791dc34c",
		"vicreg-mini":  "0378eb693b6b",
	} {
		r, err := Load(filepath.Join(testutil.Root(), "recipes", name+".yaml"), []string{"score.distances=[l2]"})
		require.NoError(t, err)
		assert.Equal(t, want, Short(r.Hash()), name)
	}
}
