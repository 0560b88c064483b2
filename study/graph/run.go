package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/locimem/locimem/internal/atomicfile"
	"github.com/locimem/locimem/internal/buildinfo"
	"github.com/locimem/locimem/internal/filelock"
)

// Watcher is told about the progress of a run.
type Watcher interface {
	// Begin is called before a step is done. It is the number-th of total, the steps that
	// were not finished before.
	Begin(s *Step, number, total int)
	// End is called when a step is finished.
	End(s *Step, d *Done)
	// Waiting is called once, when other processes are doing all the steps that could be
	// done now.
	Waiting(s *Step)
}

// Work is a step that is being done.
type Work struct {
	// Step is the one being done.
	Step  *Step
	store *Store
	found bool
}

// Path returns the path of something in the step's directory, which exists.
func (w *Work) Path(elem ...string) string { return w.store.Path(w.Step, elem...) }

// Need returns the path of something in the directory of the i-th needed step.
func (w *Work) Need(i int, elem ...string) string {
	return w.store.Path(w.Step.needs[i], elem...)
}

// NeedResult reads what the i-th needed step found.
func (w *Work) NeedResult(i int, v any) error { return w.store.Result(w.Step.needs[i], v) }

// Result writes what the step found: plain data.
func (w *Work) Result(v any) error { return atomicfile.WriteJSON(w.Path(resultFile), v) }

// Found notes that the files of the step were there before, so that its time says nothing.
func (w *Work) Found() { w.found = true }

// Run does the steps and all that they need, one after the other. It skips those that are
// finished, after checking that their files have not changed. It waits for steps that
// another process works on when there is nothing else to do. When ctx is cancelled it
// returns an error that wraps ctx.Err(); run again to continue.
func (st *Store) Run(ctx context.Context, steps []*Step, watch Watcher) error {
	if err := st.Plan(steps); err != nil {
		return err
	}
	var todo []*Step
	for _, s := range Order(steps) {
		d, err := st.Done(s)
		if err != nil {
			return err
		}
		if d == nil {
			todo = append(todo, s)
		} else if err := st.verify(s, d); err != nil {
			return err
		}
	}
	for number, total, told := 1, len(todo), false; len(todo) > 0; {
		var left []*Step
		var held *Step // by another process
		for _, s := range todo {
			ready, err := st.ready(s)
			if err == nil && ready {
				err = st.do(ctx, s, watch, number, total)
			}
			switch {
			case errors.Is(err, filelock.ErrHeld):
				held, left = s, append(left, s)
			case err != nil:
				return fmt.Errorf("%s (%s): %w", s.label, s.Name(), err)
			case !ready:
				left = append(left, s)
			default:
				number++
			}
		}
		waits := len(left) == len(todo) // nothing could be done
		if todo = left; !waits {
			continue
		}
		if held == nil { // a result was removed in the meantime
			return fmt.Errorf("%s (%s): what it needs is no longer finished; run again", todo[0].label, todo[0].Name())
		}
		if !told {
			watch.Waiting(held)
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s, which another process works on: %w", held.label, ctx.Err())
		case <-time.After(time.Second):
		}
	}
	return nil
}

// ready says whether everything that a step needs is finished.
func (st *Store) ready(s *Step) (bool, error) {
	for _, n := range s.needs {
		if d, err := st.Done(n); err != nil || d == nil {
			return false, err
		}
	}
	return true, nil
}

// do does one step, unless another process has finished it in the meantime.
func (st *Store) do(ctx context.Context, s *Step, watch Watcher, number, total int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	lock, err := filelock.Acquire(st.Path(s, lockFile))
	if err != nil {
		return err
	}
	defer lock.Release()
	if d, err := st.Done(s); err != nil || d != nil {
		return err
	}
	watch.Begin(s, number, total)
	before := st.spent(s)
	began := time.Now()
	w := &Work{Step: s, store: st}
	if err := s.kind.run(ctx, w, s.params); err != nil {
		if before.Whole && ctx.Err() != nil { // a clean stop: its time is known
			before.Seconds += time.Since(began).Seconds()
			_ = atomicfile.WriteJSON(st.Path(s, spentFile), before)
		}
		return err
	}
	files, err := digests(st.Path(s))
	if err != nil {
		return err
	}
	e, here := s.kind.effort(s.params), buildinfo.Now()
	d := &Done{
		Kind: s.kind.name, Hash: s.hash, Label: s.label,
		Seconds: before.Seconds + time.Since(began).Seconds(), Whole: before.Whole && !w.found,
		Finished: time.Now().UTC().Truncate(time.Second),
		Key:      e.Key, Amount: e.Amount, By: &here, Files: files,
	}
	if err := atomicfile.WriteJSON(st.Path(s, doneFile), d); err != nil {
		return err
	}
	_ = os.Remove(st.Path(s, spentFile))
	watch.End(s, d)
	return nil
}

// spentFile holds the time that a stopped step took so far.
const spentFile = "spent.json"

// spending is the time of earlier processes.
type spending struct {
	Seconds float64 `json:"seconds"`
	Whole   bool    `json:"whole"`
}

// spent reads the time that earlier processes took, and marks it as not whole until
// this one ends cleanly.
func (st *Store) spent(s *Step) spending {
	out := spending{Whole: true}
	if b, err := os.ReadFile(st.Path(s, spentFile)); err == nil && json.Unmarshal(b, &out) != nil {
		out = spending{}
	}
	_ = atomicfile.WriteJSON(st.Path(s, spentFile), spending{Seconds: out.Seconds})
	return out
}
