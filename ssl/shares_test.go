package ssl

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/tensor"
)

// shareOptions are the heads of recipes/*-mini.yaml.
var shareOptions = map[string]allSettings{
	"simclr":  {Temperature: .5, Projector: []int{256, 64}},
	"byol":    {Projector: []int{1024, 256}, Predictor: []int{1024}, EMA: .99},
	"simsiam": {Projector: []int{2048, 2048}, Predictor: []int{512}},
	"mocov2":  {Temperature: .1, Projector: []int{512, 128}, EMA: .99, Queue: 4096, BNSplits: 8, Symmetric: true},
	"mocov3":  {Temperature: .2, Projector: []int{4096, 256}, Predictor: []int{4096}, EMA: .99, EMASchedule: "cosine"},
	"barlow":  {Projector: []int{2048, 2048}, Lambda: .005, LossScale: 1},
	"vicreg":  {Projector: []int{2048, 2048, 2048}, Invariance: 25, Variance: 25, Covariance: 1},
	"dino": {Temperature: .1, Projector: []int{2048, 2048, 256}, ProjectorBN: true, Prototypes: 2048, EMA: .99,
		TeacherTemperature: .04, CentreMomentum: .9},
}

// shareTrainer trains by the method's mini recipe, its optimiser included.
func shareTrainer(b *testing.B, name string) *Trainer {
	e, err := tensor.NewEngine(tensor.Options{})
	require.NoError(b, err)
	b.Cleanup(e.Close)
	set, err := data.NewSynthetic(data.SyntheticOptions{N: 256, Classes: 10, Size: 32, Seed: 1})
	require.NoError(b, err)
	views, err := augment.New(augment.SimCLR(), 32, 32, 3)
	require.NoError(b, err)
	encoder := func() (nn.Encoder, error) { return nn.NewEncoder("resnet9", nn.EncoderOptions{}, 1) }
	enc, err := encoder()
	require.NoError(b, err)
	var m Method
	switch name {
	case "mae":
		enc, err = nn.NewEncoder("vit_tiny_patch4", nn.EncoderOptions{Pool: "avg"}, 1)
		require.NoError(b, err)
		m, err = made[*MAE]("mae", MAEConfig{MaskRatio: .75, DecoderDepth: 4, DecoderDim: 192, DecoderHeads: 3}, Setup{Encoder: enc, Seed: 2})
	case "supervised":
		m, err = made[*Supervised]("supervised", nil, Setup{Encoder: enc, Classes: 10, Seed: 2})
	default:
		o := shareOptions[name]
		o.EMASchedule = cmp.Or(o.EMASchedule, "constant")
		m, err = New(name, o.of(name), Setup{Encoder: enc, Another: encoder, Seed: 2})
	}
	require.NoError(b, err)
	var o optim.Optimizer
	switch name {
	case "simclr", "supervised":
		o, err = optim.NewAdam(e, m.Params(), optim.AdamConfig{})
	case "mae":
		o, err = optim.NewAdam(e, m.Params(), optim.AdamConfig{Beta2: .95, WeightDecay: .05, Decoupled: true})
	case "mocov3", "vicreg":
		o, err = optim.NewLARS(e, m.Params(), optim.LARSConfig{Momentum: .9, Trust: .02, Clip: true})
	default:
		o, err = optim.NewSGD(e, m.Params(), optim.SGDConfig{Momentum: .9, WeightDecay: 5e-4})
	}
	require.NoError(b, err)
	t, err := NewTrainer(TrainerConfig{Name: name, Engine: e, Method: m, Optimizer: o, Schedule: optim.Constant(1e-4),
		Dataset: set, Indices: upTo(0, 256), Augment: views, Batch: 256, Epochs: 1 << 20, Encoder: enc, WeightsEMA: .999})
	require.NoError(b, err)
	return t
}

// BenchmarkShares tells where a training step of 256 images goes: percent of it in
// the views, in the optimiser (with clearing gradients), behind it (teacher, queue,
// centre), in what is watched (spread, rank, norm of the gradient) and in an average
// of the weights. The rest are encoder, projector and loss. The parts are timed
// by themselves, right behind a step whose gradients they find.
//
//	go test ./ssl -run '^$' -bench Shares -benchtime 3x
func BenchmarkShares(b *testing.B) {
	for _, name := range append(twoViewed(), "mae", "supervised") {
		b.Run(name, func(b *testing.B) {
			t := shareTrainer(b, name)
			e, m, o := t.Engine, t.Method, t.Optimizer
			tape := e.NewTape(tensor.Training)
			order := t.batches.order(0)
			var at place
			require.NoError(b, t.step(tape, &at, order))

			capture := nn.NewCapture(ProjectionTap, TeacherTap)
			if s, ok := m.(Labelled); ok {
				s.SetLabels(t.batches.labels(order))
			}
			m.Loss(&nn.Context{Tape: tape, Taps: capture, Noise: &nn.Noise{}}, t.batches.views)
			projection := constant(capture.Outputs[ProjectionTap])
			teacher := constant(capture.Outputs[TeacherTap])
			tape.Release()

			took := map[string][]float64{}
			add := func(part string, f func()) {
				began := time.Now()
				f()
				took[part] = append(took[part], time.Since(began).Seconds())
			}
			for b.Loop() {
				add("step", func() { require.NoError(b, t.step(tape, &at, order)) })
				add("views", func() { t.batches.fill(at.Step, order) })
				add("watch", func() {
					var r StepResult
					w := watch{tape: tape, projection: projection, teacher: teacher}
					w.measure(&r)
					tape.Release()
					optim.GradNorm(e, m.Params())
				})
				add("optimiser", func() { o.Step(1e-4) })
				if after, ok := m.(AfterStepper); ok {
					add("after", func() { after.AfterStep(e, at.Step, 1<<20) })
				}
				add("average", func() { t.average.follow(e, at.Step) })
				add("optimiser0", o.ZeroGrad)
			}
			median := func(part string) float64 {
				if len(took[part]) == 0 {
					return 0
				}
				slices.Sort(took[part])
				return took[part][len(took[part])/2]
			}
			step, sum := median("step"), 0.
			share := func(part string, seconds float64) {
				b.ReportMetric(100*seconds/step, part+"_%")
				sum += seconds
			}
			share("views", median("views"))
			share("optimiser", median("optimiser")+median("optimiser0"))
			share("behind", median("after"))
			share("watch", median("watch"))
			share("average", median("average"))
			b.ReportMetric(100*sum/step, "outside_%")
			b.ReportMetric(1e3*step, "ms/step")
		})
	}
}

// BenchmarkPair trains f and g side by side, a thread each, by SimCLR's mini recipe
// with 4/5 of their images in common, and tells the share of the views in the time
// of both, and how many images the cache saved of making views twice.
//
//	go test ./ssl -run '^$' -bench Pair -benchtime 1x
func BenchmarkPair(b *testing.B) {
	const images, common, epochs = 1280, 1024, 3
	set, err := data.NewSynthetic(data.SyntheticOptions{N: 2*images - common, Classes: 10, Size: 32, Seed: 1})
	require.NoError(b, err)
	for _, sharing := range []bool{false, true, false, true} {
		b.Run(fmt.Sprintf("shared=%v", sharing), func(b *testing.B) {
			for b.Loop() {
				var ts []*Trainer
				var mu sync.Mutex // of share
				share := 0.
				views, err := augment.New(augment.SimCLR(), 32, 32, 3)
				require.NoError(b, err)
				for i := range 2 {
					c := full(b, tensor.Options{Threads: 1})
					c.Name, c.Dataset, c.Epochs, c.Seed, c.Schedule = []string{"f", "g"}[i], set, epochs, 1, optim.Constant(1e-4)
					c.Indices = append(upTo(0, common), upTo(common+i*(images-common), images+i*(images-common))...)
					if sharing { // with augmenters of their own they do not know of each other
						c.Augment = views
					}
					c.Hooks.OnEpoch = func(r Record) error {
						mu.Lock()
						defer mu.Unlock()
						share += 100 * r.ViewsShare / (2 * epochs)
						return nil
					}
					t, err := NewTrainer(*c)
					require.NoError(b, err)
					ts = append(ts, t)
				}
				require.NoError(b, TrainPair(context.Background(), ts[0], ts[1], true))
				b.ReportMetric(share, "views_%")
				if sharing {
					b.ReportMetric(100*float64(ts[0].batches.shared.taken)/(epochs*common), "taken_%")
				}
			}
		})
	}
}

// constant is a copy that belongs to no tape; nil of nil.
func constant(x *tensor.Tensor) *tensor.Tensor {
	if x == nil {
		return nil
	}
	return tensor.FromSlice(slices.Clone(x.Data()), x.Shape()...)
}
