package ssl

import (
	"context"
	"math"
	"reflect"
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
	options func(*allSettings) // changes tinySettings
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
	options, setup := tinySettings, Setup{Seed: 2, Shape: [3]int{16, 16, 3}, StepsPerEpoch: problemImages / problemBatch}
	switch o.method {
	case multiCrop:
		o.method, options.LocalCrops, options.LocalSize, setup.Shape = "dino", 2, .75, [3]int{24, 24, 3} // crops of 18x18
	case multiCropViT:
		o.method, options.LocalCrops, options.LocalSize = "dino", 2, .5
		o.encoder = func() nn.Encoder { return vit(t) }
	}
	enc := o.encoder()
	if o.options != nil {
		o.options(&options)
	}
	setup.Encoder, setup.Another = enc, func() (nn.Encoder, error) { return o.encoder(), nil }
	method, err := New(o.method, options.of(o.method), setup)
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
		small := options.of("dino").Views(augment.SimCLR(), augment.SimCLR(), setup)
		require.Len(t, small, 2+options.LocalCrops)
		crops, err := augment.New(small[2], 16, 16, 3)
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

// tinySettings are those of every method. The queue of 20 is no multiple of the
// batch, so that keys go over its end.
var tinySettings = allSettings{
	Temperature: .5, Projector: []int{16, 8}, ProjectorBN: true, Predictor: []int{12}, EMA: .9, EMASchedule: "cosine",
	Queue: 20, BNSplits: 2, Symmetric: true, Lambda: .005, LossScale: 1, Invariance: 25, Variance: 25, Covariance: 1,
	Prototypes: 12, TeacherTemperature: .04, CentreMomentum: .9, FreezePrototypes: 1.25, // 5 steps
}

// allSettings are those of all methods.
type allSettings struct {
	Temperature                      float64
	Projector                        []int
	ProjectorBN                      bool
	Predictor                        []int
	EMA                              float64
	EMASchedule                      string
	Queue, BNSplits                  int
	Symmetric                        bool
	Lambda, LossScale                float64
	Invariance, Variance, Covariance float64
	Prototypes                       int
	TeacherTemperature               float64
	TeacherStart, TeacherWarmup      float64
	FreezePrototypes                 float64
	FreezePatch                      bool
	CentreMomentum                   float64
	LocalCrops                       int
	LocalSize                        float64
}

// of returns the settings of a method; what is not among all of them is the default.
func (o allSettings) of(method string) Config {
	k, ok := Lookup(method)
	if !ok {
		return nil
	}
	c := reflect.New(reflect.TypeOf(k.Config)).Elem()
	c.Set(reflect.ValueOf(k.Config))
	all := reflect.ValueOf(o)
	for i := range c.NumField() {
		if v := all.FieldByName(c.Type().Field(i).Name); v.IsValid() {
			c.Field(i).Set(v)
		}
	}
	return c.Interface().(Config)
}

// made is New of a method whose type is known.
func made[M Method](name string, c Config, s Setup) (M, error) {
	m, err := New(name, c, s)
	if err != nil {
		var none M
		return none, err
	}
	return m.(M), nil
}

// here returns the names of the methods of this package for which something holds.
func here(has func(Kind) bool) []string {
	var names []string
	for _, k := range Kinds() {
		if reflect.TypeOf(k.Config).PkgPath() == reflect.TypeFor[Kind]().PkgPath() && has(k) {
			names = append(names, k.Name)
		}
	}
	return names
}

// twoViewed returns the methods that compare views.
func twoViewed() []string { return here(func(k Kind) bool { return !k.PerImage }) }

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
