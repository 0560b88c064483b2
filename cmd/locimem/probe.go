package main

import (
	"errors"
	"fmt"

	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/ssl"
)

type probeCmd struct {
	fromRun
	Encoder string `arg:"" optional:"" help:"Encoder, a safetensors file; default: the one of the run that --which names."`
	prefixFlag
	Which  string `default:"f" enum:"f,g" help:"Whose training images the neighbours are, or the classifier is trained on: f or g (default: f)."`
	Linear bool   `help:"Train a linear classifier on frozen features instead of asking the nearest neighbours."`
	linearFlags
	JSON bool `name:"json" help:"Write the result as JSON."`
}

// linearFlags are those of --linear. Pointers tell what was given.
type linearFlags struct {
	Solver      string   `enum:"lbfgs,sgd," default:"" placeholder:"NAME" help:"Of --linear: lbfgs (full batches, to the minimum; the default) or sgd (with momentum)."`
	Tap         string   `placeholder:"NAME" help:"Of --linear: the layer whose features are taken, see locimem taps (default: the encoder's output)."`
	WeightDecay *float64 `placeholder:"X" help:"Of --linear: L2 of the classifier's weights (default: 0.0001)."`
	LR          *float64 `name:"lr" placeholder:"X" help:"Of --linear --solver sgd: first learning rate (default: 0.01)."`
	Epochs      *int     `placeholder:"N" help:"Of --linear --solver sgd: epochs (default: 100)."`
}

// defaultDecay is not tuned for any encoder.
const defaultDecay = 1e-4

// config returns the settings of the classifier.
func (f *linearFlags) config(linear bool) (ssl.LinearConfig, error) {
	if !linear && *f != (linearFlags{}) {
		return ssl.LinearConfig{}, usageError{errors.New("--solver, --tap, --weight-decay, --lr and --epochs are for --linear, which is not given")}
	}
	if f.Solver != ssl.SolverSGD && (f.LR != nil || f.Epochs != nil) {
		return ssl.LinearConfig{}, usageError{errors.New("--lr and --epochs are for --solver sgd; lbfgs goes on until it is at the minimum")}
	}
	c := ssl.LinearConfig{Solver: f.Solver, WeightDecay: defaultDecay}
	if f.WeightDecay != nil {
		c.WeightDecay = *f.WeightDecay
	}
	if f.LR != nil {
		if c.LR = *f.LR; c.LR == 0 {
			return c, usageError{errors.New("--lr: found 0, expected more than 0")}
		}
	}
	if f.Epochs != nil {
		if c.Epochs = *f.Epochs; c.Epochs == 0 {
			return c, usageError{errors.New("--epochs: found 0, expected at least 1")}
		}
	}
	return c, nil
}

// Run tests an encoder.
func (c *probeCmd) Run(a *app) error {
	config, err := c.config(c.Linear)
	if err != nil {
		return err
	}
	r, err := c.load()
	if err != nil {
		return err
	}
	path, err := c.inRun(c.Encoder, "an encoder file", c.Which+".safetensors")
	if err != nil {
		return err
	}
	if err := onlyScoreFields(c.RunDir, r); err != nil {
		return err
	}
	if c.Linear {
		p, err := study.LinearProbe(a.ctx, r, path, c.Prefix, c.Which, c.Tap, config, reporter{a.ui})
		if err != nil {
			return err
		}
		return c.show(a, p)
	}
	p, err := study.Probe(a.ctx, r, path, c.Prefix, c.Which, reporter{a.ui})
	if err != nil {
		return err
	}
	if c.JSON {
		return a.writeJSON(p)
	}
	a.printf("kNN accuracy %.4f (guessing: %.4f)\n%d images of %s, %d neighbours of %d training images of %s, t %g\n",
		p.Accuracy, 1/float64(p.Classes), p.Test, p.Data, p.K, p.Bank, c.Which, p.T)
	return nil
}

// show writes the result of a linear probe.
func (c *probeCmd) show(a *app, p *study.LinearProbeResult) error {
	if c.JSON {
		return a.writeJSON(p)
	}
	how := fmt.Sprintf("%s, weight decay %g, %d epochs of learning rate %g and momentum %g, batches of %d", p.Solver, p.WeightDecay, p.Epochs, p.LR, p.Momentum, p.LinearConfig.Batch)
	if p.Solver == ssl.SolverLBFGS {
		end := "at the minimum"
		if !p.Converged {
			end = fmt.Sprintf("not at the minimum: the largest derivative is %.1g", p.Gradient)
		}
		how = fmt.Sprintf("%s, weight decay %g, %d iterations, %s", p.Solver, p.WeightDecay, p.Steps, end)
	}
	a.printf("linear accuracy %.4f (training images: %.4f, guessing: %.4f)\n%d images of %s, classifier of %d training images of %s on %d features of %s, %s; encoder frozen\n%s\n",
		p.Accuracy, p.TrainAccuracy, 1/float64(p.Classes), p.Test, p.Data, p.Train, c.Which, p.Features, p.Tap, p.Normalisation, how)
	return nil
}
