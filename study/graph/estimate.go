package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Effort says what a step costs: an amount of one kind of work, and fixed seconds.
type Effort struct {
	// Key names the kind of work, such as training an encoder by one method. Work with
	// the same key takes the same time per unit of its amount.
	Key string
	// Amount is how much there is, in units such as images.
	Amount float64
	// Measure returns the seconds per unit on this machine. It is called where no finished
	// step of the store has the same key.
	Measure func(ctx context.Context) (seconds float64, err error)
	// Fixed are seconds that do not depend on the amount.
	Fixed float64
}

// Estimate is what a step will take.
type Estimate struct {
	Step    *Step
	Done    *Done   // nil if the step is not finished
	Seconds float64 // what is left to do: 0 if the step is finished
}

// Estimate returns what each of the steps, and of all that they need, will take on this
// machine.
func (st *Store) Estimate(ctx context.Context, steps []*Step) ([]Estimate, error) {
	rates, err := st.rates()
	if err != nil {
		return nil, err
	}
	var out []Estimate
	for _, s := range Order(steps) {
		d, err := st.Done(s)
		if err != nil {
			return nil, err
		}
		if d != nil {
			out = append(out, Estimate{Step: s, Done: d})
			continue
		}
		e := s.kind.effort(s.params)
		seconds := e.Fixed
		if e.Amount > 0 {
			rate, ok := rates[e.Key]
			if !ok {
				if rate, err = e.Measure(ctx); err != nil {
					return nil, fmt.Errorf("estimating %s: %w", s.label, err)
				}
				rates[e.Key] = rate
			}
			seconds += rate * e.Amount
		}
		out = append(out, Estimate{Step: s, Seconds: seconds})
	}
	return out, nil
}

// rates returns the seconds per unit of work by key, from the finished steps.
func (st *Store) rates() (map[string]float64, error) {
	files, err := filepath.Glob(filepath.Join(st.dir, "*", doneFile))
	if err != nil {
		return nil, err
	}
	seconds, amount := map[string]float64{}, map[string]float64{}
	for _, f := range files {
		var d Done
		b, err := os.ReadFile(f)
		if err != nil || json.Unmarshal(b, &d) != nil || !d.Whole || d.Key == "" || !(d.Amount > 0) {
			continue // without it the estimate is only less certain
		}
		seconds[d.Key] += d.Seconds
		amount[d.Key] += d.Amount
	}
	for k := range seconds {
		seconds[k] /= amount[k]
	}
	return seconds, nil
}
