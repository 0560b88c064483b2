package experiments

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/report"
)

// Study is one experiment: pairs of encoders that differ in their seed, and what
// their scores say.
type Study struct {
	Name   string
	Source string // tables and figures of the paper, or ours
	Title  string
	// sets returns changes of the scale's recipe; nil: there are none.
	sets func(*scale) ([]string, error)
	// sameData also scores two encoders with the same images and other seeds, in
	// which there is nothing to memorize apart.
	sameData bool
	// write says what the scores show. Title and provenance are added to it.
	write func(*results) (*report.Document, error)
}

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
	if s.Pairs == 0 {
		s.Pairs = c.pairs
	}
	var sets []string
	if y.sets != nil {
		if sets, err = y.sets(c); err != nil {
			return nil, err
		}
	}
	var pairs []pair
	p := &Plan{}
	for i := range s.Pairs {
		r, err := s.recipe(c, i, sets)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, newPair(r))
		p.Steps = append(p.Steps, pairs[i].score)
	}
	var same *graph.Step
	if y.sameData && len(pairs) > 1 {
		same = score.Step(fmt.Sprintf("score the same-data pair, %s", describe(pairs[0].recipe)),
			scoring{textOf(pairs[0].recipe), [2]string{study.F, study.F}}, pairs[0].f, pairs[1].f)
		p.Steps = append(p.Steps, same)
	}
	p.Report = func(st *graph.Store) (*report.Document, error) { return y.report(s, st, pairs, same, p.Steps) }
	return p, nil
}

// report reads the scores, and puts title and provenance to what they show.
func (y Study) report(s Setting, st *graph.Store, pairs []pair, same *graph.Step, steps []*graph.Step) (*report.Document, error) {
	r := &results{pairs: pairs, command: s.command(y.Name)}
	for _, q := range pairs {
		p, err := readScores(st, q.score)
		if err != nil {
			return nil, err
		}
		r.scores = append(r.scores, p)
	}
	if same != nil {
		p, err := readScores(st, same)
		if err != nil {
			return nil, err
		}
		r.sameData = []scores{p}
	}
	d, err := y.write(r)
	if err != nil {
		return nil, err
	}
	d.Title = fmt.Sprintf("%s, %s scale", y.Title, s.Scale)
	d.Provenance, err = provenance(st, steps)
	return d, err
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
	c := interval(perPair)
	if c.Lo == nil {
		return &c, report.UnderPowered, fmt.Sprintf("%s is %.4f in the one pair of encoders, which says nothing about others", what, *c.Value)
	}
	why := fmt.Sprintf("%s is %.4f, 95 %% interval over %d pairs [%.4f, %.4f]", what, *c.Value, len(perPair), *c.Lo, *c.Hi)
	switch {
	case *c.Lo > 0:
		return &c, report.Reproduced, why
	case *c.Hi < 0:
		return &c, report.NotReproduced, why
	}
	return &c, report.UnderPowered, why
}

// interval is the mean of a number for each pair, with Student's interval over
// pairs where there are several.
func interval(perPair []float64) report.Cell {
	m, err := stats.Student(perPair, level)
	if err != nil { // of a single pair
		return report.Num(stat.Mean(perPair, nil))
	}
	return report.Between(m.Mean, m.Lo, m.Hi)
}

// ruleAbove is the rule of above in words.
const ruleAbove = "Student's t interval (95 %) over pairs of encoders: all above 0 is reproduced, all below 0 not reproduced, else (or with one pair) under-powered."

// command is what makes a study.
func (s Setting) command(name string) string {
	c := fmt.Sprintf("locimem study %s --scale %s", name, s.Scale)
	if k, err := s.scale(); err == nil && s.Pairs != k.pairs {
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
