package study

// Does the best unit of a point rise when an encoder trains on that point only? (Tables 13 and
// 14b) Training for the same time on many points is the paper's control (Table 14a). A batch
// of one image also moves the statistics of batch norm to that image, so there is a second
// control: the same batches at a learning rate of 0.

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

// ruleBeyondNorm ends the rules of several claims.
const ruleBeyondNorm = ` The number is the rise with one point minus that at a learning rate of 0, where only
	the statistics of batch norm move, one for each encoder; plain: the rise with one point.`

var (
	claimBestUnit = Claim{
		ID:        "onepoint.best",
		Source:    "T13, T14b",
		Statement: "Training on one point makes its best unit stand out more.",
		Paper:     "best unit .754 to .826 with a test point in 1000 epochs, to .862 with it 300 times an epoch",
		Rule: `The best unit is that of largest UnitMem among those owned by an image that f was not trained on.
			That image is the one point. UnitMem of the unit is taken for the point (Eq. 8 with its activation
			in the place of the largest one), whoever owns it later: after the last epoch minus at the start.` + ruleBeyondNorm,
		Number: "the rise beyond batch norm",
	}
	claimOneOrMany = Claim{
		ID:        "onepoint.many",
		Source:    "T14",
		Statement: "Training on one point makes its best unit stand out more than training on many points does.",
		Paper:     ".862 with one point 300 times, .828 with 300 points",
		Rule: `UnitMem of that unit for that point, after the last epoch minus at the start. The number is the
			rise with one point minus that with many, each less the rise at a learning rate of 0, one for each
			encoder; plain: without subtracting the rise at a learning rate of 0.`,
		Number: "the rise with one point minus with many, each beyond batch norm",
	}
	claimOwned = Claim{
		ID:        "onepoint.owned",
		Source:    "ours",
		Statement: "Training on one point makes it own more units than batch norm alone does.",
		Rule: `The share of the units that are not dead which the point owns in a pool of candidates and
			independents, after the last epoch minus at the start.` + ruleBeyondNorm,
		Number: "the rise beyond batch norm",
	}
	claimDead = Claim{
		ID:        "onepoint.dead",
		Source:    "T13, T14b",
		Statement: "Training on one point wakes dead units.",
		Paper:     "dead unit 0 to .011 with a test point in 1000 epochs, to .081 with it 300 times an epoch",
		Rule: `The mean UnitMem, after the last epoch, of the units that were dead at the start, for the
			encoders that had some; without any the claim is under-powered.` + ruleBeyondNorm,
		Number: "the mean of dead units beyond batch norm",
	}
)

const (
	leadOnePoint = `Encoders f trained by SimSiam were trained for %d more epochs at the learning rate of their
		recipe, with about %d views of one image that they had not been trained on, and with the same number of
		views of many such images. Both were done at a learning rate of 0 as well, which changes nothing but the
		statistics of batch norm: a batch of one image sets them to that image.`
	textNormAlone = `Without any training, the statistics of batch norm alone moved UnitMem of the best unit,
		for the point, by %+.3f with one point and by %+.3f with many.`
)

// The ways of training further that are compared.
const (
	armOne      = "one point"
	armMany     = "many points"
	armOneNorm  = "one point, norm only"
	armManyNorm = "many points, norm only"

	onePointRate   = 1 // in learning rates of the recipe
	onePointEpochs = 10
)

var arms = []string{armOne, armMany, armOneNorm, armManyNorm}

// onePointViews is the number of views in an epoch, as in Table 14b; fewer where that is not
// a multiple of the number of points.
var onePointViews = 300

// onePointWatched are the epochs after which units are measured.
var onePointWatched = []int{1, 2, 5, onePointEpochs}

var onePoint = Register(Study{
	Name:   "onepoint",
	Source: "T13, T14",
	Title:  "Units while training on one point",
	Place:  170,
	Design: func(plan *Planner) Writer {
		steps := make([][]*graph.Step, len(arms))
		for _, e := range plan.TrainEncoders(plan.method("simsiam")...) {
			for k, arm := range arms {
				label := fmt.Sprintf("train further on %s, %s", arm, describeSeed(e.Recipe))
				steps[k] = append(steps[k], trainFurther.Step(label, onePointParams{withRecipe(e.Recipe), arm}, e.Train))
			}
		}
		plan.Add(slices.Concat(steps...)...)
		return func(x *Reader) (*report.Document, error) {
			found, err := readTracked(x, steps)
			if err != nil {
				return nil, err
			}
			return writeOnePoint(x, found), nil
		}
	},
})

// onePointParams are the parameters of a goon step. It needs the training of f.
type onePointParams struct {
	recipeParams
	Arm string `json:"arm"`
}

// Identity implements graph.Identifier.
func (p onePointParams) Identity() string {
	return p.hash() + " " + p.Arm
}

// trainFurther trains f further and watches its units. Its result is a []perturb.TrackRow.
// Results are stored under the name of its kind, goon.
var trainFurther = define("goon", 3, trainAndWatch, func(r *recipe.Recipe, _ onePointParams) graph.Effort {
	// In views that are measured. Each view that is trained on goes forward and back.
	views := float64(1+len(onePointWatched))*poolViews(r) + 3*2*onePointEpochs*float64(onePointViews)
	return graph.Effort{Key: "goon " + speedOf(r), Amount: views,
		Measure: func(ctx context.Context) (float64, error) { return unitsSeconds(ctx, r) }}
})

func trainAndWatch(ctx context.Context, w *graph.Work, r *recipe.Recipe, p onePointParams) error {
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
	others := o.data.Split.Independent
	track, err := perturb.NewTracker(ctx, o.engine, o.encoder, o.pool, o.data.ScoreViews, options, others)
	if err != nil {
		return err
	}
	many := others[:min(onePointViews, len(others))]
	g := run.Going{Points: many, Times: onePointViews / len(many), Epochs: onePointEpochs, Rate: onePointRate}
	if p.Arm == armOne || p.Arm == armOneNorm {
		g.Points, g.Times = []int{track.Rows[0].Owner}, g.Times*len(many)
	}
	if p.Arm == armOneNorm || p.Arm == armManyNorm {
		g.Rate = 0
	}
	bar := reporterOf(ctx).Bar("training further", "epochs", onePointEpochs, 0)
	g.After = func(ctx context.Context, epoch int) error {
		bar.Set(epoch)
		if !slices.Contains(onePointWatched, epoch) {
			return nil
		}
		return track.Measure(ctx, epoch)
	}
	if err := run.GoOn(ctx, o.data, o.engine, o.encoder, g); err != nil {
		return err
	}
	bar.Finish("%d epochs", onePointEpochs)
	return w.Result(track.Rows)
}

// tracked is what was watched: rows by arm and encoder, the first at the start, the others
// after the epochs of onePointWatched.
type tracked map[string][][]perturb.TrackRow

func readTracked(x *Reader, steps [][]*graph.Step) (tracked, error) {
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
		}
		found[arm] = all
	}
	return found, nil
}

// trackedValue is a number of a row.
type trackedValue func(perturb.TrackRow) float64

func bestUnit(r perturb.TrackRow) float64     { return r.Best }
func ownedShareOf(r perturb.TrackRow) float64 { return float64(r.Owned) / float64(r.Units) }
func deadMean(r perturb.TrackRow) float64     { return r.Dead }

// at returns a number of the row with that index, encoder by encoder.
func (t tracked) at(arm string, row int, of trackedValue) []float64 {
	return each(t[arm], func(rows []perturb.TrackRow) float64 { return of(rows[row]) })
}

// rise is a number after the last epoch minus that at the start, encoder by encoder.
func (t tracked) rise(arm string, of trackedValue) []float64 {
	return minus(t.at(arm, len(onePointWatched), of), t.at(arm, 0, of))
}

// beyondNorm is the rise with one point minus that at a learning rate of 0.
func (t tracked) beyondNorm(of trackedValue) []float64 {
	return minus(t.rise(armOne, of), t.rise(armOneNorm, of))
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

// onePointClaims judges the claims.
func onePointClaims(x *Reader, t tracked) []report.Claim {
	many := minus(t.rise(armMany, bestUnit), t.rise(armManyNorm, bestUnit))
	claims := []report.Claim{
		x.Judge(claimBestUnit, t.rise(armOne, bestUnit), t.beyondNorm(bestUnit)),
		x.Judge(claimOneOrMany, minus(t.rise(armOne, bestUnit), t.rise(armMany, bestUnit)),
			minus(t.beyondNorm(bestUnit), many)),
		x.Judge(claimOwned, t.rise(armOne, ownedShareOf), t.beyondNorm(ownedShareOf)),
	}
	if some := t.withDead(); len(some[armOne]) > 0 {
		return append(claims, x.Judge(claimDead, some.rise(armOne, deadMean), some.beyondNorm(deadMean)))
	}
	return append(claims, x.undecided(claimDead, nil, "no unit was dead at the start"))
}

func writeOnePoint(x *Reader, t tracked) *report.Document {
	section := report.Section{Title: "Over the epochs", Text: []string{prosef(textNormAlone,
		stat.Mean(t.rise(armOneNorm, bestUnit), nil), stat.Mean(t.rise(armManyNorm, bestUnit), nil))}}
	t.show(&section, "best", "The unit that stood out most for the point at the start", "UnitMem for the point", bestUnit)
	t.show(&section, "owned", "Units that the one point owns", "share of the units", ownedShareOf)
	if some := t.withDead(); len(some[armOne]) > 0 {
		some.show(&section, "dead", "Units that were dead at the start", "mean UnitMem", deadMean)
	}
	return &report.Document{
		Lead:     []string{prosef(leadOnePoint, onePointEpochs, onePointViews)},
		Claims:   onePointClaims(x, t),
		Sections: []report.Section{section},
	}
}

// show adds a table and a chart of a number over the epochs.
func (t tracked) show(section *report.Section, name, title, y string, of trackedValue) {
	epochs := []string{"0"}
	for _, e := range onePointWatched {
		epochs = append(epochs, fmt.Sprint(e))
	}
	table := report.Table{
		Name: name, Title: title, Note: "Means over encoders with 95 % intervals.", Columns: []report.Column{{Name: "epoch"}},
	}
	chart := report.Chart{Name: name, Title: title, Kind: report.Line, X: "epoch", Y: y, Categories: epochs}
	for _, arm := range arms {
		addIntervals(&table, &chart, arm, y, epochs,
			func(e string) []float64 { return t.at(arm, slices.Index(epochs, e), of) })
	}
	section.Tables, section.Charts = append(section.Tables, table), append(section.Charts, chart)
}
