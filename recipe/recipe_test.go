package recipe

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/internal/testutil"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipes"
	"github.com/locimem/locimem/ssl"
)

func TestDefaultNamesAndExplainsEveryField(t *testing.T) {
	r, origins := blank(), map[string]string{}
	require.NoError(t, settings.Decode(r, "default.yaml", recipes.Default, origins))
	lines := strings.Split(string(recipes.Default), "\n")
	// These explain themselves, or the line above them does.
	plain := regexp.MustCompile(`^\s*(classes:|epochs:|(shared|candidate|independent|external): \d+$)`)
	for _, l := range settings.Leaves(r) {
		require.Contains(t, origins, l.Path, "recipes/default.yaml must name every field")
		var n int
		for i, line := range lines {
			if strings.HasPrefix(strings.TrimSpace(line), l.Path[strings.LastIndex(l.Path, ".")+1:]+":") &&
				origins[l.Path] == "default.yaml:"+strconv.Itoa(i+1) {
				n++
				if !plain.MatchString(line) {
					assert.Contains(t, line, "# ", "line %d says nothing about %s", i+1, l.Path)
				}
			}
		}
		assert.Equal(t, 1, n, l.Path)
	}
}

func TestRecipesOfTheRepositoryAreValid(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testutil.Root(), "recipes", "*.yaml"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 2)
	for _, f := range files {
		_, err := Load(f, nil)
		assert.NoError(t, err)
	}
	fromFile, err := Load(filepath.Join(testutil.Root(), "recipes", "default.yaml"), nil)
	require.NoError(t, err)
	assert.Equal(t, Default(), fromFile)
}

func TestCIFAR10MiniIsTheReferenceRun(t *testing.T) {
	r, err := Load(filepath.Join(testutil.Root(), "recipes", "cifar10-mini.yaml"), nil)
	require.NoError(t, err)
	assert.Equal(t, Data{Name: "cifar10", Synthetic: r.Data.Synthetic, Folder: r.Data.Folder}, r.Data)
	assert.Equal(t, Split{Mode: "random", Pair: 1, Shared: 4000, Candidate: 500, Independent: 500, External: 500}, r.Split)
	assert.Equal(t, "simclr", r.Method.Name)
	assert.Equal(t, ssl.SimCLRConfig{Temperature: .5, Projector: []int{256, 64}}, r.Method.Config)
	assert.Equal(t, Encoder{Name: "resnet9", Width: 1, Pool: "max", Stem: "auto", Norm: "auto", Positions: "auto",
		StemPool: "auto"}, r.Encoder)
	assert.Equal(t, 120, r.Train.Epochs)
	assert.Equal(t, 256, r.Train.Batch)
	assert.Equal(t, 1e-3, r.Train.LR)
	assert.Equal(t, "adam cosine", r.Train.Optimizer+" "+r.Train.Schedule)
	assert.Zero(t, r.Train.WarmupEpochs)
	assert.Zero(t, r.Train.WeightDecay)
	assert.Equal(t, KNN{Every: 10, K: 20, T: .1, Test: 1500}, r.KNN)
}

func TestWriteReadsBack(t *testing.T) {
	r, err := Read("", nil, []string{"split.seed=7", "name=x.y", "data.name=cifar10", "data.dir='/a b'",
		"score.taps=[conv*, head]",
		"train.seed_g=18446744073709551615"})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, r.Write(&b))
	again, err := Read("recipe.yaml", b.Bytes(), nil)
	require.NoError(t, err)
	assert.Equal(t, r, again)
}

// ofProgram reads assignments that may have no effect.
func ofProgram(t *testing.T, sets []string) *Recipe {
	t.Helper()
	r, err := Request{Own: sets}.Read()
	require.NoError(t, err, sets)
	return r
}

func TestHashCoversWhatDecidesResults(t *testing.T) {
	base := Default()
	of := func(sets ...string) *Recipe { return ofProgram(t, sets) }
	for _, same := range [][]string{
		{"name=other"}, {"data.dir=/x"}, {"train.threads=2"}, {"train.order=parallel"}, {"train.checkpoint_every=1"},
		{"score.batch=7"},
		{"split.seed=1"}, {"train.seed_f=1", "score.seed=1"}, // the recipe's own seed, said twice
	} {
		assert.Equal(t, base.Hash(), of(same...).Hash(), same)
		assert.Equal(t, base.TrainHash(), of(same...).TrainHash(), same)
	}
	for _, other := range []string{"score.views=9", "knn.k=3", "score.rest=median"} {
		assert.NotEqual(t, base.Hash(), of(other).Hash(), other)
		assert.Equal(t, base.TrainHash(), of(other).TrainHash(), other)
	}
	for _, other := range []string{"seed=2", "split.seed=2", "train.seed_g=2", "train.epochs=3", "augment.gray=0.1",
		"encoder.pool=avg", "train.precision=bf16", "data.synthetic.seed=9", "method.projector=[128, 63]"} {
		assert.NotEqual(t, base.Hash(), of(other).Hash(), other)
		assert.NotEqual(t, base.TrainHash(), of(other).TrainHash(), other)
	}
	assert.NotContains(t, strings.Join(base.canonical(), "\n"), "precision",
		"recipes from before the field keep their hash")
	cifar := []string{"data.name=cifar10", "knn.test=0"}
	assert.Equal(t, of(cifar...).Hash(), of(append(cifar, "data.synthetic.seed=9")...).Hash(),
		"synthetic images count only where they are used")
	assert.NotEqual(t, base.Hash(), of("encoder.norm=group").Hash())
	assert.NotEqual(t, base.Hash(), of("train.clip_norm=1").Hash())
	assert.NotEqual(t, of("train.weight_decay=0.1").Hash(), of("train.weight_decay=0.1",
		"train.weight_decay_end=0").Hash())
	assert.Regexp(t, `^default-[0-9a-f]{12}$`, base.RunName())
}

// Fields that came later leave the hashes of recipes without them as they were,
// and count where they are used.
func TestHashOfFieldsThatCameLater(t *testing.T) {
	of := func(sets ...string) string { return ofProgram(t, sets).Hash() }
	assert.Equal(t, "132738f14ee3", Short(of("encoder.pool=max", "score.distances=[l2]")),
		"the default recipe as it was before all of them")
	for _, field := range []string{"mask_ratio=0.5", "decoder_depth=3", "decoder_dim=48", "decoder_heads=4",
		"norm_pix=true"} {
		assert.Equal(t, of(), of("method."+field), "simclr has no %s", field)
		mae := []string{"method.name=mae", "encoder.name=vit_tiny_patch4"}
		assert.NotEqual(t, of(mae...), of(append(mae, "method."+field)...), field)
	}
	assert.Equal(t, of(), of("train.beta1=0.9", "train.beta2=0.999", "encoder.norm=auto"))
	for _, other := range []string{"train.beta1=0.8", "train.beta2=0.95", "encoder.norm=group"} {
		assert.NotEqual(t, of(), of(other), other)
	}
	vit := "encoder.name=vit_tiny_patch4"
	for _, other := range []string{"encoder.positions=sine", "encoder.drop_path=0.1", "encoder.heads=1",
		"encoder.norm_eps=1e-12", "encoder.fc_norm=true",
		"encoder.layer_scale=1", "encoder.registers=4", "encoder.positions_size=64"} {
		assert.NotEqual(t, of(vit), of(vit, other), other)
	}
	for _, other := range []string{"encoder.stem_padding=2", "encoder.stem_padding=0", "encoder.stem_stride=2",
		"encoder.stem_pool=max"} {
		assert.NotEqual(t, of("encoder.name=resnet18"), of("encoder.name=resnet18", other), other)
	}
	assert.Equal(t, of(), of("encoder.stem_padding=null", "encoder.stem_stride=0", "encoder.stem_pool=auto",
		"encoder.norm_eps=0", "encoder.heads=0",
		"encoder.fc_norm=false", "encoder.layer_scale=0", "encoder.registers=0", "encoder.positions_size=0"))
	assert.NotEqual(t, of("encoder.name=resnet18"), of("encoder.name=resnet18", "encoder.stem=imagenet"))
	assert.Equal(t, of(), of("augment.solarize=0", "augment.solarize_threshold=0.3", "augment.invert=0"))
	assert.NotEqual(t, of(), of("augment.invert=0.2"))
	assert.NotEqual(t, of("augment.solarize=0.2"), of("augment.solarize=0.2", "augment.solarize_threshold=0.3"))
	assert.Equal(t, of(), of("score.alignment=false"))
	assert.NotEqual(t, of(), of("score.alignment=true"))
}

// Facts that the encoder cannot have are refused, not passed over.
func TestRefusedOfGeometry(t *testing.T) {
	for _, c := range []struct{ encoder, set, want string }{
		{"resnet9", "encoder.stem_padding=2",
			"encoder.stem_padding: found other ones than the usual, expected none: resnet9 has a stem of " +
				"its own"},
		{"resnet18", "encoder.stem_padding=-1", "encoder.stem_padding: found -1, expected 0 to 16"},
		{"resnet18", "encoder.stem_pool=avg", `encoder.stem_pool: found "avg", expected auto, max, none`},
		{"resnet18", "encoder.heads=3", "encoder.heads: found some, expected none: resnet18 is no vision transformer"},
		{"resnet18", "encoder.registers=4", "expected none: resnet18 is no vision transformer"},
		{"resnet18", "encoder.norm_eps=2", "encoder.norm_eps: found 2, expected 0 (the usual) to 1"},
		{"vit_small_patch4", "encoder.heads=7", "encoder.heads: found 7, expected a divisor of 192, the width of a token"},
		{"vit_small_patch4", "encoder.stem_pool=max", "vit_small_patch4 has a stem of its own"},
		{"vit_small_patch4", "encoder.positions_size=3",
			"encoder.positions_size: found 3, expected the patch's 4 to 4096 pixels"},
	} {
		_, err := Read("", nil, []string{"encoder.name=" + c.encoder, c.set})
		assert.ErrorContains(t, err, c.want, "%s of %s", c.set, c.encoder)
	}
	_, err := Read("", nil, []string{"encoder.name=vit_small_patch4", "encoder.heads=12"})
	assert.NoError(t, err)
	_, err = Read("", nil, []string{"encoder.name=vit_tiny_patch4", "method.name=mae", "encoder.registers=2"})
	assert.ErrorContains(t, err, "want 0 registers")
}

// Fields of other methods do not count, so recipes of SimCLR that were run before
// those methods came have the hash that they had.
func TestHashOfMethods(t *testing.T) {
	of := func(sets ...string) string { return ofProgram(t, sets).TrainHash() }
	fields := map[string]string{
		"temperature": "0.3", "projector": "[8]", "projector_bn": "true", "predictor": "[7]", "ema": "0.5",
		"ema_schedule": "cosine",
		"queue":        "401", "bn_splits": "5", "symmetric": "true", "lambda": "0.1", "loss_scale": "2", "invariance": "1",
		"variance":   "1",
		"covariance": "2", "prototypes": "9", "teacher_temperature": "0.1", "centre_momentum": "0.5",
		"freeze_prototypes": "2",
		"local_crops":       "2",
	}
	counted := map[string]string{
		"simclr":  "temperature projector projector_bn",
		"byol":    "projector predictor ema ema_schedule",
		"simsiam": "projector predictor",
		"mocov2":  "temperature projector projector_bn ema ema_schedule queue bn_splits symmetric",
		"mocov3":  "temperature projector predictor ema ema_schedule",
		"barlow":  "projector lambda loss_scale",
		"vicreg":  "projector invariance variance covariance",
		"dino": "temperature projector projector_bn ema ema_schedule prototypes teacher_temperature centre_momentum " +
			"freeze_prototypes local_crops",
	}
	all := map[string]bool{}
	for method, list := range counted {
		name := "method.name=" + method
		base := of(name)
		require.False(t, all[base])
		all[base] = true
		for field, value := range fields {
			same := base == of(name, "method."+field+"="+value)
			assert.Equal(t, slices.Contains(strings.Fields(list), field), !same, "%s of %s", field, method)
		}
	}
	require.Len(t, all, len(ssl.Names())-2, "all but mae and supervised")
	assert.Equal(t, of(), of("train.lars_trust=3"))
	assert.NotEqual(t, of("train.optimizer=lars"), of("train.optimizer=lars", "train.lars_trust=3"))
}

func TestRefusedOfMethods(t *testing.T) {
	for _, c := range []struct{ method, set, want string }{
		{"byol", "method.ema=1", "method.ema: found 1, expected at least 0 and less than 1"},
		{"byol", "method.ema_schedule=linear", `method.ema_schedule: found "linear", expected constant or cosine`},
		{"byol", "method.predictor=[]", "method.predictor: found no layer, expected at least one width"},
		{"simsiam", "method.predictor=[0]", "method.predictor: found width 0 in [0], expected 1 to 65536"},
		{"mocov2", "method.queue=99", "method.queue: found 99, expected 100 to 10000000"},
		{"mocov2", "method.bn_splits=3", "method.bn_splits: found 3, expected a divisor of the batch of 100"},
		{"mocov2", "method.bn_splits=0", "method.bn_splits: found 0, expected a divisor"},
		{"mocov2", "method.bn_splits=100", "method.bn_splits: found 100, expected parts of at least 2 of the 100 images"},
		{"barlow", "method.lambda=-1", "method.lambda: found -1, expected 0 to"},
		{"barlow", "method.loss_scale=0", "method.loss_scale: found 0, expected a number above 0"},
		{"vicreg", "method.variance=-1", "method.variance: found -1, expected 0 to"},
		{"mocov3", "method.freeze_patch=true",
			"method.freeze_patch: found true, expected false: the encoder has no patch embedding"},
		{"dino", "method.freeze_prototypes=201", "method.freeze_prototypes: found 201, expected 0 to 200"},
		{"dino", "method.local_crops=-1", "method.local_crops: found -1, expected 0 to 100"},
		{"dino", "method.prototypes=1", "method.prototypes: found 1, expected 2 to"},
		{"dino", "method.teacher_temperature=0", "method.teacher_temperature: found 0, expected a number above 0"},
		{"dino", "method.centre_momentum=1", "method.centre_momentum: found 1, expected at least 0 and less than 1"},
	} {
		_, err := Read("", nil, []string{"method.name=" + c.method, c.set})
		assert.ErrorContains(t, err, c.want, c.set)
		_, err = Read("", nil, []string{"method.name=simclr", c.set})
		assert.ErrorContains(t, err, "but method simclr has no such setting", c.set)
	}
	_, err := Read("", nil, []string{"train.optimizer=lars", "train.lars_trust=0"})
	assert.ErrorContains(t, err, "train.lars_trust: want a number above 0")
}

func TestSeeds(t *testing.T) {
	r, err := Read("", nil, []string{"seed=5", "train.seed_g=6", "score.seed=7"})
	require.NoError(t, err)
	assert.Equal(t, []uint64{5, 5, 6, 7},
		[]uint64{r.SplitSeed(), r.TrainSeed(memorize.F), r.TrainSeed(memorize.G), r.ScoreSeed()})
}

func TestScoreOptions(t *testing.T) {
	r, err := Read("", nil, []string{"score.estimators=raw", "score.distances=[cosine, l1]", "score.seed=9"})
	require.NoError(t, err)
	o := r.ScoreOptions()
	require.NoError(t, o.Validate())
	assert.EqualValues(t, []string{"raw"}, []string{string(o.Estimators[0])})
	assert.Len(t, o.Distances, 2)
	assert.Empty(t, o.Taps, "all")
	assert.EqualValues(t, 9, o.Seed)
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"train.epochs=0", "--set train.epochs=0: train.epochs: want 1 to 1000000, found 0"},
		{"train.epochs=-3", "found -3"},
		{"train.batch=501", "train.batch: want 2 to 500, the images that the smaller training set has, found 501"},
		{"train.batch=1", "train.batch: want 2 to 500"},
		{"train.optimizer=adm", `train.optimizer: want adam or adamw or sgd or lars, found "adm"; did you mean adam?`},
		{"train.lr=0", "train.lr: want a number above 0"},
		{"train.lr=-1", "train.lr: want a number above 0"},
		{"train.momentum=1", "train.momentum: want at least 0 and less than 1, found 1"},
		{"train.weight_decay=-1", "train.weight_decay"},
		{"train.schedule=step", "train.schedule"},
		{"train.weight_decay_end=-2", "train.weight_decay_end: want 0 to 1e+06, found -2"},
		{"train.weight_decay_end=0.4", "train.weight_decay_end: want null where train.weight_decay is 0, found 0.4"},
		{"train.clip_norm=-1", "train.clip_norm: want 0 to 1e+06, found -1"},
		{"train.warmup_epochs=201", "train.warmup_epochs: want 0 to 200, found 201"},
		{"train.checkpoint_every=0", "train.checkpoint_every"},
		{"train.order=both", "train.order"},
		{"train.precision=fp16", "train.precision"},
		{"train.threads=-1", "train.threads: want 0 to 1024, found -1"},
		{"method.temperature=0", "method.temperature: found 0, expected a number above 0 and at most 1000"},
		{"method.temperature=-0.5", "method.temperature"},
		{"method.projector=[]", "method.projector: found no layer, expected at least one width"},
		{"method.projector=[256, 0]", "method.projector: found width 0 in [256 0], expected 1 to 65536"},
		{"method.name=bylo",
			`method.name: want barlow or byol or dino or mae or mocov2 or mocov3 or simclr or simsiam or supervised or ` +
				`vicreg, found "bylo"; did you mean byol?`},
		{"encoder.name=resnet10", `encoder.name: want resnet9 or resnet18 or resnet34 or resnet50 or vit_tiny_patch2`},
		{"encoder.width=0", "encoder.width: want a number above 0"},
		{"encoder.pool=min", "encoder.pool: want auto or max or avg"},
		{"encoder.norm=layer", `encoder.norm: want auto or batch or group, found "layer"`},
		{"encoder.stem=imagenet", `encoder.stem: want auto, found "imagenet"`}, // resnet9 has one stem
		{"augment.crop.scale=[0.5, 0.2]", "augment.crop.scale: found [0.5 0.2], expected 0 < from <= to <= 1"},
		{"augment.flip=1.5", "augment.flip: found 1.5, expected 0 to 1"},
		{"augment.size=[16, 16]", "augment.size: want [0, 0]"},
		{"augment.std=[1, 1]", "augment.mean and std"},
		{"split.candidate=0", "split.candidate: want 1 to"},
		{"split.shared=-1", "split.shared: want 0 to"},
		{"split.shared=301",
			"split.shared: shared + candidate + independent are 301 + 200 + 200 = 701 images, the training part of " +
				"synthetic has 700"},
		{"split.external=1001", "split.external: want at most 1000"},
		{"split.mode=paper", "split.shared: want 40000 in mode paper, found 300"},
		{"split.mode=every", "split.mode"},
		{"data.name=cifar",
			`data.name: want synthetic or cifar10 or cifar100 or fashion-mnist or folder or mnist or stl10 or svhn ` +
				`or tiny-imagenet, found "cifar"; did you mean cifar`},
		{"data.synthetic.classes=1", "data.synthetic.classes"},
		{"data.synthetic.atypical_share=2", "data.synthetic.atypical_share"},
		{"knn.k=0", "knn.k: want 1 to 500, found 0"},
		{"knn.t=0", "knn.t"},
		{"knn.test=1001", "knn.test: want 0 to 1000, the images of the test part of synthetic, found 1001"},
		{"knn.train=501", "knn.train: want 0 to 500, found 501"},
		{"score.views=1", "score.views: found 1, expected at least 2 in mode pair"},
		{"score.estimators=[paper, eq2]", "score.estimators[1]: found \"eq2\", expected one of paper, raw, range"},
		{"score.distances=[]", "score.distances: found none"},
		{"score.level=1", "score.level: found 1"},
		{"score.resamples=5", "score.resamples: found 5, too few"},
		{"score.points.shared=1",
			"score.points.shared: want at least 2 points to score units (or score.units=false), found 1"},
		{"score.points.candidate=-1", "score.points.candidate: want 0 to 10000000, found -1"},
		{"score.batch=0", "score.batch"},
		{"score.rest=mode", "score.rest"},
		{`score.taps=[""]`, `score.taps: no tap matches ""`},
		{"score.taps=[conv*, conv9]", `score.taps: no tap matches "conv9"; there are conv1`},
		{"score.taps=[]", "score.taps: want all, names or patterns of taps, found none"},
		{"name=a/b", "name: want 1 to 64 letters"},
		{"name=..", "name: want"},
		{"method.name=mae",
			`encoder.name: "resnet9" for method mae: found one without tokens, expected a vision transformer, such as ` +
				`vit_tiny_patch4: mae hides patches`},
		{"train.lr=1e-320", "train.lr: want a number above 0 and at most 1e+06, found 1e-320, which is 0 in float32"},
		{"train.clip_norm=1e-320", "train.clip_norm: want a number above 0"},
		{"train.momentum=0.999999999999", "less than 1, found 0.999999999999, which is 1 in float32"},
		{"train.beta2=0.999999999999", "train.beta2: want more than 0 and less than 1, found 0.999999999999"},
		{"method.temperature=1e-320", "method.temperature: found 1e-320, expected a number above 0"},
		{"train.beta1=1", "train.beta1: want more than 0 and less than 1, found 1"},
		{"train.beta2=0", "train.beta2: want more than 0"},
		{"trian.epochs=3", "--set trian.epochs=3: no field trian.epochs; did you mean train.epochs?"},
		{"train=3", "it is a section"},
		{"train.epochs", `want field=value, found no "="`},
	} {
		_, err := Read("", nil, []string{c.set})
		assert.ErrorContains(t, err, c.want, c.set)
		var ps settings.Problems
		assert.ErrorAs(t, err, &ps, c.set)
	}
}

func TestRefusedForAlignment(t *testing.T) {
	_, err := Read("", nil, []string{"score.alignment=true", "score.points.shared=2"})
	assert.ErrorContains(t, err,
		"score.alignment: want at least 3 points of each set to compare alignment matrices, found 2 shared")
	_, err = Read("", nil, []string{"score.alignment=true", "score.points.shared=3"})
	assert.NoError(t, err)
}

func TestProblemsSayWhere(t *testing.T) {
	_, err := Read("my.yaml", []byte("train:\n  epochs: 0\n  lr: 0\n"), []string{"knn.k=0"})
	require.Error(t, err)
	assert.Equal(t, []string{
		"my.yaml:2: train.epochs: want 1 to 1000000, found 0",
		"my.yaml:3: train.lr: want a number above 0 and at most 1e+06, found 0",
		"--set knn.k=0: knn.k: want 1 to 500, found 0",
	}, strings.Split(err.Error(), "\n"))

	_, err = Load(filepath.Join(t.TempDir(), "none.yaml"), nil)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestRefusedForMAE(t *testing.T) {
	for set, want := range map[string]string{
		"method.mask_ratio=0":     "method.mask_ratio: found 0, expected more than 0 and less than 1",
		"method.mask_ratio=1":     "method.mask_ratio: found 1, expected more than 0",
		"method.decoder_depth=-1": "method.decoder_depth: found -1, expected 0 to 1000",
		"method.decoder_heads=0":  "method.decoder_heads: found 0, expected 1 to",
		"method.decoder_dim=194":  "method.decoder_dim: found 194, expected a multiple of 4 and of the 3 heads",
		"data.synthetic.size=30": `encoder.name: "vit_tiny_patch4" for method mae: found patches of 4 pixels on ` +
			`images of 30x30, expected a side that divides both`,
		"method.mask_ratio=0.9999": "method.mask_ratio: found 0.9999, by which 0 of 64 patches are visible",
	} {
		_, err := Read("", nil, []string{"method.name=mae", "encoder.name=vit_tiny_patch4", set})
		assert.ErrorContains(t, err, want, set)
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(testutil.Root(), "recipes", "*.yaml"))
	require.NoError(f, err)
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(src)
	}
	f.Add([]byte("train: {epochs: 3}\nscore: {taps: [conv*]}"))
	f.Add([]byte("augment: {preset: solo-asymmetric, second: {preset: weak, gray: null}}\nscore: {augment: {preset: " +
		"none, flip: null}}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		r, err := Read("x.yaml", src, nil)
		if err != nil {
			return
		}
		require.NoError(t, r.Validate())
		var b bytes.Buffer
		require.NoError(t, r.Write(&b))
		again, err := Read("y.yaml", b.Bytes(), nil)
		require.NoError(t, err, b.String())
		require.Equal(t, r.Hash(), again.Hash())
		require.Equal(t, r.RunName(), again.RunName())
	})
}

// The defaults that methods are registered with are what recipes/default.yaml says, for
// every method that has the field.
func TestDefaultsOfMethodsAreThoseOfTheDefaultRecipe(t *testing.T) {
	r := blank()
	require.NoError(t, settings.Decode(r, "default.yaml", recipes.Default, nil))
	require.NotEmpty(t, r.Method.all)
	for _, s := range r.Method.all {
		k, _ := ssl.Lookup(s.name)
		assert.Equal(t, k.Config, s.value(), s.name)
	}
}
