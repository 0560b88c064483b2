package ssl

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
)

const (
	problemImages = 35
	problemBatch  = 8 // 4 steps an epoch, 3 images left over
	problemEpochs = 3
)

// problem is a whole training that takes a moment: a narrow ResNet-9 on small
// synthetic images.
type problem struct {
	config  TrainerConfig
	method  Method
	encoder nn.Encoder
	records []Record
	start   Start
}

type problemOptions struct {
	threads int
	dir     string // of checkpoints
	name    string
	method  string // "" is simclr
	indices []int
	options func(*Options) // changes tinyOptions
	encoder func() nn.Encoder
	change  func(*TrainerConfig)
}

// multiCrop stands for dino with small crops, multiCropViT for that on a vision
// transformer that drops paths.
const (
	multiCrop    = "dino multi-crop"
	multiCropViT = "dino multi-crop vit"
)

// newProblem makes everything anew, as a new process would.
func newProblem(t testing.TB, o problemOptions) *problem {
	if o.threads == 0 {
		o.threads = 2
	}
	if o.name == "" {
		o.name = "f"
	}
	if o.indices == nil {
		o.indices = upTo(0, problemImages)
	}
	e := newEngine(t, o.threads)
	set, err := data.NewSynthetic(data.SyntheticOptions{N: 64, Classes: 10, Size: 16, AtypicalShare: .1, Seed: 1})
	require.NoError(t, err)
	views, err := augment.New(augment.SimCLR(), 16, 16, 3)
	require.NoError(t, err)
	if o.method == "" {
		o.method = "simclr"
	}
	if o.encoder == nil {
		o.encoder = func() nn.Encoder { return tinyEncoder(t) }
	}
	options := tinyOptions
	switch o.method {
	case multiCrop:
		o.method, options.LocalCrops, options.LocalSize = "dino", 2, [2]int{18, 18}
	case multiCropViT:
		o.method, options.LocalCrops, options.LocalSize = "dino", 2, [2]int{8, 8}
		o.encoder = func() nn.Encoder { return vit(t) }
	}
	enc := o.encoder()
	if o.options != nil {
		o.options(&options)
	}
	method, err := New(o.method, enc, func() (nn.Encoder, error) { return o.encoder(), nil }, options, 2)
	require.NoError(t, err)
	adam, err := optim.NewAdam(e, method.Params(), optim.AdamConfig{WeightDecay: 1e-4})
	require.NoError(t, err)
	p := &problem{method: method, encoder: enc}
	p.config = TrainerConfig{
		Name: o.name, Engine: e, Method: method, Optimizer: adam,
		Schedule: optim.CosineWarmup{Base: 3e-3, Warmup: 2, Total: problemEpochs * (problemImages / problemBatch)},
		Dataset:  set, Indices: o.indices, Augment: views,
		Batch: problemBatch, Epochs: problemEpochs, Seed: 3,
		CheckpointDir: o.dir, CheckpointEvery: 1, RecipeHash: "cafe",
		Hooks: Hooks{
			OnStart: func(s Start) { p.start = s },
			OnEpoch: func(r Record) error { p.records = append(p.records, r); return nil },
		},
	}
	if options.LocalCrops > 0 {
		small := augment.SimCLR()
		small.Size, small.Crop.Scale = options.LocalSize, [2]float64{.05, .4}
		crops, err := augment.New(small, 16, 16, 3)
		require.NoError(t, err)
		p.config.Views = append([]*augment.Augmenter{nil, nil}, slices.Repeat([]*augment.Augmenter{crops}, options.LocalCrops)...)
	}
	if o.change != nil {
		o.change(&p.config)
	}
	return p
}

func tinyEncoder(t testing.TB) nn.Encoder {
	enc, err := nn.NewEncoder("resnet9", nn.EncoderOptions{Width: .125, InH: 16, InW: 16}, 1)
	require.NoError(t, err)
	return enc
}

// tinyOptions are those of every method. The queue of 20 is no multiple of the
// batch, so that keys go over its end.
var tinyOptions = Options{
	Temperature: .5, Projector: []int{16, 8}, ProjectorBN: true, Predictor: []int{12}, EMA: .9, EMACosine: true,
	Queue: 20, BNSplits: 2, Symmetric: true, Lambda: .005, LossScale: 1, Invariance: 25, Variance: 25, Covariance: 1,
	Prototypes: 12, TeacherTemperature: .04, CentreMomentum: .9, FreezePrototypes: 5,
}

func (p *problem) run(t testing.TB, ctx context.Context) error {
	trainer, err := NewTrainer(p.config)
	require.NoError(t, err)
	return trainer.Run(ctx)
}

// result is what must be the same bits in every run of the same training.
type result struct {
	weights string
	moments string
	records []Record
}

func (p *problem) result() result {
	r := result{weights: nn.Hash(p.config.Method.Params())}
	var moments []*nn.Param
	for _, m := range p.config.Optimizer.State() {
		moments = append(moments, &nn.Param{Name: m.Name, Value: m.Value})
	}
	r.moments = nn.Hash(moments)
	for _, rec := range p.records {
		rec.ImagesPerSecond, rec.ViewsShare = 0, 0
		r.records = append(r.records, rec)
	}
	return r
}

// uninterrupted is the result of the problem on one thread without checkpoints.
func uninterrupted(t testing.TB) result { return uninterruptedOf(t, "simclr") }

// uninterruptedOf is the same for another method.
func uninterruptedOf(t testing.TB, method string) result {
	p := problemOf(t, method, problemOptions{threads: 1})
	require.NoError(t, p.run(t, context.Background()))
	r := p.result()
	require.Len(t, r.records, problemEpochs)
	require.False(t, math.IsNaN(r.records[0].Spread))
	return r
}

// scheduleFunc is a schedule made of a function.
type scheduleFunc func(step int) float64

func (f scheduleFunc) At(step int) float64 { return f(step) }
