package study

import (
	"context"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// GoOn trains encoder F, in place, on a few points only, each times over in every
// epoch (ssl.ContinueOn), by the recipe's method and optimiser at a constant tenth of
// its learning rate; the method's own networks begin anew. after is called after
// every epoch. Nothing is kept.
func GoOn(ctx context.Context, l *Lab, e *tensor.Engine, enc nn.Encoder, points []int, times, epochs int, after func(ctx context.Context, epoch int) error) error {
	method, err := l.Method(enc, F)
	if err != nil {
		return err
	}
	optimizer, err := l.Optimizer(e, method.Params(), F)
	if err != nil {
		return err
	}
	c, err := ssl.ContinueOn(ssl.TrainerConfig{
		Name: F, Engine: e, Method: method, Optimizer: optimizer, Schedule: constantWarmup{lr: l.Recipe.Train.LR / 10}, Dataset: l.Train, Augment: l.Augment, Views: l.Views,
		Batch: min(l.Recipe.Train.Batch, len(points)*times), Epochs: epochs, Seed: l.Recipe.TrainSeed(F),
		Hooks: ssl.Hooks{Evaluate: func(ctx context.Context, epoch int) (float64, bool, error) { return 0, false, after(ctx, epoch) }},
	}, points, times)
	if err != nil {
		return err
	}
	t, err := ssl.NewTrainer(c)
	if err != nil {
		return err
	}
	return t.Run(ctx)
}
