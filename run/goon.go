package run

import (
	"context"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// Going says how GoOn trains.
type Going struct {
	Points []int // indices of training images
	Times  int   // each point is there in an epoch, each time with other views
	Epochs int
	// Rate is the constant learning rate as a share of the recipe's. With 0 no weight
	// changes, only the statistics of batch norm do.
	Rate float64
	// After is called after every epoch.
	After func(ctx context.Context, epoch int) error
}

// stepsOfGoing is the number of steps that an epoch of few points has at least.
const stepsOfGoing = 4

// GoOn trains encoder F, in place, on a few points only (ssl.ContinueOn), by the
// recipe's method and optimiser; the method's own networks begin anew. Batches are the
// recipe's, or a quarter of an epoch where that is less. Nothing is kept.
func GoOn(ctx context.Context, l *Lab, e *tensor.Engine, enc nn.Encoder, g Going) error {
	method, err := l.Method(enc, F)
	if err != nil {
		return err
	}
	optimizer, err := l.Optimizer(e, method.Params(), F)
	if err != nil {
		return err
	}
	c, err := ssl.ContinueOn(ssl.TrainerConfig{
		Name: F, Engine: e, Method: method, Optimizer: optimizer, Schedule: constantWarmup{lr: l.Recipe.Train.LR * g.Rate}, Dataset: l.Train, Augment: l.Augment, Views: l.Views,
		Batch: max(1, min(l.Recipe.Train.Batch, len(g.Points)*g.Times/stepsOfGoing)), Epochs: g.Epochs, Seed: l.Recipe.TrainSeed(F),
		Hooks: ssl.Hooks{Evaluate: func(ctx context.Context, epoch int) (float64, bool, error) { return 0, false, g.After(ctx, epoch) }},
	}, g.Points, g.Times)
	if err != nil {
		return err
	}
	t, err := ssl.NewTrainer(c)
	if err != nil {
		return err
	}
	return t.Run(ctx)
}
