package bench

import (
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// MAEOptions describes a training step of a masked autoencoder.
type MAEOptions struct {
	Encoder string // a vision transformer
	Batch   int    // images
	Size    int    // height and width of the images
	Engine  tensor.Options
	Reps    int // timed repetitions, after a tenth as many (at least 2) untimed ones
}

// MAEResult is the speed of a training step: draw the masks, loss, backward,
// AdamW. The time is a median.
type MAEResult struct {
	Encoder         string  `json:"encoder"`
	Batch           int     `json:"batch"`
	Size            int     `json:"size"`
	Threads         int     `json:"threads"`
	ISA             string  `json:"isa"`
	Precision       string  `json:"precision"`
	Reps            int     `json:"reps"`
	StepMillis      float64 `json:"step_ms"`
	ImagesPerSecond float64 `json:"images_per_s"`
	PeakRSS         int64   `json:"peak_rss_bytes"` // of the whole process; 0 where unknown
}

// MAE times training steps of a masked autoencoder, as the trainer does them, on
// random images that are there beforehand: three quarters of the patches hidden,
// a decoder of 4 blocks with 192 numbers and 3 heads, the pixels as they are as
// targets, AdamW, as in recipes/mae-mini.yaml.
func MAE(o MAEOptions) (*MAEResult, error) {
	if o.Reps < 1 || o.Batch < 2 || o.Batch > 1<<16 {
		return nil, fmt.Errorf("want at least 1 repetition of a batch of 2 to %d images, found %d of %d", 1<<16, o.Reps, o.Batch)
	}
	if o.Size < 1 || o.Size > 1<<12 {
		return nil, fmt.Errorf("size: want 1 to %d, found %d", 1<<12, o.Size)
	}
	enc, err := nn.NewEncoder(o.Encoder, nn.EncoderOptions{Width: 1, InH: o.Size, InW: o.Size, Pool: "avg"}, 1)
	if err != nil {
		return nil, err
	}
	cfg := ssl.MAEConfig{MaskRatio: 0.75, DecoderDepth: 4, DecoderDim: 192, DecoderHeads: 3}
	method, err := ssl.New("mae", cfg, ssl.Setup{Encoder: enc, Seed: 1})
	if err != nil {
		return nil, err
	}
	e, err := tensor.NewEngine(o.Engine)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	adamw, err := optim.NewAdam(e, method.Params(), optim.AdamConfig{Beta1: 0.9, Beta2: 0.95, WeightDecay: 0.05, Decoupled: true})
	if err != nil {
		return nil, err
	}
	pixels := o.Size * o.Size * 3
	images := tensor.FromSlice(random(o.Batch, pixels).Data(), o.Batch, o.Size, o.Size, 3)
	tp := e.NewTape(tensor.Training)
	noise := nn.Noise{Seed: 1}
	times := repeat(o.Reps, func() {
		noise.Step++
		if _, stepErr := ssl.Step(ssl.StepConfig{Tape: tp, Method: method, Optimizer: adamw, LR: 1e-4, Noise: &noise, Steps: 1}, []*tensor.Tensor{images}); stepErr != nil && err == nil {
			err = stepErr
		}
	})
	if err != nil {
		return nil, err
	}
	t := median(times)
	return &MAEResult{Encoder: o.Encoder, Batch: o.Batch, Size: o.Size, Threads: e.Threads(), ISA: e.ISA(), Precision: e.Precision(), Reps: o.Reps,
		StepMillis: 1e3 * t, ImagesPerSecond: float64(o.Batch) / t, PeakRSS: peakRSS()}, nil
}
