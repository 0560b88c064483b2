package study

// Does memorization rise with depth in a ResNet? (Tables 1, 15 to 18) The paper reads it
// off LayerMem of the candidates. Here crossed pairs are scored, and the controlled score,
// half of candidates minus independents, stands next to it. It is free of the bias of a
// pair, which the same-data pair shows by itself.

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
)

var (
	claimDepth = Claim{
		ID:        "depth.rises",
		Source:    "T1, T18",
		Statement: "Memorization rises with depth.",
		Paper:     "LayerMem .091 in conv1 to .308 in the last convolution (T1)",
		Rule: `The number is the controlled score, mean over the last three convolutions minus that over the
			first three; plain: the same for LayerMem of the candidates.`,
		Number: "the rise of the controlled score",
	}
	claimBias = Claim{
		ID:     "depth.bias",
		Source: "ours",
		Statement: `In the first convolution LayerMem by {distance} is mostly a bias of the pair: images that
			neither encoder was trained on have it as well.`,
		Rule: `The number is LayerMem of the external images in conv1, with the sign that makes that of the
			shared images positive, minus the size of the controlled score, one for each pair. (The size of
			LayerMem would be above 0 by chance alone.)`,
		Number: "bias minus the size of the controlled score in the first convolution",
	}
)

const (
	leadDepth = `%d crossed pairs of encoders (%s) were trained and scored: each drew its own halves of %d images for
		candidates and independents. In numbers: %s.`
	leadBias = `LayerMem of one set mixes memorization with a bias of the pair: f and g differ in a layer for
		all images alike. The controlled score, half of candidates minus independents, does not have it. The
		same-data pair shows what chance leaves.`
	textPairs = `The same quantity for each pair by itself. Where the lines of candidates and of external images
		coincide, the score is a property of the two encoders, however large it is: no image had to be memorized
		for it.`
	textLength = `Raw l2 depends on the length of activations. Two encoders differ in it for reasons that have
		nothing to do with memorization.`
	noteBias = `Bias: root mean square over pairs of LayerMem (Eq. 2) of the external images. Where it exceeds
		the controlled score, LayerMem of one set says more about the pair than about the images.`
)

var depth = Register(Study{
	Name:   "depth",
	Source: "T1, T15-T18",
	Title:  "LayerMem by depth",
	Place:  10,
	Design: func(plan *Planner) Writer {
		g := plan.crossedPairs()
		plan.addSameData(g)
		return func(x *Reader) (*report.Document, error) {
			r, err := x.Results(g)
			if err != nil {
				return nil, err
			}
			raw, err := x.resultsBy(g, memorize.L2)
			if err != nil {
				return nil, err
			}
			return writeDepth(r, raw)
		}
	},
})

// writeDepth is the report of study depth. raw holds the same scores by raw l2.
func writeDepth(r, raw *Results) (*report.Document, error) {
	convs, err := r.Convolutions()
	if err != nil {
		return nil, err
	}
	x, err := r.crossed()
	if err != nil {
		return nil, err
	}
	means, err := x.populations(r.Taps())
	if err != nil {
		return nil, err
	}
	by, err := x.byDepth(convs, func(tap string) report.Cell { return both(means[x.position[tap]]) })
	if err != nil {
		return nil, err
	}
	tests, err := x.crossedTests(r.Taps())
	if err != nil {
		return nil, err
	}
	top, topClaim, err := r.mostMemorized(convs)
	if err != nil {
		return nil, err
	}
	rises, err := x.judgeCrossed(claimDepth, r.rises(convs, layerMem), x.of(riseOf(convs)))
	if err != nil {
		return nil, err
	}
	bias, err := x.biasByDistance(raw, convs)
	if err != nil {
		return nil, err
	}
	claims := append([]report.Claim{rises}, biasClaims(r, raw, convs[0])...)
	return &report.Document{
		Claims: append(claims, topClaim),
		Lead: []string{
			prosef(leadDepth, len(r.pairs), r.pairs[0].Recipe.Describe(), len(x.universe), rises.Why),
			prose(leadBias),
		},
		Sections: []report.Section{
			{Title: "By depth", Text: by.baselines, Charts: by.charts, Tables: []report.Table{by.table, tests}},
			bias,
			{Title: "Pair by pair", Text: []string{prose(textPairs)}, Charts: r.pairByPair(convs)},
			top,
		},
	}, nil
}

// biasOf is LayerMem of the external images in a tap, with the sign that makes that of the
// shared ones positive, minus the size of the controlled score, pair by pair. The size of
// LayerMem itself would be above 0 by chance alone.
func biasOf(r *Results, tap string) []float64 {
	external, shared := over(r.scores, tap, memorize.External), over(r.scores, tap, memorize.Shared)
	own := r.Controlled(tap)
	var out []float64
	for i := range own {
		out = append(out, math.Copysign(1, shared[i])*external[i]-math.Abs(own[i]))
	}
	return out
}

// biasClaims judge how much of LayerMem in the first convolution is bias, by the study's
// distance and by raw l2.
func biasClaims(r, raw *Results, conv1 string) []report.Claim {
	own := claimBias.fill("{distance}", string(r.by))
	length := claimBias.fill("{distance}", "raw l2")
	length.ID += "-raw"
	return []report.Claim{r.judgePlain(own, biasOf(r, conv1)), r.judgePlain(length, biasOf(raw, conv1))}
}

// biasByDistance sets the spread over pairs of LayerMem of external images, which no
// encoder can have memorized, against the controlled score, by two distances.
func (x *crossedPairs) biasByDistance(raw *Results, convs []string) (report.Section, error) {
	other, err := raw.crossed()
	if err != nil {
		return report.Section{}, err
	}
	t := report.Table{
		Name: "bias", Title: "Bias of a pair against the controlled score", Note: prose(noteBias),
		Columns: []report.Column{{Name: "convolution"}},
	}
	for _, tap := range convs {
		t.Rows = append(t.Rows, []report.Cell{report.Text(tap)})
	}
	for _, r := range []*crossedPairs{x, other} {
		means, err := r.populations(convs)
		if err != nil {
			return report.Section{}, err
		}
		t.Columns = append(t.Columns,
			report.Column{Name: "bias, " + string(r.by), Digits: 4},
			report.Column{Name: "controlled, " + string(r.by), Digits: 4})
		for i, tap := range convs {
			external := over(r.scores, tap, memorize.External)
			size := math.Sqrt(floats.Dot(external, external) / float64(len(external)))
			t.Rows[i] = append(t.Rows[i], report.Num(size), both(means[i]))
		}
	}
	return report.Section{Title: "Bias and length", Text: []string{prose(textLength)}, Tables: []report.Table{t}}, nil
}

// pairByPair draws LayerMem of candidates and of external images for each pair.
func (r *Results) pairByPair(convs []string) []report.Chart {
	var out []report.Chart
	for i, q := range r.pairs {
		c := report.Chart{
			Name:  fmt.Sprintf("pair-%d", i+1),
			Title: fmt.Sprintf("LayerMem of the pair with seed %d", q.Recipe.Seed), Kind: report.Line,
			X: "convolution", Y: "LayerMem (Eq. 2)", Categories: convs, Reference: zero,
		}
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
