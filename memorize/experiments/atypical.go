package experiments

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/data"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/report"
)

// atypical asks whether atypical images are memorized more than typical ones, a
// claim that the paper makes in words. Synthetic images are marked when they are
// made; of others the third that is farthest from the mean image of its class
// counts as atypical, in pixels, so that no encoder has a say in it. It takes the
// encoders of study depth.
var atypical = Study{
	Name: "atypical", Source: "ours; claimed in words", Title: "Atypical against typical images",
	Plan: func(s Setting) (*Plan, error) {
		pairs, err := s.plainPairs()
		if err != nil {
			return nil, err
		}
		p := &Plan{}
		for _, q := range pairs {
			p.Steps = append(p.Steps, q.score)
		}
		p.Report = func(_ context.Context, st *graph.Store) (*report.Document, error) {
			return reportAtypical(s, st, pairs, p.Steps)
		}
		return p, nil
	},
}

// marked is a data set that knows which of its images are atypical.
type marked interface{ Atypical(i int) bool }

// atypicalOf returns a function that tells which images are atypical, and what it
// goes by. points are those that will be asked for.
func atypicalOf(d data.Dataset, points []int) (func(i int) bool, string) {
	if m, ok := d.(marked); ok {
		if slices.ContainsFunc(points, m.Atypical) {
			return m.Atypical, "marked when the images were made"
		}
	}
	h, w, c := d.Shape()
	sums, counts := map[int][]float64{}, map[int]float64{}
	for i := range d.Len() {
		l := d.Label(i)
		if sums[l] == nil {
			sums[l] = make([]float64, h*w*c)
		}
		for j, v := range d.Image(i) {
			sums[l][j] += float64(v)
		}
		counts[l]++
	}
	distance := map[int]float64{}
	var all []float64
	for _, i := range points {
		sum := 0.0
		for j, v := range d.Image(i) {
			x := float64(v) - sums[d.Label(i)][j]/counts[d.Label(i)]
			sum += x * x
		}
		distance[i] = sum
		all = append(all, sum)
	}
	slices.Sort(all)
	limit := all[len(all)*2/3]
	return func(i int) bool { return distance[i] >= limit }, "the third that is farthest from the mean image of its class, in pixels"
}

// part returns the mean score of the points of a set that are atypical or not.
func (p *points) part(tap, set string, is func(int) bool, want bool) (float64, int) {
	sum, n := 0.0, 0
	for k, i := range p.index[set] {
		if is(i) == want {
			sum += p.value[tap][set][k]
			n++
		}
	}
	return sum / float64(n), n
}

func reportAtypical(s Setting, st *graph.Store, pairs []pair, steps []*graph.Step) (*report.Document, error) {
	all, err := scored(st, pairs)
	if err != nil {
		return nil, err
	}
	convs, err := convTaps(all[0])
	if err != nil {
		return nil, err
	}
	l, err := study.OpenLab(pairs[0].recipe)
	if err != nil {
		return nil, err
	}
	asked := slices.Concat(all[0].index[memorize.Candidate], all[0].index[memorize.Independent])
	is, by := atypicalOf(l.Train, asked)
	of := func(p *points, tap string, want bool) (float64, error) {
		c, n := p.part(tap, memorize.Candidate, is, want)
		i, m := p.part(tap, memorize.Independent, is, want)
		if n == 0 || m == 0 {
			return 0, fmt.Errorf("found %d candidates and %d independents of one kind (atypical: %v), expected some of both", n, m, want)
		}
		return (c - i) / 2, nil
	}
	table := report.Table{Name: "atypical", Title: "The controlled score of atypical and of typical images",
		Note:    fmt.Sprintf("Atypical: %s. Means over %d pairs with 95 %% intervals of Student's t over pairs.", by, len(pairs)),
		Columns: []report.Column{{Name: "tap"}, {Name: "atypical", Digits: 4}, {Name: "typical", Digits: 4}, {Name: "difference", Digits: 4}}}
	a, b := report.Series{Name: "atypical"}, report.Series{Name: "typical"}
	last := convs[len(convs)-3:]
	gap := make([]float64, len(all))
	for _, tap := range all[0].taps {
		var at, ty []float64
		for i, p := range all {
			x, err := of(p, tap, true)
			if err != nil {
				return nil, err
			}
			y, err := of(p, tap, false)
			if err != nil {
				return nil, err
			}
			at, ty = append(at, x), append(ty, y)
			if slices.Contains(last, tap) {
				gap[i] += (x - y) / 3
			}
		}
		ca, cb := interval(at), interval(ty)
		table.Rows = append(table.Rows, []report.Cell{report.Text(tap), ca, cb, interval(minus(at, ty))})
		push(&a, ca)
		push(&b, cb)
	}
	cell, verdict, why := above("controlled score of atypical minus typical images, mean of the last three convolutions", gap)
	facts, err := provenance(st, steps)
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Title: "Atypical against typical images, " + s.Scale + " scale",
		Lead:  []string{fmt.Sprintf("%d pairs of encoders (%s). Atypical: %s. In numbers: %s.", len(pairs), pairs[0].recipe.Describe(), by, why)},
		Claims: []report.Claim{{ID: "atypical.more", Source: "claimed in words", Statement: "Atypical images are memorized more than typical ones.",
			Rule:       "The number is the controlled score of the atypical images minus that of the typical ones, mean of the last three convolutions, one for each pair. " + ruleAbove,
			Controlled: cell, Verdict: verdict, Why: why, Command: s.command("atypical")}},
		Sections: []report.Section{{Title: "By depth", Tables: []report.Table{table}, Charts: []report.Chart{{Name: "atypical", Title: "Controlled score by depth", Kind: report.Line,
			X: "tap", Y: "half of S_C minus S_I", Categories: all[0].taps, Series: []report.Series{a, b}, Reference: []report.Reference{{Y: 0}}}}}},
		Provenance: facts,
	}, nil
}
