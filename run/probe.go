package run

import (
	"context"
	"errors"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/tensor"
)

// ProbeResult is the kNN accuracy of an encoder with what it depends on.
type ProbeResult struct {
	Encoder  string  `json:"encoder"` // the file
	Accuracy float64 `json:"accuracy"`
	K        int     `json:"k"`
	T        float64 `json:"t"`
	Bank     int     `json:"bank"`    // training images to look for neighbours in
	Test     int     `json:"test"`    // images classified
	Classes  int     `json:"classes"` // 1/Classes is the accuracy of guessing
	Data     string  `json:"data"`
	// TrainedOn are the recipe's training images, which the encoder is taken to have
	// been trained on.
	TrainedOn   string `json:"trained_on"`
	EncoderHash string `json:"encoder_hash"` // nn.Hash, the same before and after
}

// Probe tests an encoder from a safetensors file by the recipe's kNN, with the
// training images of F or G, or of other data, as the bank.
func Probe(ctx context.Context, r *recipe.Recipe, c ProbeConfig, rep Reporter) (*ProbeResult, error) {
	o, err := openProbe(r, c, rep)
	if err != nil {
		return nil, err
	}
	defer o.engine.Close()
	p := o.Setup.Probe(o.engine, o.encoder, c.Which)
	if c.On != nil {
		o.target.set(p)
	}
	before := nn.Hash(o.encoder.Params())
	a, err := p.Accuracy(ctx)
	if err != nil {
		return nil, err
	}
	if nn.Hash(o.encoder.Params()) != before {
		return nil, errors.New("kNN: the encoder has changed")
	}
	return &ProbeResult{Encoder: c.Path, Accuracy: a, K: p.K, T: p.T, Bank: len(p.BankIndices), Test: len(p.TestIndices),
		Classes: len(o.train.Classes()), Data: o.test.Name(), TrainedOn: o.Train.Name(), EncoderHash: before}, nil
}

// LinearProbeResult is the linear evaluation of an encoder.
type LinearProbeResult struct {
	Encoder   string `json:"encoder"`    // the file
	Data      string `json:"data"`       // of the test points
	TrainedOn string `json:"trained_on"` // as in ProbeResult
	*probe.LinearResult
}

// LinearProbe trains a linear classifier on frozen features of an encoder from a
// safetensors file, of all training images of F or G; the test images are those of
// the recipe's kNN. Both can be other data's. tap is the layer, "" the encoder's
// output.
func LinearProbe(ctx context.Context, r *recipe.Recipe, pc ProbeConfig, tap string, c probe.LinearConfig,
	rep Reporter) (*LinearProbeResult, error) {
	o, err := openProbe(r, pc, rep)
	if err != nil {
		return nil, err
	}
	defer o.engine.Close()
	c.Seed = r.TrainSeed(pc.Which)
	p := probe.LinearProbe{
		Engine: o.engine, Encoder: o.encoder, Augment: o.Augment, Tap: tap, Train: o.train, Test: o.test,
		TrainIndices: o.trainIndices, TestIndices: o.testIndices, Batch: r.Score.Batch, Config: c,
	}
	res, err := p.Run(ctx)
	if err != nil {
		return nil, err
	}
	return &LinearProbeResult{Encoder: pc.Path, Data: o.test.Name(), TrainedOn: o.Train.Name(), LinearResult: res}, nil
}

// probing is what a probe of an encoder's file needs. The engine is the caller's to
// close.
type probing struct {
	*Setup
	*target
	engine  *tensor.Engine
	encoder nn.Encoder
}

func openProbe(r *recipe.Recipe, c ProbeConfig, rep Reporter) (*probing, error) {
	l, err := Open(r)
	if err != nil {
		return nil, err
	}
	enc, err := l.Encoder(c.Which)
	if err != nil {
		return nil, err
	}
	if _, err := c.Load.Encoder(r, enc, l.shape(), c.Path, 0, true, rep); err != nil {
		return nil, err
	}
	t := l.target(c.Which)
	if c.On != nil {
		if t, err = l.targetOn(c.On); err != nil {
			return nil, err
		}
	}
	// Probes are exact, whatever the recipe says of training.
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
	return &probing{l, t, e, enc}, err
}

// FineTuneResult is the accuracy of an encoder after fine-tuning.
type FineTuneResult struct {
	Encoder   string `json:"encoder"`    // the file, which stays as it is
	Data      string `json:"data"`       // of the test points
	TrainedOn string `json:"trained_on"` // before the fine-tuning; as in ProbeResult
	*probe.FineTuneResult
}

// FineTune trains an encoder from a safetensors file, with a classifier on top, on
// the labels of all training images of F or G, or of other data, under the recipe's
// augmentation; the test images are those of the recipe's kNN, or of the other data.
// The trained networks are not kept.
func FineTune(ctx context.Context, r *recipe.Recipe, pc ProbeConfig, c probe.FineTuneConfig,
	rep Reporter) (*FineTuneResult, error) {
	o, err := openProbe(r, pc, rep)
	if err != nil {
		return nil, err
	}
	defer o.engine.Close()
	c.Seed = r.TrainSeed(pc.Which)
	p := probe.FineTune{
		Engine: o.engine, Encoder: o.encoder, Augment: o.Augment, Train: o.train, Test: o.test,
		TrainIndices: o.trainIndices, TestIndices: o.testIndices, Config: c,
	}
	var bar Bar
	p.OnStep = func(s ssl.Progress) {
		if bar == nil {
			bar = rep.Bar("fine-tuning", "steps", s.Epochs*s.Steps, 0)
		}
		bar.Set((s.Epoch-1)*s.Steps + s.Step)
	}
	res, err := p.Run(ctx)
	if err != nil {
		return nil, err
	}
	if bar != nil {
		bar.Finish("%d epochs  loss %.2f", res.Epochs, res.Loss)
	}
	return &FineTuneResult{Encoder: pc.Path, Data: o.test.Name(), TrainedOn: o.Train.Name(), FineTuneResult: res}, nil
}
