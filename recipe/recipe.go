// Package recipe describes an experiment in one YAML file: the data, who trains
// on what, the encoders, the training and the scores. Two runs of the same recipe
// give the same results, and the recipe's hash names the run.
package recipe

import (
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
)

// Recipe is everything that decides what a run does. A file need not name every
// field: what it leaves out has the value of recipes/default.yaml.
//
// Fields with the tag hash:"-" say where and how fast a run works. They do not
// change its results and so not its hash.
type Recipe struct {
	// Name starts the name of the run directory. It is for people.
	Name string `yaml:"name" hash:"-"`
	// Seed is where all randomness begins: initial weights, order of images,
	// views, split, bootstrap. Other seeds below take its place where given.
	Seed uint64 `yaml:"seed"`

	Data    Data           `yaml:"data"`
	Split   Split          `yaml:"split"`
	Encoder Encoder        `yaml:"encoder"`
	Method  Method         `yaml:"method"`
	Augment augment.Config `yaml:"augment"` // the views of training, the first of them those of scoring too
	Train   Train          `yaml:"train"`
	KNN     KNN            `yaml:"knn"`
	Score   Score          `yaml:"score"`
}

// Data says which images.
type Data struct {
	// Name is synthetic (made in code, needs no files) or one of data.Sources,
	// read from Dir.
	Name string `yaml:"name"`
	// Dir is the folder of the files. The images themselves, not their place,
	// are part of the split's hash.
	Dir string `yaml:"dir" hash:"-" needs:"data.name!=synthetic"`
	// Variant chooses within some data (data.Source); "" is the usual one.
	Variant string `yaml:"variant" hash:"data.name=cifar100|svhn|stl10" needs:""` // checked by its source
	// Folder says what becomes of image files; it counts for name folder only.
	Folder Folder `yaml:"folder" hash:"data.name=folder"`
	// Synthetic describes the synthetic images; it counts for name synthetic
	// only.
	Synthetic Synthetic `yaml:"synthetic" hash:"data.name=synthetic"`
}

// Folder describes how image files become images of one size
// (data.FolderOptions).
type Folder struct {
	Size [2]int `yaml:"size"` // height and width in pixels
	// Resize is crop (the shorter side is resized, the middle cut out) or stretch
	// (straight to Size).
	Resize  string `yaml:"resize"`
	Shorter int    `yaml:"shorter" needs:"resize=crop"` // of the shorter side before the cut; 0: the larger of Size
	// TestEvery n makes every n-th image of a class one of the test part where
	// there are no folders train and val (or test).
	TestEvery int `yaml:"test_every" needs:"parts=auto|none"`
	// Parts says which folders are the two parts: auto, what their names tell; none,
	// every folder is a class; TRAIN/TEST, two folders.
	Parts string `yaml:"parts" hash:"data.folder.parts!=auto"`
	// SkipUnreadable leaves out files that cannot be read.
	SkipUnreadable bool `yaml:"skip_unreadable" hash:"data.folder.skip_unreadable!=false"`
}

// Synthetic describes the images made in code (data.NewSynthetic).
type Synthetic struct {
	Train         int     `yaml:"train"`          // images of the training part
	Test          int     `yaml:"test"`           // images of the test part
	Classes       int     `yaml:"classes"`        // classes
	Size          int     `yaml:"size"`           // height and width in pixels
	AtypicalShare float64 `yaml:"atypical_share"` // share of images unlike their class, 0 to 1
	Seed          uint64  `yaml:"seed"`           // other seeds give other images
}

// Split says how many images each of the four sets holds. f trains on the shared
// images and the candidates, g on the shared ones and the independents.
type Split struct {
	// Mode is random (drawn with the seed), crossed (likewise, but pair by pair, see
	// data.SplitOptions) or paper (the ranges of the paper's code for CIFAR-10; the
	// sizes must then be 40000, 5000, 5000, 5000).
	Mode string `yaml:"mode"`
	// Pair is the number of the pair of encoders, from 1.
	Pair        int `yaml:"pair" hash:"split.mode=crossed"`
	Shared      int `yaml:"shared"`      // S_S: seen by f and g
	Candidate   int `yaml:"candidate"`   // S_C: seen by f only
	Independent int `yaml:"independent"` // S_I: seen by g only
	External    int `yaml:"external"`    // S_E: from the test part, seen by neither
	// Seed chooses the images; null: the recipe's seed.
	Seed *uint64 `yaml:"seed" needs:"split.mode!=paper"`
}

// Encoder is the network that is trained and scored, the same for f and g.
type Encoder struct {
	Name  string  `yaml:"name"`  // one of nn.EncoderNames
	Width float64 `yaml:"width"` // factor on the number of channels of every layer; 1 is the paper's
	// Pool is what the last map is pooled with: max, avg or auto, which is max
	// for resnet9 and avg for the other ResNets. Vision transformers: token, avg
	// or auto (token).
	Pool string `yaml:"pool"`
	// Stem is the beginning of resnet18, 34 and 50: cifar, imagenet or auto,
	// which is cifar for images of at most 64 pixels.
	Stem string `yaml:"stem" hash:"encoder.stem!=auto"`
	// Norm is batch, group or auto (batch): with group norm no image sees another.
	Norm string `yaml:"norm" hash:"encoder.norm!=auto"`
	// Positions of vision transformers: learned (auto) or sine.
	Positions string `yaml:"positions" hash:"encoder.positions!=auto"`
	// DropPath is the share of samples for which the last block of a vision
	// transformer is left out in training, rising from 0 in the first.
	DropPath float64 `yaml:"drop_path" hash:"encoder.drop_path!=0"`
	// What follows are facts that a file of weights does not tell (nn.Geometry):
	// padding and stride of the first convolution of resnet18, 34 and 50 (null and 0:
	// those of the stem), and whether a max pool follows it (max, none or auto).
	StemPadding *int   `yaml:"stem_padding" hash:"given"`
	StemStride  int    `yaml:"stem_stride" hash:"encoder.stem_stride!=0"`
	StemPool    string `yaml:"stem_pool" hash:"encoder.stem_pool!=auto"`
	// NormEps is added to variances in norms; 0: 1e-5, of vision transformers 1e-6.
	NormEps float64 `yaml:"norm_eps" hash:"encoder.norm_eps!=0"`
	// Of vision transformers: the number of heads (0: the usual), the final norm
	// behind the pool, the layer scale (0: none), registers, and the side of the images
	// that the positions are for (0: that of the images).
	Heads         int     `yaml:"heads" hash:"encoder.heads!=0"`
	FCNorm        bool    `yaml:"fc_norm" hash:"encoder.fc_norm!=false"`
	LayerScale    float64 `yaml:"layer_scale" hash:"encoder.layer_scale!=0"`
	Registers     int     `yaml:"registers" hash:"encoder.registers!=0"`
	PositionsSize int     `yaml:"positions_size" hash:"encoder.positions_size!=0"`
}

// Options returns the options of the encoder for images of a shape.
func (e Encoder) Options(h, w, c int) nn.EncoderOptions {
	return nn.EncoderOptions{Width: e.Width, Pool: e.Pool, Stem: e.Stem, Norm: e.Norm, Positions: e.Positions,
		DropPath: e.DropPath, InH: h, InW: w, InC: c,
		Geometry: nn.Geometry{StemPad: e.StemPadding, StemStride: e.StemStride, StemPool: e.StemPool, NormEps: e.NormEps,
			Heads:  e.Heads,
			FCNorm: e.FCNorm, LayerScale: e.LayerScale, Registers: e.Registers, PositionsSize: e.PositionsSize}}
}

// Resolved returns the encoder for images of a shape without auto, null and 0 where
// they stand for something else, as nn.Resolve. It fails where the encoder is wrong.
func (e Encoder) Resolved(h, w, c int) (Encoder, error) {
	o, err := nn.Resolve(e.Name, e.Options(h, w, c))
	if err != nil {
		return e, err
	}
	e.Width, e.Pool, e.Stem, e.Norm, e.Positions = o.Width, o.Pool, o.Stem, o.Norm, o.Positions
	e.StemPadding, e.StemStride, e.StemPool, e.NormEps, e.Heads = o.StemPad, o.StemStride, o.StemPool, o.NormEps, o.Heads
	return e, nil
}

// Train says how each of the two encoders is trained.
type Train struct {
	Epochs int `yaml:"epochs"`
	// Batch is the number of images of a step, with two views of each.
	// What is left of the images at the end of an epoch waits for the next one.
	Batch int `yaml:"batch"`
	// Accumulate is the number of parts of a batch that go through the networks one
	// after the other, to save memory: their gradients are averaged for one step
	// (ssl.StepInParts says which methods get another loss that way).
	Accumulate  int     `yaml:"accumulate" hash:"train.accumulate!=1"`
	Optimizer   string  `yaml:"optimizer"`    // adam, adamw, sgd or lars
	LR          float64 `yaml:"lr"`           // highest learning rate
	WeightDecay float64 `yaml:"weight_decay"` // L2, as PyTorch's; of adamw decoupled
	Momentum    float64 `yaml:"momentum" needs:"train.optimizer=sgd|lars"`
	// Beta1 and Beta2 are the shares of adam's and adamw's moments that go on.
	Beta1 float64 `yaml:"beta1" hash:"train.beta1!=0.9" needs:"train.optimizer=adam|adamw"`
	Beta2 float64 `yaml:"beta2" hash:"train.beta2!=0.999" needs:"train.optimizer=adam|adamw"`
	// LARSTrust is the trust coefficient of lars; LARSClip keeps its steps from
	// being larger than those of sgd.
	LARSTrust float64 `yaml:"lars_trust" hash:"train.optimizer=lars"`
	LARSClip  bool    `yaml:"lars_clip" hash:"train.optimizer=lars"`
	// WeightDecayEnd is where weight decay goes to over the run, along half a
	// cosine; null: it stays as it is.
	WeightDecayEnd *float64 `yaml:"weight_decay_end" hash:"train.weight_decay_end!=null"`
	// ClipNorm is the largest norm that all gradients together may have; longer
	// ones are shortened to it. 0: any.
	ClipNorm float64 `yaml:"clip_norm" hash:"train.clip_norm!=0"`
	// Private says whether and how training is differentially private.
	Private Private `yaml:"private"`
	// WeightsEMA is the decay of a moving average of the encoder's weights over the
	// steps, which is saved beside the encoder and does not change it; 0: none.
	WeightsEMA   float64 `yaml:"weights_ema" hash:"train.weights_ema!=0"`
	Schedule     string  `yaml:"schedule"`      // cosine (to 0 over the run) or constant
	WarmupEpochs float64 `yaml:"warmup_epochs"` // linear rise to lr at the start
	// Precision is float32 or bf16: convolutions and linear layers round their
	// factors to bf16, which CPUs with AVX512_BF16 multiply twice as fast. Sums,
	// parameters and all scoring are float32 in either case. It counts for the
	// hash where it is not float32, so that older runs keep theirs.
	Precision string `yaml:"precision" hash:"train.precision=bf16"`
	// Winograd is none, f2 or f4: the largest tile of Winograd's fast convolution
	// that training may use (docs/winograd.md). Tests and scores never use it.
	Winograd string `yaml:"winograd" hash:"train.winograd!=none"`
	// SeedF and SeedG choose initial weights, order of images and views of f and
	// g; null: the recipe's seed. Equal seeds make f and g differ only in the
	// images that they do not share.
	SeedF *uint64 `yaml:"seed_f"`
	SeedG *uint64 `yaml:"seed_g"`
	// CheckpointEvery is the number of epochs between two checkpoints. A run
	// that is stopped with ctrl-C always leaves one.
	CheckpointEvery int `yaml:"checkpoint_every" hash:"-"`
	// KeepEvery is the number of epochs between two encoders that are kept for good,
	// for studies over the time of training; 0: none.
	KeepEvery int `yaml:"keep_every" hash:"-"`
	// Order is sequential (f, then g) or parallel (side by side, half of the
	// threads each).
	Order string `yaml:"order" hash:"-"`
	// Threads is the number of cores in use, 0: all.
	Threads int `yaml:"threads" hash:"-"`
}

// KNN says how the encoders are tested during training: by a weighted vote of
// the nearest neighbours (Wu et al., CVPR 2018).
type KNN struct {
	Every int     `yaml:"every"`              // epochs between two tests, the first and the last always have one; 0: none
	K     int     `yaml:"k" needs:"every!=0"` // neighbours that vote
	T     float64 `yaml:"t" needs:"every!=0"` // a neighbour's vote weighs exp(cosine / t)
	// Train is the number of the encoder's own training images to look for
	// neighbours in; 0: all.
	Train int `yaml:"train" needs:"every!=0"`
	// Test is the number of images of the test part, from its beginning, that
	// are classified; 0: all.
	Test int `yaml:"test" needs:"every!=0"`
}

// Due tells whether there is a test after an epoch, from 1, of so many.
func (k KNN) Due(epoch, epochs int) bool {
	return k.Every > 0 && (epoch == 1 || epoch%k.Every == 0 || epoch == epochs)
}

// Score says how memorization is measured (package memorize).
type Score struct {
	// Estimators are paper (Eq. 2 of the paper), raw (Eq. 1) and range (divided
	// by max - min, as in the paper's code). The first is the one of figures
	// and summary.
	Estimators []string `yaml:"estimators"`
	// Preset names a set of values for Estimators, Distances, Mode and Views
	// (ScorePresets). It does not count by itself.
	Preset string `yaml:"preset" hash:"-"`
	// Distances between the activations of two views, see memorize.Distances.
	// The first is the one of figures and summary.
	Distances []string `yaml:"distances"`
	// Mode is pair (all pairs of augmented views, the paper's definition) or
	// original (the image itself against each view, the paper's code).
	Mode  string `yaml:"mode"`
	Views int    `yaml:"views"` // augmented views of each image
	// Taps names the layers to score, or patterns such as conv*; all: every
	// one. locimem taps lists them.
	Taps     []string `yaml:"taps"`
	Units    bool     `yaml:"units"`                       // also score single units (UnitMem)
	Rest     string   `yaml:"rest" needs:"units=true"`     // UnitMem against the mean or the median of the other points
	Absolute bool     `yaml:"absolute" needs:"units=true"` // UnitMem of |activation|
	// Alignment adds alignment-matrix LayerMem, which goes over the images again.
	Alignment bool `yaml:"alignment" hash:"score.alignment!=false"`
	// Points limits the number of images scored of each set, taken from its
	// beginning; 0: all.
	Points Points `yaml:"points"`
	// Resamples is the number of bootstrap resamples behind the intervals, of
	// level Level.
	Resamples int     `yaml:"resamples"`
	Level     float64 `yaml:"level"`
	// Seed chooses the views of scoring and the resamples; null: the recipe's
	// seed.
	Seed *uint64 `yaml:"seed"`
	// Augment is what is different about the views of scoring; null: they are like
	// the first view of training.
	Augment *augment.Override `yaml:"augment" hash:"given"`
	// Batch is the number of images that go through an encoder at once.
	Batch int `yaml:"batch" hash:"-"`
}

// ScorePresets returns the presets that score.preset may name.
//
// authors is the measurement of the programs that were released with the paper
// (layer_mem.py of sprintml/LocalizingMemorizationInSSL): unit-l2 between the image and
// each of 5 views, and SSL_g - SSL_f divided by its range over the scored images.
func ScorePresets() []string { return []string{"authors"} }

// usePreset sets the fields that a preset stands for; it leaves all alone for a name
// that is none.
func (s *Score) usePreset(name string) {
	if name == "authors" {
		s.Estimators, s.Distances = []string{string(memorize.Range)}, []string{string(memorize.UnitL2)}
		s.Mode, s.Views = string(memorize.Original), 5
	}
}

// Points is a number of images for each of the four sets.
type Points struct {
	Shared      int `yaml:"shared"`
	Candidate   int `yaml:"candidate"`
	Independent int `yaml:"independent"`
	External    int `yaml:"external"`
}

// or returns the seed if there is one, else the recipe's.
func (r *Recipe) or(seed *uint64) uint64 {
	if seed == nil {
		return r.Seed
	}
	return *seed
}

// SplitSeed is the seed that the four sets are drawn with.
func (r *Recipe) SplitSeed() uint64 { return r.or(r.Split.Seed) }

// ScoreSeed is the seed of the views of scoring and of the bootstrap.
func (r *Recipe) ScoreSeed() uint64 { return r.or(r.Score.Seed) }

// TrainSeed is the seed of encoder f or g.
func (r *Recipe) TrainSeed(encoder memorize.Side) uint64 {
	if encoder == memorize.G {
		return r.or(r.Train.SeedG)
	}
	return r.or(r.Train.SeedF)
}

// WinogradTile is Train.Winograd as tensor.Options has it.
func (r *Recipe) WinogradTile() int {
	return map[string]int{"none": 0, "f2": 2, "f4": 4}[r.Train.Winograd]
}
