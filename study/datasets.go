package study

// Does UnitMem differ between data (Figure 1a), and on few classes of one (Table 34)? In
// the paper SVHN has fewer highly memorizing units than CIFAR-10 and STL10.

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/locimem/locimem/internal/rng"
	"github.com/locimem/locimem/memorize"
	"github.com/locimem/locimem/recipe"
	"github.com/locimem/locimem/report"
	"github.com/locimem/locimem/study/graph"
)

var (
	claimUnitDepth = Claim{
		ID:        "datasets.depth",
		Source:    "T34",
		Statement: "Units of deeper layers are more selective.",
		Paper:     "mean UnitMem .366 in layer 1, .409 in layer 8 (STL10)",
		Rule: `The number is the mean UnitMem behind the last ReLU minus that behind the first, one for each
			encoder on the own data.`,
		Number: "UnitMem of the last minus the first tap",
	}
	claimFewClasses = Claim{
		ID:     "datasets.classes",
		Source: "T34",
		Statement: `Units stand out for images and not for classes: among the images of one class they stand out
			just as much.`,
		Paper: "mean UnitMem of layers 1 to 8 from .352 to .409 on all STL10, from .351 to .397 on its cars",
		Rule: `The number is UnitMem on the images of one class minus that on the same number of images of any
			class, mean over the units behind each ReLU and then over these taps, one for each encoder; plain:
			minus that on all images, of which there are more.`,
		Number: "UnitMem on one class minus that on the same number of images of any",
	}
	claimSameUnits = Claim{
		ID:        "datasets.alike",
		Source:    "ours; against F1a",
		Statement: "Encoders of both data have the same UnitMem.",
		Paper:     "the contrary: SVHN has fewer highly memorizing units than CIFAR-10 and STL10, a figure",
		Rule: `The number is UnitMem on the own minus that on the other data, mean over the units behind each
			ReLU and then over these taps, one for each seed.`,
		Number: "UnitMem on the own minus that on the other data",
	}
)

const (
	leadDatasets = `Encoders f were trained alike on the scale's own and on the other data, and their units
		ranked on pools of the same size. The units of the own data were also ranked on the images of three
		classes and of one.`
	noteClasses = `Mean over the units of f behind each ReLU, with 95 %% intervals over encoders. Three classes:
		%s, %d candidates and independents; one: %s, %d. Same number: that number of images of any class.`
	textClasses = `On one class UnitMem differs by %.4f from that on all images. The smaller number of images
		alone accounts for %.4f.`
)

var datasets = Register(Study{
	Name:   "datasets",
	Source: "F1a, T34",
	Title:  "UnitMem on other data and on few classes",
	Place:  270,
	Design: func(plan *Planner) Writer {
		all := []variant{plan.unitVariant("own data"), plan.unitVariant("other data", plan.other()...)}
		var steps []*graph.Step
		for _, e := range all[0].f {
			steps = append(steps, classUnits.Step("rank the units of f on few classes, "+describeSeed(e.Recipe),
				classUnitsParams{withRecipe(e.Recipe)}, e.Train))
		}
		plan.Add(steps...)
		return func(x *Reader) (*report.Document, error) { return writeDatasets(x, all, steps) }
	},
})

// classUnitsParams are the parameters of a classunits step. It needs the train step of an
// encoder f.
type classUnitsParams struct {
	recipeParams
}

// Identity implements graph.Identifier.
func (p classUnitsParams) Identity() string {
	return p.hash()
}

// classPool holds the units of an encoder on the images of few classes, and on the same
// number of images of all classes: the largest activation of fewer images is smaller anyway.
type classPool struct {
	Classes []string   `json:"classes"`
	Points  int        `json:"points"`
	Few     []tapUnits `json:"few"` // units on the images of the classes
	Any     []tapUnits `json:"any"` // on the same number of candidates and independents of all classes
}

// classUnits is the step that ranks the units of one encoder on three classes of the pool
// and on one. Its result is a []classPool. With CIFAR-10 they are those of Table 34: plane,
// car and truck, and car.
var classUnits = define("classunits", 2, rankByClass, func(r *recipe.Recipe, _ classUnitsParams) graph.Effort {
	// Twice three and one of usually ten classes.
	return graph.Effort{Key: "units " + speedOf(r), Amount: 0.8 * poolViews(r),
		Measure: func(ctx context.Context) (float64, error) { return unitsSeconds(ctx, r) }}
})

func rankByClass(ctx context.Context, w *graph.Work, r *recipe.Recipe, _ classUnitsParams) error {
	o, err := openEncoder(r, needFile(w, 0))
	if err != nil {
		return err
	}
	defer o.engine.Close()
	names := o.data.Train.Classes()
	var out []classPool
	for i, classes := range [][]int{{0, 1, len(names) - 1}, {1}} {
		few, others := o.ofClasses(classes, rng.New(r.ScoreSeed(), "images of any class", uint64(i)).Perm)
		c := classPool{Points: len(few)}
		for _, k := range classes {
			c.Classes = append(c.Classes, names[k])
		}
		if c.Few, err = o.unitsOnPoints(ctx, few); err != nil {
			return err
		}
		if c.Any, err = o.unitsOnPoints(ctx, others); err != nil {
			return err
		}
		out = append(out, c)
	}
	return w.Result(out)
}

// unitsOnPoints ranks the units of the encoder on some points of the pool.
func (o *opened) unitsOnPoints(ctx context.Context, points []int) ([]tapUnits, error) {
	images := memorize.Images{Set: memorize.Set{Name: "pool", Points: points}, Data: o.pool.Data}
	options := o.data.Recipe.ScoreOptions()
	all, err := memorize.ScoreUnits(ctx, o.engine, o.encoder, images, o.data.ScoreViews, options, 1, nil)
	return byTap(all, o.data.Split.Candidate), err
}

// ofClasses returns the images of the pool that belong to the classes, and others of any
// class, the same number of candidates and of independents.
func (o *opened) ofClasses(classes []int, perm func(int) []int) (few, others []int) {
	n := len(o.pool.Points) / 2
	for _, half := range [][]int{o.pool.Points[:n], o.pool.Points[n:]} {
		k := len(few)
		for _, point := range half {
			if slices.Contains(classes, o.pool.Data.Label(point)) {
				few = append(few, point)
			}
		}
		for _, i := range perm(n)[:len(few)-k] {
			others = append(others, half[i])
		}
	}
	return few, others
}

func writeDatasets(x *Reader, all []variant, steps []*graph.Step) (*report.Document, error) {
	c, err := x.compare("data", all)
	if err != nil {
		return nil, err
	}
	found, err := x.unitsFound(all[0].units)
	if err != nil {
		return nil, err
	}
	pools, err := resultsOf[[]classPool](x, steps)
	if err != nil {
		return nil, err
	}
	claim, few := x.fewClasses(found, pools)
	return &report.Document{
		Lead: []string{prose(leadDatasets)},
		Claims: []report.Claim{
			x.judgePlain(claimUnitDepth, each(found, lastMinusFirst)),
			claim,
			x.judgeWithin(claimSameUnits, nil, minus(c.units[0], c.units[1]), unitsMargin),
		},
		Sections: append(c.sections, few),
	}, nil
}

// lastMinusFirst is the mean UnitMem of the last tap minus that of the first.
func lastMinusFirst(found []tapUnits) float64 {
	taps := unitTaps(found)
	return taps[len(taps)-1].Mean - taps[0].Mean
}

// The columns of the table by class.
const (
	allImages = iota
	threeClasses
	sameAsThree
	oneClass
	sameAsOne
)

// fewClasses says whether units stand out for images or for classes: in that case they
// would not stand out among the images of one.
func (x *Reader) fewClasses(all [][]tapUnits, pools [][]classPool) (report.Claim, report.Section) {
	columns := [][][]tapUnits{allImages: all, threeClasses: nil, sameAsThree: nil, oneClass: nil, sameAsOne: nil}
	for _, p := range pools {
		columns[threeClasses] = append(columns[threeClasses], p[0].Few)
		columns[sameAsThree] = append(columns[sameAsThree], p[0].Any)
		columns[oneClass] = append(columns[oneClass], p[1].Few)
		columns[sameAsOne] = append(columns[sameAsOne], p[1].Any)
	}
	three, one := pools[0][0], pools[0][1]
	t := report.Table{
		Name: "classes", Title: "UnitMem on few classes", Columns: []report.Column{{Name: "tap"}},
		Note: prosef(noteClasses,
			strings.Join(three.Classes, ", "), three.Points, strings.Join(one.Classes, ", "), one.Points),
	}
	taps, _ := meansByTap(all[:1])
	chart := report.Chart{
		Name: "classes", Title: t.Title, Kind: report.Line, X: "tap", Y: "UnitMem (Eq. 8)", Categories: taps,
	}
	names := []string{"all", "three classes", "same number as three", "one class", "same number as one"}
	means := make([][]float64, len(columns)) // over taps, column by column
	row := []report.Cell{report.Text("mean")}
	for k, found := range columns {
		means[k] = each(found, meanUnitMem)
		_, by := meansByTap(found)
		addIntervals(&t, &chart, names[k], "mean UnitMem", taps, func(tap string) []float64 { return by[tap] })
		row = append(row, Interval(means[k]))
	}
	t.Rows = append(t.Rows, row)
	fromAll := minus(means[oneClass], means[allImages])
	claim := x.judgeWithin(claimFewClasses, fromAll, minus(means[oneClass], means[sameAsOne]), unitsMargin)
	size := stat.Mean(minus(means[sameAsOne], means[allImages]), nil)
	return claim, report.Section{
		Title: "Few classes", Text: []string{fmt.Sprintf(prose(textClasses), stat.Mean(fromAll, nil), size)},
		Tables: []report.Table{t}, Charts: []report.Chart{chart},
	}
}
