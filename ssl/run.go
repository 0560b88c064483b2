package ssl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/tensor"
)

// place is how far a training has come. It is saved with the weights, so that
// even the record of an interrupted epoch is the same bits.
type place struct {
	Epoch int // whole epochs done
	Step  int // steps done of the next one
	sums      // over these steps
}

// sums add up what the record of an epoch needs.
type sums struct {
	Loss, GradNorm, Spread, Rank, Teacher, Seconds, ViewSeconds float64
	// Of private training: images drawn and shortened, and steps without an image.
	Images, Clipped, Empty int `json:",omitempty"`
}

// Run trains to the end, from the newest checkpoint if there is one. The result
// is in the method's parameters; a training that is already done only loads
// them.
//
// When ctx is cancelled the step under way is finished, a checkpoint is written
// and the error wraps ctx.Err(). A loss or gradient that is NaN or infinite ends
// the training with an error that wraps ErrNotFinite; checkpoints stay.
func (t *Trainer) Run(ctx context.Context) error {
	var at place
	start := Start{Encoder: t.Name}
	if t.store != nil {
		var err error
		if at, start, err = t.store.restore(); err != nil {
			return fmt.Errorf("training %s: %w", t.Name, err)
		}
	}
	if t.Hooks.OnStart != nil {
		t.Hooks.OnStart(start)
	}
	tape := t.Engine.NewTape(tensor.Training)
	for at.Epoch < t.Epochs {
		if err := t.epoch(ctx, tape, &at); err != nil {
			return err
		}
	}
	return nil
}

// epoch finishes the epoch that at is in and moves at to the next.
func (t *Trainer) epoch(ctx context.Context, tape *tensor.Tape, at *place) error {
	order := t.batches.order(at.Epoch)
	var before *heldWeights
	if at.Epoch == 0 && at.Step < t.steps {
		before = t.held()
	}
	for at.Step < t.steps {
		if ctx.Err() != nil {
			return t.stop(at, ctx.Err())
		}
		positions := order[at.Step*t.Batch:][:t.Batch]
		if t.Private != nil {
			positions = t.batches.draw(at.Epoch*t.steps+at.Step, t.rate())
		}
		if err := t.step(tape, at, positions); err != nil {
			return err
		}
	}
	record := t.record(at)
	if before != nil && !record.Collapsed { // which is told, and may be wanted
		if err := t.checkTrained(before, at); err != nil {
			return err
		}
	}
	if t.Hooks.Evaluate != nil {
		accuracy, ok, err := t.Hooks.Evaluate(ctx, at.Epoch+1)
		switch {
		case err != nil && ctx.Err() != nil:
			return t.stop(at, ctx.Err())
		case err != nil:
			return fmt.Errorf("training %s: evaluating after epoch %d: %w", t.Name, at.Epoch+1, err)
		case ok:
			record.KNN = &accuracy
		}
	}
	if t.Hooks.OnEpoch != nil {
		if err := t.Hooks.OnEpoch(record); err != nil {
			return fmt.Errorf("training %s: epoch %d: %w", t.Name, at.Epoch+1, err)
		}
	}
	*at = place{Epoch: at.Epoch + 1}
	if at.Epoch == t.Epochs || t.CheckpointEvery > 0 && at.Epoch%t.CheckpointEvery == 0 {
		return t.save(at)
	}
	return nil
}

// step trains on the images at these positions of the training set.
func (t *Trainer) step(tape *tensor.Tape, at *place, positions []int) error {
	began := time.Now()
	step := at.Epoch*t.steps + at.Step
	c := StepConfig{
		Tape: tape, Method: t.Method, Optimizer: t.Optimizer, LR: t.Schedule.At(step),
		Noise: &nn.Noise{Seed: t.Seed, Step: uint64(step)}, Steps: t.Epochs * t.steps,
	}
	var r StepResult
	var viewed float64
	var err error
	if t.Private != nil {
		r, err = privateStep(c, privateBatch{t.Private, len(positions), float64(t.Batch),
			func(from, to int) []*tensor.Tensor {
				// An image may be drawn twice in an epoch, and is to have other views then.
				began := time.Now()
				t.batches.fill(step, positions[from:to])
				viewed += time.Since(began).Seconds()
				t.label(positions[from:to])
				return t.batches.rows(0, to-from)
			}})
	} else {
		t.batches.fill(at.Epoch, positions)
		viewed = time.Since(began).Seconds()
		r, err = StepInParts(c, t.Accumulate, func(i int) []*tensor.Tensor {
			n := t.Batch / t.Accumulate
			t.label(positions[i*n : (i+1)*n])
			return t.batches.parts[i]
		})
	}
	if err != nil {
		return fmt.Errorf("training %s stopped in epoch %d, step %d of %d, at learning rate %.3g: %w. "+
			"Usual causes: too high a learning rate, or one without warm-up; too low a temperature. %s",
			t.Name, at.Epoch+1, at.Step+1, t.steps, c.LR, err, t.whatIsSaved())
	}
	if t.average != nil {
		t.average.follow(t.Engine, step)
	}
	seconds := time.Since(began).Seconds()
	at.Step++
	at.Loss += r.Loss
	at.GradNorm += r.GradNorm
	at.Spread += r.Spread
	at.Rank += r.Rank
	at.Teacher += r.Teacher
	at.Seconds += seconds
	at.ViewSeconds += viewed
	if t.Private != nil {
		at.count(len(positions), r.Clipped)
	}
	if t.Hooks.OnStep != nil {
		t.Hooks.OnStep(Progress{
			Encoder: t.Name, Epoch: at.Epoch + 1, Epochs: t.Epochs, Step: at.Step, Steps: t.steps,
			Loss: r.Loss, Chance: t.Method.Chance(t.Batch / t.Accumulate), LearningRate: c.LR,
			ImagesPerSecond: float64(t.Batch) / seconds,
		})
	}
	return nil
}

// label tells the method the classes of the images at these positions, if it asks.
func (t *Trainer) label(positions []int) {
	if m, ok := t.Method.(Labelled); ok {
		m.SetLabels(t.batches.labels(positions))
	}
}

// record sums up the epoch that at is at the end of.
func (t *Trainer) record(at *place) Record {
	n := float64(t.steps)
	saw := float64(max(1, t.steps-at.Empty)) // steps that had images
	spread := at.Spread / saw
	r := Record{
		Encoder: t.Name, Epoch: at.Epoch + 1,
		Loss: at.Loss / saw, Chance: t.Method.Chance(t.Batch / t.Accumulate),
		ImagesPerSecond: n * float64(t.Batch) / at.Seconds,
		ViewsShare:      at.ViewSeconds / at.Seconds,
		LearningRate:    t.Schedule.At((at.Epoch+1)*t.steps - 1),
		GradNorm:        at.GradNorm / n,
		Spread:          spread,
		Rank:            at.Rank / saw,
		Teacher:         at.Teacher / saw,
		Collapsed:       spread < collapsedBelow,
	}
	if t.Private != nil {
		r.Private = t.spentUpTo(at)
	}
	r.Warning = diagnose(t.Method.Name(), &r)
	return r
}

// stop saves where training stands and says how to go on.
func (t *Trainer) stop(at *place, cause error) error {
	if err := t.save(at); err != nil {
		return errors.Join(cause, err)
	}
	return fmt.Errorf("training %s stopped after %d epochs and %d of %d steps: %w. %s",
		t.Name, at.Epoch, at.Step, t.steps, cause, t.whatIsSaved())
}

func (t *Trainer) whatIsSaved() string {
	switch {
	case t.store == nil:
		return "Nothing is saved: there is no checkpoint directory."
	case t.store.last == "":
		return "There is no checkpoint yet."
	}
	return "The last checkpoint is " + t.store.last + "."
}

// save writes a checkpoint, unless the weights went wrong in the last step: the
// last good checkpoint then stays the newest.
func (t *Trainer) save(at *place) error {
	if t.store == nil {
		return nil
	}
	for _, p := range t.Method.Params() {
		if !t.Engine.AllFinite(p.Value) {
			return fmt.Errorf("training %s: %s has a NaN or an infinity after epoch %d, step %d: %w. %s",
				t.Name, p.Name, at.Epoch, at.Step, ErrNotFinite, t.whatIsSaved())
		}
	}
	if err := t.store.save(at, at.Epoch*t.steps+at.Step); err != nil {
		return fmt.Errorf("training %s: %w", t.Name, err)
	}
	return nil
}
