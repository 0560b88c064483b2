package study

import (
	"context"
	"fmt"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/ssl/probe"
	"github.com/locimem/locimem/study/graph"
)

// The most images that are looked for neighbours in, and that are classified, when
// encoders that were changed are tested: there are many of them.
const (
	bankMost = 2000
	testMost = 1000
)

// prober tests encoders by kNN, on the images of f and on other ones.
type prober struct{ own, other *probe.KNNProbe }

// prober opens the images. The other data's are the caller's choice.
func (o *opened) prober(on run.On) (*prober, error) {
	on.Train, on.Test = bankMost, testMost
	other, err := o.lab.ProbeOn(o.engine, o.encoder, &on)
	if err != nil {
		return nil, err
	}
	own := o.lab.Probe(o.engine, o.encoder, run.F)
	own.BankIndices, own.TestIndices = own.BankIndices[:min(bankMost, len(own.BankIndices))], own.TestIndices[:min(testMost, len(own.TestIndices))]
	return &prober{own, other}, nil
}

// accuracies are those of one encoder.
type accuracies struct {
	Own   float64 `json:"own"`
	Other float64 `json:"other"`
}

func (p *prober) of(ctx context.Context, enc nn.Encoder) (a accuracies, err error) {
	p.own.Encoder, p.other.Encoder = enc, enc
	if a.Own, err = p.own.Accuracy(ctx); err != nil {
		return a, err
	}
	a.Other, err = p.other.Accuracy(ctx)
	return a, err
}

// testEach tests n encoders that change makes of the one of the step, and hands over the
// accuracies. name is that of the bar.
func (o *opened) testEach(ctx context.Context, name string, on run.On, n int, change func(i int) (nn.Encoder, error), got func(i int, a accuracies)) error {
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

// probeEffort is what testing n encoders costs, on their own and on other data.
func probeEffort(kind string, r *recipe.Recipe, on run.On, n int) graph.Effort {
	return graph.Effort{Key: kind + " " + speedOf(r), Amount: float64(n), Trial: func(ctx context.Context) (float64, error) {
		one := *r
		one.Train.Epochs, one.KNN.Every, one.KNN.Train, one.KNN.Test = 1, 1, bankMost, min(testMost, r.KNN.Test)
		s, err := testTrial(ctx, &one)
		own := min(bankMost, r.Split.Shared+r.Split.Candidate) + one.KNN.Test
		train, test := otherImages(r, on)
		return s * float64(own+train+test) / float64(own), err
	}}
}

// otherImages is how many images of other data are looked for neighbours in, or trained
// on, and classified; at most so many if they are not synthetic.
func otherImages(r *recipe.Recipe, on run.On) (train, test int) {
	if on.Name != "synthetic" {
		return bankMost, testMost
	}
	return min(bankMost, r.Data.Synthetic.Train), min(testMost, r.Data.Synthetic.Test)
}

// loaded reads an encoder into a fresh one of the same architecture.
func (o *opened) loaded(path string) (nn.Encoder, error) {
	enc, err := o.lab.Encoder(run.F)
	if err != nil {
		return nil, err
	}
	_, err = run.LoadEncoder(path, weights.NoPrefix, enc, run.Silent{})
	return enc, err
}

// needFile is the file of encoder f in the i-th needed step.
func needFile(w *graph.Work, i int) string { return w.Need(i, "run", run.F+".safetensors") }

// layerName is a layer as the paper numbers it, from 1.
func layerName(layers []string, all []string) string {
	out := ""
	for _, l := range layers {
		for i, a := range all {
			if a == l {
				if out != "" {
					out += ", "
				}
				out += fmt.Sprint(i + 1)
			}
		}
	}
	return out
}
