package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/ssl/probe"
)

type probeCmd struct {
	fromRun
	Encoder string `arg:"" optional:"" help:"${probe_encoder}"`
	nameFlags
	checkFlags
	Which    memorize.Side `default:"f" enum:"f,g" help:"${probe_which}"`
	Linear   bool          `xor:"how" help:"${probe_linear}"`
	Finetune bool          `xor:"how" help:"${probe_finetune}"`
	labelFlags
	onFlags
	JSON bool `name:"json" help:"Write the result as JSON."`
}

// labelFlags are those of --linear and --finetune. Pointers tell what was given.
type labelFlags struct {
	Solver      string   `enum:"lbfgs,sgd," default:"" placeholder:"NAME" help:"${label_solver}"`
	Tap         string   `placeholder:"NAME" help:"${label_tap}"`
	WeightDecay *float64 `placeholder:"X" help:"${label_weightdecay}"`
	LR          *float64 `name:"lr" placeholder:"X" help:"${label_lr}"`
	Epochs      *int     `placeholder:"N" help:"Of --solver sgd and of --finetune: epochs (default: 100)."`
	Batch       *int     `placeholder:"N" help:"${label_batch}"`
	Layers      *string  `placeholder:"A,B" help:"${label_layers}"`
}

// The weight decay of the classifier of linear probes, which is not tuned for any
// encoder, and that of fine-tuning, which is common for vision transformers.
const (
	linearDecay   = 1e-4
	finetuneDecay = 0.05
)

// check refuses flags that would have no effect, and zeros, which would be taken
// for the defaults.
func (f *labelFlags) check(linear, finetune bool) error {
	steps := f.LR != nil || f.Epochs != nil || f.Batch != nil
	switch {
	case !linear && !finetune && *f != (labelFlags{}):
		return usageError{errors.New("--solver, --tap, --weight-decay, --lr, --epochs, --batch and --layers are for " +
			"--linear and --finetune, of which none is given")}
	case linear && f.Layers != nil:
		return usageError{errors.New("--layers is for --finetune, found --linear, which freezes the encoder")}
	case finetune && (f.Solver != "" || f.Tap != ""):
		return usageError{errors.New("--solver and --tap are for --linear, found --finetune")}
	case linear && f.Solver != probe.SolverSGD && steps:
		return usageError{errors.New("--lr, --epochs and --batch are for --solver sgd; lbfgs goes on until it is at the " +
			"minimum")}
	case f.LR != nil && !(*f.LR > 0):
		return usageError{fmt.Errorf("--lr: found %g, expected more than 0", *f.LR)}
	case f.Epochs != nil && *f.Epochs < 1:
		return usageError{fmt.Errorf("--epochs: found %d, expected at least 1", *f.Epochs)}
	case f.Batch != nil && *f.Batch < 1:
		return usageError{fmt.Errorf("--batch: found %d, expected at least 1", *f.Batch)}
	}
	return nil
}

// given returns *p, or standard if there is none.
func given[T any](p *T, standard T) T {
	if p == nil {
		return standard
	}
	return *p
}

// fields are those of a recipe that decide a probe.
func (c *probeCmd) fields() recipe.Request {
	q := recipe.Request{Uses: []string{"data.dir", "train.threads"}}
	if c.RunDir == "" {
		q.Uses = append(q.Uses, "seed", "data", "split", "encoder", "augment", "train.seed_f", "train.seed_g")
	}
	if c.On == "" {
		q.Uses = append(q.Uses, "knn.test")
	} else {
		q.Anyhow = []string{"data.folder", "data.synthetic"} // also say how the images of --on are read
		q.Uses = append(q.Uses, q.Anyhow...)
	}
	if !c.Finetune {
		q.Uses = append(q.Uses, "score.batch")
	}
	if !c.Linear && !c.Finetune {
		q.Uses = append(q.Uses, "knn.k", "knn.t")
		if c.On == "" {
			q.Uses = append(q.Uses, "knn.train")
		}
	}
	return q
}

// Run tests an encoder.
func (c *probeCmd) Run(a *app) error {
	if err := c.labelFlags.check(c.Linear, c.Finetune); err != nil {
		return err
	}
	if err := c.onFlags.check(); err != nil {
		return err
	}
	if a.has("which") && c.On != "" && c.Encoder != "" && !c.Linear && !c.Finetune {
		return usageError{errors.New("--which: found it next to --on and an encoder's file, where it has no effect, " +
			"expected neither f nor g")}
	}
	if err := c.checkFlags.valid(a, 1); err != nil {
		return err
	}
	c.runOf(c.Encoder)
	r, err := c.load(c.fields())
	if err != nil {
		return err
	}
	path, err := c.inRun(c.Encoder, "an encoder file", c.Which.String()+".safetensors")
	if err != nil {
		return err
	}
	conf := run.ProbeConfig{Path: path, Load: loading(c.nameFlags, c.checkFlags), Which: c.Which,
		On: c.target(r.Data.Synthetic.Seed)}
	switch {
	case c.Linear:
		p, err := run.LinearProbe(a.ctx, r, conf, c.Tap, probe.LinearConfig{
			Solver: c.Solver, WeightDecay: given(c.WeightDecay, linearDecay), LR: given(c.LR, 0), Epochs: given(c.Epochs, 0),
			Batch: given(c.Batch, 0),
		}, reporter{a.ui})
		if err != nil {
			return err
		}
		return c.show(a, p)
	case c.Finetune:
		p, err := run.FineTune(a.ctx, r, conf, probe.FineTuneConfig{
			Layers:      c.layers(),
			WeightDecay: given(c.WeightDecay, finetuneDecay), LR: given(c.LR, 0), Epochs: given(c.Epochs, 0),
			Batch: given(c.Batch, 0),
		}, reporter{a.ui})
		if err != nil {
			return err
		}
		a.ui.Close()
		if c.JSON {
			return a.writeJSON(p)
		}
		trained := "the whole encoder was trained"
		switch {
		case p.Layers != nil && len(p.Layers) == 0:
			trained = "the classifier alone was trained, on augmented images"
		case p.Layers != nil:
			trained = strings.Join(p.Layers, ", ") + " of the encoder were trained, the rest frozen"
		}
		a.printf("accuracy after fine-tuning %.4f (guessing: %.4f); no linear probe: %s\n"+
			"%d images of %s, trained on %d images of %s, %d epochs, batches of %d, learning rate %g, weight decay %g\n",
			p.Accuracy, 1/float64(p.Classes), trained, p.Test, p.Data, p.Train, c.whose(p.TrainedOn), p.Epochs, p.Batch, p.LR,
			p.WeightDecay)
		return nil
	}
	p, err := run.Probe(a.ctx, r, conf, reporter{a.ui})
	if err != nil {
		return err
	}
	if c.JSON {
		return a.writeJSON(p)
	}
	a.printf("kNN accuracy %.4f (guessing: %.4f)\n%d images of %s, %d neighbours of %d training images of %s, t %g\n",
		p.Accuracy, 1/float64(p.Classes), p.Test, p.Data, p.K, p.Bank, c.whose(p.TrainedOn), p.T)
	return nil
}

// show writes the result of a linear probe.
func (c *probeCmd) show(a *app, p *run.LinearProbeResult) error {
	if c.JSON {
		return a.writeJSON(p)
	}
	how := fmt.Sprintf("%s, weight decay %g, %d epochs of learning rate %g and momentum %g, batches of %d", p.Solver,
		p.WeightDecay, p.Epochs, p.LR, p.Momentum, p.LinearConfig.Batch)
	if p.Solver == probe.SolverLBFGS {
		end := "at the minimum"
		if !p.Converged {
			end = fmt.Sprintf("not at the minimum: the largest derivative is %.1g", p.Gradient)
		}
		how = fmt.Sprintf("%s, weight decay %g, %d iterations, %s", p.Solver, p.WeightDecay, p.Steps, end)
	}
	a.printf("linear accuracy %.4f (training images: %.4f, guessing: %.4f)\n%d images of %s, classifier of %d "+
		"training images of %s on %d features of %s, %s; encoder frozen\n%s\n",
		p.Accuracy, p.TrainAccuracy, 1/float64(p.Classes), p.Test, p.Data, p.Train, c.whose(p.TrainedOn), p.Features, p.Tap,
		p.Normalisation, how)
	return nil
}
