package run

import (
	"context"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/ssl"
	"github.com/locimem/locimem/tensor"
)

// Continuation says how TrainOn trains.
type Continuation struct {
	Points []int // indices of training images
	Times  int   // how often a point is in an epoch, each time with other views
	Epochs int
	// Rate is the constant learning rate as a share of the recipe's. With 0 no weight
	// changes, only the statistics of batch norm do.
	Rate float64
	// After is called after every epoch.
	After func(ctx context.Context, epoch int) error
}

// fewestSteps is the number of steps that an epoch of few points has at least.
const fewestSteps = 4

// TrainOn trains encoder F, in place, on a few points only (ssl.ContinueOn), by the
// recipe's method and optimiser; the method's own networks start from scratch. Batches are the
// recipe's, or a quarter of an epoch where that is less. Nothing is kept.
func TrainOn(ctx context.Context, l *Setup, e *tensor.Engine, enc nn.Encoder, c Continuation) error {
	method, err := l.Method(enc, memorize.F)
	if err != nil {
		return err
	}
	optimizer, err := l.Optimizer(e, method.Params(), memorize.F)
	if err != nil {
		return err
	}
	config, err := ssl.ContinueOn(ssl.TrainerConfig{
		Name: memorize.F.String(), Engine: e, Method: method, Optimizer: optimizer,
		Schedule: constantWarmup{lr: l.Recipe.Train.LR * c.Rate},
		Dataset:  l.Train, Augment: l.Augment, Views: l.Views,
		Batch: max(1, min(l.Recipe.Train.Batch, len(c.Points)*c.Times/fewestSteps)), Epochs: c.Epochs,
		Seed: l.Recipe.TrainSeed(memorize.F),
		Hooks: ssl.Hooks{Evaluate: func(ctx context.Context, epoch int) (float64, bool, error) {
			return 0, false,
				c.After(ctx, epoch)
		}},
	}, c.Points, c.Times)
	if err != nil {
		return err
	}
	t, err := ssl.NewTrainer(config)
	if err != nil {
		return err
	}
	return t.Run(ctx)
}
