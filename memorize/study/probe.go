package study

import (
	"context"

	"github.com/locimem/locimem/recipe"
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
	l, err := OpenLab(r)
	if err != nil {
		return nil, err
	}
	enc, err := l.Encoder(which)
	if err != nil {
		return nil, err
	}
	if _, err := LoadEncoder(path, prefix, enc, rep); err != nil {
		return nil, err
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
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
