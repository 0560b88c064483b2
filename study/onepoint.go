package study

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/memorize/perturb"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/run"
	"github.com/locimem/locimem/study/graph"
)

// onePoint verifies UnitMem by training on one point only (Tables 13 and 14b): its best
// unit is to rise. Training as long on many points is the paper's control (Table 14a).
// A batch of one image also moves the statistics of batch norm to that image, so there
// is a second one: the same batches at a learning rate of 0.
var onePoint = Study{Name: "onepoint", Source: "T13, T14", Title: "Units while training on one point", plan: func(l *lab) writer {
	steps := make([][]*graph.Step, len(arms))
	for _, e := range l.encoders(l.method("simsiam")...) {
		for k, arm := range arms {
			steps[k] = append(steps[k], goOn.Step(fmt.Sprintf("go on with %s, %s, seed %d", arm, describe(e.recipe), e.recipe.Seed), going{withRecipe(e.recipe), arm}, e.train))
		}
	}
	l.do(slices.Concat(steps...)...)
	return func(x *reader) (*report.Document, error) { return writeOnePoint(x, steps) }
}}

// The ways of going on that are compared.
const (
	armOne      = "one point"
	armMany     = "many points"
	armOneNorm  = "one point, norm only"
	armManyNorm = "many points, norm only"

	onePointRate   = 1 // of the recipe's
	onePointEpochs = 10
)

// onePointViews is how many views an epoch has, as in Table 14b; fewer where that is
// no multiple of the number of points.
var onePointViews = 300

var (
	arms            = []string{armOne, armMany, armOneNorm, armManyNorm}
	onePointWatched = []int{1, 2, 5, onePointEpochs} // epochs after which units are measured
)

// going are the parameters of a goon step. Its need trains f.
type going struct {
	byRecipe
	Arm string `json:"arm"`
}

// Identity implements graph.Identifier.
func (p going) Identity() string {
	return p.hash() + " " + p.Arm
}

// goOn goes on training f and watches its units; its result is a []perturb.TrackRow.
var goOn = define("goon", 3, func(ctx context.Context, w *graph.Work, r *recipe.Recipe, p going) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	options := r.ScoreOptions()
	options.Taps = nil
	for _, layer := range convLayers(o.encoder) {
		options.Taps = append(options.Taps, perturb.OutputTap(o.encoder, layer))
	}
	unseen := o.lab.Split.Independent
	track, err := perturb.NewTracker(ctx, o.engine, o.encoder, o.pool, o.lab.ScoreViews, options, unseen)
	if err != nil {
		return err
	}
	many := unseen[:min(onePointViews, len(unseen))]
	g := run.Going{Points: many, Times: onePointViews / len(many), Epochs: onePointEpochs, Rate: onePointRate}
	if p.Arm == armOne || p.Arm == armOneNorm {
		g.Points, g.Times = []int{track.Rows[0].Owner}, g.Times*len(many)
	}
	if p.Arm == armOneNorm || p.Arm == armManyNorm {
		g.Rate = 0
	}
	bar := reporterOf(ctx).Bar("going on", "epochs", onePointEpochs, 0)
	g.After = func(ctx context.Context, epoch int) error {
		bar.Set(epoch)
		if !slices.Contains(onePointWatched, epoch) {
			return nil
		}
		return track.Measure(ctx, epoch)
	}
	if err := run.GoOn(ctx, o.lab, o.engine, o.encoder, g); err != nil {
		return err
	}
	bar.Finish("%d epochs", onePointEpochs)
	return w.Result(track.Rows)
}, func(r *recipe.Recipe, p going) graph.Effort {
	// In views that are measured. One that is trained on goes forward and back.
	views := float64(1+len(onePointWatched))*poolViews(r) + 3*2*onePointEpochs*float64(onePointViews)
	return graph.Effort{Key: "goon " + speedOf(r), Amount: views, Trial: func(ctx context.Context) (float64, error) { return unitsTrial(ctx, r) }}
})

// tracked are what was watched: rows by arm and encoder.
type tracked map[string][][]perturb.TrackRow

// at returns a number of the row with that index, encoder by encoder.
func (t tracked) at(arm string, row int, of func(perturb.TrackRow) float64) []float64 {
	var out []float64
	for _, rows := range t[arm] {
		out = append(out, of(rows[row]))
	}
	return out
}

// withDead leaves out the encoders that had no dead unit at the start.
func (t tracked) withDead() tracked {
	out := tracked{}
	for arm, all := range t {
		for _, rows := range all {
			if rows[0].DeadUnits > 0 {
				out[arm] = append(out[arm], rows)
			}
		}
	}
	return out
}

func writeOnePoint(x *reader, steps [][]*graph.Step) (*report.Document, error) {
	found := tracked{}
	for k, arm := range arms {
		all, err := resultsOf[[]perturb.TrackRow](x, steps[k])
		if err != nil {
			return nil, err
		}
		for i, rows := range all {
			if len(rows) != 1+len(onePointWatched) {
				return nil, fmt.Errorf("%s: found %d rows, expected %d", steps[k][i].Name(), len(rows), 1+len(onePointWatched))
			}
			found[arm] = append(found[arm], rows)
		}
	}
	epochs := []string{"0"}
	for _, e := range onePointWatched {
		epochs = append(epochs, fmt.Sprint(e))
	}
	end := len(epochs) - 1
	section := report.Section{Title: "Over the epochs"}
	show := func(found tracked, name, title, y string, of func(perturb.TrackRow) float64) map[string][]float64 {
		t := report.Table{Name: name, Title: title, Note: "Means over encoders with 95 % intervals.", Columns: []report.Column{{Name: "epoch"}}}
		c := report.Chart{Name: name, Title: title, Kind: report.Line, X: "epoch", Y: y, Categories: epochs}
		rise := map[string][]float64{}
		for _, arm := range arms {
			addColumn(&t, &c, arm, y, epochs, func(e string) report.Cell { return interval(found.at(arm, slices.Index(epochs, e), of)) })
			rise[arm] = minus(found.at(arm, end, of), found.at(arm, 0, of))
		}
		section.Tables, section.Charts = append(section.Tables, t), append(section.Charts, c)
		return rise
	}
	best := show(found, "best", "The unit that stood out most for the point at the start", "UnitMem for the point", func(r perturb.TrackRow) float64 { return r.Best })
	own := show(found, "owned", "Units that the one point owns", "share of the units", func(r perturb.TrackRow) float64 { return float64(r.Owned) / float64(r.Units) })
	beyond := func(rise map[string][]float64) []float64 { return minus(rise[armOne], rise[armOneNorm]) }
	const rule = " The number is the rise with one point minus that at a learning rate of 0, where only the statistics of batch norm move, one for each encoder; plain: the rise with one point."
	claims := []report.Claim{
		x.judge(report.Claim{ID: "onepoint.best", Source: "T13, T14b", Statement: "Training on one point makes its best unit stand out more.", Plain: intervalOf(best[armOne]),
			Paper: "best unit .754 to .826 with a test point in 1000 epochs, to .862 with it 300 times an epoch",
			Rule:  "The best unit is that of largest UnitMem of those that an image owns that f never saw; that image is the one point. UnitMem of the unit is taken for the point (Eq. 8 with its activation in the place of the largest one), whoever owns it later: after the last epoch minus at the start." + rule},
			"the rise beyond batch norm", beyond(best)),
		x.judge(report.Claim{ID: "onepoint.many", Source: "T14", Statement: "Training on one point makes its best unit stand out more than training on many points does.", Plain: intervalOf(minus(best[armOne], best[armMany])),
			Paper: ".862 with one point 300 times, .828 with 300 points",
			Rule:  "UnitMem of that unit for that point, after the last epoch minus at the start. The number is the rise with one point minus that with many, each less the rise at a learning rate of 0, one for each encoder; plain: without taking that off."},
			"the rise with one point minus with many, each beyond batch norm", minus(beyond(best), minus(best[armMany], best[armManyNorm]))),
		x.judge(report.Claim{ID: "onepoint.owned", Source: "ours", Statement: "Training on one point makes it own more units than batch norm alone does.", Plain: intervalOf(own[armOne]),
			Rule: "The share of the units, of those that are not dead, that the point owns in a pool of candidates and independents, after the last epoch minus at the start." + rule},
			"the rise beyond batch norm", beyond(own)),
	}
	wakes := report.Claim{ID: "onepoint.dead", Source: "T13, T14b", Statement: "Training on one point wakes dead units.",
		Paper: "dead unit 0 to .011 with a test point in 1000 epochs, to .081 with it 300 times an epoch",
		Rule:  "The mean UnitMem, after the last epoch, of the units that were dead at the start, for the encoders that had some; without any the claim is under-powered." + rule}
	if some := found.withDead(); len(some[armOne]) == 0 {
		wakes.Verdict, wakes.Why, wakes.Command = report.UnderPowered, "no unit was dead at the start", x.command
	} else {
		woken := show(some, "dead", "Units that were dead at the start", "mean UnitMem", func(r perturb.TrackRow) float64 { return r.Dead })
		wakes.Plain = intervalOf(woken[armOne])
		wakes = x.judge(wakes, "the mean of dead units beyond batch norm", beyond(woken))
	}
	section.Text = []string{fmt.Sprintf("Without any training, the statistics of batch norm alone moved UnitMem of the best unit, for the point, by %+.3f with one point and by %+.3f with many.", stat.Mean(best[armOneNorm], nil), stat.Mean(best[armManyNorm], nil))}
	return &report.Document{
		Lead:     []string{fmt.Sprintf("Encoders f trained by SimSiam went on for %d epochs at the learning rate of their recipe, with about %d views of one image that they had not seen, and with as many views of many such images. Both were done at a learning rate of 0 as well, which changes nothing but the statistics of batch norm: a batch of one image sets them to that image.", onePointEpochs, onePointViews)},
		Claims:   append(claims, wakes),
		Sections: []report.Section{section},
	}, nil
}
