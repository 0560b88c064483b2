package study

// Does training by Winograd's convolution leave everything alone that a run reports? The
// same crossed pairs are trained with and without it. Only the rounding differs, but a
// training amplifies it: after some hundred steps these are other encoders, so what is
// compared is what they learn and memorize, over pairs.

import (
	"math"

	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// Margins of the study, fixed before its numbers were known.
const (
	winogradScore = 0.0015 // a seventh of the controlled score behind the last ReLU of earlier pairs, .0105
	winogradKNN   = 0.01
	winogradLoss  = 0.01 // relative
	// winogradEarly is the epoch of the early loss.
	winogradEarly = 10
)

var (
	claimWinogradScore = Claim{
		ID:        "winograd.score",
		Source:    "ours",
		Statement: "Training by Winograd's convolution F(4x4) leaves the controlled score of every layer alone.",
		Rule: `The number is the controlled score of pairs that were trained by F(4x4) minus that of the same pairs
			trained by the direct convolution, in the tap whose interval reaches farthest from 0. All other taps
			then lie within the margin too, so nothing is corrected for their number.`,
		Number: "the difference of the controlled score",
	}
	claimWinogradKNN = Claim{
		ID:        "winograd.knn",
		Source:    "ours",
		Statement: "It leaves the accuracy (kNN) of the encoders alone.",
		Rule:      `The number is the last kNN accuracy, mean over f and g, by F(4x4) minus by the direct convolution.`,
		Number:    "the difference of accuracy",
	}
	claimWinogradEarly = Claim{
		ID:        "winograd.loss-early",
		Source:    "ours",
		Statement: "It leaves the loss after 10 epochs alone.",
		Rule: `The number is the loss of epoch 10, mean over f and g, by F(4x4) over that by the direct
			convolution, minus 1.`,
		Number: "the relative difference of the loss",
	}
	claimWinogradLoss = Claim{
		ID:        "winograd.loss",
		Source:    "ours",
		Statement: "It leaves the loss at the end alone.",
		Rule: `The number is the loss of the last epoch, mean over f and g, by F(4x4) over that by the direct
			convolution, minus 1.`,
		Number: "the relative difference of the loss",
	}
)

const leadWinograd = `%d crossed pairs of encoders (%s) were trained twice from the same seeds: by the direct
	convolution, and by Winograd's F(4x4) where it is faster. Scores and tests take the direct one in both. The
	claims are of equivalence: an interval must lie within a margin that was fixed beforehand.`

var winograd = Register(Study{
	Name:   "winograd",
	Source: "ours",
	Title:  "Winograd's convolution against the direct one",
	Place:  280,
	Design: func(plan *Planner) Writer {
		direct, fast := plan.crossedPairs("train.winograd=none"), plan.crossedPairs("train.winograd=f4")
		return func(x *Reader) (*report.Document, error) { return x.writeWinograd(direct, fast) }
	},
})

func (x *Reader) writeWinograd(direct, fast *Group) (*report.Document, error) {
	layers, score, err := x.winogradLayers(direct, fast)
	if err != nil {
		return nil, err
	}
	training, claims, err := x.winogradTraining(direct, fast)
	if err != nil {
		return nil, err
	}
	return &report.Document{
		Lead:     []string{prosef(leadWinograd, len(direct.Pairs), direct.Pairs[0].Recipe.Describe())},
		Claims:   append([]report.Claim{score}, claims...),
		Sections: []report.Section{layers, training},
	}, nil
}

// winogradLayers puts the controlled scores side by side, tap by tap, and judges the tap in
// which they differ most.
func (x *Reader) winogradLayers(direct, fast *Group) (report.Section, report.Claim, error) {
	d, err := x.Results(direct)
	if err != nil {
		return report.Section{}, report.Claim{}, err
	}
	w, err := x.Results(fast)
	if err != nil {
		return report.Section{}, report.Claim{}, err
	}
	difference := func(tap string) []float64 { return minus(w.Controlled(tap), d.Controlled(tap)) }
	taps := d.Taps()
	t := report.Table{
		Name: "controlled", Title: "The controlled score by the convolution of the training", Note: d.intervals(),
		Columns: []report.Column{{Name: "tap"}},
	}
	chart := report.Chart{
		Name: "controlled", Title: t.Title, Kind: report.Line, X: "tap", Y: halfDifference, Categories: taps,
		Reference: noMemorization, Note: "The bands are 95 % intervals over pairs.",
	}
	addIntervals(&t, &chart, "direct", halfDifference, taps, d.Controlled)
	addIntervals(&t, &chart, "F(4x4)", halfDifference, taps, w.Controlled)
	t.Columns = append(t.Columns, report.Column{Name: "difference", Digits: 4, Help: "F(4x4) minus direct, pair by pair"})
	farthest, reach := "", math.Inf(-1)
	for i, tap := range taps {
		c := Interval(difference(tap))
		t.Rows[i] = append(t.Rows[i], c)
		if r := reachOf(c); r > reach {
			farthest, reach = tap, r
		}
	}
	claim := claimWinogradScore
	claim.Number += " in " + farthest
	return report.Section{Title: "By layer", Tables: []report.Table{t}, Charts: []report.Chart{chart}},
		x.judgeWithin(claim, nil, difference(farthest), winogradScore), nil
}

// reachOf is how far from 0 a cell's interval goes; without one, its value.
func reachOf(c report.Cell) float64 {
	if c.Lo == nil {
		return math.Abs(*c.Value)
	}
	return max(math.Abs(*c.Lo), math.Abs(*c.Hi))
}

// winogradTraining compares losses and accuracies on the way.
func (x *Reader) winogradTraining(direct, fast *Group) (s report.Section, claims []report.Claim, err error) {
	d, err := x.curves(direct)
	if err != nil {
		return s, nil, err
	}
	w, err := x.curves(fast)
	if err != nil {
		return s, nil, err
	}
	last := len(d.loss)
	early := min(winogradEarly, last)
	relative := func(epoch int) []float64 {
		out := make([]float64, len(direct.Pairs))
		for i := range out {
			out[i] = w.loss[epoch-1][i]/d.loss[epoch-1][i] - 1
		}
		return out
	}
	claims = []report.Claim{
		x.judgeWithin(claimWinogradEarly, nil, relative(early), winogradLoss),
		x.judgeWithin(claimWinogradLoss, nil, relative(last), winogradLoss),
	}
	t := report.Table{
		Name: "training", Title: "The training on the way", Note: "Means over f and g, with 95 % intervals over pairs.",
		Columns: []report.Column{
			{Name: "epoch"}, {Name: "loss, direct", Digits: 4}, {Name: "loss, F(4x4)", Digits: 4},
			{Name: "ratio minus 1", Digits: 4}, {Name: "kNN, direct", Digits: 4}, {Name: "kNN, F(4x4)", Digits: 4},
			{Name: "difference", Digits: 4},
		},
	}
	chart := report.Chart{
		Name: "knn", Title: "Accuracy on the way", Kind: report.Line, X: "epoch", Y: "kNN accuracy",
		Note: "The bands are 95 % intervals over pairs.",
	}
	series := [2]report.Series{{Name: "direct"}, {Name: "F(4x4)"}}
	var differs []float64 // of the last test
	for epoch := 1; epoch <= last; epoch++ {
		a, b := d.knn[epoch-1], w.knn[epoch-1]
		if a == nil || b == nil {
			continue
		}
		differs = minus(b, a)
		name := prosef("%d", epoch)
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(name), Interval(d.loss[epoch-1]), Interval(w.loss[epoch-1]), Interval(relative(epoch)),
			Interval(a), Interval(b), Interval(differs),
		})
		chart.Categories = append(chart.Categories, name)
		push(&series[0], Interval(a))
		push(&series[1], Interval(b))
	}
	s = report.Section{Title: "Training", Tables: []report.Table{t}}
	if differs != nil {
		chart.Series = series[:]
		s.Charts = []report.Chart{chart}
		claims = append(claims, x.judgeWithin(claimWinogradKNN, nil, differs, winogradKNN))
	}
	return s, claims, nil
}

// curves are the loss and the kNN accuracy of a group, [epoch - 1][pair], mean over f and
// g. The accuracy of an epoch without a test is nil.
type curves struct{ loss, knn [][]float64 }

// curves reads the logs of a group.
func (x *Reader) curves(g *Group) (*curves, error) {
	epochs := g.Pairs[0].Recipe.Train.Epochs
	c := &curves{make([][]float64, epochs), make([][]float64, epochs)}
	add := func(to *[]float64, pair int, v float64) {
		if *to == nil {
			*to = make([]float64, len(g.Pairs))
		}
		(*to)[pair] += v / 2
	}
	for i, p := range g.Pairs {
		for k, step := range []*graph.Step{p.F, p.G} {
			log, err := run.OpenLog(x.store.Path(step, "run", "log.jsonl"))
			if err != nil {
				return nil, err
			}
			for _, r := range log.Records(memorize.Sides[k]) {
				add(&c.loss[r.Epoch-1], i, r.Loss)
				if r.KNN != nil {
					add(&c.knn[r.Epoch-1], i, *r.KNN)
				}
			}
		}
	}
	return c, nil
}
