// Package study holds the studies: the experiments of the paper "Localizing
// Memorization in SSL Vision Encoders" (arXiv 2409.19069), and ours, one file each.
//
// A study plans a graph of steps, such as the training of an encoder. Their results are
// kept in a store and shared with the other studies. The study ends with a report whose
// claims have verdicts, computed by a rule fixed in advance.
//
// A study file begins with its claims: what is claimed, where, the paper's values, and
// the rule. Then comes the Study itself, then the statistics. To add a study, write one
// file with a call of Register, in this package or in your own program.
package study

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

// Study is one experiment: encoders that differ in their seed or their training, and
// what is found in them.
type Study struct {
	Name   string // as typed after locimem study
	Source string // tables and figures of the paper, or ours
	Title  string
	// Place orders studies: smaller ones are done first and come first in a ledger. A
	// study without a place (0) comes after all that have one.
	Place int
	// Design adds the steps of the study to the planner, and returns what writes the
	// report once they are finished.
	Design func(plan *Planner) Writer
}

// Writer reads the results of finished steps and reports what they show. The title and
// the provenance are added to its report.
type Writer func(x *Reader) (*report.Document, error)

// Plan is a study at a scale: its steps, and how to report on their results.
type Plan struct {
	Steps []*graph.Step
	// Report reads the results of the finished steps.
	Report func(st *graph.Store) (*report.Document, error)
}

// registered are the studies, in their order.
var registered []Study

// Register makes a study known to Studies and Find, and returns it. It is called for
// package variables. It panics if the name is empty, all, or taken, or if there is no
// design.
func Register(s Study) Study {
	switch {
	case s.Name == "" || s.Name == "all":
		panic(fmt.Sprintf("study: name: found %q, expected a name of its own", s.Name))
	case s.Design == nil:
		panic(fmt.Sprintf("study %s: design: found none, expected a function", s.Name))
	case slices.ContainsFunc(registered, func(other Study) bool { return other.Name == s.Name }):
		panic(fmt.Sprintf("study: name: found %q twice, expected different names", s.Name))
	}
	registered = append(registered, s)
	slices.SortStableFunc(registered, func(a, b Study) int {
		if (a.Place == 0) != (b.Place == 0) {
			return cmp.Compare(b.Place, a.Place)
		}
		return cmp.Compare(a.Place, b.Place)
	})
	return s
}

// Studies returns all studies, in the order in which they are done.
func Studies() []Study { return slices.Clone(registered) }

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

// Plan returns the steps of the study. The error says what is wrong with the setting,
// such as a scale that does not exist.
func (y Study) Plan(s Setting) (*Plan, error) {
	c, err := s.scale()
	if err != nil {
		return nil, err
	}
	p := &Planner{Setting: s, asked: s.Pairs, scale: c}
	if p.Pairs == 0 {
		p.Pairs = c.pairs
	}
	write := y.Design(p)
	if p.err != nil {
		return nil, p.err
	}
	command := s.command(y.Name)
	return &Plan{Steps: p.steps, Report: func(st *graph.Store) (*report.Document, error) {
		d, err := write(&Reader{Setting: p.Setting, store: st, command: command})
		if err != nil {
			return nil, err
		}
		d.Title = fmt.Sprintf("%s, %s scale", y.Title, s.Scale)
		if s.Distance != "" {
			d.Title += fmt.Sprintf(", %s distance", s.Distance)
		}
		d.Provenance, err = provenance(st, p.steps)
		return d, err
	}}, nil
}
