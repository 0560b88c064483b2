package experiments

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/nn"
	"github.com/locimem/locimem/report"
)

// depth asks whether memorization rises with depth in a ResNet (Tables 1, 15 to 18).
// The paper reads it off LayerMem of the candidates. Here the controlled score,
// half of candidates minus independents, stands beside it: the bias of a pair, which
// the same-data pair shows by itself, is not in it.
var depth = Study{
	Name: "depth", Source: "T1, T15-T18", Title: "LayerMem by depth",
	Plan: planDepth,
}

func planDepth(s Setting) (*Plan, error) {
	pairs, err := s.plainPairs()
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	for _, q := range pairs {
		p.Steps = append(p.Steps, q.score)
	}
	// Two encoders with the same images and other seeds: nothing to memorize apart.
	var null *graph.Step
	if len(pairs) > 1 {
		null = score.Step(fmt.Sprintf("score the same-data pair, %s", describe(pairs[0].recipe)),
			scoring{textOf(pairs[0].recipe), [2]string{study.F, study.F}}, pairs[0].f, pairs[1].f)
		p.Steps = append(p.Steps, null)
	}
	p.Report = func(_ context.Context, st *graph.Store) (*report.Document, error) {
		return reportDepth(s, st, pairs, null, p.Steps)
	}
	return p, nil
}

// plainPairs returns the pairs of the scale's own recipe, which several studies share.
func (s Setting) plainPairs(sets ...string) ([]pair, error) {
	if _, err := s.scale(); err != nil {
		return nil, err
	}
	var out []pair
	for i := range s.pairs() {
		r, err := s.recipe(i, sets...)
		if err != nil {
			return nil, err
		}
		out = append(out, newPair(r))
	}
	return out, nil
}

// scored reads the points of the pairs.
func scored(st *graph.Store, pairs []pair) ([]*points, error) {
	var out []*points
	for _, q := range pairs {
		p, err := readPoints(st.Path(q.score, "scores", "points.csv"))
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// controlled returns half of candidates minus independents, pair by pair.
func controlled(all []*points, tap string) []float64 {
	var out []float64
	for _, p := range all {
		out = append(out, (mean(p.value[tap][memorize.Candidate])-mean(p.value[tap][memorize.Independent]))/2)
	}
	return out
}

// over returns a set's mean score, pair by pair.
func over(all []*points, tap, set string) []float64 {
	var out []float64
	for _, p := range all {
		out = append(out, mean(p.value[tap][set]))
	}
	return out
}

// convTaps returns the taps that are convolutions, the layers of the paper's tables.
func convTaps(p *points) ([]string, error) {
	var out []string
	for _, t := range p.taps {
		if len(t) > 4 && t[:4] == "conv" {
			out = append(out, t)
		}
	}
	if len(out) < 6 {
		return nil, fmt.Errorf("found the convolutions %v among the taps that were scored, expected at least 6", out)
	}
	return out, nil
}

// endsRise is the mean of the last three numbers minus that of the first three.
func endsRise(values []float64) float64 {
	return mean(values[len(values)-3:]) - mean(values[:3])
}

func reportDepth(s Setting, st *graph.Store, pairs []pair, null *graph.Step, steps []*graph.Step) (*report.Document, error) {
	all, err := scored(st, pairs)
	if err != nil {
		return nil, err
	}
	convs, err := convTaps(all[0])
	if err != nil {
		return nil, err
	}
	var nullPoints []*points
	if null != nil {
		p, err := readPoints(st.Path(null, "scores", "points.csv"))
		if err != nil {
			return nil, err
		}
		nullPoints = []*points{p}
	}
	// One number a pair: how much the last three convolutions exceed the first three.
	var plainRise, rise, firstBias, atFirst []float64
	for i := range all {
		one := all[i : i+1]
		var plain, control []float64
		for _, c := range convs {
			plain = append(plain, over(one, c, memorize.Candidate)[0])
			control = append(control, controlled(one, c)[0])
		}
		plainRise, rise = append(plainRise, endsRise(plain)), append(rise, endsRise(control))
		firstBias = append(firstBias, abs(over(one, convs[0], memorize.External)[0]))
		atFirst = append(atFirst, control[0])
	}
	plainCell, _, _ := above("", plainRise)
	cell, verdict, why := above("the rise of the controlled score", rise)
	claims := []report.Claim{{
		ID: "depth.rises", Source: "T1, T18", Statement: "Memorization rises with depth.",
		Rule:  "The number is the mean over the last three convolutions minus that over the first three, one for each pair, of the controlled score. " + ruleAbove,
		Paper: "LayerMem .091 in conv1 to .308 in the last convolution (T1)",
		Plain: plainCell, Controlled: cell, Verdict: verdict, Why: why, Command: s.command("depth"),
	}}
	biasCell, biasVerdict, biasWhy := above("bias minus controlled score in the first convolution", minus(firstBias, atFirst))
	claims = append(claims, report.Claim{
		ID: "depth.bias", Source: "ours", Statement: "In the first convolution LayerMem is mostly a bias of the pair: images that neither encoder saw have it as well.",
		Rule:  "The number is |LayerMem of the external images| minus the controlled score, in conv1, one for each pair. " + ruleAbove,
		Plain: biasCell, Verdict: biasVerdict, Why: biasWhy, Command: s.command("depth"),
	})

	params := map[string]float64{}
	enc, err := encoderOf(pairs[0])
	if err != nil {
		return nil, err
	}
	for _, t := range enc.Taps() {
		params[t.Name] = float64(t.Params)
	}
	table := report.Table{Name: "depth", Title: "LayerMem by depth", Note: fmt.Sprintf("Means over %d pairs of encoders with 95 %% intervals of Student's t over pairs; Eq. 2, l2. With one pair there is no interval over pairs.", len(pairs)),
		Columns: []report.Column{{Name: "tap"}, {Name: "parameters", Help: "of the layer"}, {Name: "S_C", Help: "LayerMem of the candidates, as the paper takes it", Digits: 4},
			{Name: "S_S", Help: "of images that both saw", Digits: 4}, {Name: "S_I", Help: "of images that only g saw", Digits: 4}, {Name: "S_E", Help: "of images that neither saw", Digits: 4},
			{Name: "controlled", Help: "half of S_C minus S_I", Digits: 4}, {Name: "Delta", Help: "LayerMem of the candidates minus that of the tap before", Digits: 4},
			{Name: "AUC", Help: "of telling candidates from independents by their score, mean over pairs", Digits: 3}, {Name: "same data", Help: "the controlled score of two encoders that differ only in their seed", Digits: 4}}}
	chart := report.Chart{Name: "depth", Title: "LayerMem by depth", Kind: report.Line, X: "tap", Y: "LayerMem (Eq. 2)", Categories: all[0].taps}
	series := map[string]*report.Series{}
	for _, n := range []string{memorize.Candidate, memorize.Shared, memorize.Independent, memorize.External} {
		series[n] = &report.Series{Name: n}
	}
	control := report.Series{Name: "controlled"}
	nullSeries := report.Series{Name: "same data, other seed"}
	before := []float64(nil)
	var depths, paramsRank, controlMeans []float64
	for i, tap := range all[0].taps {
		row := []report.Cell{report.Text(tap), report.Num(params[tap])}
		for _, n := range []string{memorize.Candidate, memorize.Shared, memorize.Independent, memorize.External} {
			c := interval(over(all, tap, n))
			row = append(row, c)
			push(series[n], c)
		}
		c := interval(controlled(all, tap))
		push(&control, c)
		row = append(row, c)
		now := over(all, tap, memorize.Candidate)
		if before == nil {
			row = append(row, report.Cell{})
		} else {
			row = append(row, interval(minus(now, before)))
		}
		before = now
		var areas []float64
		for _, p := range all {
			a, err := stats.AUC(p.value[tap][memorize.Candidate], p.value[tap][memorize.Independent], level)
			if err != nil {
				return nil, err
			}
			areas = append(areas, a.AUC)
		}
		row = append(row, interval(areas))
		if nullPoints != nil {
			v := controlled(nullPoints, tap)[0]
			row = append(row, report.Num(v))
			push(&nullSeries, report.Num(v))
		} else {
			row = append(row, report.Cell{})
		}
		table.Rows = append(table.Rows, row)
		if slices.Contains(convs, tap) {
			depths, paramsRank, controlMeans = append(depths, float64(i)), append(paramsRank, params[tap]), append(controlMeans, mean(controlled(all, tap)))
		}
	}
	for _, n := range []string{memorize.Candidate, memorize.Shared, memorize.Independent, memorize.External} {
		chart.Series = append(chart.Series, *series[n])
	}
	second := report.Chart{Name: "controlled", Title: "The controlled score by depth", Kind: report.Line, X: "tap", Y: "half of S_C minus S_I", Categories: all[0].taps,
		Series: []report.Series{control}, Reference: []report.Reference{{Name: "no memorization", Y: 0}}, Note: "The band is the 95 % interval over pairs of encoders."}
	if nullPoints != nil {
		second.Series = append(second.Series, nullSeries)
	}
	baselines := []string{}
	for _, b := range []struct {
		name   string
		values []float64
	}{{"plain depth", depths}, {"number of parameters", paramsRank}} {
		k, err := stats.Spearman(b.values, controlMeans)
		if err != nil {
			return nil, err
		}
		baselines = append(baselines, fmt.Sprintf("Spearman's correlation of the controlled score of the %d convolutions with %s is %.2f (p %.3f).", k.N, b.name, k.Value, k.P))
	}
	facts, err := provenance(st, steps)
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Title: "LayerMem by depth, " + s.Scale + " scale", Claims: claims,
		Lead: []string{fmt.Sprintf("%d pairs of encoders (%s) were trained on the same split with other seeds, and scored. In numbers: %s.", len(pairs), pairs[0].recipe.Describe(), why),
			"LayerMem of one set mixes memory with a bias of the pair: f and g differ in a layer for all images alike. The controlled score, half of candidates minus independents, does not have it; the same-data pair shows what is left by chance."},
		Sections: []report.Section{{Title: "By depth", Text: baselines, Charts: []report.Chart{chart, second}, Tables: []report.Table{table}}}, Provenance: facts,
	}, nil
}

// encoderOf builds the pair's encoder, for the list of its taps.
func encoderOf(q pair) (nn.Encoder, error) {
	l, err := study.OpenLab(q.recipe)
	if err != nil {
		return nil, err
	}
	return l.Encoder(study.F)
}

// interval is the mean of a number for each pair, with Student's interval.
func interval(perPair []float64) report.Cell {
	if len(perPair) > 1 {
		if m, err := stats.Student(perPair, level); err == nil {
			return report.Between(m.Mean, m.Lo, m.Hi)
		}
	}
	return report.Num(mean(perPair))
}

// push appends a cell to a series.
func push(s *report.Series, c report.Cell) {
	s.Y = append(s.Y, c.Value)
	if c.Lo != nil {
		s.Lo, s.Hi = append(s.Lo, c.Lo), append(s.Hi, c.Hi)
	}
}

func minus(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}

func abs(v float64) float64 { return max(v, -v) }
