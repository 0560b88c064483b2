package study

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/memorize/stats"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
)

// depth asks whether memorization rises with depth in a ResNet (Tables 1, 15 to 18), on
// crossed pairs. The paper reads it off LayerMem of the candidates. Here the controlled
// score, half of candidates minus independents, stands next to it: the bias of a pair,
// which the same-data pair shows by itself, is not in it.
var depth = Study{Name: "depth", Source: "T1, T15-T18", Title: "LayerMem by depth", plan: func(l *lab) writer {
	g := l.crossed()
	l.sameImages(g)
	return func(x *reader) (*report.Document, error) {
		r, err := x.results(g)
		if err != nil {
			return nil, err
		}
		raw, err := x.resultsBy(g, memorize.L2)
		if err != nil {
			return nil, err
		}
		return writeDepth(r, raw)
	}
}}

// writeDepth is the report of study depth; raw are the same scores by raw l2.
func writeDepth(r, raw *results) (*report.Document, error) {
	convs, err := r.convolutions()
	if err != nil {
		return nil, err
	}
	x, err := r.crossed()
	if err != nil {
		return nil, err
	}
	means, err := x.populations(r.taps())
	if err != nil {
		return nil, err
	}
	baselines, table, charts, err := x.byDepth(convs, func(tap string) report.Cell { return both(means[x.position[tap]]) })
	if err != nil {
		return nil, err
	}
	tests, err := x.crossedTests(r.taps())
	if err != nil {
		return nil, err
	}
	topped, claim, err := r.mostMemorized(convs)
	if err != nil {
		return nil, err
	}
	rises, err := x.risesCrossed(report.Claim{ID: "depth.rises", Source: "T1, T18", Statement: "Memorization rises with depth.",
		Paper: "LayerMem .091 in conv1 to .308 in the last convolution (T1)"}, convs)
	if err != nil {
		return nil, err
	}
	bias, err := x.bias(raw, convs)
	if err != nil {
		return nil, err
	}
	claims := append([]report.Claim{rises}, biasClaims(r, raw, convs)...)
	return &report.Document{
		Claims: append(claims, claim),
		Lead: []string{fmt.Sprintf("%d crossed pairs of encoders (%s) were trained and scored: each drew its own halves of %d images for candidates and independents. In numbers: %s.",
			len(r.pairs), r.pairs[0].recipe.Describe(), len(x.universe), rises.Why),
			"LayerMem of one set mixes memorization with a bias of the pair: f and g differ in a layer for all images alike. The controlled score, half of candidates minus independents, does not have it; the same-data pair shows what is left by chance."},
		Sections: []report.Section{{Title: "By depth", Text: baselines, Charts: charts, Tables: []report.Table{table, tests}},
			bias,
			{Title: "Pair by pair", Text: []string{"The same quantity for each pair by itself. Where the lines of candidates and of external images lie on each other, the score is a property of the two encoders, whatever its size: no image had to be memorized for it."},
				Charts: r.pairByPair(convs)},
			topped},
	}, nil
}

// risesCrossed completes the claim that the controlled score rises with depth, from the first
// three to the last three taps.
func (x *crossedPairs) risesCrossed(c report.Claim, taps []string) (report.Claim, error) {
	var plain []float64
	for i := range x.scores {
		plain = append(plain, endsRise(x.profile(i, taps, layerMem)))
	}
	c.Plain = intervalOf(plain)
	c.Rule = "The number is the controlled score of the mean over the last three convolutions minus that over the first three."
	return x.judgeCrossed(c, "the rise of the controlled score", x.of(risen(taps)))
}

// pairByPair draws LayerMem of candidates and of external images for each pair.
func (r *results) pairByPair(convs []string) []report.Chart {
	var out []report.Chart
	for i, q := range r.pairs {
		c := report.Chart{Name: fmt.Sprintf("pair-%d", i+1), Title: fmt.Sprintf("LayerMem of the pair with seed %d", q.recipe.Seed), Kind: report.Line,
			X: "convolution", Y: "LayerMem (Eq. 2)", Categories: convs, Reference: []report.Reference{{Y: 0}}}
		for _, set := range []string{memorize.Candidate, memorize.External} {
			s := report.Series{Name: set}
			for _, tap := range convs {
				push(&s, report.Num(over(r.scores[i:i+1], tap, set)[0]))
			}
			c.Series = append(c.Series, s)
		}
		out = append(out, c)
	}
	return out
}

// endsRise is the mean of the last three numbers minus that of the first three.
func endsRise(values []float64) float64 {
	return stat.Mean(values[len(values)-3:], nil) - stat.Mean(values[:3], nil)
}

// biasOf is LayerMem of the external images in a tap, with the sign that turns that of the
// shared ones positive, minus the size of the controlled score, pair by pair. The size of
// LayerMem itself would be above 0 by chance alone.
func biasOf(r *results, tap string) []float64 {
	var out []float64
	for i := range r.scores {
		one := r.scores[i : i+1]
		external, shared := over(one, tap, memorize.External)[0], over(one, tap, memorize.Shared)[0]
		out = append(out, math.Copysign(1, shared)*external-math.Abs(controlled(one, tap)[0]))
	}
	return out
}

// biasClaims judge how much of LayerMem in the first convolution is bias, by the
// study's distance and by raw l2.
func biasClaims(r, raw *results, convs []string) []report.Claim {
	const rule = "The number is LayerMem of the external images in conv1, with the sign that turns that of the shared ones positive, minus the size of the controlled score, one for each pair. (The size of LayerMem would be above 0 by chance alone.)"
	var out []report.Claim
	for _, c := range []struct {
		id, distance string
		r            *results
	}{{"depth.bias", string(r.by), r}, {"depth.bias-raw", "raw l2", raw}} {
		out = append(out, r.judgePlain(report.Claim{ID: c.id, Source: "ours", Rule: rule,
			Statement: fmt.Sprintf("In the first convolution LayerMem by %s is mostly a bias of the pair: images that neither encoder saw have it as well.", c.distance)},
			"bias minus the size of the controlled score in the first convolution", biasOf(c.r, convs[0])))
	}
	return out
}

// bias sets the spread over pairs of LayerMem of external images, in which there is
// nothing to memorize, against the controlled score, by two distances.
func (x *crossedPairs) bias(raw *results, convs []string) (report.Section, error) {
	other, err := raw.crossed()
	if err != nil {
		return report.Section{}, err
	}
	t := report.Table{Name: "bias", Title: "Bias of a pair against the controlled score",
		Note:    "Bias: root mean square over pairs of LayerMem (Eq. 2) of the external images. Where it exceeds the controlled score, LayerMem of one set says more about the pair than about the images.",
		Columns: []report.Column{{Name: "convolution"}}}
	columns := make([][]report.Cell, 0, 4)
	for _, r := range []*crossedPairs{x, other} {
		means, err := r.populations(convs)
		if err != nil {
			return report.Section{}, err
		}
		t.Columns = append(t.Columns, report.Column{Name: "bias, " + string(r.by), Digits: 4}, report.Column{Name: "controlled, " + string(r.by), Digits: 4})
		var size, score []report.Cell
		for i, tap := range convs {
			external := over(r.scores, tap, memorize.External)
			size, score = append(size, report.Num(math.Sqrt(floats.Dot(external, external)/float64(len(external))))), append(score, both(means[i]))
		}
		columns = append(columns, size, score)
	}
	for i, tap := range convs {
		row := []report.Cell{report.Text(tap)}
		for _, c := range columns {
			row = append(row, c[i])
		}
		t.Rows = append(t.Rows, row)
	}
	return report.Section{Title: "Bias and length", Tables: []report.Table{t},
		Text: []string{"Raw l2 sees the length of activations. Two encoders differ in it for reasons that have nothing to do with memorization."}}, nil
}

// rises is the claim that the controlled score rises with depth, from convolution to
// convolution, or from block to block of a transformer.
func (r *results) rises(id, source, statement, paper string, convs []string) report.Claim {
	var rise, plain []float64
	for i := range r.scores {
		rise, plain = append(rise, endsRise(r.profile(i, convs, controlled))), append(plain, endsRise(r.profile(i, convs, layerMem)))
	}
	layers := "convolutions"
	if strings.HasPrefix(convs[0], "blocks.") {
		layers = "blocks"
	}
	return r.judge(report.Claim{ID: id, Source: source, Statement: statement, Paper: paper, Plain: intervalOf(plain),
		Rule: "The number is the mean over the last three " + layers + " minus that over the first three, one for each pair, of the controlled score."},
		"the rise of the controlled score", rise)
}

// each returns a number for each tap.
func each(taps []string, of func(tap string) float64) []float64 {
	var out []float64
	for _, t := range taps {
		out = append(out, of(t))
	}
	return out
}

// byDepth is the table of all taps with its charts, and what plain depth and the
// number of parameters say of the convolutions. own is the controlled score of a tap.
func (r *results) byDepth(convs []string, own func(tap string) report.Cell) (baselines []string, table report.Table, charts []report.Chart, err error) {
	params, err := r.parameters()
	if err != nil {
		return nil, table, nil, err
	}
	table = report.Table{Name: "depth", Title: "LayerMem by depth", Note: r.intervals(),
		Columns: []report.Column{{Name: "tap"}, {Name: "parameters", Help: "of the layer"}, {Name: "S_C", Help: "LayerMem of the candidates, as the paper takes it", Digits: 4},
			{Name: "S_S", Help: "of images that both saw", Digits: 4}, {Name: "S_I", Help: "of images that only g saw", Digits: 4}, {Name: "S_E", Help: "of images that neither saw", Digits: 4},
			{Name: "controlled", Help: "half of S_C minus S_I", Digits: 4}, {Name: "Delta", Help: "LayerMem of the candidates minus that of the tap before", Digits: 4},
			{Name: "AUC", Help: "of telling candidates from independents by their score, mean over pairs", Digits: 3}, {Name: "same data", Help: "the controlled score of two encoders that differ only in their seed", Digits: 4}}}
	sets := []string{memorize.Candidate, memorize.Shared, memorize.Independent, memorize.External}
	bySet := make([]report.Series, len(sets))
	control, same := report.Series{Name: memorize.Controlled}, report.Series{Name: "same data, other seed"}
	var before []float64
	for _, tap := range r.taps() {
		row := []report.Cell{report.Text(tap), report.Num(params[tap])}
		for i, set := range sets {
			c := interval(over(r.scores, tap, set))
			bySet[i].Name = set
			push(&bySet[i], c)
			row = append(row, c)
		}
		c := own(tap)
		push(&control, c)
		now, delta, null := layerMem(r.scores, tap), report.Cell{}, report.Cell{}
		if before != nil {
			delta = interval(minus(now, before))
		}
		before = now
		areas, err := r.areas(tap)
		if err != nil {
			return nil, table, nil, err
		}
		if r.sameData != nil {
			null = report.Num(controlled(r.sameData, tap)[0])
			push(&same, null)
		}
		table.Rows = append(table.Rows, append(row, c, delta, interval(areas), null))
	}
	second := report.Chart{Name: "controlled", Title: "The controlled score by depth", Kind: report.Line, X: "tap", Y: "half of S_C minus S_I", Categories: r.taps(),
		Series: []report.Series{control}, Reference: []report.Reference{{Name: "no memorization", Y: 0}}, Note: "The band is the 95 % interval."}
	if r.sameData != nil {
		second.Series = append(second.Series, same)
	}
	charts = []report.Chart{{Name: "depth", Title: "LayerMem by depth", Kind: report.Line, X: "tap", Y: "LayerMem (Eq. 2)", Categories: r.taps(), Series: bySet}, second}
	baselines, err = r.depthBaselines(convs, params)
	return baselines, table, charts, err
}

// areas returns the area under the curve of telling candidates from independents by
// their score in a tap, pair by pair.
func (r *results) areas(tap string) ([]float64, error) {
	var out []float64
	for _, p := range r.scores {
		a, err := stats.AUC(p.of(tap, memorize.Candidate), p.of(tap, memorize.Independent), level)
		if err != nil {
			return nil, err
		}
		out = append(out, a.AUC)
	}
	return out, nil
}

// depthBaselines says how well plain depth and the number of parameters rank the
// convolutions as the controlled score does.
func (r *results) depthBaselines(convs []string, params map[string]float64) ([]string, error) {
	var places, sizes, means []float64
	for _, c := range convs {
		places, sizes = append(places, float64(slices.Index(r.taps(), c))), append(sizes, params[c])
		means = append(means, stat.Mean(controlled(r.scores, c), nil))
	}
	var out []string
	for _, b := range []struct {
		name   string
		values []float64
	}{{"plain depth", places}, {"number of parameters", sizes}} {
		k, err := stats.Spearman(b.values, means)
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("Spearman's correlation of the controlled score of the %d convolutions with %s is %.2f (p %.3f).", k.N, b.name, k.Value, k.P))
	}
	return out, nil
}

// parameters returns the number of parameters of each tap's layer.
func (r *results) parameters() (map[string]float64, error) {
	l, err := run.OpenLab(r.pairs[0].recipe)
	if err != nil {
		return nil, err
	}
	enc, err := l.Encoder(run.F)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, t := range enc.Taps() {
		out[t.Name] = float64(t.Params)
	}
	return out, nil
}
