package experiments

import (
	"context"
	"fmt"
	"slices"

	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/memorize/study"
	"github.com/locimem/locimem/memorize/study/graph"
	"github.com/locimem/locimem/report"
)

// onePoint verifies UnitMem by training on one point only (Tables 13 and 14b): its
// units are to rise. Training as long on as many points as there are steps is the
// control (Table 14a).
var onePoint = Study{Name: "onepoint", Source: "T13, T14", Title: "Units while training on one point", plan: func(l *lab) writer {
	var steps [2][]*graph.Step
	for _, e := range l.encoders(l.method("simsiam")...) {
		for k, many := range []bool{false, true} {
			what := "one point"
			if many {
				what = fmt.Sprintf("%d points", onePointTimes)
			}
			steps[k] = append(steps[k], goOn.Step(fmt.Sprintf("go on with %s, %s, seed %d", what, describe(e.recipe), e.recipe.Seed), going{textOf(e.recipe), many}, e.train))
		}
	}
	l.do(steps[0]...)
	l.do(steps[1]...)
	return func(x *reader) (*report.Document, error) { return writeOnePoint(x, steps) }
}}

// onePointTimes is how many views of the point an epoch has, as in Table 14b;
// onePointEpochs how many epochs there are.
const (
	onePointTimes  = 300
	onePointEpochs = 10
)

// going are the parameters of a goon step. Its need trains f.
type going struct {
	Recipe text `json:"recipe"`
	Many   bool `json:"many"` // points, once each, instead of one
}

// Identity implements graph.Identifier.
func (p going) Identity() string {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(r.Hash(), p.Many)
}

// goOn goes on training f and watches its units; its result is a []perturb.TrackRow.
var goOn = graph.Define("goon", 1, func(ctx context.Context, w *graph.Work, p going) error {
	r, err := p.Recipe.recipe()
	if err != nil {
		return err
	}
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	// Images that f never saw: the first independents.
	points, times := o.lab.Split.Independent[:1], onePointTimes
	if p.Many {
		points, times = o.lab.Split.Independent[:min(onePointTimes, len(o.lab.Split.Independent))], 1
	}
	options := r.ScoreOptions()
	options.Taps = nil
	for _, layer := range convLayers(o.encoder) {
		options.Taps = append(options.Taps, perturb.OutputTap(o.encoder, layer))
	}
	watched := o.pool
	if !slices.Contains(watched.Points, points[0]) {
		watched.Points = append(slices.Clone(watched.Points), points[0])
	}
	track, err := perturb.NewTracker(ctx, o.engine, o.encoder, watched, o.lab.ScoreViews, options)
	if err != nil {
		return err
	}
	bar := reporterOf(ctx).Bar("going on", "epochs", onePointEpochs, 0)
	err = study.GoOn(ctx, o.lab, o.engine, o.encoder, points, times, onePointEpochs, func(ctx context.Context, epoch int) error {
		bar.Set(epoch)
		return track.Measure(ctx, epoch)
	})
	if err != nil {
		return err
	}
	bar.Finish("%d epochs", onePointEpochs)
	return w.Result(track.Rows)
}, func(p going) graph.Effort {
	r, err := p.Recipe.recipe()
	if err != nil {
		return graph.Effort{}
	}
	// The watching takes most of it.
	return graph.Effort{Key: "goon " + speedOf(r), Amount: (onePointEpochs + 1) * poolViews(r), Trial: func(ctx context.Context) (float64, error) { return unitsTrial(ctx, r) }}
})

func writeOnePoint(x *reader, steps [2][]*graph.Step) (*report.Document, error) {
	var found [2][][]perturb.TrackRow
	for k := range steps {
		found[k] = make([][]perturb.TrackRow, len(steps[k]))
		for i, s := range steps[k] {
			if err := x.store.Result(s, &found[k][i]); err != nil {
				return nil, err
			}
		}
	}
	names := []string{"one point", "many points"}
	t := report.Table{Name: "onepoint", Title: "UnitMem while training goes on", Note: "The unit that was best at the start, and the mean of the units that were dead then; means over encoders with 95 % intervals.", Columns: []report.Column{{Name: "epoch"}}}
	best := report.Chart{Name: "best", Title: "The unit that was best at the start", Kind: report.Line, X: "epoch", Y: "UnitMem (Eq. 8)"}
	dead := report.Chart{Name: "dead", Title: "Units that were dead at the start", Kind: report.Line, X: "epoch", Y: "mean UnitMem"}
	var epochs []string
	for _, row := range found[0][0] {
		epochs = append(epochs, fmt.Sprint(row.Epoch))
	}
	best.Categories, dead.Categories = epochs, epochs
	at := func(k int, epoch string, of func(perturb.TrackRow) float64) []float64 {
		var out []float64
		for _, rows := range found[k] {
			out = append(out, of(rows[slices.Index(epochs, epoch)]))
		}
		return out
	}
	bestOf, deadOf := func(r perturb.TrackRow) float64 { return r.Best }, func(r perturb.TrackRow) float64 { return r.Dead }
	var rise [2][]float64
	var revived [2][]float64
	for k, name := range names {
		addColumn(&t, &best, name+", best unit", "UnitMem of the unit that was best at the start", epochs, func(e string) report.Cell { return interval(at(k, e, bestOf)) })
		addColumn(&t, &dead, name+", dead units", "mean UnitMem of the units that were dead at the start", epochs, func(e string) report.Cell { return interval(at(k, e, deadOf)) })
		last := epochs[len(epochs)-1]
		rise[k] = minus(at(k, last, bestOf), at(k, epochs[0], bestOf))
		revived[k] = at(k, last, deadOf)
	}
	return &report.Document{
		Lead: []string{fmt.Sprintf("Encoders f trained by SimSiam went on for %d epochs with %d views of one image that they had not seen, and, as a control, with one view each of as many images (of all independents where there are fewer).", onePointEpochs, onePointTimes)},
		Claims: []report.Claim{
			x.judge(report.Claim{ID: "onepoint.best", Source: "T13, T14", Statement: "Training on one point makes the best unit stand out more, and more so than training on many.", Plain: intervalOf(rise[0]),
				Paper: "best unit .754 to .862 with one point 300 times, .754 to .828 with 300 points",
				Rule:  "UnitMem, after the last epoch minus at the start, of the unit that was best at the start; the number is that of one point minus that of many, one for each encoder."},
				"the rise with one point minus with many", minus(rise[0], rise[1])),
			x.judge(report.Claim{ID: "onepoint.dead", Source: "T13, T14", Statement: "Training on one point wakes dead units, and more so than training on many.", Plain: intervalOf(revived[0]),
				Paper: "dead unit 0 to .081 with one point 300 times, 0 to .051 with 300 points",
				Rule:  "The mean UnitMem, after the last epoch, of the units that were dead at the start; the number is that of one point minus that of many, one for each encoder."},
				"the mean of dead units with one point minus with many", minus(revived[0], revived[1])),
		},
		Sections: []report.Section{{Title: "Over the epochs", Tables: []report.Table{t}, Charts: []report.Chart{best, dead}}},
	}, nil
}
