package experiments

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/report"
)

// Study is one experiment.
type Study struct {
	Name   string
	Source string // tables and figures of the paper, or ours
	Title  string
	// Plan returns the steps of the study.
	Plan func(s Setting) (*Plan, error)
}

// Plan is a study at a scale: its steps, and what to say of their results.
type Plan struct {
	Steps []*graph.Step
	// Report reads the results of the finished steps.
	Report func(ctx context.Context, st *graph.Store) (*report.Document, error)
}

// Studies returns all studies, in the order in which they are done.
func Studies() []Study { return []Study{depth, attention, atypical} }

// Find returns the studies of a name: one, or all.
func Find(name string) ([]Study, error) {
	all := Studies()
	if name == "all" {
		return all, nil
	}
	i := slices.IndexFunc(all, func(s Study) bool { return s.Name == name })
	if i < 0 {
		names := []string{"all"}
		for _, s := range all {
			names = append(names, s.Name)
		}
		return nil, fmt.Errorf("study: found %q, expected one of %s", name, strings.Join(names, ", "))
	}
	return all[i : i+1], nil
}

// level is that of all intervals.
const level = 0.95

// above judges a claim that a number is above 0, by its interval over pairs of
// encoders: reproduced if all of it lies above 0, not reproduced if all of it lies
// below, under-powered else, and with a single pair.
func above(what string, perPair []float64) (*report.Cell, report.Verdict, string) {
	if len(perPair) < 2 {
		c := report.Num(perPair[0])
		return &c, report.UnderPowered, fmt.Sprintf("%s is %.4f in the one pair of encoders, which says nothing about others", what, perPair[0])
	}
	m, err := stats.Student(perPair, level)
	if err != nil {
		c := report.Text("not finite")
		return &c, report.UnderPowered, what + ": " + err.Error()
	}
	c := report.Between(m.Mean, m.Lo, m.Hi)
	why := fmt.Sprintf("%s is %.4f, 95 %% interval over %d pairs [%.4f, %.4f]", what, m.Mean, m.N, m.Lo, m.Hi)
	switch {
	case m.Lo > 0:
		return &c, report.Reproduced, why
	case m.Hi < 0:
		return &c, report.NotReproduced, why
	}
	return &c, report.UnderPowered, why
}

// ruleAbove is the rule of above in words.
const ruleAbove = "Student's t interval (95 %) over pairs of encoders: all above 0 is reproduced, all below 0 not reproduced, else (or with one pair) under-powered."

// command is what makes a study.
func (s Setting) command(name string) string {
	c := fmt.Sprintf("locimem study %s --scale %s", name, s.Scale)
	if s.Pairs > 0 {
		c += fmt.Sprintf(" --pairs %d", s.Pairs)
	}
	if s.Seed != 1 {
		c += fmt.Sprintf(" --seed %d", s.Seed)
	}
	if s.Scale != "tiny" {
		c += " --data-dir DIR"
	}
	return c
}

// provenance says what the steps were and what they took.
func provenance(st *graph.Store, steps []*graph.Step) ([]report.Fact, error) {
	var out []report.Fact
	for _, s := range graph.Order(steps) {
		d, err := st.Done(s)
		if err != nil {
			return nil, err
		}
		if d == nil {
			continue
		}
		took := fmt.Sprintf("%.1f s", d.Seconds)
		if !d.Whole {
			took = "time not known, as a process was killed or the encoder was there before"
		}
		out = append(out, report.Fact{Name: s.Name(), Value: fmt.Sprintf("%s: %s, finished %s", d.Label, took, d.Finished.Format("2006-01-02 15:04 MST"))})
	}
	return out, nil
}

// mean of numbers.
func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
