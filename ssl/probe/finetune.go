package probe

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/data/augment"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/optim"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// FineTuneConfig sets a fine-tuning with AdamW. Zero values of Epochs, LR and Batch
// mean the defaults in brackets.
type FineTuneConfig struct {
	Epochs int `json:"epochs"` // (100)
	Batch  int `json:"batch"`  // (128)
	// LR is the highest learning rate (0.001 for every 256 images of a batch): a
	// linear rise over the first twentieth of the steps, then a cosine to 0.
	LR          float64 `json:"lr"`
	WeightDecay float64 `json:"weight_decay"` // decoupled; biases and norms have none
	Seed        uint64  `json:"seed"`         // classifier, order and views
	// Layers are those of the encoder that are trained, beside the classifier
	// (Table 5 of arXiv 2409.19069; names as nn.LayerParams takes them): all if nil,
	// none if empty. The others are frozen, the running statistics of their norms
	// included, which stand in for the batch's.
	Layers []string `json:"layers"`
}

// FineTune trains an encoder with a linear classifier on top by labels, all of it
// or some layers: another question than LinearProbe's, which is what a frozen
// encoder knows. The encoder that it is given is changed.
type FineTune struct {
	Engine                    *tensor.Engine
	Encoder                   nn.Encoder
	Augment                   *augment.Augmenter // views in training, Original in the test
	Train, Test               data.Dataset
	TrainIndices, TestIndices []int
	Config                    FineTuneConfig
	OnStep                    func(ssl.Progress) // nil for none
}

// FineTuneResult is the accuracy after a fine-tuning; its names say that it is no
// linear probe's.
type FineTuneResult struct {
	Accuracy float64 `json:"finetuned_accuracy"` // of the last epoch, on the test points
	FineTuneConfig
	Train   int     `json:"train"` // points
	Test    int     `json:"test"`
	Classes int     `json:"classes"`
	Loss    float64 `json:"loss"` // mean over the last epoch
	// HashBefore and HashAfter are nn.Hash of the encoder.
	HashBefore string `json:"encoder_hash_before"`
	HashAfter  string `json:"encoder_hash_after"`
	// FrozenHash is nn.Hash of what was frozen, the same before and after; "" where
	// nothing was.
	FrozenHash string `json:"frozen_hash,omitempty"`
}

// fill sets what is zero to its default.
func (c *FineTuneConfig) fill() {
	if c.Epochs == 0 {
		c.Epochs = 100
	}
	if c.Batch == 0 {
		c.Batch = 128
	}
	if c.LR == 0 {
		c.LR = 1e-3 * float64(c.Batch) / 256
	}
}

// Run does the fine-tuning; there are no checkpoints. Errors name the field that is
// wrong, or images without labels.
func (p *FineTune) Run(ctx context.Context) (*FineTuneResult, error) {
	c := p.Config
	c.fill()
	if !(c.LR > 0) || math.IsInf(c.LR, 0) {
		return nil, fmt.Errorf("fine-tuning: learning rate: found %v, expected more than 0", c.LR)
	}
	if !slices.Equal(p.Train.Classes(), p.Test.Classes()) {
		return nil, fmt.Errorf("fine-tuning: %s and %s have other classes", p.Train.Name(), p.Test.Name())
	}
	if len(p.TestIndices) == 0 {
		return nil, fmt.Errorf("fine-tuning: there are no test points")
	}
	method, err := ssl.New("supervised", nil, ssl.Setup{Encoder: p.Encoder, Classes: len(p.Train.Classes()), Seed: c.Seed})
	if err != nil {
		return nil, fmt.Errorf("fine-tuning: %w", err)
	}
	m := method.(*ssl.Supervised)
	if err := ssl.CheckLabelRange(p.Test, p.TestIndices, m.Classes()); err != nil {
		return nil, fmt.Errorf("fine-tuning: %w", err)
	}
	ice, err := freezeAllBut(p.Encoder, c.Layers)
	if err != nil {
		return nil, fmt.Errorf("fine-tuning: %w", err)
	}
	defer ice.thaw()
	adam, err := optim.NewAdam(p.Engine, ice.others(m.Params()), optim.AdamConfig{WeightDecay: c.WeightDecay, Decoupled: true})
	if err != nil {
		return nil, fmt.Errorf("fine-tuning: %w", err)
	}
	r := &FineTuneResult{
		FineTuneConfig: c, Train: len(p.TrainIndices), Test: len(p.TestIndices), Classes: m.Classes(), HashBefore: nn.Hash(p.Encoder.Params()), FrozenHash: ice.hash,
	}
	total := c.Epochs * (len(p.TrainIndices) / c.Batch)
	trainer, err := ssl.NewTrainer(ssl.TrainerConfig{
		Name: "fine-tuned", Engine: p.Engine, Method: m, Optimizer: adam, Schedule: optim.CosineWarmup{Base: c.LR, Warmup: total / 20, Total: total},
		Dataset: p.Train, Indices: p.TrainIndices, Augment: p.Augment, Batch: c.Batch, Epochs: c.Epochs, Seed: c.Seed,
		Hooks: ssl.Hooks{OnStep: p.OnStep, OnEpoch: func(rec ssl.Record) error { r.Loss = rec.Loss; return nil }},
	})
	if err != nil {
		return nil, err
	}
	if err := trainer.Run(ctx); err != nil {
		return nil, err
	}
	features, err := Features(ctx, p.Engine, p.Encoder, p.Test, p.TestIndices, p.Augment, c.Batch)
	if err != nil {
		return nil, err
	}
	tp := p.Engine.NewTape(tensor.Inference)
	defer tp.Release()
	r.Accuracy = right(m.Classify(&nn.Context{Tape: tp}, features), Labels(p.Test, p.TestIndices))
	r.HashAfter = nn.Hash(p.Encoder.Params())
	return r, ice.check()
}
