// Package run carries out whole experiments: it trains the encoders of a
// recipe, scores them and keeps everything in a run directory, where work that
// is done is found again and work that was interrupted continues.
package run

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/internal/settings"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/tensor"
)

// Setup is a recipe with its data, split and views, ready to train and score.
type Setup struct {
	Recipe      *recipe.Recipe
	Train, Test data.Dataset
	Split       *data.Split
	Augment     *augment.Augmenter   // of the first view of training
	Views       []*augment.Augmenter // of the others, by number (ssl.TrainerConfig)
	ScoreViews  *augment.Augmenter   // of scoring
	// Foreign says that the encoders were not trained here, by this recipe.
	Foreign bool
}

// OpenData returns the training and the test part of the recipe's data.
func OpenData(r *recipe.Recipe) (train, test data.Dataset, err error) {
	d := r.Data
	if s := data.SourceOf(d.Name); s != nil {
		if d.Dir == "" {
			var wrong settings.Problems
			wrong.Add("", "data.dir", "the folder with the files of %s is not given; add --set data.dir=DIR", s.Name)
			return nil, nil, wrong
		}
		train, test, err := s.Open(d.Dir, d.Variant, r.FolderOptions())
		if err == nil && s.Name == "folder" {
			err = everyNth(r, train)
		}
		return train, test, err
	}
	o := data.SyntheticOptions{N: d.Synthetic.Train, Classes: d.Synthetic.Classes, Size: d.Synthetic.Size,
		AtypicalShare: d.Synthetic.AtypicalShare, Seed: d.Synthetic.Seed, Part: data.Train}
	if o.AtypicalShare == 0 {
		o.AtypicalShare = -1 // there 0 stands for the default
	}
	if train, err = synthetic(o); err != nil {
		return nil, nil, err
	}
	o.N, o.Part = d.Synthetic.Test, data.Test
	test, err = synthetic(o)
	return train, test, err
}

// everyNth refuses a choice of test images where the folders are the choice: image files
// then lie in the folder of their part and not in that of their class.
func everyNth(r *recipe.Recipe, train data.Dataset) error {
	if train.Len() == 0 || train.Label(0) < 0 {
		return nil
	}
	top, _, _ := strings.Cut(data.FileOf(train, 0), "/")
	n, usual := r.Data.Folder.TestEvery, recipe.Default().Data.Folder.TestEvery
	if n == usual || top == train.Classes()[train.Label(0)] {
		return nil
	}
	var wrong settings.Problems
	wrong.Add("", "data.folder.test_every", "found %d, expected %d, the default: it has no effect where folders are the "+
		"parts, as %s is here (data.folder.parts: none takes every folder for a class)", n, usual, top)
	return wrong
}

// Open opens the data of a recipe, draws its split and makes its views.
func Open(r *recipe.Recipe) (*Setup, error) {
	return open(r, func(train, test data.Dataset) (*data.Split, error) {
		split, err := data.MakeSplit(train, test, r.SplitOptions())
		if err == nil {
			return split, nil
		}
		if s := recipe.Default().Split; r.Split.Shared == s.Shared && r.Split.Candidate == s.Candidate &&
			r.Split.Independent == s.Independent && r.Split.External == s.External {
			err = fmt.Errorf("%w: the numbers are the defaults of recipes/default.yaml, expected split.shared, "+
				"split.candidate, split.independent and split.external that fit: there are %d images for training and "+
				"%d for testing", err, train.Len(), test.Len())
		}
		return nil, err
	})
}

// open is Open with sets that are chosen elsewhere; none if choose is nil.
func open(r *recipe.Recipe, choose func(train, test data.Dataset) (*data.Split, error)) (*Setup, error) {
	train, test, err := OpenData(r)
	if err != nil {
		return nil, err
	}
	l := &Setup{Recipe: r, Train: train, Test: test}
	if choose != nil {
		if l.Split, err = choose(train, test); err != nil {
			return nil, err
		}
	}
	return l, l.augmenters()
}

// TrainID identifies what decides the trained encoders: the recipe's part of it
// and the images of the split.
func (l *Setup) TrainID() string {
	sum := sha256.Sum256([]byte(l.Recipe.TrainHash() + " " + l.Split.Hash()))
	return hex.EncodeToString(sum[:])
}

// Encoder returns encoder F or G as it is before training.
func (l *Setup) Encoder(side memorize.Side) (nn.Encoder, error) {
	h, w, c := l.Train.Shape()
	return NewEncoder(l.Recipe, h, w, c, l.Recipe.TrainSeed(side))
}

// NewEncoder returns the recipe's encoder for images of that shape.
func NewEncoder(r *recipe.Recipe, h, w, c int, seed uint64) (nn.Encoder, error) {
	return nn.NewEncoder(r.Encoder.Name, r.Encoder.Options(h, w, c), seed)
}

// shape is that of the images: height, width, channels.
func (l *Setup) shape() [3]int {
	h, w, c := l.Train.Shape()
	return [3]int{h, w, c}
}

// Method puts the recipe's objective, with its own networks, on top of an
// encoder.
func (l *Setup) Method(enc nn.Encoder, side memorize.Side) (ssl.Method, error) {
	r := l.Recipe
	h, w, c := l.Train.Shape()
	return ssl.New(r.Method.Name, r.Method.Config, ssl.Setup{
		Encoder: enc, Another: func() (nn.Encoder, error) { return l.Encoder(side) }, Seed: r.TrainSeed(side),
		Shape: [3]int{h, w, c}, Classes: len(l.Train.Classes()),
		PixelVariance: func() float64 { return ssl.PixelVariance(l.Train, l.TrainIndices(side), r.Augment.Std) },
		Batch:         r.Train.Batch, Parts: r.Train.Accumulate, StepsPerEpoch: l.stepsPerEpoch(side),
	})
}

// Optimizer returns the recipe's optimiser of these parameters of encoder F or G.
func (l *Setup) Optimizer(e *tensor.Engine, params []*nn.Param, side memorize.Side) (optim.Optimizer, error) {
	rest, steady := l.fixedRate(params)
	o, err := l.decayingOptimizer(e, rest, side)
	if err == nil && len(steady) > 0 {
		var fixed optim.Optimizer
		if fixed, err = l.decayingOptimizer(e, steady, side); err == nil {
			o, err = optim.FixedRate(o, fixed, l.Recipe.Train.LR)
		}
	}
	if err != nil {
		return nil, err
	}
	return optim.Clip(o, e, params, l.Recipe.Train.ClipNorm)
}

// fixedRate parts the parameters from those that the method keeps at the highest rate.
func (l *Setup) fixedRate(params []*nn.Param) (rest, steady []*nn.Param) {
	c, ok := l.Recipe.Method.Config.(ssl.FixedRater)
	if !ok {
		return params, nil
	}
	for _, p := range params {
		if c.FixedRate(p.Name) {
			steady = append(steady, p)
		} else {
			rest = append(rest, p)
		}
	}
	return rest, steady
}

// decayingOptimizer is Optimizer without fixed rates and without
// clipping.
func (l *Setup) decayingOptimizer(e *tensor.Engine, params []*nn.Param, side memorize.Side) (optim.Optimizer, error) {
	t := l.Recipe.Train
	o, err := l.plainOptimizer(e, params)
	if err == nil && t.WeightDecayEnd != nil {
		o, err = optim.CosineDecay(o, t.WeightDecay, *t.WeightDecayEnd, t.Epochs*l.stepsPerEpoch(side))
	}
	return o, err
}

// stepsPerEpoch is the number of whole batches of encoder F or G.
func (l *Setup) stepsPerEpoch(side memorize.Side) int {
	return len(l.TrainIndices(side)) / l.Recipe.Train.Batch
}

// plainOptimizer is decayingOptimizer without schedule of the weight decay.
func (l *Setup) plainOptimizer(e *tensor.Engine, params []*nn.Param) (optim.Optimizer, error) {
	t := l.Recipe.Train
	switch t.Optimizer {
	case "sgd":
		return optim.NewSGD(e, params, optim.SGDConfig{Momentum: t.Momentum, WeightDecay: t.WeightDecay})
	case "lars":
		return optim.NewLARS(e, params, optim.LARSConfig{Momentum: t.Momentum, Trust: t.LARSTrust, Clip: t.LARSClip,
			WeightDecay: t.WeightDecay})
	}
	return optim.NewAdam(e, params, optim.AdamConfig{Beta1: t.Beta1, Beta2: t.Beta2, WeightDecay: t.WeightDecay,
		Decoupled: t.Optimizer == "adamw"})
}

// schedule returns the learning rates of a training with that many steps an epoch.
func (l *Setup) schedule(stepsPerEpoch int) optim.Schedule {
	t := l.Recipe.Train
	warmup := int(t.WarmupEpochs * float64(stepsPerEpoch))
	if t.Schedule == "constant" {
		return constantWarmup{lr: t.LR, warmup: warmup}
	}
	return optim.CosineWarmup{Base: t.LR, Warmup: warmup, Total: t.Epochs * stepsPerEpoch}
}

// constantWarmup rises to its learning rate over the first steps and stays there.
type constantWarmup struct {
	lr     float64
	warmup int
}

// At implements optim.Schedule.
func (s constantWarmup) At(step int) float64 {
	return s.lr * min(1, float64(step+1)/float64(max(s.warmup, 1)))
}

// TrainIndices returns the training images of encoder F or G.
func (l *Setup) TrainIndices(side memorize.Side) []int {
	if side == memorize.G {
		return l.Split.TrainG()
	}
	return l.Split.TrainF()
}

// Probe returns the recipe's kNN test of encoder F or G.
func (l *Setup) Probe(e *tensor.Engine, enc nn.Encoder, side memorize.Side) *probe.KNNProbe {
	k, o := l.Recipe.KNN, l.Recipe.ScoreOptions()
	p := &probe.KNNProbe{Engine: e, Encoder: enc, Augment: l.Augment, Bank: l.Train, Test: l.Test,
		BankIndices: l.TrainIndices(side), TestIndices: l.knnImages(), K: k.K, T: k.T, Batch: o.BatchFor(enc, e.Threads())}
	if k.Train > 0 {
		p.BankIndices = p.BankIndices[:min(k.Train, len(p.BankIndices))]
	}
	return p
}

// knnImages are the test images that the kNN tests classify.
func (l *Setup) knnImages() []int {
	n := l.Test.Len()
	if k := l.Recipe.KNN.Test; k > 0 {
		n = min(n, k)
	}
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// Sets returns the sets to score, in the order candidate, shared, independent,
// external. Empty ones are left out.
func (l *Setup) Sets() []memorize.Images {
	limit := l.Recipe.Score.Points
	var sets []memorize.Images
	for _, s := range []struct {
		name    string
		data    data.Dataset
		indices []int
		limit   int
	}{
		{memorize.Candidate, l.Train, l.Split.Candidate, limit.Candidate}, {memorize.Shared, l.Train,
			l.Split.Shared, limit.Shared},
		{memorize.Independent, l.Train, l.Split.Independent, limit.Independent}, {memorize.External, l.Test,
			l.Split.External, limit.External},
	} {
		n := len(s.indices)
		if s.limit > 0 {
			n = min(n, s.limit)
		}
		if n > 0 {
			sets = append(sets, memorize.Images{Set: memorize.Set{Name: s.name, Points: s.indices[:n]}, Data: s.data})
		}
	}
	return sets
}
