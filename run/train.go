package run

import (
	"context"
	"fmt"
	"time"

	"github.com/locimem/locimem/internal/progress"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/nn/weights"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// The metadata of an encoder's file.
const (
	metaRecipe  = "locimem.recipe" // hash of what decides the trained encoders, Setup.TrainID
	metaEncoder = "locimem.encoder"
	metaName    = "locimem.name" // of the recipe
	metaISA     = "locimem.isa"
	metaEpoch   = "locimem.epoch"       // whole epochs of training
	metaEMA     = "locimem.weights_ema" // decay, of an average of the weights
)

// training is the way of one encoder from its first weights to its file.
type training struct {
	setup   *Setup
	dir     *RunDir
	engine  *tensor.Engine
	side    memorize.Side
	encoder nn.Encoder
	trainer *ssl.Trainer
	log     *Log
	rep     Reporter
	bar     Bar
	began   time.Time
	knn     *float64 // the last accuracy measured
	failure error    // of a hook that cannot return one
}

// newTraining prepares encoder F or G to be trained in the run directory.
func newTraining(
	e *tensor.Engine, l *Setup, dir *RunDir, log *Log, side memorize.Side, rep Reporter,
) (*training, error) {
	enc, err := l.Encoder(side)
	if err != nil {
		return nil, err
	}
	method, err := l.Method(enc, side)
	if err != nil {
		return nil, fmt.Errorf("method: %w", err)
	}
	optimizer, err := l.Optimizer(e, method.Params(), side)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	indices := l.TrainIndices(side)
	r := l.Recipe.Train
	private, err := l.Recipe.Private(len(indices))
	if err != nil {
		return nil, err
	}
	t := &training{setup: l, dir: dir, engine: e, side: side, encoder: enc, log: log, rep: rep}
	t.trainer, err = ssl.NewTrainer(ssl.TrainerConfig{
		Name: side.String(), Engine: e, Method: method, Optimizer: optimizer, Schedule: l.schedule(len(indices) / r.Batch),
		Dataset: l.Train, Indices: indices, Augment: l.Augment, Views: l.Views,
		Batch: r.Batch, Accumulate: r.Accumulate, Epochs: r.Epochs, Seed: l.Recipe.TrainSeed(side),
		WeightsEMA: r.WeightsEMA, Encoder: enc, Private: private,
		CheckpointDir: dir.Path("checkpoint"), CheckpointEvery: r.CheckpointEvery, RecipeHash: l.TrainID(),
		Hooks: ssl.Hooks{OnStart: t.start, OnStep: t.step, OnEpoch: t.epoch, Evaluate: t.evaluate(e)},
	})
	return t, err
}

// images converts a place in the training to images gone through.
func (t *training) images(epochs, steps int) int {
	return (epochs*t.trainer.StepsPerEpoch() + steps) * t.setup.Recipe.Train.Batch
}

func (t *training) start(s ssl.Start) {
	t.began = time.Now()
	for _, w := range s.Warnings {
		t.rep.Printf("warning: %s", w)
	}
	if s.Checkpoint != "" {
		t.rep.Printf("%s goes on after epoch %d, step %d, from %s", t.side, s.Epoch, s.Step, s.Checkpoint)
	}
	t.failure = t.log.Rewind(t.side, s.Epoch)
	for _, r := range t.log.Records(t.side) {
		if r.KNN != nil {
			t.knn = r.KNN
		}
	}
	t.rep.Printf("training %s on %d images, %d steps an epoch", t.side, len(t.trainer.Indices), t.trainer.StepsPerEpoch())
	if p := t.trainer.Private; p != nil {
		t.rep.Printf("%s trains privately: gradients of images shortened to %g, noise of %.4g times that (docs/private.md)",
			t.side, p.Clip, p.Noise)
	}
	t.bar = t.rep.Bar(t.side.String(), "images", t.images(t.setup.Recipe.Train.Epochs, 0), t.images(s.Epoch, s.Step))
}

func (t *training) step(p ssl.Progress) { t.bar.Set(t.images(p.Epoch-1, p.Step)) }

// evaluate returns the hook that does the recipe's kNN test, nil if it has none.
func (t *training) evaluate(e *tensor.Engine) func(context.Context, int) (float64, bool, error) {
	k := t.setup.Recipe.KNN
	if k.Every == 0 {
		return nil
	}
	probe := t.setup.Probe(e, t.encoder, t.side)
	return func(ctx context.Context, epoch int) (float64, bool, error) {
		if !k.Due(epoch, t.setup.Recipe.Train.Epochs) {
			return 0, false, nil
		}
		a, err := probe.Accuracy(ctx)
		return a, err == nil, err
	}
}

func (t *training) epoch(r ssl.Record) error {
	if t.failure != nil {
		return t.failure
	}
	if r.KNN != nil {
		t.knn = r.KNN
	}
	t.bar.Note("epoch %d/%d  %s", r.Epoch, t.setup.Recipe.Train.Epochs, t.state(r))
	if r.Warning != "" {
		t.rep.Printf("warning: %s, epoch %d: %s", t.side, r.Epoch, r.Warning)
	}
	if k := t.setup.Recipe.Train.KeepEvery; k > 0 && r.Epoch%k == 0 {
		if err := t.keep(r.Epoch); err != nil {
			return err
		}
	}
	return t.log.Add(r)
}

// state says in words how far an encoder is after an epoch.
func (t *training) state(r ssl.Record) string {
	s := fmt.Sprintf("loss %.2f (chance %.2f)", r.Loss, r.Chance)
	if t.knn != nil {
		s += fmt.Sprintf("  kNN %.2f", *t.knn)
	}
	if p := r.Private; p != nil {
		s += fmt.Sprintf("  epsilon %.3g at delta %.2g", p.Epsilon, p.Delta)
	}
	return s
}

// save writes the trained encoder and ends its bar.
func (t *training) save(e *tensor.Engine, dir *RunDir) error {
	if err := t.saveAverage(); err != nil {
		return err
	}
	if err := weights.Save(dir.Encoder(t.side), t.encoder.Params(), t.meta()); err != nil {
		return fmt.Errorf("writing encoder %s: %w", t.side, err)
	}
	if records := t.log.Records(t.side); len(records) > 0 {
		last := records[len(records)-1]
		t.bar.Finish("%d epochs in %s  %s", last.Epoch, progress.Duration(time.Since(t.began)), t.state(last))
	}
	return nil
}

// loadTrained returns encoder F or G of an earlier run in the directory, nil if
// there is none yet.
func loadTrained(e *tensor.Engine, l *Setup, dir *RunDir, side memorize.Side, rep Reporter) (nn.Encoder, error) {
	path := dir.Encoder(side)
	if !exists(path) || l.Recipe.Train.WeightsEMA > 0 && !exists(dir.Average(side)) {
		return nil, nil
	}
	enc, err := l.Encoder(side)
	if err != nil {
		return nil, err
	}
	meta, err := LoadEncoder(path, weights.NoPrefix, enc, rep)
	if err != nil {
		return nil, fmt.Errorf("%w; remove the file to make it again from the last checkpoint", err)
	}
	if origin := meta[metaRecipe]; origin != l.TrainID() {
		return nil, fmt.Errorf("%s was trained with another recipe or other images (%.12s, expected %.12s): "+
			"remove it to train it again",
			path, origin, l.TrainID())
	}
	if meta[metaEncoder] != side.String() {
		return nil, fmt.Errorf("%s holds encoder %q, expected %q", path, meta[metaEncoder], side)
	}
	if isa := meta[metaISA]; isa != e.ISA() {
		rep.Printf("warning: %s was trained with %s kernels, the work goes on with %s: the same up to rounding only",
			path, isa, e.ISA())
	}
	return enc, nil
}

// LoadEncoder sets the weights of an encoder from a safetensors file of this or of
// another program (weights.LoadEncoder), tells rep what it did with the names, and
// returns the file's metadata, in which only files made here have entries of ours.
func LoadEncoder(path, prefix string, enc nn.Encoder, rep Reporter) (meta map[string]string, err error) {
	l, err := weights.LoadEncoder(path, enc.Params(), weights.Options{Prefix: prefix})
	if err != nil {
		return nil, err
	}
	if note := l.Note(); note != "" {
		rep.Printf("note: %s: %s", path, note)
	}
	return l.Meta, nil
}

// trainAll returns these encoders, from the directory where they
// are finished, else trained. reused tells which were finished.
func trainAll(ctx context.Context, e *tensor.Engine, l *Setup, dir *RunDir, log *Log, rep Reporter,
	sides ...memorize.Side) (encoders map[memorize.Side]nn.Encoder, reused []string, err error) {
	encoders = map[memorize.Side]nn.Encoder{}
	var todo []memorize.Side
	for _, w := range sides {
		enc, err := loadTrained(e, l, dir, w, rep)
		if err != nil {
			return nil, nil, err
		}
		if enc == nil {
			todo = append(todo, w)
			continue
		}
		rep.Printf("%s is trained already: %s", w, dir.Encoder(w))
		encoders[w], reused = enc, append(reused, w.String())
	}
	defer e.Trim()
	if len(todo) > 0 && e.EmulatesBF16() {
		rep.Printf("warning: train.precision is bf16, which the kernels in use (%s) emulate: the same bits, some "+
			"hundred times slower", e.ISA())
	}
	if len(todo) == 2 && l.Recipe.Train.Order == "parallel" {
		return encoders, reused, trainSideBySide(ctx, e.Threads(), l, dir, log, rep, encoders)
	}
	for _, w := range todo {
		t, err := newTraining(e, l, dir, log, w, rep)
		if err != nil {
			return nil, nil, err
		}
		if err := t.trainer.Run(ctx); err != nil {
			return nil, nil, err
		}
		if err := t.save(e, dir); err != nil {
			return nil, nil, err
		}
		encoders[w] = t.encoder
	}
	return encoders, reused, nil
}

// trainSideBySide trains f and g at the same time, each with half of the threads.
func trainSideBySide(ctx context.Context, threads int, l *Setup, dir *RunDir, log *Log, rep Reporter,
	encoders map[memorize.Side]nn.Encoder) error {
	var ts []*training
	var es []*tensor.Engine
	for i, w := range memorize.Sides {
		e, err := newEngine(l.Recipe, max(1, (threads+1-i)/2))
		if err != nil {
			return err
		}
		defer e.Close()
		t, err := newTraining(e, l, dir, log, w, rep)
		if err != nil {
			return err
		}
		es, ts = append(es, e), append(ts, t)
	}
	if err := ssl.TrainPair(ctx, ts[0].trainer, ts[1].trainer, true); err != nil {
		return err
	}
	for i, t := range ts {
		if err := t.save(es[i], dir); err != nil {
			return err
		}
		encoders[t.side] = t.encoder
	}
	return nil
}
