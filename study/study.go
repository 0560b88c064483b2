package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// Study is one experiment: encoders that differ in their seed or their training,
// and what is found in them.
type Study struct {
	Name   string
	Source string // tables and figures of the paper, or ours
	Title  string
	// plan adds the steps to the lab, and returns what reads their results.
	plan func(*lab) writer
}

// writer says what the results of the steps show. Title and provenance are added to
// its report.
type writer func(*reader) (*report.Document, error)

// Plan is a study at a scale: its steps, and what to say of their results.
type Plan struct {
	Steps []*graph.Step
	// Report reads the results of the finished steps.
	Report func(st *graph.Store) (*report.Document, error)
}

// Plan returns the steps of the study. The error says what is wrong with the
// setting, or that the study has no such scale.
func (y Study) Plan(s Setting) (*Plan, error) {
	c, err := s.scale()
	if err != nil {
		return nil, err
	}
	command := s.command(y.Name)
	l := &lab{Setting: s, asked: s.Pairs, scale: c}
	if l.Pairs == 0 {
		l.Pairs = c.pairs
	}
	write := y.plan(l)
	if l.err != nil {
		return nil, l.err
	}
	return &Plan{Steps: l.steps, Report: func(st *graph.Store) (*report.Document, error) {
		d, err := write(&reader{Setting: l.Setting, store: st, command: command})
		if err != nil {
			return nil, err
		}
		d.Title = fmt.Sprintf("%s, %s scale", y.Title, s.Scale)
		if s.Distance != "" {
			d.Title += fmt.Sprintf(", %s distance", s.Distance)
		}
		d.Provenance, err = provenance(st, l.steps)
		return d, err
	}}, nil
}

// Studies returns all studies, in the order in which they are done.
func Studies() []Study {
	return []Study{
		depth,
		census,
		architectures,
		attention,
		atypical,
		consistency,
		count,
		distances,
		frameworks,
		finetuning,
		pruning,
		swaps,
		blocks,
		normCosine,
		points,
		unitMem,
		onePoint,
		supervised,
		transformer,
		gallery,
		augmentation,
		trainingTime,
		decay,
		private,
		overlap,
		duration,
		datasets,
		initial,
	}
}

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

// command is what makes a study.
func (s Setting) command(name string) string {
	c := fmt.Sprintf("locimem study %s --scale %s", name, s.Scale)
	if s.Pairs != 0 {
		c += fmt.Sprintf(" --pairs %d", s.Pairs)
	}
	if s.From > 1 {
		c += fmt.Sprintf(" --from %d", s.From)
	}
	if s.Distance != "" {
		c += fmt.Sprintf(" --distance %s", s.Distance)
	}
	if s.Seed != 1 {
		c += fmt.Sprintf(" --seed %d", s.Seed)
	}
	if s.Scale != "tiny" {
		c += " --data-dir DIR"
	}
	if s.Other != "" {
		c += fmt.Sprintf(" --other %s --other-dir DIR", s.Other)
	}
	return c
}

// provenance says what the steps were and what they took.
func provenance(st *graph.Store, steps []*graph.Step) ([]report.Fact, error) {
	out := circumstances(steps)
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
		out = append(out, report.Fact{Name: s.Name(), Value: fmt.Sprintf("%s: %s, finished %s%s", d.Label, took, d.Finished.Format("2006-01-02 15:04 MST"), by(d))})
	}
	return out, nil
}
