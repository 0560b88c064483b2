package ssl

import (
	"context"
	"errors"
	"sync"
)

// TrainPair trains two encoders. One after the other is the faster way on few
// threads; side by side each must have an engine of its own, and the views of images
// that both train on are made once. The encoders get the same bits either way.
//
// When one fails the other is stopped at its next step, with a checkpoint, and
// the error holds what happened to each.
func TrainPair(ctx context.Context, f, g *Trainer, sideBySide bool) error {
	if !sideBySide {
		if err := f.Run(ctx); err != nil {
			return err
		}
		return g.Run(ctx)
	}
	if f.Engine == g.Engine {
		panic("ssl: two encoders trained side by side share an engine")
	}
	shared := newViewCache(f, g)
	f.batches.shared, g.batches.shared = shared, shared
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var errs [2]error
	var wg sync.WaitGroup
	for i, t := range []*Trainer{f, g} {
		wg.Go(func() {
			if errs[i] = t.Run(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs[:]...)
}
