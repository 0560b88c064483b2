package study

import (
	"context"
	"slices"
	"strings"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/study/graph"
	"github.com/locimem/locimem/tensor"
)

// opened is an encoder of a step, ready to be looked at. Close its engine.
type opened struct {
	data    *run.Setup
	engine  *tensor.Engine
	encoder nn.Encoder
	pool    memorize.Images // candidates and the same number of independents
}

// openEncoder reads an encoder f from a file; "": it is untrained.
func openEncoder(r *recipe.Recipe, path string) (*opened, error) {
	l, err := run.Open(r)
	if err != nil {
		return nil, err
	}
	enc, err := l.Encoder(memorize.F)
	if err != nil {
		return nil, err
	}
	if path != "" {
		if _, err := run.LoadEncoder(path, weights.NoPrefix, enc, run.Silent{}); err != nil {
			return nil, err
		}
	}
	e, err := tensor.NewEngine(tensor.Options{Threads: r.Train.Threads})
	if err != nil {
		return nil, err
	}
	return &opened{l, e, enc, poolOf(l)}, nil
}

// load reads an encoder into a new one of the same architecture.
func (o *opened) load(path string) (nn.Encoder, error) {
	enc, err := o.data.Encoder(memorize.F)
	if err != nil {
		return nil, err
	}
	_, err = run.LoadEncoder(path, weights.NoPrefix, enc, run.Silent{})
	return enc, err
}

// needFile is the file of encoder f in the i-th needed step.
func needFile(w *graph.Work, i int) string {
	return w.Need(i, "run", memorize.F.String()+".safetensors")
}

// poolOf returns the candidates and the same number of independents.
func poolOf(l *run.Setup) memorize.Images {
	n := min(len(l.Split.Candidate), len(l.Split.Independent))
	points := slices.Concat(l.Split.Candidate[:n], l.Split.Independent[:n])
	return memorize.Images{Set: memorize.Set{Name: "pool", Points: points}, Data: l.Train}
}

// convLayers are the layers that the paper counts: convolutions with their norms.
func convLayers(enc nn.Encoder) []string {
	return slices.DeleteFunc(nn.LayerNames(enc), func(n string) bool { return !strings.HasPrefix(n, "conv") })
}

// The largest number of images in the bank of a kNN test, and of images that it
// classifies, where a study tests many changed encoders.
const (
	bankMost = 2000
	testMost = 1000
)

// prober tests encoders by kNN, on the images of f and on other data.
type prober struct{ own, other *probe.KNNProbe }

// prober opens the images. on says what the other data are.
func (o *opened) prober(on run.On) (*prober, error) {
	on.Train, on.Test = bankMost, testMost
	other, err := o.data.ProbeOn(o.engine, o.encoder, &on)
	if err != nil {
		return nil, err
	}
	own := o.data.Probe(o.engine, o.encoder, memorize.F)
	own.BankIndices = own.BankIndices[:min(bankMost, len(own.BankIndices))]
	own.TestIndices = own.TestIndices[:min(testMost, len(own.TestIndices))]
	return &prober{own, other}, nil
}

// accuracies are those of one encoder, from 0 to 1.
type accuracies struct {
	Own   float64 `json:"own"`
	Other float64 `json:"other"`
}

func onOwn(a accuracies) float64   { return a.Own }
func onOther(a accuracies) float64 { return a.Other }

// of tests an encoder.
func (p *prober) of(ctx context.Context, enc nn.Encoder) (a accuracies, err error) {
	p.own.Encoder, p.other.Encoder = enc, enc
	if a.Own, err = p.own.Accuracy(ctx); err != nil {
		return a, err
	}
	a.Other, err = p.other.Accuracy(ctx)
	return a, err
}

// testEach tests n changed versions of the step's encoder: change returns the i-th, got
// receives its accuracies. name is that of the progress bar.
func (o *opened) testEach(
	ctx context.Context, name string, on run.On, n int,
	change func(i int) (nn.Encoder, error), got func(i int, a accuracies),
) error {
	probe, err := o.prober(on)
	if err != nil {
		return err
	}
	bar := reporterOf(ctx).Bar(name, "encoders", n, 0)
	for i := range n {
		enc, err := change(i)
		if err != nil {
			return err
		}
		a, err := probe.of(ctx, enc)
		if err != nil {
			return err
		}
		got(i, a)
		bar.Set(i + 1)
	}
	bar.Finish("%d encoders", n)
	return nil
}
