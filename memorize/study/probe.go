package study

import (
	"context"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/ssl"
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
}

// Probe tests an encoder from a safetensors file by the recipe's kNN, with the
// training images of F or G as the bank. For prefix see weights.LoadEncoder.
func Probe(ctx context.Context, r *recipe.Recipe, path, prefix, which string, rep Reporter) (*ProbeResult, error) {
	l, e, enc, err := openProbe(r, path, prefix, which, rep)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	p := l.Probe(e, enc, which)
	a, err := p.Accuracy(ctx)
	if err != nil {
		return nil, err
	}
	return &ProbeResult{Encoder: path, Accuracy: a, K: p.K, T: p.T, Bank: len(p.BankIndices), Test: len(p.TestIndices),
		Classes: len(l.Train.Classes()), Data: l.Test.Name()}, nil
}

// LinearProbeResult is the linear evaluation of an encoder.
type LinearProbeResult struct {
	Encoder string `json:"encoder"` // the file
	Data    string `json:"data"`    // of the test points
	*ssl.LinearResult
}

// LinearProbe trains a linear classifier on frozen features of an encoder from a
// safetensors file, of all training images of F or G; the test images are those of
// the recipe's kNN. tap is the layer, "" the encoder's output.
func LinearProbe(ctx context.Context, r *recipe.Recipe, path, prefix, which, tap string, c ssl.LinearConfig, rep Reporter) (*LinearProbeResult, error) {
	l, e, enc, err := openProbe(r, path, prefix, which, rep)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	c.Seed = r.TrainSeed(which)
	p := ssl.LinearProbe{
		Engine: e, Encoder: enc, Augment: l.Augment, Tap: tap, Train: l.Train, Test: l.Test,
		TrainIndices: l.TrainIndices(which), TestIndices: l.Probe(e, enc, which).TestIndices, Batch: r.Score.Batch, Config: c,
	}
	res, err := p.Run(ctx)
	if err != nil {
		return nil, err
	}
	return &LinearProbeResult{Encoder: path, Data: l.Test.Name(), LinearResult: res}, nil
}

// openProbe opens what a probe of an encoder's file needs; the engine is the
// caller's to close.
func openProbe(r *recipe.Recipe, path, prefix, which string, rep Reporter) (*Lab, *tensor.Engine, nn.Encoder, error) {
	l, err := OpenLab(r)
	if err != nil {
		return nil, nil, nil, err
	}
	enc, err := l.Encoder(which)
	if err != nil {
		return nil, nil, nil, err
	}
	if _, err := LoadEncoder(path, prefix, enc, rep); err != nil {
		return nil, nil, nil, err
	}
	// Probes are exact, whatever the recipe says of training.
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
	return l, e, enc, err
}

// FineTuneResult is the accuracy of an encoder after fine-tuning.
type FineTuneResult struct {
	Encoder string `json:"encoder"` // the file, which stays as it is
	Data    string `json:"data"`    // of the test points
	*ssl.FineTuneResult
}

// FineTune trains an encoder from a safetensors file, with a classifier on top, on
// the labels of all training images of F or G under the recipe's augmentation; the
// test images are those of the recipe's kNN. The trained networks are not kept.
func FineTune(ctx context.Context, r *recipe.Recipe, path, prefix, which string, c ssl.FineTuneConfig, rep Reporter) (*FineTuneResult, error) {
	l, e, enc, err := openProbe(r, path, prefix, which, rep)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	c.Seed = r.TrainSeed(which)
	p := ssl.FineTune{
		Engine: e, Encoder: enc, Augment: l.Augment, Train: l.Train, Test: l.Test,
		TrainIndices: l.TrainIndices(which), TestIndices: l.Probe(e, enc, which).TestIndices, Config: c,
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
	return &FineTuneResult{Encoder: path, Data: l.Test.Name(), FineTuneResult: res}, nil
}
